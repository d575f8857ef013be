import { useEffect, useRef, useState } from 'react';
import { useTenant } from '../lib/tenant';
import type { Document } from './document';
import { listen } from './listen';
import { RequestError } from './request';

/** How a live stream stands. `refused` is final: the server said that this caller may not listen. */
export type LiveState = 'off' | 'connecting' | 'live' | 'waiting' | 'refused';

const AGAIN_MS = 3_000;
const FINAL = new Set(['FORBIDDEN', 'UNAUTHENTICATED', 'GRAPHQL_VALIDATION_FAILED', 'TENANT_SWITCHED']);

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/**
 * Listens to a subscription while `isOn`, and again a moment after it was cut off. `variables` are asked for
 * each time, so that they can say what was heard last; where `key` changes, it begins anew.
 */
export function useLive<Data, Variables>(
  document: Document<Data, Variables>,
  key: string,
  isOn: boolean,
  handlers: { variables: () => Variables; onEvent: (data: Data) => void },
): LiveState {
  const [state, setState] = useState<LiveState>('off');
  const latest = useRef(handlers);
  latest.current = handlers;
  const { id } = useTenant();

  // biome-ignore lint/correctness/useExhaustiveDependencies: another key is another stream
  useEffect(() => {
    if (!isOn) {
      setState('off');
      return;
    }
    const abort = new AbortController();
    const listenOnce = async () => {
      setState('connecting');
      const { variables, onEvent } = latest.current;
      const answers = listen(document, variables(), id, abort.signal, () => setState('live'));
      for await (const answer of answers) onEvent(answer.data);
    };
    const isFinal = (error: unknown) => error instanceof RequestError && FINAL.has(error.fault.code);
    void (async () => {
      while (!abort.signal.aborted) {
        try {
          await listenOnce();
        } catch (error) {
          if (abort.signal.aborted) return;
          if (isFinal(error)) return setState('refused');
        }
        if (abort.signal.aborted) return;
        setState('waiting');
        await wait(AGAIN_MS, abort.signal);
      }
    })();
    return () => abort.abort();
  }, [document, key, id, isOn]);
  return state;
}
