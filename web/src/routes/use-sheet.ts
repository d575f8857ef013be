import { type HistoryLocation, useRouter } from '@tanstack/react-router';
import { useRef } from 'react';

declare module '@tanstack/history' {
  interface HistoryState {
    /** A sheet was opened on the page that stands before in the history. */
    isSheet?: true;
  }
}

/** What a way to an open sheet is marked by. */
export const OPENED = { isSheet: true } as const;

/**
 * Closes a sheet that stands in the address. Where it was opened on the page, that is the way back, so that the browser's
 * own does not open it again; where one came to it by a link, `drop` is to put the page without it in its place.
 */
export function useSheetClose(drop: () => void): () => void {
  const { history } = useRouter();
  const left = useRef<HistoryLocation | null>(null);
  return () => {
    // The browser goes back in its own time: a second key before that is not to go back twice.
    if (left.current === history.location) return;
    left.current = history.location;
    if (history.location.state.isSheet) history.back();
    else drop();
  };
}
