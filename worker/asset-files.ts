// The model directory among the Worker's static assets, which only the Worker reads: requests from
// outside never reach the assets themselves (`run_worker_first` in wrangler.toml).

import { toHex } from '../core/encodings.ts';
import { SourceError } from '../core/errors.ts';
import type { Digest, ModelFiles } from '../core/ports.ts';

/** `directory` is the path of the model among the assets, `/models/default`. */
export function assetFiles(assets: Fetcher, directory: string): ModelFiles {
  return {
    async open(file) {
      const path = `${directory}/${file}`;
      let response: Response;
      try {
        response = await assets.fetch(new URL(path, 'https://assets.invalid').href);
      } catch (cause) {
        throw new SourceError('unreachable', `The asset ${path} could not be read.`, { cause });
      }
      if (!response.ok || response.body === null) {
        throw new SourceError(
          response.status === 404 ? 'missing_file' : 'unreachable',
          `Expected the asset ${path} but found status ${response.status}.`,
        );
      }
      return response.body;
    },
    sha256,
  };
}

/** The platform hashes a stream as it is written to. */
export function sha256(): Digest {
  const stream = new crypto.DigestStream('SHA-256');
  const writer = stream.getWriter();
  return {
    update: (bytes) => writer.write(bytes),
    async hex() {
      await writer.close();
      return toHex(new Uint8Array(await stream.digest));
    },
  };
}
