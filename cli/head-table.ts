// What `build --memory` tried, as a table: the forms of the classifier, what each costs and which was taken.

import type { Manifest } from '../core/manifest.ts';
import { percent } from '../runner/quantity.ts';
import { table } from './table.ts';

/** Empty where the model was not built to fit a memory. `times`, milliseconds by form, are known when it is built. */
export function headTable(
  { headChoice }: Pick<Manifest, 'headChoice'>,
  times: ReadonlyMap<string, number> = new Map(),
): string {
  if (headChoice === undefined) return '';
  const { limitBytes, reserved, backboneBytes, images, candidates } = headChoice;
  const rows = candidates.map(({ name, taken, weightBytes, wasmBytes, isolateBytes, ...figures }) => [
    `${taken ? '→' : ' '} ${name}`,
    megabytes(weightBytes),
    megabytes(wasmBytes),
    `${megabytes(isolateBytes)}${isolateBytes > limitBytes ? ' !' : '  '}`,
    ...[figures.cosine.fc6, figures.cosine.fc7, figures.cosine.scores].map((value) => value.toFixed(5)),
    percent(figures.top1Agreement, 1),
    percent(figures.neighbourOverlap10, 1),
    figures.divergence.toFixed(5),
    percent(figures.headTop1Agreement, 1),
    ...(times.size === 0 ? [] : [times.get(name)?.toFixed(1) ?? '']),
  ]);
  const header = [
    '  classifier',
    'MB',
    'WASM MB',
    'isolate MB  ',
    'fc6',
    'fc7',
    'scores',
    'top-1',
    '@10',
    'nats',
    'alone',
    ...(times.size === 0 ? [] : ['ms']),
  ];
  return [
    table(header, rows),
    '',
    `→ taken, ! beyond ${megabytes(limitBytes)} MB. WASM: convolutions (${megabytes(backboneBytes)} MB) and classifier; isolate: with ${megabytes(reserved.decoderBytes)} MB to decode a photograph and ${megabytes(reserved.scriptBytes)} MB for the script.`,
    `Against float32 on ${images} images not calibrated with: mean cosines, top-1 agreement, overlap of the 10 nearest by fc6, divergence of the scores; alone: top-1 agreement of the classifier from the same features.${times.size === 0 ? '' : ' ms: the classifier for one image on this machine.'}`,
  ].join('\n');
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
