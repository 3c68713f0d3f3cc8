// Log lines and the trace they belong to.

import { describe, expect, test } from 'vitest';
import { ModelError } from '../../core/errors.ts';
import { jsonLog, jsonReport } from '../../worker/request-log.ts';
import { continueTrace } from '../../worker/trace-context.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

describe('a valid traceparent is continued', () => {
  test.each([
    [`00-${TRACE}-${PARENT}-01`, '01'],
    [`00-${TRACE}-${PARENT}-00`, '00'],
    [`00-${TRACE}-${PARENT}-ff`, '01'],
    [`cc-${TRACE}-${PARENT}-01-what-the-future-holds`, '01'],
  ])('%s', (header, flags) => {
    const { traceId, spanId, traceparent } = continueTrace(header);
    expect(traceId).toBe(TRACE);
    expect(spanId).not.toBe(PARENT);
    expect(traceparent).toBe(`00-${TRACE}-${spanId}-${flags}`);
  });
});

describe('anything else begins a new trace', () => {
  test.each([
    undefined,
    '',
    'junk',
    `ff-${TRACE}-${PARENT}-01`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}`,
    `00-${TRACE}-${PARENT}-01-of-version-00`,
    `00-${TRACE}-${PARENT}-01\n{"forged":1}`,
  ])('%j', (header) => {
    const { traceId, traceparent } = continueTrace(header);
    expect(traceId).not.toBe(TRACE);
    expect(traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  });
});

test.each([
  [200, 'info'],
  [422, 'warn'],
  [503, 'error'],
])('status %i is one line of JSON at level %s', (status, level) => {
  const lines: string[] = [];
  const log = jsonLog(
    (line) => lines.push(line),
    () => new Date(0),
  );
  log({
    requestId: 'r\n1',
    traceId: TRACE,
    method: 'POST',
    route: '/v1/embeddings',
    status,
    duration: 12,
    key: 'phone',
    code: undefined,
    cause: undefined,
    requestBytes: 100,
    cache: 'miss',
  });
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toContain('\n');
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    time: '1970-01-01T00:00:00.000Z',
    level,
    message: 'request',
    requestId: 'r\n1',
    traceId: TRACE,
    method: 'POST',
    route: '/v1/embeddings',
    status,
    duration: 12,
    key: 'phone',
    requestBytes: 100,
    cache: 'miss',
  });
});

describe('what failed is one line', () => {
  const reported = (error: unknown): unknown => {
    const lines: string[] = [];
    jsonReport(
      (line) => lines.push(line),
      () => new Date(0),
    )(error, 'r-1');
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain('\n');
    return JSON.parse(lines[0] ?? '');
  };

  test('with its stack and the messages of its causes', () => {
    const cause = new Error('disk', { cause: 42 });
    const error = new ModelError('engine_failed', 'broken', { cause });
    expect(reported(error)).toEqual({
      time: '1970-01-01T00:00:00.000Z',
      level: 'error',
      message: 'broken',
      requestId: 'r-1',
      causes: ['disk', '42'],
      stack: error.stack,
    });
  });

  test('though it is no error, or its own cause', () => {
    expect(reported(7)).toMatchObject({ message: '7', causes: [] });
    const own = new Error('own');
    own.cause = own;
    expect(reported(own)).toMatchObject({ causes: Array(8).fill('own') });
  });
});
