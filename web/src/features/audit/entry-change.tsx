import { StateBadge, type Tone } from '../../ui/state-badge';
import {
  type Became,
  type Deed,
  type Difference,
  fieldName,
  readPayload,
  type Told,
  toldText,
} from './change';
import { Fact, Part } from './fact';
import { prettyJson } from './pretty-json';

const BECAME: Readonly<Record<Became, { word: string; tone: Tone }>> = {
  ADDED: { word: 'Added', tone: 'positive' },
  REMOVED: { word: 'Removed', tone: 'danger' },
  CHANGED: { word: 'Changed', tone: 'info' },
  SAME: { word: 'Same', tone: 'plain' },
};

const DEEDS: Readonly<Record<Deed | 'NONE', string>> = {
  MADE: 'It was made: there was nothing before. The log keeps what of it is no name, text or amount.',
  REMOVED: 'It was removed: there is nothing after.',
  CHANGED: 'Field by field, as the log keeps it: no names, texts or amounts.',
  NONE: 'This entry is of no change: nothing was made, changed or removed.',
};

/** What was before and what is after, and what else the entry tells. */
export function EntryChange({ payload }: { payload: string }) {
  const told = readPayload(payload);
  return (
    <Part title="Difference" note={DEEDS[told?.deed ?? 'NONE']}>
      {told?.change && told.change.length > 0 && <Differences rows={told.change} />}
      {told && told.beside.length > 0 && (
        <div>
          <p className="text-muted">Also recorded</p>
          <dl>
            {told.beside.map(([name, value]) => (
              <Fact key={name} term={fieldName(name)}>
                <Value value={value} />
              </Fact>
            ))}
          </dl>
        </div>
      )}
      <details>
        <summary className="w-fit cursor-pointer text-muted hover:text-text">
          Payload as it was hashed
        </summary>
        <pre className="mono mt-1.5 rounded-md border border-line bg-bg p-3 break-all whitespace-pre-wrap">
          {prettyJson(payload)}
        </pre>
      </details>
    </Part>
  );
}

function Differences({ rows }: { rows: readonly Difference[] }) {
  return (
    <table className="ledger table-fixed">
      <caption className="sr-only">Fields before and after</caption>
      <thead>
        <tr>
          <th scope="col" className="w-1/4 pl-0!">
            Field
          </th>
          <th scope="col">Before</th>
          <th scope="col">After</th>
          <th scope="col" className="w-24 pr-0!">
            Became
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ field, became, before, after }) => (
          <tr key={field}>
            <th scope="row" className="border-line! pl-0! text-text! whitespace-normal!">
              {fieldName(field)}
            </th>
            <td className="py-1! break-words">
              {before === undefined ? (
                <Nothing />
              ) : became === 'SAME' || toldText(before) === toldText(null) ? (
                <Value value={before} />
              ) : (
                <del className="decoration-danger/60">
                  <Value value={before} />
                </del>
              )}
            </td>
            <td className="py-1! break-words">
              {after === undefined ? (
                <Nothing />
              ) : became === 'SAME' ? (
                <Value value={after} />
              ) : (
                <ins className="no-underline">
                  <Value value={after} />
                </ins>
              )}
            </td>
            <td className="pr-0!">
              <StateBadge tone={BECAME[became].tone}>{BECAME[became].word}</StateBadge>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Nothing() {
  return (
    <span className="text-muted">
      <span aria-hidden="true">–</span>
      <span className="sr-only">nothing</span>
    </span>
  );
}

function Value({ value }: { value: Told }) {
  const text = toldText(value);
  const isPlain = value === null || typeof value === 'boolean';
  return isPlain ? (
    <span className="text-muted">{text}</span>
  ) : (
    <code className="mono break-all">{text}</code>
  );
}
