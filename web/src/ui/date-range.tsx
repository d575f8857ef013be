export interface Dates {
  from?: string | undefined;
  to?: string | undefined;
}

/** From a day to a day, either of which may be open. */
export function DateRange({ from, to, onChange }: Dates & { onChange: (change: Dates) => void }) {
  return (
    <span className="flex items-center gap-1.5">
      <input
        type="date"
        className="field num w-auto"
        aria-label="From"
        value={from ?? ''}
        max={to}
        onChange={(event) => onChange({ from: event.target.value || undefined })}
      />
      <span className="text-muted">to</span>
      <input
        type="date"
        className="field num w-auto"
        aria-label="To"
        value={to ?? ''}
        min={from}
        onChange={(event) => onChange({ to: event.target.value || undefined })}
      />
    </span>
  );
}
