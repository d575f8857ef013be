import type { EntryRowFragment } from '../../graphql/generated/documents';
import type { Suggestion } from './audit-filter-bar';

/** The kinds that the shown entries are of. */
export function kindsOf(entries: readonly Pick<EntryRowFragment, 'action'>[]): Suggestion[] {
  const kinds = [...new Set(entries.map((entry) => entry.action))].sort();
  return kinds.map((value) => ({ value }));
}

/** The actors of the shown entries, by their names where they have one. */
export function actorsOf(entries: readonly Pick<EntryRowFragment, 'actorId' | 'actorName'>[]): Suggestion[] {
  const actors = new Map(entries.map((entry) => [entry.actorId, entry.actorName ?? entry.actorId]));
  const named = [...actors].map(([value, label]) => ({ value, label }));
  return named.sort((one, other) => one.label.localeCompare(other.label));
}
