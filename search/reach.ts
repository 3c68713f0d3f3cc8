// Calls to a database: what fails there is a SourceError, for trying again may help.

import { InputError, SourceError } from '../core/errors.ts';

export type Reach = <T>(call: () => Promise<T>) => Promise<T>;

/** `failed` begins the message: `LanceDB failed`. Errors that are typed already stay as they are. */
export function createReach(failed: string): Reach {
  return async (call) => {
    try {
      return await call();
    } catch (cause) {
      if (cause instanceof InputError || cause instanceof SourceError) {
        throw cause;
      }
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new SourceError('unreachable', `${failed}: ${reason}`, { cause });
    }
  };
}
