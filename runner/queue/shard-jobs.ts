// Shards as jobs of a BullMQ queue on Redis: what a job says, what it is called, and how to reach Redis.

import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import * as z from 'zod';
import { InputError, SourceError } from '../../core/errors.ts';

/** One queue for all runs: a runner takes whatever there is to do. */
export const QUEUE = 'vgg-edge-shards';

export const shardJobSchema = z.strictObject({
  /** The run directory, by the name that every machine has it under. */
  directory: z.string().min(1),
  shard: z.int().min(1),
  /** The model directory, likewise. */
  model: z.string().min(1),
});

/** Plain data: with the run directory's files another machine needs nothing else. */
export type ShardJob = Readonly<z.infer<typeof shardJobSchema>>;

/** The same for the same shard of the same run, so that it is never in the queue twice. */
export function jobId({ directory, shard }: Pick<ShardJob, 'directory' | 'shard'>): string {
  return `${createHash('sha256').update(directory).digest('hex').slice(0, 16)}-${shard}`;
}

export interface QueueConnection {
  readonly url: string;
  /** Commands wait while Redis is away, instead of failing. */
  readonly maxRetriesPerRequest: null;
}

/** Milliseconds to wait for the first answer. */
const CONNECT_TIMEOUT = 5000;

/** Throws InputError for what is no Redis URL, SourceError where no Redis answers. */
export async function connectQueue(url: string): Promise<QueueConnection> {
  if (!/^rediss?:\/\//.test(url) || !URL.canParse(url)) {
    throw new InputError('invalid_argument', 'Expected a URL such as redis://127.0.0.1:6379 for --queue.', {
      param: 'queue',
    });
  }
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT,
    retryStrategy: () => null,
  });
  // Says more than what connect throws after it: that the connection is closed.
  let reason: string | undefined;
  redis.on('error', (error) => {
    reason ??= reasonOf(error);
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (cause) {
    // Without the user and password that the URL may hold.
    throw new SourceError(
      'unreachable',
      `Expected to reach a Redis at ${new URL(url).host} for --queue but could not: ${reason ?? reasonOf(cause)}`,
      { cause },
    );
  } finally {
    redis.disconnect();
  }
  return { url, maxRetriesPerRequest: null };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Of several addresses each is told apart, and the whole has no message.
  return error.message || ('code' in error ? String(error.code) : error.name);
}
