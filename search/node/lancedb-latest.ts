// Reading a table of LanceDB whose earlier versions another process may delete at any time.

import type { Table } from '@lancedb/lancedb';
import { createReach, type Reach } from '../reach.ts';

const reach = createReach('LanceDB failed');

/**
 * A table stays at the version it was opened at or last written to, whose files are gone once another has
 * compacted it (lancedb-optimise.ts). So what fails is done again on the latest version, if there is a later
 * one. Work must bear to be done twice: reads do, and so do writes by id.
 */
export function onLatest(table: Table): Reach {
  return (work) =>
    reach(async () => {
      for (;;) {
        const version = await table.version();
        try {
          return await work();
        } catch (error) {
          await table.checkoutLatest();
          if ((await table.version()) === version) throw error;
        }
      }
    });
}
