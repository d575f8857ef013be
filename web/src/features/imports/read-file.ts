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

/** The most bytes of a statement file that the server reads, as `api/errors.md` says: 8 MiB. */
export const FILE_BYTES_MAX = 8 * 1024 * 1024;

const PREVIEW_BYTES = 16_384;
const CHUNK = 32_768;

/** The text of a file's start, as the server reads it: UTF-8, else Windows-1252. */
export function decodeStart(bytes: Uint8Array): string {
  const start = bytes.subarray(0, PREVIEW_BYTES);
  try {
    // Where more is to come, a letter that the cut goes through is no fault.
    return new TextDecoder('utf-8', { fatal: true }).decode(start, { stream: start.length < bytes.length });
  } catch {
    return new TextDecoder('windows-1252').decode(start);
  }
}

export async function readFile(file: File): Promise<ChosenFile> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = '';
  for (let at = 0; at < bytes.length; at += CHUNK) {
    binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  }
  const start = decodeStart(bytes);
  return {
    name: file.name,
    bytes: bytes.length,
    content: btoa(binary) as Base64,
    csv: looksLikeCsv(file.name, start) ? previewCsv(start) : null,
  };
}
