// vgg-edge duplicates: photographs of a folder that are the same file, copies of each other, or of one scene.

import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { InputError, messageOf } from '../core/errors.ts';
import { type Int8Vector, toInt8 } from '../core/quantise-vector.ts';
import { counted } from '../runner/quantity.ts';
import { findPairs, type Group, groupPairs, type Pair } from '../search/duplicates.ts';
import { loadScanKernel } from '../search/node/scan-kernel.ts';
import { type Command, cosine, flag, onlyArgument, text, UsageError, type Values } from './command.ts';
import { measureCopies } from './measure-copies.ts';
import { DESCRIPTOR_OPTIONS, openPhotoEmbedder, type PhotoEmbedder } from './photo-embedder.ts';
import { listPhotoFiles, type PhotoFile } from './photo-folder.ts';
import { type PagePhoto, type PageSection, photoPage } from './photo-page.ts';
import { createProgress, type Progress } from './progress.ts';

/** Measured with the default model: docs/search.md, which names the command. */
const NEAR = 0.85;
/** Above nearly all pairs of different photographs; no scenes were measured. */
const SCENE = 0.8;
/** Pairs kept per photo: bounds memory where thousands are alike. */
const PER_PHOTO = 64;
const BATCH = 16;

interface Report {
  readonly model: string;
  readonly near: number;
  readonly scene: number;
  readonly photos: number;
  readonly failed: readonly { readonly photo: string; readonly reason: string }[];
  /** The same bytes. */
  readonly exact: readonly (readonly string[])[];
  readonly copies: readonly NamedGroup[];
  readonly scenes: readonly NamedGroup[];
}

interface NamedGroup {
  readonly photo: string;
  readonly alike: readonly { readonly photo: string; readonly score: number; readonly to: string }[];
}

interface Vectors {
  /** One per content: of photos with the same bytes the first. */
  readonly photos: readonly PhotoFile[];
  readonly vectors: readonly Int8Vector[];
  readonly exact: readonly (readonly PhotoFile[])[];
  readonly failed: Report['failed'];
}

export const duplicates: Command = {
  name: 'duplicates',
  summary: 'Finds photographs that are the same, copies of each other, or of one scene.',
  usage: 'FOLDER [options]',
  options: {
    ...DESCRIPTOR_OPTIONS,
    near: { type: 'string', value: 'COSINE', description: `a copy from this cosine on (default ${NEAR})` },
    scene: { type: 'string', value: 'COSINE', description: `one scene from this on (default ${SCENE})` },
    json: { type: 'string', value: 'FILE', description: 'writes the groups as JSON' },
    html: { type: 'string', value: 'FILE', description: 'writes a page with thumbnails' },
    measure: {
      type: 'boolean',
      description: 'instead makes copies of the photographs and measures which cosine tells them apart',
    },
    limit: { type: 'string', value: 'N', description: 'with --measure: so many photographs (default 200)' },
  },
  examples: [
    'vgg-edge duplicates photos --html duplicates.html --json duplicates.json',
    'vgg-edge duplicates photos --measure --limit 300',
  ],
  async run(positionals, values) {
    const folder = onlyArgument(positionals, 'a folder of photographs');
    const files = await listPhotoFiles(folder);
    const embedder = await openPhotoEmbedder(values);
    const progress = createProgress();
    try {
      if (flag(values, 'measure')) await measureCopies(files, embedder, values, progress);
      else await report(files, embedder, values, progress);
    } finally {
      await embedder.close();
    }
  },
};

async function report(
  files: readonly PhotoFile[],
  embedder: PhotoEmbedder,
  values: Values,
  progress: Progress,
): Promise<void> {
  const near = cosine(values, 'near') ?? NEAR;
  const scene = cosine(values, 'scene') ?? SCENE;
  if (scene > near) throw new UsageError('Expected --scene to be at most --near.');
  const { photos, vectors, exact, failed } = await embedAll(files, embedder, progress);
  const pairs = findPairs(loadScanKernel(), vectors, {
    threshold: scene,
    perRow: PER_PHOTO,
    progress: (done, total) => progress.update('comparing', done, total),
  });
  const copies = groupPairs(pairs.filter(({ score }) => score >= near));
  const named = (groups: readonly Group[]) => groups.map((group) => nameGroup(group, photos));
  const result: Report = {
    model: embedder.space.model,
    near,
    scene,
    photos: files.length,
    failed,
    exact: exact.map((group) => group.map(({ name }) => name)),
    copies: named(copies),
    scenes: named(groupPairs(betweenGroups(pairs, copies))),
  };
  const json = text(values, 'json');
  const html = text(values, 'html');
  if (json !== undefined) await writeFile(json, `${JSON.stringify(result, null, 1)}\n`);
  printReport(result);
  if (html !== undefined) await writeFile(html, htmlReport(result, files));
  if (failed.length > 0) {
    throw new InputError(
      'invalid_image',
      `${failed.length} of ${files.length} photographs could not be read.`,
    );
  }
}

