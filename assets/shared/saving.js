// Files that the page hands to the reader, by an address of its own.

/** Hand a file to the reader. */
export function download(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** The bytes of a data: URI in base64, as a file. @param {string} uri */
export function fileOf(uri) {
  const [head, text] = uri.split(',');
  return new Blob([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], {type: head.slice(5).split(';')[0]});
}
