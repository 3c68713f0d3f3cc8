// Files of the visitor's: chosen, dropped anywhere on the page, or pasted.

import { find } from './dom.ts';

export function listenForPhotos(onFile: (file: Blob, name: string) => void): void {
  const drop = find('drop', HTMLElement);
  const input = find('file', HTMLInputElement);
  input.addEventListener('change', () => {
    const [file] = input.files ?? [];
    if (file !== undefined) onFile(file, file.name);
    // The same file chosen again is a new choice.
    input.value = '';
  });
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    drop.classList.add('over');
  });
  document.addEventListener('dragleave', ({ relatedTarget }) => {
    // From one element to the next is not out of the window.
    if (relatedTarget === null) drop.classList.remove('over');
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    drop.classList.remove('over');
    const [file] = event.dataTransfer?.files ?? [];
    if (file !== undefined) onFile(file, file.name);
  });
  document.addEventListener('paste', (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (file !== undefined) onFile(file, 'pasted picture');
  });
}
