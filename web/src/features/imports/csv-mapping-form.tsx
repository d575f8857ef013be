import type { CsvPreview } from '../../lib/csv';
import { Field } from '../../ui/field';
import { DATE_FORMATS, type Mapping } from './mapping';

/** Which column of a CSV file is which, beside the first rows of it. */
export function CsvMappingForm({
  preview,
  mapping,
  onChange,
}: {
  preview: CsvPreview;
  mapping: Mapping;
  onChange: (mapping: Mapping) => void;
}) {
  const set = (change: Partial<Mapping>) => onChange({ ...mapping, ...change });

  function column(label: string, key: keyof Mapping & string, isNeeded: boolean) {
    return (
      <Field label={label}>
        {(props) => (
          <select
            {...props}
            required={isNeeded}
            value={String(mapping[key])}
            onChange={(event) => set({ [key]: event.target.value })}
          >
            <option value="">{isNeeded ? 'Choose a column' : 'None'}</option>
            {preview.header.map((name, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: two columns may have one name, and none ever moves
              <option key={at} value={name}>
                {name}
              </option>
            ))}
          </select>
        )}
      </Field>
    );
  }

  return (
    <fieldset className="flex min-w-0 flex-col gap-4">
      <legend className="mb-2 font-semibold">Columns of the file</legend>
      <section
        className="relative overflow-x-auto rounded-md border border-line"
        aria-label="First rows of the file"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, so the keyboard must reach it
        tabIndex={0}
      >
        <table className="ledger">
          <thead>
            <tr>
              {preview.header.map((name, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: two columns may have one name, and none ever moves
                <th key={at} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {preview.rows.map((row, line) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: two rows may say the same, and none ever moves
              <tr key={line}>
                {preview.header.map((_, at) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: as above
                  <td key={at} className="num max-w-56 truncate">
                    {row[at]}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <div className="grid gap-4 sm:grid-cols-3">
        {column('Date', 'date', true)}
        <Field label="Date format">
          {(props) => (
            <select
              {...props}
              value={mapping.dateFormat}
              onChange={(event) => set({ dateFormat: event.target.value })}
            >
              {DATE_FORMATS.map(([format, example]) => (
                <option key={format} value={format}>
                  {example}
                </option>
              ))}
            </select>
          )}
        </Field>
        {column('Description', 'description', true)}
        <Field label="Amounts are in">
          {(props) => (
            <select
              {...props}
              value={mapping.isSplit ? 'two' : 'one'}
              onChange={(event) => set({ isSplit: event.target.value === 'two' })}
            >
              <option value="one">one column with a sign</option>
              <option value="two">two columns, in and out</option>
            </select>
          )}
        </Field>
        {mapping.isSplit ? (
          <>
            {column('Money in', 'credit', true)}
            {column('Money out', 'debit', true)}
          </>
        ) : (
          column('Amount', 'amount', true)
        )}
        <Field label="Decimal mark">
          {(props) => (
            <select
              {...props}
              value={mapping.decimalMark}
              onChange={(event) => set({ decimalMark: event.target.value })}
            >
              <option value=".">1,234.50</option>
              <option value=",">1.234,50</option>
            </select>
          )}
        </Field>
        {column('Counterparty', 'counterparty', false)}
        {column('Reference', 'reference', false)}
        {column('Running balance', 'balance', false)}
      </div>
    </fieldset>
  );
}
