import { useCallback, useEffect, useMemo, useState } from 'react';
import {
  AuditEntryAddedDocument,
  type AuditEntryAddedSubscription,
  type AuditEntryFilter,
} from '../../graphql/generated/documents';
import { type LiveState, useLive } from '../../graphql/use-live';

type Entry = NonNullable<AuditEntryAddedSubscription['auditEntryAdded']>;

/** The most entries that are kept beside the list: what is older is a page of it. */
const KEPT = 500;

/** Puts an entry on top, unless it is there. */
export function withEntry(entries: readonly Entry[], entry: Entry): readonly Entry[] {
  return entries.some((one) => one.seq === entry.seq) ? entries : [entry, ...entries].slice(0, KEPT);
}

/**
 * The list with what was written to the log since it was read, newest first. Listening begins with the entry
 * after the newest that is shown, so that none is missed in between.
 */
export function useLiveEntries(
  filter: AuditEntryFilter,
  listed: readonly Entry[],
  isOn: boolean,
): { entries: readonly Entry[]; state: LiveState; clear: () => void } {
  const [heard, setHeard] = useState<readonly Entry[]>([]);
  const clear = useCallback(() => setHeard([]), []);
  const key = JSON.stringify(filter);
  // biome-ignore lint/correctness/useExhaustiveDependencies: entries of another filter are none of this one
  useEffect(clear, [key]);
  const entries = useMemo(() => {
    const known = new Set(listed.map((entry) => entry.seq));
    return [...heard.filter((entry) => !known.has(entry.seq)), ...listed];
  }, [heard, listed]);
  const state = useLive(AuditEntryAddedDocument, key, isOn, {
    variables: () => ({ filter, afterSeq: entries[0]?.seq ?? null }),
    onEvent: ({ auditEntryAdded: entry }) => {
      if (entry) setHeard((before) => withEntry(before, entry));
    },
  });
  return { entries, state, clear };
}
