// URLs that must never be fetched, by the kind of trick. Each is refused even where any public host is
// allowed (`*`), alone and as the target of a redirect.

/** Every spelling of an IPv4 address that some parser takes for it. */
function spellings(a: number, b: number, c: number, d: number): string[] {
  const number = a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d;
  const hex = (value: number) => `0x${value.toString(16)}`;
  const octal = (value: number) => `0${value.toString(8)}`;
  return [
    `${a}.${b}.${c}.${d}`,
    `${number}`,
    hex(number),
    octal(number),
    [a, b, c, d].map(hex).join('.'),
    [a, b, c, d].map(octal).join('.'),
    `${octal(a)}.${hex(b)}.${c}.${d}`,
    `${a}.${b}.${c * 256 + d}`,
    `${a}.${b * 65536 + c * 256 + d}`,
    `${a}.${b}.${c}.${d}.`,
    [a, b, c, d].map((part) => [...`${part}`].map((digit) => `%3${digit}`).join('')).join('%2e'),
    [a, b, c, d]
      .map((part) => [...`${part}`].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join(''))
      .join('。'),
  ];
}

const ADDRESSES: readonly [number, number, number, number][] = [
  [127, 0, 0, 1],
  [10, 0, 0, 1],
  [172, 16, 0, 1],
  [192, 168, 1, 1],
  [169, 254, 169, 254],
  [100, 100, 100, 200],
];

const https = (host: string) => `https://${host}/photo.jpg`;

