import { useSyncExternalStore } from 'react';
import type { DateTime } from '../graphql/scalars';
import { instantText, relativeText } from '../lib/time';

let now = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const one of listeners) one();
  }, 30_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** How long ago; the exact moment on hover. */
export function RelTime({ at }: { at: DateTime }) {
  const moment = useSyncExternalStore(subscribe, () => now);
  return (
    <time dateTime={at} title={`${instantText(at)} (${at})`} className="num whitespace-nowrap">
      {relativeText(at, moment)}
    </time>
  );
}
