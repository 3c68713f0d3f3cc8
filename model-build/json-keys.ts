// JSON.parse keeps the last of two equal keys without a word; a header that says two things is refused.

/** The first key that stands twice in the outermost object of valid JSON text, if any. */
export function repeatedKey(text: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  let string: string | undefined;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token.startsWith('"')) string = token;
    else if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    else if (depth === 1 && string !== undefined) {
      const key: unknown = JSON.parse(string);
      if (typeof key !== 'string') continue;
      if (seen.has(key)) return key;
      seen.add(key);
    }
  }
  return undefined;
}
