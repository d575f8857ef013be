import { useState } from 'react';
import type { AuditSearch } from '../../lib/filters';
import { Choice } from '../../ui/choice';
import { DateRange } from '../../ui/date-range';
import { OUTCOME_NAMES } from './names';

/** The filters of the log. Exact texts, so they are sent when the field is left or return is pressed. */
export function AuditFilterBar({
  search,
  onChange,
}: {
  search: AuditSearch;
  onChange: (change: { [K in keyof AuditSearch]: AuditSearch[K] | undefined }) => void;
}) {
  return (
    <search aria-label="Filters" className="flex flex-wrap gap-2 px-4 pb-3 md:px-6">
      <ExactText
        key={`action ${search.action ?? ''}`}
        isFirst
        label="Action"
        placeholder="Action, as token.created"
        value={search.action ?? ''}
        onCommit={(action) => onChange({ action })}
      />
      <ExactText
        key={`actor ${search.actor ?? ''}`}
        label="Actor id"
        placeholder="Actor id, as usr_…"
        value={search.actor ?? ''}
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
  isFirst = false,
  onCommit,
}: {
  label: string;
  placeholder: string;
  value: string;
  isFirst?: boolean;
  onCommit: (value: string | undefined) => void;
}) {
  const [text, setText] = useState(value);
  const commit = () => {
    if (text.trim() !== value) onCommit(text.trim() || undefined);
  };
  return (
    <input
      {...(isFirst ? { 'data-filter': '' } : {})}
      type="search"
      className="field max-w-72 min-w-44 flex-1"
      aria-label={label}
      placeholder={placeholder}
      spellCheck={false}
      value={text}
      onChange={(event) => setText(event.target.value)}
      onBlur={commit}
      onKeyDown={(event) => event.key === 'Enter' && commit()}
    />
  );
}
