// Pages of thumbnails that need nothing from elsewhere: the gallery of `search`, the report of `duplicates`.

import { thumbnail } from '../engine/node/photo-copies.ts';

export interface PagePhoto {
  /** The encoded photo; undefined where there is none. */
  readonly read: () => Promise<Uint8Array | undefined>;
  readonly caption: string;
}

export interface PageSection {
  readonly title: string;
  readonly photos: readonly PagePhoto[];
}

/** Beyond so many no browser shows them with ease. */
const MAX_PHOTOS = 2000;
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

/**
 * HTML with the thumbnails inside, piece by piece. A photo that has become unreadable keeps its caption. Of more
 * than `most` photos the first are shown, and how many are not.
 */
export async function* photoPage(
  title: string,
  lead: string,
  sections: readonly PageSection[],
  { side = SIDE, most = MAX_PHOTOS }: { readonly side?: number; readonly most?: number } = {},
): AsyncGenerator<string> {
  yield `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${styleOf(side)}
</style>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(lead)}</p>
`;
  let left = most;
  for (const section of sections) {
    if (left === 0) break;
    yield `<section><h2>${escapeHtml(section.title)}</h2><ul>\n`;
    for (const { read, caption } of section.photos.slice(0, left)) {
      left -= 1;
      const picture = await thumbnailOf(read, side);
      const image = picture === undefined ? '' : `<img alt="" src="data:image/jpeg;base64,${picture}">`;
      yield `<li><figure>${image}<figcaption>${escapeHtml(caption)}</figcaption></figure></li>\n`;
    }
    yield '</ul></section>\n';
  }
  const hidden = sections.reduce((sum, { photos }) => sum + photos.length, 0) - (most - left);
  yield `${hidden > 0 ? `<p>${hidden} more photographs are not shown.</p>\n` : ''}</html>\n`;
}

async function thumbnailOf(read: PagePhoto['read'], side: number): Promise<string | undefined> {
  try {
    const bytes = await read();
    return bytes && Buffer.from(await thumbnail(bytes, side)).toString('base64');
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