/** Scenes are of photos that are not already copies of each other: one of each group stands for it. */
function betweenGroups(pairs: readonly Pair[], copies: readonly Group[]): Pair[] {
  const standsFor = new Set(copies.flatMap(({ members }) => members.map(({ row }) => row)));
  return pairs.filter(({ a, b }) => !standsFor.has(a) && !standsFor.has(b));
}

async function embedAll(
  files: readonly PhotoFile[],
  embedder: PhotoEmbedder,
  progress: Progress,
): Promise<Vectors> {
  const photos: PhotoFile[] = [];
  const vectors: Int8Vector[] = [];
  const failed: { photo: string; reason: string }[] = [];
  const byHash = new Map<string, PhotoFile[]>();
  for (let start = 0; start < files.length; start += BATCH) {
    const batch: { file: PhotoFile; bytes: Uint8Array }[] = [];
    for (const file of files.slice(start, start + BATCH)) {
      try {
        const bytes = await file.read();
        const hash = createHash('sha256').update(bytes).digest('base64');
        const same = byHash.get(hash);
        if (same === undefined) batch.push({ file, bytes });
        if (same === undefined) byHash.set(hash, [file]);
        else same.push(file);
      } catch (error) {
        failed.push({ photo: file.name, reason: messageOf(error) });
      }
    }
    const outcomes = await embedder.embed(
      batch.map(
        ({ bytes }) =>
          async () =>
            bytes,
      ),
    );
    batch.forEach(({ file }, place) => {
      const outcome = outcomes[place];
      if (outcome !== undefined && 'value' in outcome) {
        photos.push(file);
        vectors.push(toInt8(outcome.value));
      } else {
        failed.push({ photo: file.name, reason: messageOf(outcome?.error) });
      }
    });
    progress.update('embedding', Math.min(start + BATCH, files.length), files.length);
  }
  return { photos, vectors, failed, exact: [...byHash.values()].filter((group) => group.length > 1) };
}

function nameGroup({ centre, members }: Group, photos: readonly PhotoFile[]): NamedGroup {
  const nameOf = (row: number) => photos[row]?.name ?? '';
  return {
    photo: nameOf(centre),
    alike: members.map(({ row, score, like }) => ({
      photo: nameOf(row),
      score: Number(score.toFixed(4)),
      to: nameOf(like),
    })),
  };
}

function printReport({ photos, failed, exact, copies, scenes, near, scene }: Report): void {
  const show = (title: string, groups: readonly (readonly string[])[]) => {
    console.log(`${title}: ${counted(groups.length, 'group')}`);
    for (const group of groups) console.log(`  ${group.join('\n    ')}`);
  };
  const lines = (groups: readonly NamedGroup[]) =>
    groups.map(({ photo, alike }) => [photo, ...alike.map((one) => `${one.score.toFixed(3)} ${one.photo}`)]);
  console.log(`${photos} photographs, ${failed.length} not readable`);
  show('The same file', exact);
  show(`Copies (cosine ≥ ${near})`, lines(copies));
  show(`One scene (cosine ≥ ${scene})`, lines(scenes));
  for (const { photo, reason } of failed) console.error(`not readable: ${photo}: ${reason}`);
}

function htmlReport(report: Report, files: readonly PhotoFile[]): AsyncIterable<string> {
  const byName = new Map(files.map((file) => [file.name, file]));
  const photo = (name: string, note?: string): PagePhoto => ({
    read: async () => byName.get(name)?.read(),
    name,
    ...(note === undefined ? {} : { note }),
  });
  const alike = (title: string, groups: readonly NamedGroup[]): PageSection => ({
    title: `${title}: ${counted(groups.length, 'group')}`,
    groups: groups.map((group) => [
      photo(group.photo),
      ...group.alike.map(({ photo: name, score, to }) =>
        photo(name, `${score.toFixed(3)}${to === group.photo ? '' : ` with ${to}`}`),
      ),
    ]),
  });
  const { exact, copies, scenes, near, scene } = report;
  const sections = [
    {
      title: `The same file: ${counted(exact.length, 'group')}`,
      groups: exact.map((names) => names.map((name) => photo(name))),
    },
    alike(`Copies (cosine ≥ ${near})`, copies),
    alike(`One scene (cosine ≥ ${scene})`, scenes),
  ].filter(({ groups }) => groups.length > 0);
  const found = sections.length === 0 ? ', none of them alike' : '';
  return photoPage(
    'Duplicates',
    `${counted(report.photos, 'photograph')}${found}. Model ${report.model}.`,
    sections,
  );
}
