// Who made the samples, and under which terms.

import { element, find } from './dom.ts';
import type { Sample } from './sample.ts';

export function showCredits(samples: readonly Sample[]): void {
  find('credits', HTMLUListElement).replaceChildren(
    ...samples.map(({ what, credit, source }) =>
      element('li', {}, [
        source === undefined ? what : element('a', { href: source, rel: 'noreferrer' }, [what]),
        `: ${credit}`,
      ]),
    ),
  );
}
