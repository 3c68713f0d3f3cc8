// An S3-compatible server on loopback: ListObjectsV2 and GetObject, path-style, that believes no request whose
// signature it does not find itself. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html

import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const KEYS = {
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
};

export interface BucketStandIn {
  readonly environment: Readonly<Record<string, string>>;
  readonly requests: string[];
  /** Statuses that the next requests are answered with, instead of what they ask for. */
  readonly failures: number[];
  close(): Promise<void>;
}

export interface StandInOptions {
  /** Answers unsigned requests too. */
  readonly anonymous?: boolean;
  readonly pageSize?: number;
  /** Leaves keys as they are, escaped for XML. */
  readonly ignoresEncoding?: boolean;
}

export async function startBucket(
  bucket: string,
  objects: ReadonlyMap<string, Uint8Array>,
  { anonymous = false, pageSize = 3, ignoresEncoding = false }: StandInOptions = {},
): Promise<BucketStandIn> {
  const requests: string[] = [];
  const failures: number[] = [];
  const keys = [...objects.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const failure = failures.shift();
    if (failure !== undefined)
      return refuse(response, failure, 'SlowDown', 'Please reduce your request rate.');
    if (!(anonymous && request.headers.authorization === undefined) && !isSigned(request)) {
      return refuse(response, 403, 'SignatureDoesNotMatch', 'The signature does not match.');
    }
    const url = new URL(request.url ?? '/', 'http://localhost');
    const [, name = '', ...rest] = url.pathname.split('/').map(decodeURIComponent);
    if (name !== bucket) return refuse(response, 404, 'NoSuchBucket', 'The specified bucket does not exist.');
    return rest.length === 0 ? list(url.searchParams, response) : get(rest.join('/'), request, response);
  });

  const list = (query: URLSearchParams, response: ServerResponse): void => {
    const after = query.get('continuation-token') ?? '';
    const wanted = keys.filter(
      (key) =>
        key.startsWith(query.get('prefix') ?? '') && Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0,
    );
    const page = wanted.slice(0, pageSize);
    const encoded = query.get('encoding-type') === 'url' && !ignoresEncoding;
    const show = (key: string) => (encoded ? encodeURIComponent(key).replaceAll('%20', '+') : escapeXml(key));
    response.end(
      `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
        `<Name>${bucket}</Name><Prefix></Prefix>${encoded ? '<EncodingType>url</EncodingType>' : ''}` +
        `<IsTruncated>${wanted.length > page.length}</IsTruncated>` +
        (wanted.length > page.length
          ? `<NextContinuationToken>${escapeXml(page.at(-1) ?? '')}</NextContinuationToken>`
          : '') +
        page
          .map(
            (key) => `<Contents><Key>${show(key)}</Key><Size>${objects.get(key)?.length}</Size></Contents>`,
          )
          .join('') +
        '</ListBucketResult>',
    );
  };

  const get = (key: string, request: IncomingMessage, response: ServerResponse): void => {
    const bytes = objects.get(key);
    if (bytes === undefined) {
      refuse(response, 404, 'NoSuchKey', 'The specified key does not exist.');
      return;
    }
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const part = from === undefined ? bytes : bytes.subarray(Number(from), Number(to) + 1);
    response.writeHead(from === undefined ? 200 : 206, { 'content-length': part.length });
    response.end(request.method === 'HEAD' ? undefined : part);
  };

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    environment: {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      AWS_REGION: 'eu-central-1',
      ...(anonymous ? {} : KEYS),
    },
    requests,
    failures,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status);
  response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`);
}

/** Signature Version 4, from the request as it came. */
function isSigned(request: IncomingMessage): boolean {
  const pattern =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/;
  const [, id, day = '', region = '', names = '', signature] =
    pattern.exec(request.headers.authorization ?? '') ?? [];
  const time = String(request.headers['x-amz-date']);
  const signed = names.split(';');
  if (id !== KEYS.AWS_ACCESS_KEY_ID || !time.startsWith(day) || !signed.includes('host')) return false;
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const canonical = [
    request.method,
    path,
    query.split('&').sort().join('&'),
    ...signed.map((name) => `${name}:${String(request.headers[name]).trim()}`),
    '',
    names,
    request.headers['x-amz-content-sha256'],
  ].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join(
    '\n',
  );
  const key = [day, region, 's3', 'aws4_request'].reduce<Buffer | string>(
    (secret, part) => createHmac('sha256', secret).update(part).digest(),
    `AWS4${KEYS.AWS_SECRET_ACCESS_KEY}`,
  );
  return createHmac('sha256', key).update(text).digest('hex') === signature;
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
