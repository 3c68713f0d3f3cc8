// Node's fetch of image URLs: what a name resolves to decides, and only that address is called.

import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pinnedFetch } from '../../net/node/pinned-fetch.ts';
import { isPublicAddress } from '../../net/url-address.ts';
import { fetchImage } from '../../net/url-image.ts';
import { parseUrlPolicy } from '../../net/url-policy.ts';

const PUBLIC = ['93.184.216.34', '1.1.1.1', '2606:4700::1111', '2a00:1450:4001:81b::200e'];
const REFUSED = [
  ...['127.0.0.1', '0.0.0.0', '10.1.2.3', '172.31.255.255', '192.168.0.1', '169.254.169.254', '100.64.0.1'],
  ...[
    '192.0.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
  ],
  ...[
    '::',
    '::1',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd00:ec2::254',
    'ff02::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
  ],
  ...[
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    '2002:7f00:1::',
    '2001::1',
    '2001:db8::1',
    '100::1',
    '::127.0.0.1',
    '4000::1',
  ],
  ...['', 'localhost', '127.1', '999.1.1.1'],
];

describe('addresses', () => {
  test.each(PUBLIC)('%s is public', (address) => expect(isPublicAddress(address)).toBe(true));
  test.each(REFUSED)('%j is not', (address) => expect(isPublicAddress(address)).toBe(false));
});

describe('the connection', () => {
  const visits: string[] = [];
  let statusLine = 'HTTP/1.1 200 OK';
  const server = createServer((incoming, response) => {
    visits.push(`${incoming.headers.host}${incoming.url}`);
    // By hand: Node itself refuses to send what is no status.
    response.socket?.end(`${statusLine}\r\ncontent-length: 5\r\n\r\nimage`);
  });
  let port = 0;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  beforeEach(() => {
    visits.length = 0;
    statusLine = 'HTTP/1.1 200 OK';
  });
  afterAll(() => {
    server.close();
  });

  /** The addresses asked for, and a connection that would end at the server on loopback. */
  function observed(...addresses: string[]) {
    const connected: string[] = [];
    const fetch = pinnedFetch({
      resolve: async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      request: (url, options, answered) => {
        options.lookup?.(url.hostname, { all: false }, (_, address) => connected.push(String(address)));
        const headers = { host: url.host };
        return request(`http://127.0.0.1:${port}${url.pathname}`, { headers, agent: false }, answered);
      },
    });
    const limits = { maxBytes: 100, timeout: 1000, maxRedirects: 0 };
    const run = () =>
      fetchImage('https://images.example.org/a.jpg', { policy: parseUrlPolicy('*'), fetch, limits });
    return { connected, run };
  }

  test.each(PUBLIC)(
    'goes to %s, the address that was checked, under the name that was asked for',
    async (address) => {
      const { connected, run } = observed(address, '1.1.1.1');
      expect(new TextDecoder().decode(await run())).toBe('image');
      expect(connected).toEqual([address]);
      expect(visits).toEqual(['images.example.org/a.jpg']);
    },
  );

  test.each([...REFUSED.map((address) => [address]), ['1.1.1.1', '127.0.0.1'], []])(
    'is not made for a name with the addresses %j %j',
    async (...addresses) => {
      const { connected, run } = observed(...addresses);
      await expect(run()).rejects.toMatchObject({ code: 'url_not_fetched' });
      expect(connected).toEqual([]);
      expect(visits).toEqual([]);
    },
  );

  test.each([
    'HTTP/1.1 099 x',
    'HTTP/1.1 99 x',
    'HTTP/1.1 204 x',
    'HTTP/1.1 600 x',
    'HTTP/1.1 999 x',
    'HTTP/1.1',
    'x',
  ])('that answers %j fails this image and nothing else', async (line) => {
    statusLine = line;
    await expect(observed('1.1.1.1').run()).rejects.toMatchObject({ code: 'url_not_fetched' });
  });
});
