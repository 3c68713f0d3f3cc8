// The part of the package workerd, which wrangler brings, that scripts/deploy-check.ts uses.

declare module 'workerd' {
  /** The newest date this version knows. */
  export const compatibilityDate: string;
}
