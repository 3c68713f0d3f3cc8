// Pages of thumbnails that need nothing from elsewhere: the gallery of `search`, the report of `duplicates`.

import { thumbnail } from '../engine/node/photo-copies.ts';
import { escapeHtml } from '../runner/escape-html.ts';

export interface PagePhoto {
  /** The encoded photo; undefined where there is none. */
  readonly read: () => Promise<Uint8Array | undefined>;
  readonly name: string;
  /** Said above the name: a score. */
  readonly note?: string;
  /** Stands out. */
  readonly marked?: boolean;
}

export interface PageSection {
  readonly title: string;
  /** Photographs that belong together, side by side. */
  readonly groups: readonly (readonly PagePhoto[])[];
}

export interface PageOptions {
  /** Pixels of the longer side of a thumbnail. */
  readonly side?: number;
  readonly most?: number;
  /** HTML between what is said first and the photographs, and what its elements look like. */
  readonly figures?: string;
  readonly style?: string;
}

/** Beyond so many no browser shows them with ease. */
const MAX_PHOTOS = 2000;
/** Pixels of the longer side of a thumbnail. */
const SIDE = 220;

const styleOf = (side: number) => `
  :root { color-scheme: light dark; }
  body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
  h2 { margin: 2rem 0 0.75rem; font-size: 1.2rem; }
  div { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
  ul { display: flex; flex-wrap: wrap; gap: 0.75rem; margin: 0; padding: 0; list-style: none; }
  div > ul:not(:only-child) { padding: 0.75rem; border: 1px solid #8886; border-radius: 0.6rem; }
  figure { margin: 0; width: min-content; min-width: 6rem; }
  img { display: block; max-width: ${side}px; height: ${Math.round(side * 0.7)}px; border-radius: 0.3rem; }
  figcaption { margin-top: 0.3rem; font-size: 0.8rem; overflow-wrap: anywhere; }
  .marked img { outline: 3px solid #d97706; outline-offset: -1px; }
  b { display: block; font-variant-numeric: tabular-nums; }`;

/**
 * HTML with the thumbnails inside, piece by piece. A photo that has become unreadable keeps its name. Of more
 * than `most` photos the first are shown, and how many are not.
 */
export async function* photoPage(
  title: string,
  lead: string,
  sections: readonly PageSection[],
  { side = SIDE, most = MAX_PHOTOS, figures = '', style = '' }: PageOptions = {},
): AsyncGenerator<string> {
  yield `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${styleOf(side)}${style}
</style>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(lead)}</p>
${figures}`;
  let left = most;
  for (const { title, groups } of sections) {
    if (left === 0) break;
    yield `<section><h2>${escapeHtml(title)}</h2><div>\n`;
    for (const photos of groups) {
      if (left === 0) break;
      yield '<ul>\n';
      for (const photo of photos.slice(0, left)) {
        left -= 1;
        yield await figureOf(photo, side);
      }
      yield '</ul>\n';
    }
    yield '</div></section>\n';
  }
  const photos = sections.flatMap(({ groups }) => groups.map((group) => group.length));
  const hidden = photos.reduce((sum, count) => sum + count, 0) - (most - left);
  yield `${hidden > 0 ? `<p>${hidden} more photographs are not shown.</p>\n` : ''}</html>\n`;
}

async function figureOf({ read, name, note, marked }: PagePhoto, side: number): Promise<string> {
  const picture = await thumbnailOf(read, side);
  const image = picture === undefined ? '' : `<img alt="" src="data:image/jpeg;base64,${picture}">`;
  const above = note === undefined ? '' : `<b>${escapeHtml(note)}</b>`;
  return `<li${marked ? ' class="marked"' : ''}><figure>${image}<figcaption>${above}${escapeHtml(name)}</figcaption></figure></li>\n`;
}

async function thumbnailOf(read: PagePhoto['read'], side: number): Promise<string | undefined> {
  try {
    const bytes = await read();
    return bytes && Buffer.from(await thumbnail(bytes, side)).toString('base64');
  } catch {
    return undefined;
  }
}
