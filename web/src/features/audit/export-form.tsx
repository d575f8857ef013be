import type { AuditSearch } from '../../lib/filters';
import { Choice } from '../../ui/choice';
import { DateRange } from '../../ui/date-range';
import { Field } from '../../ui/field';
import type { ExportFormat } from './export-download';
import { OUTCOME_NAMES } from './names';

const FORMATS = {
  jsonl: {
    name: 'JSON Lines',
    help: 'For keeping and for programs: verified row by row, and against checkpoints.',
  },
  csv: { name: 'CSV', help: 'For spreadsheets: verified as a whole.' },
} as const satisfies Record<ExportFormat, { name: string; help: string }>;

type Changes = { [K in keyof AuditSearch]: AuditSearch[K] | undefined };

/** What is exported, and how it is written. */
export function ExportForm({
  format,
  onFormat,
  search,
  onSearch,
}: {
  format: ExportFormat;
  onFormat: (format: ExportFormat) => void;
  search: AuditSearch;
  onSearch: (changes: Changes) => void;
}) {
  return (
    <>
      <fieldset className="grid gap-2 sm:grid-cols-2">
        <legend className="mb-1 text-xs font-medium">Format</legend>
        {(Object.keys(FORMATS) as ExportFormat[]).map((one) => (
          <label key={one} className="flex items-start gap-2 rounded-md border border-line px-3 py-2">
            <input
              type="radio"
              name="format"
              className="mt-1 accent-accent"
              checked={format === one}
              onChange={() => onFormat(one)}
            />
            <span>
              {FORMATS[one].name}
              <span className="block text-xs text-muted">{FORMATS[one].help}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <fieldset className="flex flex-col gap-3">
        <legend className="mb-1 text-xs font-medium">Entries</legend>
        <DateRange from={search.from} to={search.to} onChange={onSearch} />
        <div className="grid gap-3 sm:grid-cols-2">
          <Field label="Of this action" help="Of every action where it is empty.">
            {(props) => (
              <input
                {...props}
                spellCheck={false}
                placeholder="statement.imported"
                value={search.action ?? ''}
                onChange={(event) => onSearch({ action: event.target.value })}
              />
            )}
          </Field>
          <Field label="By this actor" help="By everybody where it is empty.">
            {(props) => (
              <input
                {...props}
                spellCheck={false}
                placeholder="usr_…"
                value={search.actor ?? ''}
                onChange={(event) => onSearch({ actor: event.target.value })}
              />
            )}
          </Field>
        </div>
        <Choice
          label="That ended so"
          any="Any outcome"
          value={search.outcome}
          names={OUTCOME_NAMES}
          onChange={(outcome) => onSearch({ outcome })}
        />
      </fieldset>
    </>
  );
}
