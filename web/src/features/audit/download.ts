/** Saves a text as a file of that name. */
export function downloadText(name: string, text: string): void {
  saveFile(name, new Blob([text], { type: 'text/plain' }));
}

/** Saves what the browser holds as a file of that name. */
export function saveFile(name: string, file: Blob): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // Some browsers read it a while after they are told to.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
