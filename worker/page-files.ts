// The files of the page among the Worker's static assets. Like the model's they are read by the Worker
// alone: nothing is answered that a route does not name (worker/routes/page.ts).

import { SourceError } from '../core/errors.ts';

export interface PageFile {
  /** Changes with the content; absent where the source has none. */
  readonly etag?: string | undefined;
  readonly body: ReadableStream<Uint8Array>;
}

export interface PageFiles {
  /** `path` is below the page's folder. Undefined where there is no such file. Throws SourceError. */
  open(path: string): Promise<PageFile | undefined>;
}

/** `directory` is the path of the page among the assets, `/web`. */
export function assetPageFiles(
  assets: { fetch(url: string): Promise<Response> },
  directory: string,
): PageFiles {
  return {
    async open(path) {
      const asset = `${directory}/${path}`;
      const response = await assets
        .fetch(new URL(asset, 'https://assets.invalid').href)
        .catch((cause: unknown) => {
          throw new SourceError('unreachable', `The asset ${asset} could not be read.`, { cause });
        });
      if (response.status === 404) return undefined;
      if (!response.ok || response.body === null) {
        throw new SourceError(
          'unreachable',
          `Expected the asset ${asset} but found status ${response.status}.`,
        );
      }
      return { etag: response.headers.get('etag') ?? undefined, body: response.body };
    },
  };
}