/** `PORT` stands for the port of the server that must not be called. */
export const HOSTILE_URLS: Readonly<Record<string, readonly string[]>> = {
  'IPv4 in any spelling': ADDRESSES.flatMap((address) => spellings(...address)).map(https),
  'other IPv4 ranges': [
    '0.0.0.0',
    '0',
    '127.1',
    '127.255.255.254',
    '224.0.0.1',
    '255.255.255.255',
    '192.0.2.1',
    '198.18.0.1',
    '8.8.8.8',
    '100.64.0.1',
  ].map(https),
  'IPv6, and IPv4 inside it': [
    ...[
      '[::1]',
      '[::]',
      '[0:0:0:0:0:0:0:1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[::127.0.0.1]',
      '[fe80::1]',
    ],
    ...[
      '[fc00::1]',
      '[fd00:ec2::254]',
      '[64:ff9b::7f00:1]',
      '[64:ff9b:1::a9fe:a9fe]',
      '[2002:7f00:1::]',
      '[ff02::1]',
    ],
    ...[
      '[2001:0:7f00:1::]',
      '[::ffff:169.254.169.254]',
      '[::ffff:0:127.0.0.1]',
      '[2606:4700::1111]',
      '[::1%25lo]',
    ],
  ].map(https),
  'local names': [
    ...[
      'localhost',
      'LOCALHOST',
      'localhost.',
      'localhost.localdomain',
      'foo.localhost',
      'printer.local',
      'nas.lan',
    ],
    ...[
      'db.internal',
      'wiki.corp',
      'router.home',
      'router.home.arpa',
      'intranet',
      'a.private',
      'hidden.onion',
    ],
    ...[
      'kubernetes.default.svc',
      'kubernetes.default.svc.cluster.local',
      'host.docker.internal',
      'x.test',
      'x.invalid',
    ],
    ...[
      '1.0.0.127.in-addr.arpa',
      'ｌｏｃａｌｈｏｓｔ',
      'loc%61lhost',
      'ⓛocalhost',
      'vault.consul',
      'gateway.docker',
      'web.intranet',
    ],
  ].map(https),
  'metadata services': [
    ...[
      'metadata',
      'metadata.google.internal',
      'metadata.google',
      'metadata.azure.com',
      'metadata.azure.internal',
    ],
    ...['instance-data', 'instance-data.ec2.amazonaws.com', 'metadata.packet.net', 'metadata.tencentyun.com'],
    ...['METADATA.GOOGLE.INTERNAL', 'metadata.google.internal.'],
  ].map(https),
  'names that carry an address': [
    ...[
      '127.0.0.1.nip.io',
      '7f000001.nip.io',
      'app-127-0-0-1.sslip.io',
      '10.0.0.1.xip.io',
      'localtest.me',
      'lvh.me',
    ],
    ...['a.vcap.me', 'x.localho.st', 'x.fuf.me', '7f000001.c0a80001.rbndr.us', 'make-127-0-0-1-rr.1u.ms'],
  ].map(https),
  'names that are none': [
    ...[
      'a_b.example.org',
      '-a.example.org',
      'a-.example.org',
      'single',
      'a..example.org',
      '.example.org',
      'example.org.',
    ],
    ...[
      `${'a'.repeat(64)}.org`,
      `${'a.'.repeat(127)}org`,
      'example.123',
      'example.0x7f',
      'exa*mple.org',
      '*.example.org',
    ],
    ...['example.org%00.evil.net', 'example.org%2f.evil.net', 'exam\u00adple.local', '%', '[', '[::1', ']'],
  ].map(https),
  'other schemes': [
    'http://images.example.org/a.jpg',
    'http://127.0.0.1:PORT/a.jpg',
    'http://localhost:PORT/a.jpg',
    ...[
      'file:///etc/passwd',
      'ftp://images.example.org/a',
      'gopher://127.0.0.1:PORT/_GET',
      'dict://127.0.0.1:PORT/x',
    ],
    ...[
      'ws://127.0.0.1:PORT/',
      'wss://images.example.org/',
      'jar:https://images.example.org!/',
      'blob:https://images.example.org/1',
    ],
    ...[
      'javascript:alert(1)',
      'ldap://127.0.0.1:PORT',
      'tftp://127.0.0.1/x',
      'about:blank',
      'view-source:https://images.example.org/',
    ],
    ...[
      'https:images.example.org/a.jpg',
      'https:/127.0.0.1/',
      'https:///127.0.0.1/',
      '//images.example.org/a.jpg',
      '/etc/passwd',
    ],
    ...['hTTps://LOCALHOST/', 'HTTPS://[::1]/', 'HtTp://images.example.org/'],
    ...['', 'https://', 'https:', 'images.example.org/a.jpg', 'https//images.example.org/'],
  ],
  'credentials and parser quarrels': [
    ...[
      'https://user@images.example.org/',
      'https://user:secret@images.example.org/',
      'https://@images.example.org/',
    ],
    ...[
      'https://:@images.example.org/',
      'https://images.example.org@127.0.0.1/',
      'https://images.example.org:443@127.0.0.1:PORT/',
    ],
    ...[
      'https://images.example.org\\@127.0.0.1/',
      'https:\\\\127.0.0.1\\',
      'https://127.0.0.1\\images.example.org/',
    ],
    ...[
      'https://images.example.org%40127.0.0.1/',
      'https://127.0.0.1#@images.example.org/',
      'https://127.0.0.1?@images.example.org/',
    ],
    ...[
      'https://images.example.org /',
      ' https://images.example.org/',
      'https://images.example.org/ ',
      'https://images.example.org/a b',
    ],
    ...[
      'https://images.exa\tmple.org/',
      'https://images.example.org\n/',
      'ht\ntps://images.example.org/',
      'https://images.example.org/\r\nHost:%20evil',
    ],
    ...[
      'https://images.example.org/\u0000',
      'https://images.example.org/\u2028',
      'https://127.0.0.1\u3000/',
      'https://images.example.org\u0085/',
    ],
  ],
  'odd ports': [
    ...[
      'https://images.example.org:8443/',
      'https://images.example.org:80/',
      'https://images.example.org:22/',
      'https://images.example.org:0/',
    ],
    ...[
      'https://images.example.org:PORT/',
      'https://localhost:PORT/',
      'https://127.0.0.1:PORT/',
      'https://[::1]:PORT/',
    ],
    ...[
      'https://images.example.org:65536/',
      'https://images.example.org:-1/',
      'https://images.example.org:4 43/',
      'https://2130706433:PORT/',
    ],
  ],
  'too long': [`https://images.example.org/${'a'.repeat(2048)}`],
};
