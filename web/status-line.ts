// What the page is doing: one sentence, said to screen readers too, with a count and a bar that are only seen.

import { find } from './dom.ts';
import type { Progress } from './model-messages.ts';

export interface StatusLine {
  /** Nothing is waited for any longer. */
  say(text: string): void;
  /** Something is waited for: after a while the seconds are shown. */
  wait(text: string): void;
  progress(progress: Progress): void;
}

const SECOND = 1000;
/** Seconds from which waiting is worth a word. */
const LONG = 3;

export function createStatusLine(): StatusLine {
  const status = find('status', HTMLElement);
  const count = find('count', HTMLElement);
  const bar = find('progress', HTMLProgressElement);
  let timer: ReturnType<typeof setInterval> | undefined;

  const set = (text: string) => {
    clearInterval(timer);
    count.textContent = '';
    bar.hidden = true;
    // The same sentence again would be said again.
    if (status.textContent !== text) status.textContent = text;
  };
  const wait = (text: string) => {
    set(text);
    const start = performance.now();
    timer = setInterval(() => {
      const seconds = Math.round((performance.now() - start) / SECOND);
      if (seconds < LONG) return;
      count.textContent = `${seconds} s`;
      bar.removeAttribute('value');
      bar.hidden = false;
    }, SECOND);
  };
  return {
    say: set,
    wait,
    progress({ text, done, total }) {
      if (total === 0) {
        wait(text);
        return;
      }
      // Said once: "12 of 23 MB" is for the eye.
      const [sentence = '', figures = ''] = text.split(': ');
      set(sentence);
      count.textContent = figures;
      bar.hidden = false;
      bar.max = total;
      bar.value = done;
    },
  };
}
