// Files that the page saves to the reader's downloads.

/** @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Save a base64 data: URI as a file. @param {string} uri @param {string} name */
export function downloadUri(uri, name) {
  const [head, text] = uri.split(',');
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  download(new Blob([bytes], {type: head.slice(5).split(';')[0]}), name);
}
