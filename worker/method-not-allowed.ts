// What routes answer to the methods they do not have.

import type { Handler, Hono } from 'hono';
import { InputError } from '../core/errors.ts';
import type { ApiEnv } from './request-facts.ts';

/** For every path of the app so far; so it comes after the routes themselves. */
export function refuseOtherMethods(app: Hono<ApiEnv>): void {
  const methods = new Map<string, string[]>();
  for (const { method, path } of app.routes) {
    // Middleware stands at all methods, or at all paths.
    if (method === 'ALL' || path.includes('*')) continue;
    methods.set(path, [...(methods.get(path) ?? []), method]);
  }
  for (const [path, own] of methods) app.all(path, methodNotAllowed(path, own));
}

/** Throws InputError('method_not_allowed'), with `Allow` set. */
function methodNotAllowed(path: string, methods: readonly string[]): Handler<ApiEnv> {
  const allowed = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return (context) => {
    context.header('allow', allowed.join(', '));
    throw new InputError(
      'method_not_allowed',
      `Expected ${methods.join(' or ')} for ${path} but found ${context.req.method}.`,
    );
  };
}
