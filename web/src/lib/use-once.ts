import { useMemo, useRef } from 'react';

/** Lets one go at a time, and knows of it at once: a second press may come before the first is drawn. */
export function useOnce(): { begin: () => boolean; end: () => void } {
  const isUnderWay = useRef(false);
  return useMemo(
    () => ({
      begin: () => {
        if (isUnderWay.current) return false;
        isUnderWay.current = true;
        return true;
      },
      end: () => {
        isUnderWay.current = false;
      },
    }),
    [],
  );
}
