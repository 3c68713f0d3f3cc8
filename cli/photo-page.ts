// Pages of thumbnails that need nothing from elsewhere: the gallery of `search`, the report of `duplicates`.

import { thumbnail } from '../engine/node/photo-copies.ts';

export interface PagePhoto {
  /** The encoded photo. */
  readonly read: () => Promise<Uint8Array>;
  readonly caption: string;
}

export interface PageSection {
  readonly title: string;
  readonly photos: readonly PagePhoto[];
}

/** Pixels of the longer side of a thumbnail. */
const SIDE = 220;

const styleOf = (side: number) => `
  :root { color-scheme: light dark; }
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
  ul { display: flex; flex-wrap: wrap; gap: 1rem; padding: 0; list-style: none; }
  figure { margin: 0; width: ${side}px; }
  img { max-width: 100%; border-radius: 4px; }
  figcaption { font-size: 0.8rem; overflow-wrap: anywhere; }
  h2 { margin: 2rem 0 0.5rem; font-size: 1.05rem; }`;

/** HTML with the thumbnails inside. A photo that has become unreadable keeps its caption. */
export async function photoPage(
  title: string,
  lead: string,
  sections: readonly PageSection[],
  side = SIDE,
): Promise<string> {
  const parts: string[] = [];
  for (const section of sections) {
    const figures: string[] = [];
    for (const { read, caption } of section.photos) {
      const picture = await thumbnailOf(read, side);
      const image = picture === undefined ? '' : `<img alt="" src="data:image/jpeg;base64,${picture}">`;
      figures.push(`<li><figure>${image}<figcaption>${escapeHtml(caption)}</figcaption></figure></li>`);
    }
    parts.push(`<section><h2>${escapeHtml(section.title)}</h2><ul>${figures.join('\n')}</ul></section>`);
  }
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${styleOf(side)}
</style>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(lead)}</p>
${parts.join('\n')}
</html>
`;
}

async function thumbnailOf(read: PagePhoto['read'], side: number): Promise<string | undefined> {
  try {
    return Buffer.from(await thumbnail(await read(), side)).toString('base64');
  } catch {
    return undefined;
  }
}

function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
