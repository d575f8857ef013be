import type { Document } from './document';
import { type Answer, open, RequestError, readAnswer, SWITCHED } from './request';

/** What a stream sends, one part at a time: `event`, `data`, or a comment that only keeps it open. */
async function* parts(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let read = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      read += decoder.decode(value, { stream: true });
      for (let end = read.indexOf('\n\n'); end >= 0; end = read.indexOf('\n\n')) {
        yield read.slice(0, end);
        read = read.slice(end + 2);
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** One part of a stream of server-sent events: the event's name and its data. */
export function readPart(part: string): { event: string; data: string } | null {
  let event = '';
  const data: string[] = [];
  for (const line of part.split('\n')) {
    if (line.startsWith('event:')) event = line.slice(6).trim();
    else if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
  }
  return event === '' ? null : { event, data: data.join('\n') };
}

/**
 * Opens a subscription of that tenant and gives its answers as they come. `onOpen` is called when the server listens.
 * Ends when the server ends it, and throws where an answer is a fault.
 */
export async function* listen<Data, Variables>(
  document: Document<Data, Variables>,
  variables: Variables,
  tenantId: string,
  signal: AbortSignal,
  onOpen: () => void,
): AsyncGenerator<Answer<Data>> {
  const response = await open(document, variables, 'text/event-stream', signal);
  const requestId = response.headers.get('X-Request-Id');
  if (!response.ok || response.body === null) {
    readAnswer(await response.json().catch(() => ({})), response.status, requestId);
    return;
  }
  const told = response.headers.get('Countersign-Tenant');
  if (told !== null && told !== tenantId) {
    await response.body.cancel();
    throw new RequestError({ ...SWITCHED, requestId });
  }
  for await (const part of parts(response.body)) {
    if (part.startsWith(':')) {
      onOpen();
      continue;
    }
    const event = readPart(part);
    if (event?.event === 'complete') return;
    if (event?.event !== 'next') continue;
    const answer = readAnswer<Data>(JSON.parse(event.data), response.status, requestId);
    const fault = answer.faults[0];
    if (fault) throw new RequestError(fault);
    yield answer;
  }
}
