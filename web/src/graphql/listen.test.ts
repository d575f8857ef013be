import { afterEach, expect, test, vi } from 'vitest';
import type { Document } from './document';
import { listen } from './listen';
import { RequestError } from './request';

const DOCUMENT: Document<{ n: number }, object> = { name: 'Count', id: 'sha256:00' };

afterEach(() => vi.unstubAllGlobals());

function answering(chunks: readonly string[], headers: Record<string, string> = {}, status = 200) {
  const bytes = chunks.map((chunk) => new TextEncoder().encode(chunk));
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of bytes) controller.enqueue(chunk);
      controller.close();
    },
  });
  vi.stubGlobal(
    'fetch',
    vi.fn(async () => new Response(body, { status, headers: { 'Countersign-Tenant': 'ten_1', ...headers } })),
  );
}

async function told(tenant = 'ten_1') {
  const opened = vi.fn();
  const numbers: number[] = [];
  const events = listen(DOCUMENT, {}, tenant, new AbortController().signal, opened);
  for await (const answer of events) numbers.push(answer.data.n);
  return { numbers, opened };
}

test('answers are read however the stream is cut', async () => {
  answering([
    ':\n\nevent: ne',
    'xt\ndata: {"data":{"n":1}}\n',
    '\nevent: next\ndata: {"data":{"n":2}}\n\n:\n\n',
  ]);
  const { numbers, opened } = await told();
  expect(numbers).toEqual([1, 2]);
  expect(opened).toHaveBeenCalled();
});

test('nothing is read after the end', async () => {
  answering(['event: complete\ndata:\n\nevent: next\ndata: {"data":{"n":1}}\n\n']);
  expect((await told()).numbers).toEqual([]);
});

test('a fault ends it with the code', async () => {
  answering([
    'event: next\ndata: {"errors":[{"message":"no","extensions":{"code":"FORBIDDEN"}}]}\n\nevent: complete\ndata:\n\n',
  ]);
  await expect(told()).rejects.toMatchObject({ fault: { code: 'FORBIDDEN' } });
});

test('another tenant is never shown', async () => {
  answering(['event: next\ndata: {"data":{"n":1}}\n\n'], { 'Countersign-Tenant': 'ten_2' });
  const error = await told().catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(RequestError);
  expect(error).toMatchObject({ fault: { code: 'TENANT_SWITCHED' } });
});

test('a refusal before the stream is a fault', async () => {
  answering(['{"code":"RATE_LIMITED","title":"wait"}'], { 'Content-Type': 'application/problem+json' }, 429);
  await expect(told()).rejects.toMatchObject({ fault: { code: 'RATE_LIMITED' } });
});
