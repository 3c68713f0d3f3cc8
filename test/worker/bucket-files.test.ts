// A model directory in a bucket: verified like any other, and its two failures told apart.

import { describe, expect, test } from 'vitest';
import { readModelFile } from '../../engine/model-file.ts';
import { bucketFiles, type ModelBucket } from '../../worker/bucket-files.ts';

const CONTENT = new TextEncoder().encode('weights');

async function hexOf(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const bucket = (content: Uint8Array | null): ModelBucket => ({
  get: async (key) => (key === 'mine/weights.bin' && content !== null ? { body: streamOf(content) } : null),
});

function streamOf(content: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(content);
      controller.close();
    },
  });
}

describe('a file of the bucket', () => {
  const listed = async () => ({ file: 'weights.bin', bytes: CONTENT.length, sha256: await hexOf(CONTENT) });

  test('is read below its prefix and verified', async () => {
    expect(await readModelFile(bucketFiles(bucket(CONTENT), 'mine'), await listed())).toEqual(CONTENT);
  });

  test('that was changed is refused', async () => {
    const changed = CONTENT.map((byte) => byte ^ 1);
    const reading = readModelFile(bucketFiles(bucket(changed), 'mine'), await listed());
    await expect(reading).rejects.toMatchObject({ code: 'corrupt_shard' });
  });

  test('that is not there is missing; a bucket that fails is out of reach', async () => {
    const missing = bucketFiles(bucket(null), 'mine').open('weights.bin');
    await expect(missing).rejects.toMatchObject({ code: 'missing_file' });
    const failing = bucketFiles({ get: () => Promise.reject(new Error('down')) }, 'mine').open('weights.bin');
    await expect(failing).rejects.toMatchObject({ code: 'unreachable' });
  });
});
