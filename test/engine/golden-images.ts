// The small images of every kind (scripts/goldens/images.py), from the disk.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const readGolden = (file: string): Uint8Array =>
  new Uint8Array(readFileSync(join(import.meta.dirname, '../golden/images', file)));
