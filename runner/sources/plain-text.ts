// Text that every store takes: PostgreSQL has no U+0000, and no encoding has half a surrogate pair.

/** Such characters become U+FFFD. */
export function plainText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}
