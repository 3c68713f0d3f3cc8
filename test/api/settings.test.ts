// The variables of a deployment: what each may be, and the error that names the one that is wrong.

import { describe, expect, test } from 'vitest';
import { readLimits } from '../../worker/limits.ts';
import { readSettings } from '../../worker/settings.ts';

const settings = (variables: object) =>
  readSettings(
    variables,
    () => undefined,
    readLimits(variables),
    () => Promise.reject(new Error('not asked')),
  );

test('without any, everything that opens something is off', () => {
  expect(settings({})).toMatchObject({
    urlImages: undefined,
    corsOrigins: [],
    publishModel: false,
    rate: { limit: 600, period: 60 },
  });
  expect(settings({}).keys()).toEqual([]);
});

describe('limits', () => {
  test.each([
    ['MAX_BODY_BYTES', 'maxBodyBytes'],
    ['MAX_IMAGE_BYTES', 'maxImageBytes'],
    ['MAX_IMAGE_PIXELS', 'maxImagePixels'],
    ['MAX_IMAGES', 'maxImages'],
    ['MAX_RUNNING', 'maxRunning'],
    ['MAX_WAITING', 'maxWaiting'],
    ['BODY_TIMEOUT_MS', 'bodyTimeout'],
    ['MAX_INDEXES', 'maxIndexes'],
  ] as const)('%s, as number or as text', (name, limit) => {
    expect(readLimits({ [name]: 7 })[limit]).toBe(7);
    expect(readLimits({ [name]: '7' })[limit]).toBe(7);
    for (const wrong of ['0', '-1', '1.5', 'many', Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => readLimits({ [name]: wrong })).toThrow(
        `Expected a whole number ≥ 1 for the variable ${name}`,
      );
    }
  });
});

describe('settings', () => {
  test.each<[object, RegExp]>([
    [{ URL_TIMEOUT_MS: '0' }, /1 to 60000 for the variable URL_TIMEOUT_MS/],
    [{ URL_TIMEOUT_MS: '60001' }, /URL_TIMEOUT_MS/],
    [{ RATE_LIMIT: '0' }, /whole number ≥ 1 for the variable RATE_LIMIT/],
    [{ RATE_PERIOD_SECONDS: '30' }, /10 or 60 for the variable RATE_PERIOD_SECONDS/],
    [{ PUBLISH_MODEL: 'yes' }, /true or false for the variable PUBLISH_MODEL/],
    [{ CACHE_SECONDS: '-1' }, /CACHE_SECONDS/],
    [{ ALLOWED_IMAGE_HOSTS: 'https://a.org' }, /ALLOWED_IMAGE_HOSTS but found 'https:\/\/a\.org'/],
  ])('%j is refused', (variables, message) => {
    expect(() => settings(variables)).toThrow(message);
  });

  test.each([
    ['', []],
    ['*', ['*']],
    ['https://a.org', ['https://a.org']],
    [
      'https://a.org, http://localhost:3000\nhttps://b.org:8443',
      ['https://a.org', 'http://localhost:3000', 'https://b.org:8443'],
    ],
  ])('CORS_ORIGINS=%j', (text, origins) => {
    expect(settings({ CORS_ORIGINS: text }).corsOrigins).toEqual(origins);
  });

  test.each([
    'https://a.org/',
    'https://a.org/path',
    'a.org',
    'https://*.a.org',
    'https://A.org',
    'null',
    'https://a.org:443',
    '**',
  ])('CORS_ORIGINS=%j is refused: no browser sends it, or anybody can', (text) => {
    expect(() => settings({ CORS_ORIGINS: `https://b.org ${text}` })).toThrow('CORS_ORIGINS');
  });
});
