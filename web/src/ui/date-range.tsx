import { isDay } from '../lib/time';
import { useDraft } from './use-draft';

export interface Dates {
  from?: string | undefined;
  to?: string | undefined;
}

/** From a day to a day, either of which may be open. */
export function DateRange({ from, to, onChange }: Dates & { onChange: (change: Dates) => void }) {
  return (
    <span className="flex items-center gap-1.5">
      <DayField label="From" value={from} max={to} onChange={(day) => onChange({ from: day })} />
      <span className="text-muted">to</span>
      <DayField label="To" value={to} min={from} onChange={(day) => onChange({ to: day })} />
    </span>
  );
}

/** A day, which is told once it is whole: while a year is typed, the field says `0002`, `0020`, `0202`. */
function DayField({
  label,
  value = '',
  min,
  max,
  onChange,
}: {
  label: string;
  value: string | undefined;
  min?: string | undefined;
  max?: string | undefined;
  onChange: (day: string | undefined) => void;
}) {
  const { draft, setDraft, told, setTold } = useDraft(value);

  function tell(day: string) {
    setTold(day);
    if (day !== told) onChange(day || undefined);
  }

  return (
    <input
      type="date"
      className="field num w-auto"
      aria-label={label}
      value={draft}
      min={min}
      max={max}
      onChange={({ target }) => {
        setDraft(target.value);
        if (isSaid(target)) tell(target.value);
      }}
      onBlur={({ target }) => {
        if (isSaid(target)) return tell(target.value);
        // What is still half typed when the field is left is no day: it says again what holds.
        target.value = told;
        setDraft(told);
      }}
      onKeyDown={({ key, currentTarget }) => {
        if (key === 'Enter' && isSaid(currentTarget)) tell(currentTarget.value);
      }}
    />
  );
}

/** Whether it says a day, or that there is none. A half-typed one gives the text of an empty field, but is bad. */
function isSaid({ value, validity }: HTMLInputElement): boolean {
  return isDay(value) || (value === '' && !validity.badInput);
}
