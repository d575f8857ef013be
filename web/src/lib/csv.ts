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

export function previewCsv(text: string): CsvPreview {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .filter((line) => line.trim() !== '')
    .slice(0, 5);
  const first = lines[0] ?? '';
  let delimiter: string = ',';
  let most = 0;
  for (const candidate of DELIMITERS) {
    const count = splitCsvLine(first, candidate).length;
    if (count > most) {
      most = count;
      delimiter = candidate;
    }
  }
  const [header = [], ...rows] = lines.map((line) => splitCsvLine(line, delimiter));
  return { delimiter, header, rows };
}

/** Whether a file is to be read as CSV. The other formats name themselves in their first bytes. */
export function looksLikeCsv(fileName: string, text: string): boolean {
  const start = text.replace(/^\uFEFF/, '').trimStart();
  if (/^(<|OFXHEADER|\{1:|:20:|:940:)/i.test(start)) return false;
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
