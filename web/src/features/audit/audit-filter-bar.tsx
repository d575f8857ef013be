import { useId } from 'react';
import type { AuditSearch } from '../../lib/filters';
import { Choice } from '../../ui/choice';
import { DateRange } from '../../ui/date-range';
import { useDraft } from '../../ui/use-draft';
import { OUTCOME_NAMES } from './names';

/** What may be chosen beside what is typed. */
export interface Suggestion {
  readonly value: string;
  readonly label?: string;
}

/** The filters of the log. Exact texts, so they are sent when the field is left or return is pressed. */
export function AuditFilterBar({
  search,
  kinds,
  actors,
  onChange,
}: {
  search: AuditSearch;
  kinds: readonly Suggestion[];
  actors: readonly Suggestion[];
  onChange: (change: { [K in keyof AuditSearch]: AuditSearch[K] | undefined }) => void;
}) {
  return (
    <search aria-label="Filters" className="flex flex-wrap gap-2 px-4 pb-3 md:px-6">
      <ExactText
        isFirst
        label="Action"
        placeholder="Action, as token.created"
        value={search.action ?? ''}
        suggestions={kinds}
        onCommit={(action) => onChange({ action })}
      />
      <ExactText
        label="Actor id"
        placeholder="Actor id, as usr_…"
        value={search.actor ?? ''}
        suggestions={actors}
        onCommit={(actor) => onChange({ actor })}
      />
      <Choice
        label="Outcome"
        any="Any outcome"
        value={search.outcome}
        names={OUTCOME_NAMES}
        onChange={(outcome) => onChange({ outcome })}
      />
      <DateRange from={search.from} to={search.to} onChange={onChange} />
    </search>
  );
}

function ExactText({
  label,
  placeholder,
  value,
  suggestions,
  isFirst = false,
  onCommit,
}: {
  label: string;
  placeholder: string;
  value: string;
  suggestions: readonly Suggestion[];
  isFirst?: boolean;
  onCommit: (value: string | undefined) => void;
}) {
  const { draft, setDraft, told, setTold } = useDraft(value);
  const list = useId();
  const commit = (chosen: string) => {
    const text = chosen.trim();
    setDraft(text);
    setTold(text);
    if (text !== told) onCommit(text || undefined);
  };
  return (
    <>
      <input
        {...(isFirst ? { 'data-filter': '' } : {})}
        type="search"
        list={list}
        className="field max-w-72 min-w-44 flex-1"
        aria-label={label}
        placeholder={placeholder}
        spellCheck={false}
        value={draft}
        onChange={(event) => {
          const typed = event.target.value;
          setDraft(typed);
          // What is chosen of the list comes whole, and not by keys.
          const isChosen = !(event.nativeEvent as InputEvent).inputType?.startsWith('insertText');
          if (isChosen && suggestions.some((one) => one.value === typed)) commit(typed);
        }}
        onBlur={() => commit(draft)}
        onKeyDown={(event) => event.key === 'Enter' && commit(draft)}
      />
      <datalist id={list}>
        {suggestions.map((one) => (
          <option key={one.value} value={one.value} label={one.label} />
        ))}
      </datalist>
    </>
  );
}
