// What a route answers to the methods it does not have.

import type { Handler, Hono } from 'hono';
import { InputError } from '../core/errors.ts';
import type { ApiEnv } from './request-facts.ts';

/** Throws InputError('method_not_allowed'), with `Allow` set. Stands after the route's own methods. */
export function methodNotAllowed(path: string, methods: readonly string[]): Handler<ApiEnv> {
  const allowed = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return (context) => {
    context.header('allow', allowed.join(', '));
    throw new InputError(
      'method_not_allowed',
      `Expected ${methods.join(' or ')} for ${path} but found ${context.req.method}.`,
    );
  };
}

/** For every path of the routes so far, which are mounted at `base`. */
export function refuseOtherMethods(routes: Hono<ApiEnv>, base: string): void {
  const own = [...routes.routes];
  for (const path of new Set(own.map((route) => route.path))) {
    const methods = own.filter((route) => route.path === path).map(({ method }) => method);
    routes.all(path, methodNotAllowed(`${base}${path === '/' ? '' : path}`, methods));
  }
}
