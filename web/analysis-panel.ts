// What the network says of one photograph: classes, feature map, times, and the request.

import type { LabelledClass } from '../worker/schemas/answer.ts';
import { type Analysis, MAP_SIDE } from './backend.ts';
import { element, find } from './dom.ts';
import type { Photo } from './photo.ts';

const CELLS = MAP_SIDE * MAP_SIDE;

export interface AnalysisPanel {
  /** `isLocal`: no request was sent, so there is none to copy. */
  show(photo: Photo, analysis: Analysis, isLocal: boolean): void;
}

export function createAnalysisPanel(): AnalysisPanel {
  const section = find('analysis', HTMLElement);
  const heat = find('heat', HTMLCanvasElement);
  const channel = find('channel', HTMLInputElement);
  const channelName = find('channel-name', HTMLOutputElement);
  const curl = find('curl', HTMLPreElement);
  const copy = find('copy', HTMLButtonElement);
  let shown: Analysis | undefined;

  const drawMap = () => {
    if (shown === undefined) return;
    const number = Number(channel.value);
    channelName.value = number === 0 ? 'mean of all channels' : `channel ${number}`;
    channel.setAttribute('aria-valuetext', channelName.value);
    drawHeat(heat, number === 0 ? meanMap(shown.features) : mapOf(shown.features, number - 1));
  };
  channel.addEventListener('input', drawMap);
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
      picture.alt = `${photo.name}, cropped as the network sees it`;
      find('untrained', HTMLElement).hidden = !analysis.untrained;
      find('classes', HTMLOListElement).replaceChildren(...analysis.classes.map(classBar));
      find('phases', HTMLElement).replaceChildren(
        ...(analysis.phases.length === 0
          ? ["Answered from the server's cache: nothing was computed."]
          : analysis.phases.map(({ name, milliseconds }) =>
              element('span', {}, [`${name} ${milliseconds.toFixed(1)} ms`]),
            )),
      );
      find('facts', HTMLElement).textContent = `${analysis.model}, ${analysis.engine}`;
      channel.max = String(analysis.features.length / CELLS);
      channel.value = '0';
      drawMap();
      const file = photo.id.startsWith('sample:') ? `samples/${photo.name}.jpg` : photo.name;
      curl.textContent = `curl --data-binary @${quoted(file)} -H 'content-type: ${photo.file.type}' \\\n  '${location.origin}/v1/analyze'`;
      copy.textContent = 'Copy';
      curl.closest('details')?.toggleAttribute('hidden', isLocal);
    },
  };
}

function quoted(file: string): string {
  return /^[\w./-]+$/.test(file) ? file : `'${file.replaceAll("'", `'\\''`)}'`;
}

function classBar({ label, class: number, probability, trained_with }: LabelledClass): HTMLElement {
  const name = label ?? `class ${number}`;
  const percent = `${(probability * 100).toFixed(1)} %`;
  const taught =
    trained_with === undefined
      ? []
      : [
          element('span', { class: 'tag' }, [
            trained_with === 'labels' ? 'taught by labels' : 'taught by a teacher only',
          ]),
        ];
  return element('li', {}, [
    element('span', {}, [name, ' ', ...taught]),
    element('span', {}, [percent]),
    element('meter', { min: '0', max: '1', value: String(probability), 'aria-label': `${name}: ${percent}` }),
  ]);
}

function mapOf(features: Float32Array, channel: number): Float32Array {
  return features.subarray(channel * CELLS, (channel + 1) * CELLS);
}

function meanMap(features: Float32Array): Float32Array {
  const channels = features.length / CELLS;
  const mean = new Float32Array(CELLS);
  features.forEach((value, index) => {
    mean[index % CELLS] = (mean[index % CELLS] ?? 0) + value / channels;
  });
  return mean;
}

/** Channels by falling largest activation. */
function strongestChannels(features: Float32Array): number[] {
  const peaks = Array.from({ length: features.length / CELLS }, (_, channel) =>
    mapOf(features, channel).reduce((peak, value) => Math.max(peak, value), 0),
  );
  return peaks.map((_, channel) => channel).toSorted((a, b) => (peaks[b] ?? 0) - (peaks[a] ?? 0));
}

/** Dark blue where nothing is active, yellow where most is; equal everywhere stays dark. */
function drawHeat(canvas: HTMLCanvasElement, map: Float32Array): void {
  const context = canvas.getContext('2d');
  if (context === null) return;
  const pixels = context.createImageData(MAP_SIDE, MAP_SIDE);
  const peak = map.reduce((most, value) => Math.max(most, value), 0);
  map.forEach((value, cell) => {
    const heat = peak === 0 ? 0 : Math.max(0, value) / peak;
    pixels.data.set([30 + 225 * heat, 20 + 210 * heat ** 1.5, 90 * (1 - heat) + 30, 255], cell * 4);
  });
  context.putImageData(pixels, 0, 0);
}
