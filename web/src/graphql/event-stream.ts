/** What a stream of server-sent events is made of: an event, or a comment that only keeps it open. */
export async function* streamParts(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
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

/** The event's name and its data; null where it is a comment. */
export function readPart(part: string): { event: string; data: string } | null {
  let event = '';
  const data: string[] = [];
  for (const line of part.split('\n')) {
    if (line.startsWith('event:')) event = line.slice(6).trim();
    else if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
  }
  return event === '' ? null : { event, data: data.join('\n') };
}
