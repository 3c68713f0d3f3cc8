// API keys: the secret's format, and who gets in.

import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { apiKeysFrom, authenticate, isLoopback, parseApiKeys } from '../../worker/api-keys.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const entry = (name: string, key: string) => `${name}:${sha256(key)}`;

describe('the secret', () => {
  test.each([
    ['', []],
    [entry('phone', 'k1'), ['phone']],
    [`${entry('phone', 'k1')}, ${entry('batch.job-2', 'k2')}\n`, ['phone', 'batch.job-2']],
    [`${entry('phone', 'old')}\n${entry('phone', 'new')}`, ['phone', 'phone']],
  ])('%j', (secret, names) => {
    expect(parseApiKeys(secret).map(({ name }) => name)).toEqual(names);
  });

  test.each([
    ['a key in plain text', 'sk-live-very-secret'],
    ['no name', `:${sha256('k')}`],
    ['a hash too short', 'phone:abc'],
    ['upper-case hex', `phone:${sha256('k').toUpperCase()}`],
    ['a name with a space', `my phone:${sha256('k')}`],
    ['a bad second entry', `${entry('phone', 'k')},x`],
  ])('%s is refused without being repeated', (_, secret) => {
    expect(() => parseApiKeys(secret)).toThrow(/^Expected 'name:sha256' .* for entry [12] of API_KEYS/);
    expect(() => parseApiKeys(secret)).not.toThrow(/sk-live|my phone/);
  });
});

describe('a request', () => {
  const keys = parseApiKeys(
    [entry('phone', 'key-1'), entry('batch', 'key-2'), entry('batch', 'key-3')].join(),
  );

  test.each([
    ['Bearer key-1', 'phone'],
    ['Bearer key-2', 'batch'],
    ['Bearer key-3', 'batch'],
    ['bearer   key-1 ', 'phone'],
  ])('%j is %s', async (header, name) => {
    expect((await authenticate(header, keys)).name).toBe(name);
  });

  test.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'key-1',
    'Basic key-1',
    'Bearer key-4',
    'Bearer key-1 key-2',
    'Bearer key-1,key-2',
    `Bearer ${sha256('key-1')}`,
    `Bearer ${'k'.repeat(513)}`,
    'Bearer kéy-1',
    'Bearer KEY-1',
  ])('%j is nobody', async (header) => {
    await expect(authenticate(header, keys)).rejects.toMatchObject({ code: 'unauthorized' });
  });

  test('nobody gets in where there is no key', async () => {
    await expect(authenticate('Bearer key-1', [])).rejects.toMatchObject({ code: 'unauthorized' });
  });
});

test('a rotated secret holds from the next request on', async () => {
  let secret: string | undefined = entry('phone', 'old');
  const keys = apiKeysFrom(() => secret);
  await authenticate('Bearer old', keys());
  expect(keys()).toBe(keys());
  secret = `${entry('phone', 'old')} ${entry('phone', 'new')}`;
  await authenticate('Bearer old', keys());
  await authenticate('Bearer new', keys());
  secret = entry('phone', 'new');
  await expect(authenticate('Bearer old', keys())).rejects.toThrow('not known');
  secret = undefined;
  expect(keys()).toEqual([]);
});

test.each([
  ['localhost', true],
  ['127.0.0.1', true],
  ['127.8.8.8', true],
  ['[::1]', true],
  ['localhost.evil.net', false],
  ['127.0.0.1.nip.io', false],
  ['10.0.0.1', false],
  ['api.example.org', false],
  ['', false],
])('loopback: %j is %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});
