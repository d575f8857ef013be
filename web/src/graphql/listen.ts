import type { Document } from './document';
import { readPart, streamParts } from './event-stream';
import { type Answer, open, RequestError, readAnswer, SWITCHED } from './request';

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
  for await (const part of streamParts(response.body)) {
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
