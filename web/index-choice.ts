// Which index is searched and mapped: the page's own, or another that the server holds.

import type { Backend, IndexName, IndexSample, ReadableIndex } from './backend.ts';
import { element, find } from './dom.ts';

export interface IndexChoice {
  /** Undefined for the page's own. */
  chosen(): string | undefined;
  open(backend: Backend): ReadableIndex;
  /** Asks what there is. A failure leaves the page's own. */
  refresh(backend: Backend): Promise<void>;
}

export function createIndexChoice(onChange: () => void): IndexChoice {
  const field = find('choose-index', HTMLElement);
  const select = find('index', HTMLSelectElement);
  /** Their samples take many requests: they are drawn once. */
  const opened = new Map<string, ReadableIndex>();
  select.addEventListener('change', onChange);
  const chosen = () => (select.value === '' ? undefined : select.value);
  return {
    chosen,
    open(backend) {
      const name = chosen();
      if (name === undefined) return backend.index;
      const index = opened.get(name) ?? sampledOnce(backend.openIndex(name));
      opened.set(name, index);
      return index;
    },
    async refresh(backend) {
      const others = await backend.otherIndexes().catch(() => []);
      const before = select.value;
      select.replaceChildren(
        element('option', { value: '' }, ['of this page']),
        ...others.map((index) => element('option', { value: index.name }, [labelOf(index)])),
      );
      select.value = others.some(({ name }) => name === before) ? before : '';
      field.hidden = others.length === 0;
    },
  };
}

/** `photos = photos-2 (1,234)`: people know an index by its alias. */
function labelOf({ name, aliases, items }: IndexName): string {
  return `${[...aliases, name].join(' = ')} (${items.toLocaleString('en')})`;
}

function sampledOnce(index: ReadableIndex): ReadableIndex {
  let drawn: Promise<IndexSample> | undefined;
  return {
    search: index.search,
    sample(limit) {
      drawn ??= index.sample(limit);
      drawn.catch(() => {
        drawn = undefined;
      });
      return drawn;
    },
  };
}
