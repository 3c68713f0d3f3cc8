// `node scripts/retrieval-picture.ts`: what search finds among the samples, best and worst, as the picture
// docs/images/retrieval.jpg of docs/retrieval.md. Every sample of a kind asks for the others of its kind.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp, { type OverlayOptions } from 'sharp';
import { openPhotoEmbedder } from '../cli/photo-embedder.ts';
import { dot } from '../core/cosine.ts';

const ROOT = join(import.meta.dirname, '..');
const SAMPLES = join(ROOT, 'samples');
const PICTURE = join(ROOT, 'docs/images/retrieval.jpg');

/** Samples of which there is more than one; all others are there to be confused with them. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  cats: ['cat', 'kitten', 'playing-cat'],
  giraffes: ['giraffe', 'giraffes'],
  windmills: ['windmill-chesterton', 'windmill-kinderdijk', 'windmill-podgoschi'],
  pyramids: ['great-pyramid', 'red-pyramid'],
  castles: ['chambord', 'neuschwanstein', 'schwerin'],
  fish: ['anthias', 'clownfish', 'goldfish'],
  cups: ['cup', 'cup-butterflies', 'espresso'],
  lizards: ['chameleon', 'komodo-dragon'],
};

const SHOWN = 4;
const HITS = 5;
const SIDE = 150;
const GAP = 10;
const CAPTION = 22;
const COLOURS = { right: '#2a8a4a', wrong: '#c0392b', asked: '#444444' } as const;

interface Answer {
  readonly asked: string;
  readonly hits: readonly { readonly name: string; readonly score: number; readonly right: boolean }[];
  /** 0…1. */
  readonly averagePrecision: number;
}

const names = (await readdir(SAMPLES))
  .filter((file) => file.endsWith('.jpg'))
  .map((file) => file.slice(0, -4));
const embedder = await openPhotoEmbedder({ model: join(ROOT, 'models/default') });
const outcomes = await embedder.embed(names.map((name) => () => readFile(pathOf(name))));
await embedder.close();
const vectors = new Map(
  outcomes.flatMap((outcome, place) =>
    'value' in outcome ? [[names[place] ?? '', outcome.value] as const] : [],
  ),
);
const answers = Object.values(KINDS)
  .flatMap((kind) => kind.map((asked) => ask(asked, kind)))
  .toSorted((a, b) => b.averagePrecision - a.averagePrecision || (a.asked < b.asked ? -1 : 1));
const mean = answers.reduce((sum, { averagePrecision }) => sum + averagePrecision, 0) / answers.length;
for (const { asked, averagePrecision, hits } of answers) {
  console.log(`${averagePrecision.toFixed(3)}  ${asked}: ${hits.map(({ name }) => name).join(', ')}`);
}
console.log(
  `${embedder.space.model}: mAP ${mean.toFixed(3)} of ${answers.length} queries among ${names.length} samples`,
);
await draw([...answers.slice(0, SHOWN), ...answers.slice(-SHOWN)]);

function pathOf(name: string): string {
  return join(SAMPLES, `${name}.jpg`);
}

function ask(asked: string, kind: readonly string[]): Answer {
  const own = vectors.get(asked);
  if (own === undefined) throw new Error(`Expected a sample ${asked}.jpg but there is none.`);
  const ranked = [...vectors]
    .filter(([name]) => name !== asked)
    .map(([name, vector]) => ({ name, score: dot(own, vector), right: kind.includes(name) }))
    .sort((a, b) => b.score - a.score);
  const ranks = ranked.flatMap(({ right }, place) => (right ? [place + 1] : []));
  const averagePrecision = ranks.reduce((sum, rank, found) => sum + (found + 1) / rank, 0) / ranks.length;
  return { asked, hits: ranked.slice(0, HITS), averagePrecision };
}

/** A row for each: the photograph that asks, then what it found, framed green where it is of its kind. */
async function draw(rows: readonly Answer[]): Promise<void> {
  const tiles: OverlayOptions[] = [];
  const place = async (name: string, caption: string, colour: string, column: number, row: number) => {
    const left = GAP + column * (SIDE + GAP);
    const top = GAP + row * (SIDE + CAPTION + GAP);
    const inner = SIDE - 8;
    const photo = await sharp(pathOf(name)).rotate().resize(inner, inner, { fit: 'cover' }).toBuffer();
    const text = Buffer.from(
      `<svg width="${SIDE}" height="${SIDE + CAPTION}"><rect width="${SIDE}" height="${SIDE}" fill="${colour}"/>` +
        `<text x="2" y="${SIDE + 16}" font-family="sans-serif" font-size="13" fill="${colour}">${caption}</text></svg>`,
    );
    tiles.push({ input: text, left, top }, { input: photo, left: left + 4, top: top + 4 });
  };
  for (const [row, { asked, hits }] of rows.entries()) {
    await place(asked, asked, COLOURS.asked, 0, row);
    for (const [column, { name, score, right }] of hits.entries()) {
      const caption = `${score.toFixed(2)} ${name}`;
      await place(name, caption, right ? COLOURS.right : COLOURS.wrong, column + 1, row);
    }
  }
  const width = GAP + (HITS + 1) * (SIDE + GAP);
  const height = GAP + rows.length * (SIDE + CAPTION + GAP);
  await sharp({ create: { width, height, channels: 3, background: '#ffffff' } })
    .composite(tiles)
    .jpeg({ quality: 82, mozjpeg: true })
    .toFile(PICTURE);
}
