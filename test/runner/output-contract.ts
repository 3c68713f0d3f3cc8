// What every output that writes files does; each output's test reads its files back.

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { VectorDtype } from '../../core/quantise-vector.ts';
import { toBinary, toInt8 } from '../../core/quantise-vector.ts';
import type { Metadata, VectorSpace } from '../../core/vector-store.ts';
import { openOutput } from '../../runner/outputs/open-output.ts';
import type { Output, OutputOptions, OutputRow } from '../../runner/ports.ts';

const DIMENSIONS = 12;

export const SPACE: VectorSpace = {
  model: 'tiny@0123456789ab',
  preprocess: 'torchvision-256-224@1',
  layer: 'features',
  pool: 'gem',
  projection: null,
  dimensions: DIMENSIONS,
};

/** Fields of every type, of mixed types, missing ones, and one of a name that outputs use. */
const METADATA: readonly Metadata[] = [
  { label: 'cat', width: 640, ok: true, mixed: 'a', id: 'theirs' },
  { label: 'say "hi", ü\n', width: 0.5, ok: false, mixed: 1 },
  {},
];

export function rowsOf(count: number): OutputRow[] {
  return Array.from({ length: count }, (_, row) => ({
    id: `folder/${row} ü.jpg`,
    vector: Float32Array.from({ length: DIMENSIONS }, (_, place) =>
      Math.fround(Math.sin(row * 31 + place * 7)),
    ),
    sha256: row.toString(16).padStart(64, '0'),
    metadata: METADATA[row % METADATA.length] ?? {},
  }));
}

/** What a reader of the files finds in a row. */
export interface ReadRow {
  readonly id: string;
  readonly sha256: string;
  readonly vector: readonly number[];
  readonly scale: number | undefined;
  /** Without the fields that the row does not have. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface OutputFixture {
  readonly format: string;
  /** Endings of a shard's files, in order of name. */
  readonly endings: readonly string[];
  readShard(folder: string, name: string, dtype: VectorDtype): Promise<ReadRow[]>;
  /** What the format makes of a row's metadata. */
  metadataOf(metadata: Metadata): Readonly<Record<string, unknown>>;
}

/** As files with typed columns hold it: mixed types become JSON, names of the output's own are prefixed. */
export function asColumns({ id, mixed, ...rest }: Metadata): Readonly<Record<string, unknown>> {
  return {
    ...rest,
    ...(mixed === undefined ? {} : { mixed: JSON.stringify(mixed) }),
    ...(id === undefined ? {} : { metadata_id: id }),
  };
}

const DTYPES: readonly VectorDtype[] = ['float32', 'int8', 'binary'];

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'vgg-edge-output-'));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The output with an empty folder for its shards. */
export function openIn(
  format: string,
  options: OutputOptions,
  run: (folder: string, output: Output) => Promise<void>,
): Promise<void> {
  return inFolder(async (folder) => {
    const output = await openOutput(format, options);
    await run(folder, output);
    await output.close();
  });
}

export function describeOutput({ format, endings, readShard, metadataOf }: OutputFixture): void {
  const open = (options: OutputOptions) => openOutput(format, options);
  const writeShard = async (folder: string, name: string, batches: OutputRow[][], dtype: VectorDtype) => {
    const output = await open({ space: SPACE, dtype });
    const shard = await output.begin(folder, name);
    for (const batch of batches) await shard.write(batch);
    await shard.finish();
    await output.close();
  };

  test.each(DTYPES)('%s: what goes in comes out, in order', (dtype) =>
    inFolder(async (folder) => {
      const rows = rowsOf(25);
      await writeShard(folder, 'shard-00001', [rows.slice(0, 3), [], rows.slice(3)], dtype);
      expect((await readdir(folder)).sort()).toEqual(endings.map((ending) => `shard-00001.${ending}`));
      const expected = rows.map(({ id, sha256, vector, metadata }) => {
        const int8 = toInt8(vector);
        const values = { float32: vector, int8: int8.values, binary: toBinary(vector) }[dtype];
        const scale = dtype === 'int8' ? Math.fround(int8.scale) : undefined;
        return { id, sha256, vector: [...values], scale, metadata: metadataOf(metadata) };
      });
      expect(await readShard(folder, 'shard-00001', dtype)).toEqual(expected);
    }),
  );

  test('the bytes depend on the rows, not on how they came', () =>
    inFolder(async (folder) => {
      const rows = rowsOf(17);
      await writeShard(folder, 'shard-00001', [rows], 'float32');
      await writeShard(
        folder,
        'shard-00002',
        rows.map((row) => [row]),
        'float32',
      );
      for (const ending of endings) {
        const first = await readFile(join(folder, `shard-00001.${ending}`));
        expect(await readFile(join(folder, `shard-00002.${ending}`))).toEqual(first);
      }
    }));

  test('a shard begun again replaces what an earlier try left', () =>
    inFolder(async (folder) => {
      const output = await open({ space: SPACE, dtype: 'float32' });
      const shard = await output.begin(folder, 'shard-00001');
      await shard.write(rowsOf(100));
      await shard.abandon();
      await output.close();
      await writeShard(folder, 'shard-00001', [rowsOf(2)], 'float32');
      expect(await readShard(folder, 'shard-00001', 'float32')).toHaveLength(2);
    }));

  test('a shard without rows is a valid file', () =>
    inFolder(async (folder) => {
      await writeShard(folder, 'shard-00001', [], 'float32');
      expect(await readShard(folder, 'shard-00001', 'float32')).toEqual([]);
    }));

  test('several shards are written at once', () =>
    inFolder(async (folder) => {
      const output = await open({ space: SPACE, dtype: 'float32' });
      const shards = await Promise.all(['a', 'b'].map((name) => output.begin(folder, name)));
      for (const row of rowsOf(4)) await Promise.all(shards.map((shard) => shard.write([row])));
      await Promise.all(shards.map((shard) => shard.finish()));
      await output.close();
      expect(await readShard(folder, 'a', 'float32')).toHaveLength(4);
      expect(await readShard(folder, 'b', 'float32')).toEqual(await readShard(folder, 'a', 'float32'));
    }));

  test('a folder that is not there is an error that names the file', async () => {
    const output = await open({ space: SPACE, dtype: 'float32' });
    const begun = output.begin('/nowhere/at/all', 'shard-00001').then((shard) => shard.finish());
    await expect(begun).rejects.toThrow('/nowhere/at/all/shard-00001');
  });
}
