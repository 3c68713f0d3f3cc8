// What went wrong, and trying again.

import { find } from './dom.ts';
import { messageOf } from './page-error.ts';

export interface ErrorBox {
  /** `retry` does again what failed; without it there is nothing to try again. */
  show(error: unknown, retry?: () => void): void;
  hide(): void;
}

export function createErrorBox(): ErrorBox {
  const box = find('error', HTMLElement);
  const text = find('error-text', HTMLElement);
  const button = find('retry', HTMLButtonElement);
  let again: (() => void) | undefined;
  button.addEventListener('click', () => again?.());
  return {
    show(error, retry) {
      again = retry;
      button.hidden = retry === undefined;
      text.textContent = messageOf(error);
      box.hidden = false;
      // A file may have been dropped anywhere.
      box.scrollIntoView({ block: 'nearest' });
    },
    hide() {
      box.hidden = true;
      text.textContent = '';
    },
  };
}
