/** The first rows of a CSV file and the delimiter that splits them best. For the preview: the server reads the file. */
export interface CsvPreview {
  readonly delimiter: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const DELIMITERS = [',', ';', '\t', '|'] as const;

/** Splits one line of CSV by RFC 4180: fields in double quotes may hold the delimiter, and `""` is one quote. */
export function splitCsvLine(line: string, delimiter: string): string[] {
  const fields: string[] = [];
  let field = '';
  let isQuoted = false;
  for (let i = 0; i < line.length; i += 1) {
    const char = line.charAt(i);
    if (isQuoted) {
      if (char === '"' && line.charAt(i + 1) === '"') {
        field += '"';
        i += 1;
      } else if (char === '"') isQuoted = false;
      else field += char;
    } else if (char === '"' && field === '') isQuoted = true;
    else if (char === delimiter) {
      fields.push(field.trim());
      field = '';
    } else field += char;
  }
  fields.push(field.trim());
  return fields;
}

/** How many rows may precede the headings, as the server has it: banks put the account and the period there. */
const PREAMBLE_MAX = 40;
const ROWS_SHOWN = 4;

/** The width that most speaks for a table: of many rows rather than of one, and of many columns rather than of few. */
function tableWidth(table: readonly (readonly string[])[]): { width: number; weight: number } {
  const lines = new Map<number, number>();
  for (const { length } of table) lines.set(length, (lines.get(length) ?? 0) + 1);
  let best = { width: 1, weight: 0 };
  for (const [width, count] of lines) {
    // A row alone is hardly a table: any two alike outweigh it.
    const weight = count === 1 ? 1 - 1 / width : count * (width - 1) ** 2;
    if (weight > best.weight) best = { width, weight };
  }
  return best;
}

/** Reads the head of a table: the first row that is as wide as the table holds the headings. */
export function previewCsv(text: string): CsvPreview {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .filter((line) => line.trim() !== '')
    .slice(0, PREAMBLE_MAX + 1 + ROWS_SHOWN);
  let best: { delimiter: string; table: string[][]; width: number; weight: number } | null = null;
  for (const delimiter of DELIMITERS) {
    const table = lines.map((line) => splitCsvLine(line, delimiter));
    const found = { delimiter, table, ...tableWidth(table) };
    if (!best || found.weight > best.weight) best = found;
  }
  const { delimiter, table, width } = best ?? { delimiter: ',', table: [], width: 1 };
  const at = Math.max(
    0,
    table.findIndex((row) => row.length === width),
  );
  return { delimiter, header: table[at] ?? [], rows: table.slice(at + 1, at + 1 + ROWS_SHOWN) };
}

/** Whether a file is to be read as CSV. The other formats name themselves in their first bytes. */
export function looksLikeCsv(fileName: string, text: string): boolean {
  const start = text.replace(/^\uFEFF/, '').trimStart();
  if (/^(<|OFXHEADER|\{1:|:940:)/i.test(start) || /^:20:/m.test(start)) return false;
  if (/\.(csv|tsv)$/i.test(fileName)) return true;
  return !/\.(xml|ofx|qfx|sta|mt940|940|swi)$/i.test(fileName) && previewCsv(text).header.length >= 3;
}

/** Guesses which column is which by its heading. A guess only: the person sees and changes it. */
export function guessColumn(header: readonly string[], words: RegExp): string {
  return header.find((name) => words.test(name)) ?? '';
}

/** The pattern of the dates in a column, in strftime's words. */
export function guessDateFormat(sample: string): string {
  if (/^\d{4}-\d{2}-\d{2}/.test(sample)) return '%Y-%m-%d';
  if (/^\d{1,2}\.\d{1,2}\.\d{4}/.test(sample)) return '%d.%m.%Y';
  if (/^\d{1,2}\.\d{1,2}\.\d{2}$/.test(sample)) return '%d.%m.%y';
  if (/^\d{8}$/.test(sample)) return '%Y%m%d';
  if (/^\d{1,2}-\d{1,2}-\d{4}/.test(sample)) return '%d-%m-%Y';
  const slashes = /^(\d{1,2})\/(\d{1,2})\/\d{4}/.exec(sample);
  if (slashes) return Number(slashes[1]) > 12 ? '%d/%m/%Y' : '%m/%d/%Y';
  return '%Y-%m-%d';
}

/** `,` for `1.234,50`, `.` for `1,234.50`. */
export function guessDecimalMark(samples: readonly string[]): string {
  return samples.some((sample) => /,\d{1,2}$/.test(sample.trim())) ? ',' : '.';
}
