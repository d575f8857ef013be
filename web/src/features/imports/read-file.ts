import type { Base64 } from '../../graphql/scalars';
import { type CsvPreview, looksLikeCsv, previewCsv } from '../../lib/csv';

/** A file that was chosen, read into the page. */
export interface ChosenFile {
  readonly name: string;
  readonly bytes: number;
  readonly content: Base64;
  /** The head of the table, if it is CSV, whose columns only a person can name. */
  readonly csv: CsvPreview | null;
}

const PREVIEW_BYTES = 16_384;
const CHUNK = 32_768;

export async function readFile(file: File): Promise<ChosenFile> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = '';
  for (let at = 0; at < bytes.length; at += CHUNK) {
    binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  }
  const start = new TextDecoder().decode(bytes.subarray(0, PREVIEW_BYTES));
  return {
    name: file.name,
    bytes: bytes.length,
    content: btoa(binary) as Base64,
    csv: looksLikeCsv(file.name, start) ? previewCsv(start) : null,
  };
}
