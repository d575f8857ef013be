import { afterEach, expect, test, vi } from 'vitest';
import { fetchExport, hasManifest, verifyCommand } from './export-download';

const tenant = { id: 'ten_1', slug: 'northwind' };
const headers = {
  'Content-Disposition': 'attachment; filename="audit-log-20260101T000000Z.jsonl"',
  'Countersign-Key': 'countersign/ten_1+0a0b0c0d+AQ==',
  'Countersign-Tenant': 'ten_1',
};
const whole = '{"seq":1}\n{"manifest":"…"}\n';

afterEach(() => vi.unstubAllGlobals());

function answer(body: BodyInit | null, init: ResponseInit = { headers }) {
  const fetch = vi.fn(() => Promise.resolve(new Response(body, init)));
  vi.stubGlobal('fetch', fetch);
  return fetch;
}

const ask = () =>
  fetchExport(tenant, 'jsonl', { action: 'a.b', open: 3 }, () => undefined, new AbortController().signal);

test('a whole file comes with the line that verifies it', async () => {
  const fetch = answer(whole);
  const exported = await ask();
  expect(await exported.file.text()).toBe(whole);
  expect(verifyCommand(exported)).toBe(
    "countersign ledger verify --export northwind-audit-log-20260101T000000Z.jsonl --key 'countersign/ten_1+0a0b0c0d+AQ=='",
  );
  const [path, sent] = fetch.mock.calls[0] as unknown as [string, RequestInit];
  expect(path).toBe('/bff/audit/export');
  expect(sent.headers).toMatchObject({ 'X-CSRF': '1' });
  expect(JSON.parse(String(sent.body))).toEqual({ format: 'jsonl', action: 'a.b' });
});

test('what breaks off is no file', async () => {
  answer('{"seq":1}\n');
  await expect(ask()).rejects.toMatchObject({ fault: { code: 'EXPORT_CUT_OFF' } });
  const broken = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{"seq":1}\n'));
    },
    pull: () => Promise.reject(new TypeError('network error')),
  });
  answer(broken);
  await expect(ask()).rejects.toMatchObject({ fault: { code: 'EXPORT_CUT_OFF' } });
});

test('the log of another tenant is not saved as this one’s', async () => {
  answer(whole, { headers: { ...headers, 'Countersign-Tenant': 'ten_2' } });
  await expect(ask()).rejects.toMatchObject({ fault: { code: 'TENANT_SWITCHED' } });
});

test('a refusal is told by its code', async () => {
  const problem = { code: 'STEP_UP_REQUIRED', detail: 'an export needs a second factor' };
  answer(JSON.stringify(problem), { status: 403 });
  await expect(ask()).rejects.toMatchObject({ fault: { code: 'STEP_UP_REQUIRED' } });
});

test('the manifest is looked for at the end, in either format', async () => {
  expect(await hasManifest(new Blob(['{"manifest":"…"}\n']), 'jsonl')).toBe(true);
  expect(await hasManifest(new Blob(['tenant,seq\r\nmanifest,"…",\r\n']), 'csv')).toBe(true);
  expect(await hasManifest(new Blob(['tenant,seq\r\n']), 'csv')).toBe(false);
  expect(await hasManifest(new Blob([whole, 'x'.repeat(20_000), '\n']), 'jsonl')).toBe(false);
});
