// CSV as RFC 4180 has it.

/** One field. A text with a leading = + - or @ would be run as a formula by a spreadsheet: it gets an apostrophe. */
export function csvField(value) {
  const text = String(value ?? '');
  const safe = typeof value !== 'number' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export const csvText = (rows) => rows.map((row) => row.map(csvField).join(',')).join('\r\n') + '\r\n';
