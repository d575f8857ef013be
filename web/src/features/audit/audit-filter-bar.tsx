import { useState } from 'react';
import { type AuditSearch, OUTCOMES } from '../../lib/filters';
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
      <select
        className="field w-auto"
        aria-label="Outcome"
        value={search.outcome ?? ''}
        onChange={(event) => onChange({ outcome: OUTCOMES.find((one) => one === event.target.value) })}
      >
        <option value="">Any outcome</option>
        {OUTCOMES.map((outcome) => (
          <option key={outcome} value={outcome}>
            {OUTCOME_NAMES[outcome]}
          </option>
        ))}
      </select>
      <span className="flex items-center gap-1.5">
        <input
          type="date"
          className="field num w-auto"
          aria-label="From"
          value={search.from ?? ''}
          max={search.to}
          onChange={(event) => onChange({ from: event.target.value || undefined })}
        />
        <span className="text-muted">to</span>
        <input
          type="date"
          className="field num w-auto"
          aria-label="To"
          value={search.to ?? ''}
          min={search.from}
          onChange={(event) => onChange({ to: event.target.value || undefined })}
        />
      </span>
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
