import { CAPABILITY_ROWS } from '../lib/capabilities';

/** What is granted beside a role: a box for each capability, in words. */
export function CapabilityChoice({
  legend,
  chosen,
  held,
  onChange,
  error,
}: {
  legend: string;
  chosen: ReadonlySet<string>;
  /** What the role holds of itself: it can be granted too, and changes nothing. */
  held: ReadonlySet<string>;
  onChange: (chosen: ReadonlySet<string>) => void;
  error: string | null;
}) {
  const toggle = (name: string) => {
    const next = new Set(chosen);
    if (!next.delete(name)) next.add(name);
    onChange(next);
  };
  return (
    <fieldset>
      <legend className="mb-1 text-xs font-medium">{legend}</legend>
      <div className="grid gap-x-4 border-t border-strong pt-1.5 sm:grid-cols-2">
        {CAPABILITY_ROWS.map((row) => (
          <label key={row.name} className="flex items-start gap-2 py-1">
            <input
              type="checkbox"
              className="mt-0.5 size-4 shrink-0 accent-accent"
              checked={chosen.has(row.name)}
              onChange={() => toggle(row.name)}
            />
            <span className="min-w-0">
              {row.label}
              {held.has(row.name) && <span className="ml-1 text-xs text-muted">(with the role)</span>}
              <span className="block text-xs text-muted">{row.explains}</span>
            </span>
          </label>
        ))}
      </div>
      {error && (
        <p role="alert" className="mt-1 text-xs text-danger">
          {error}
        </p>
      )}
    </fieldset>
  );
}
