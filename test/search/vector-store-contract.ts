// What every store of the VectorStore port must do, run over each of them. Its parts stand in contract/.

import { describe } from 'vitest';
import { aliasContract } from './contract/aliases.ts';
import { indexContract } from './contract/indexes.ts';
import { itemContract } from './contract/items.ts';
import { queryContract } from './contract/queries.ts';
import { openSubject, type StoreUnderTest } from './contract/subject.ts';

export { space } from './contract/subject.ts';

export function vectorStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(name, () => {
    const subject = openSubject(open);
    indexContract(subject);
    aliasContract(subject);
    itemContract(subject);
    queryContract(subject);
  });
}
