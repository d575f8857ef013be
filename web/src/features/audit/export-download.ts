import { RequestError, SWITCHED } from '../../graphql/request';
import type { AuditSearch } from '../../lib/filters';
import { auditFilter } from '../../lib/filters';
import { post } from '../../lib/session';

export type ExportFormat = 'jsonl' | 'csv';

/** A file that has all of its rows, and the key by which that is verified. */
export interface Exported {
  readonly name: string;
  readonly file: Blob;
  readonly key: string;
}

/** Where the signed manifest stands, at the end of an export of either format. */
const MANIFEST = { jsonl: '\n{"manifest":', csv: '\nmanifest,"' } as const;
const MANIFEST_MAX = 16 * 1024;

const CUT_OFF = new RequestError({
  code: 'EXPORT_CUT_OFF',
  message: 'the export broke off before its end, and nothing was saved. Try again',
  requestId: null,
  rule: null,
  field: null,
});

/** The one line that verifies an export. */
export function verifyCommand({ name, key }: Pick<Exported, 'name' | 'key'>): string {
  return `countersign ledger verify --export ${name} --key '${key}'`;
}

/** Fetches an export. The browser keeps what has come so far, and not this page. */
export async function fetchExport(
  tenant: { readonly id: string; readonly slug: string },
  format: ExportFormat,
  search: AuditSearch,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Exported> {
  const response = await post('/bff/audit/export', { format, ...auditFilter(search) }, signal);
  const named = response.headers.get('Content-Disposition')?.match(/filename="([\w.-]+)"/)?.[1];
  const key = response.headers.get('Countersign-Key');
  if (!response.body || !named || !key) throw CUT_OFF;
  if (response.headers.get('Countersign-Tenant') !== tenant.id) {
    await response.body.cancel();
    throw new RequestError(SWITCHED);
  }
  let bytes = 0;
  const counted = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength;
        onBytes(bytes);
        controller.enqueue(chunk);
      },
    }),
  );
  let file: Blob;
  try {
    file = await new Response(counted).blob();
  } catch {
    throw CUT_OFF;
  }
  if (!(await hasManifest(file, format))) throw CUT_OFF;
  return { name: `${tenant.slug}-${named}`, file, key };
}

/** Whether the file has its end. That it is what was signed is for the command to say. */
export async function hasManifest(file: Blob, format: ExportFormat): Promise<boolean> {
  const end = await file.slice(Math.max(0, file.size - MANIFEST_MAX)).text();
  return `\n${end}`.includes(MANIFEST[format]) && end.endsWith('\n');
}
