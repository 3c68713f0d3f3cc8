// What the network says of one photograph: classes, feature map, vector, times, and the request.

import type { LabelledClass } from '../worker/schemas/answer.ts';
import { imageType } from './api-requests.ts';
import type { Analysis, Phase } from './backend.ts';
import { element, find } from './dom.ts';
import { channelCount, channelMap, drawHeat, drawStripes, meanMap, strongestChannels } from './heat.ts';
import { isSample, type Photo } from './photo.ts';

/** Colours in the style sheet. */
const PHASE_COLOURS = 7;
/** Values of the vector that are written out. */
const SHOWN_VALUES = 4;

export interface AnalysisPanel {
  /** `isLocal`: no request was sent, so there is none to copy. */
  show(photo: Photo, analysis: Analysis, isLocal: boolean): void;
}

/** `key` tells whether the server asks for one. */
export function createAnalysisPanel(key: () => string): AnalysisPanel {
  const section = find('analysis', HTMLElement);
  const heat = find('heat', HTMLCanvasElement);
  const channel = find('channel', HTMLInputElement);
  const channelName = find('channel-name', HTMLOutputElement);
  const showHeat = find('show-heat', HTMLInputElement);
  const curl = find('curl', HTMLPreElement);
  const copy = find('copy', HTMLButtonElement);
  let shown: Analysis | undefined;

  const drawMap = () => {
    heat.hidden = !showHeat.checked;
    if (shown === undefined) return;
    const number = Number(channel.value);
    channelName.value = number === 0 ? 'mean of all channels' : `channel ${number}`;
    channel.setAttribute('aria-valuetext', channelName.value);
    drawHeat(heat, number === 0 ? meanMap(shown.features) : channelMap(shown.features, number - 1));
  };
  channel.addEventListener('input', drawMap);
  showHeat.addEventListener('change', drawMap);
  find('strongest', HTMLButtonElement).addEventListener('click', () => {
    if (shown === undefined) return;
    const order = strongestChannels(shown.features);
    const place = order.indexOf(Number(channel.value) - 1);
    channel.value = String((order[(place + 1) % order.length] ?? 0) + 1);
    drawMap();
  });
  copy.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(curl.textContent);
      copy.textContent = 'Copied';
    } catch {
      // Not allowed here: selected, it is one keystroke away.
      getSelection()?.selectAllChildren(curl);
      copy.textContent = 'Selected: press Ctrl-C';
    }
  });

  return {
    show(photo, analysis, isLocal) {
      shown = analysis;
      section.hidden = false;
      const picture = find('photo', HTMLImageElement);
      picture.src = photo.thumbnail;
      picture.alt = `${photo.what ?? photo.name}, cropped as the network sees it`;
      find('credit', HTMLElement).textContent =
        photo.credit === undefined ? '' : `Photograph: ${photo.credit}`;
      find('untrained', HTMLElement).hidden = !analysis.untrained;
      find('classes', HTMLOListElement).replaceChildren(...analysis.classes.map(classBar));
      find('teacher', HTMLElement).hidden = !analysis.classes.some(isFromTeacher);
      showPhases(find('phases', HTMLElement), analysis.phases);
      find('facts', HTMLElement).textContent = `${analysis.model}, ${analysis.engine}`;
      showVector(analysis.vector);
      channel.max = String(channelCount(analysis.features));
      channel.value = '0';
      drawMap();
      curl.textContent = curlOf(photo, key() !== '');
      copy.textContent = 'Copy';
      find('as-curl', HTMLElement).hidden = isLocal;
    },
  };
}

function showPhases(place: HTMLElement, phases: readonly Phase[]): void {
  if (phases.length === 0) {
    place.textContent = "Answered from the server's cache: nothing was computed.";
    return;
  }
  const coloured = phases.map((phase, index) => ({ ...phase, colour: `p${index % PHASE_COLOURS}` }));
  const spent = coloured.map(({ milliseconds, colour }) => {
    const part = element('span', { class: colour });
    part.style.flexGrow = String(milliseconds);
    return part;
  });
  place.replaceChildren(
    element('div', { class: 'spent', 'aria-hidden': 'true' }, spent),
    element(
      'ul',
      {},
      coloured.map(({ name, milliseconds, colour }) =>
        element('li', { class: colour }, [`${name} ${milliseconds.toFixed(1)} ms`]),
      ),
    ),
  );
}

function showVector(vector: Float32Array | undefined): void {
  find('vector', HTMLElement).hidden = vector === undefined;
  if (vector === undefined) return;
  const first = Array.from(vector.subarray(0, SHOWN_VALUES), (value) => value.toFixed(3)).join(', ');
  find('vector-text', HTMLElement).textContent =
    `${vector.length} numbers, of length 1 together: what an index keeps of the photograph. [${first}, …]`;
  drawStripes(find('barcode', HTMLCanvasElement), vector);
}

/** To be pasted anywhere: a sample is fetched from the page's server, a file is expected where one stands. */
function curlOf(photo: Photo, withKey: boolean): string {
  const path = isSample(photo) ? `/web/samples/${photo.id.slice('sample:'.length)}` : undefined;
  const source = path === undefined ? '' : `curl -s '${location.origin}${path}' |\n  `;
  const file = path === undefined ? quoted(photo.name) : '-';
  const key = withKey ? ` \\\n  -H "authorization: Bearer $KEY"` : '';
  return `${source}curl --data-binary @${file} -H 'content-type: ${imageType(photo.file)}'${key} \\\n  '${location.origin}/v1/analyze'`;
}

function quoted(file: string): string {
  return /^[\w./-]+$/.test(file) ? file : `'${file.replaceAll("'", `'\\''`)}'`;
}

const isFromTeacher = ({ trained_with }: LabelledClass): boolean => trained_with === 'teacher';

/** Of the names of a class the first is shown large. */
function classBar(ranked: LabelledClass): HTMLElement {
  const { label, class: number, probability } = ranked;
  const [name = '', ...others] = (label ?? `class ${number}`).split(', ');
  const percent = `${(probability * 100).toFixed(1)} %`;
  const value = element('div');
  value.style.width = `${probability * 100}%`;
  return element('li', {}, [
    element('span', { class: 'name', title: label ?? undefined }, [
      `${name}${isFromTeacher(ranked) ? '*' : ''} `,
      element('small', {}, [others.join(', ')]),
    ]),
    element('span', { class: 'percent' }, [percent]),
    element(
      'div',
      {
        class: 'bar',
        role: 'meter',
        'aria-label': name,
        'aria-valuemin': '0',
        'aria-valuemax': '1',
        // Without exponents, which are no numbers there.
        'aria-valuenow': probability.toFixed(4),
        'aria-valuetext': percent,
      },
      [value],
    ),
  ]);
}
