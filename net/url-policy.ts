// Which image URLs may be fetched at all: a pure check of the text, made before the first request and
// again for every redirect. Everything refused here is refused without a packet leaving.

import ipaddr from 'ipaddr.js';
import { InputError } from '../core/errors.ts';

/** Hosts an operator allows: exact names, `*.example.com` for names below one, `*` for any public name. */
export interface UrlPolicy {
  readonly allowedHosts: readonly string[];
  /** http on port 80 as well: for the list of an operator, never for a caller's URL. */
  readonly plainHttp?: boolean;
}

/** Longer URLs are refused unread; browsers and CDNs stop at about 2,000 characters too. */
const MAX_URL_LENGTH = 2048;

/** A DNS label (RFC 1123 §2.1), lower case as the URL parser leaves it. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Names that never lead to the public internet (RFC 6761, 6762, 7686, 8375, ICANN's private use). */
const LOCAL_DOMAINS: ReadonlySet<string> = new Set([
  ...['localhost', 'localdomain', 'local', 'internal', 'intranet', 'private', 'corp', 'home', 'lan'],
  ...['test', 'example', 'invalid', 'onion', 'arpa', 'alt', 'svc', 'consul', 'docker', 'kube'],
]);

/** Metadata services by name, and public names that answer with whatever address is written in them. */
const REFUSED_DOMAINS: readonly string[] = [
  ...['metadata.google', 'metadata.azure.com', 'metadata.packet.net', 'metadata.platformequinix.com'],
  ...['instance-data.ec2.amazonaws.com', 'metadata.tencentyun.com', 'metadata.oraclecloud.com'],
  ...['nip.io', 'sslip.io', 'xip.io', 'localtest.me', 'lvh.me', 'vcap.me', 'lacolhost.com', 'traefik.me'],
  ...['rbndr.us', '1u.ms', 'localho.st', 'fuf.me'],
];

/**
 * The list of ALLOWED_IMAGE_HOSTS, separated by commas or white space. Throws InputError for an entry
 * that is not a host name, so that a deployment with a slip does not start half protected.
 */
export function parseUrlPolicy(allowed: string): UrlPolicy {
  const allowedHosts = allowed
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '');
  for (const entry of allowedHosts) {
    const name = entry.startsWith('*.') ? entry.slice(2) : entry;
    if (entry !== '*' && !isDnsName(name)) {
      throw new InputError(
        'invalid_argument',
        `Expected host names, '*.example.com' or '*' in ALLOWED_IMAGE_HOSTS but found '${entry}'.`,
        { param: 'ALLOWED_IMAGE_HOSTS' },
      );
    }
  }
  return { allowedHosts };
}

/**
 * The URL, parsed, when it may be fetched. Throws InputError('url_not_allowed') for anything but https on
 * port 443 (or, where the policy says so, http on port 80) to an allowed public DNS name without credentials.
 */
export function checkImageUrl(text: string, { allowedHosts, plainHttp = false }: UrlPolicy): URL {
  if (allowedHosts.length === 0) {
    throw refused(
      'image URLs are switched off here: send the image itself, or ask the operator to set ALLOWED_IMAGE_HOSTS',
    );
  }
  if (text.length > MAX_URL_LENGTH) {
    throw refused(`expected at most ${MAX_URL_LENGTH} characters but found ${text.length}`);
  }
  // Parsers differ over these (a backslash is a slash to one and user info to another), so none may occur.
  if (!/^https?:\/\/[^/?#\\@\s]+(?:[/?#]|$)/i.test(text) || /[\p{Cc}\p{Z}\\]/u.test(text)) {
    throw refused("expected 'https://', a host name and a path, without credentials, spaces or backslashes");
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw refused('expected a valid URL');
  if (url.protocol !== 'https:' && !plainHttp) throw refused(`expected https but found '${url.protocol}'`);
  if (url.username !== '' || url.password !== '') throw refused('expected no credentials');
  if (url.port !== '') throw refused(`expected the scheme's own port but found ${url.port}`);
  checkHost(url.hostname, allowedHosts);
  // Never sent, and so no part of what is fetched.
  url.hash = '';
  return url;
}

/** The parser has already turned decimal, octal, hexadecimal and full-width spellings into an address. */
function checkHost(host: string, allowedHosts: readonly string[]): void {
  if (host.startsWith('[') || ipaddr.isValid(host))
    throw refused('expected a host name but found an IP address');
  if (!isDnsName(host)) throw refused(`expected a public host name but found '${host.slice(0, 100)}'`);
  const isBelow = (domain: string) => host === domain || host.endsWith(`.${domain}`);
  const top = host.slice(host.lastIndexOf('.') + 1);
  if (LOCAL_DOMAINS.has(top) || REFUSED_DOMAINS.some(isBelow)) {
    throw refused(`'${host}' is a local, metadata or address-carrying name`);
  }
  const allowed = allowedHosts.some((entry) =>
    entry === '*' ? true : entry.startsWith('*.') ? host.endsWith(entry.slice(1)) : host === entry,
  );
  if (!allowed) throw refused(`'${host}' is not one of the hosts allowed here`);
}

/** At least two labels, none numeric at the end, no trailing dot. */
function isDnsName(name: string): boolean {
  const labels = name.split('.');
  return (
    name.length <= 253 &&
    labels.length >= 2 &&
    labels.every((label) => LABEL.test(label)) &&
    !/^\d/.test(labels.at(-1) ?? '')
  );
}

function refused(why: string): InputError {
  return new InputError('url_not_allowed', `The image URL is not allowed: ${why}.`, { param: 'input' });
}
