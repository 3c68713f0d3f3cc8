// An error on its way from a thread or a process: structured clones lose its class.

import { InputError, ModelError, SourceError } from '../../core/errors.ts';

export type CarriedError =
  | { readonly kind: 'input'; readonly code: InputError['code']; readonly message: string }
  | { readonly kind: 'model'; readonly code: ModelError['code']; readonly message: string }
  | { readonly kind: 'source'; readonly code: SourceError['code']; readonly message: string };

/** Whatever is none of ours is the engine's. */
export function packError(error: unknown): CarriedError {
  if (error instanceof InputError) return { kind: 'input', code: error.code, message: error.message };
  if (error instanceof ModelError) return { kind: 'model', code: error.code, message: error.message };
  if (error instanceof SourceError) return { kind: 'source', code: error.code, message: error.message };
  const message = error instanceof Error ? error.message : String(error);
  return { kind: 'model', code: 'engine_failed', message };
}

export function unpackError(carried: CarriedError): InputError | ModelError | SourceError {
  switch (carried.kind) {
    case 'input':
      return new InputError(carried.code, carried.message);
    case 'model':
      return new ModelError(carried.code, carried.message);
    case 'source':
      return new SourceError(carried.code, carried.message);
  }
}
