// vgg-edge key: a new API key, and the line that the server keeps of it.

import { createHash, randomBytes } from 'node:crypto';
import { type Command, UsageError } from './command.ts';

/** 256 bits: nobody guesses it, so one round of SHA-256 hides it well. */
const KEY_BYTES = 32;

export const key: Command = {
  name: 'key',
  summary: 'Makes an API key and the line that the server keeps of it.',
  usage: 'NAME',
  options: {},
  examples: [
    'vgg-edge key phone-app',
    'vgg-edge key phone-app >> keys        # the key is shown, the line is kept',
  ],
  async run([name, ...rest]) {
    if (name === undefined || rest.length > 0 || !/^[A-Za-z0-9._-]{1,64}$/.test(name)) {
      throw new UsageError('Expected one name of letters, digits, dots, dashes and underscores for the key.');
    }
    const secret = `vgg_${randomBytes(KEY_BYTES).toString('base64url')}`;
    const hash = createHash('sha256').update(secret).digest('hex');
    console.error(
      `The key of ${name}, shown this once:\n\n  ${secret}\n\nIts line for the secret API_KEYS or the file of --keys:`,
    );
    console.log(`${name}:${hash}`);
  },
};
