import { SCOPE_ROWS } from '../../lib/scopes';
import { Icon } from '../../ui/icon';

/** What a token may do: reading and writing, by kind of data. */
export function ScopeMatrix({
  chosen,
  onChange,
  error,
}: {
  chosen: ReadonlySet<string>;
  onChange: (chosen: ReadonlySet<string>) => void;
  error: string | null;
}) {
  const toggle = (scope: string) => {
    const next = new Set(chosen);
    if (!next.delete(scope)) next.add(scope);
    onChange(next);
  };
  const box = (scope: string | undefined) =>
    scope ? (
      <input
        type="checkbox"
        aria-label={scope}
        className="size-4 accent-accent"
        checked={chosen.has(scope)}
        onChange={() => toggle(scope)}
      />
    ) : (
      <span className="inline-flex text-strong">
        <Icon name="dash" size={14} />
      </span>
    );
  return (
    <fieldset>
      <legend className="mb-1 text-xs font-medium">Scopes</legend>
      <table className="ledger border-t border-strong">
        <thead>
          <tr>
            <th scope="col">Data</th>
            <th scope="col" className="w-16 text-center">
              Read
            </th>
            <th scope="col" className="w-16 text-center">
              Write
            </th>
          </tr>
        </thead>
        <tbody>
          {SCOPE_ROWS.map((row) => (
            <tr key={row.area}>
              <td>
                {row.area} <span className="ml-1 hidden text-xs text-muted sm:inline">{row.explains}</span>
              </td>
              <td className="text-center">{box(row.read)}</td>
              <td className="text-center">{box(row.write)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {error && (
        <p role="alert" className="mt-1 text-xs text-danger">
          {error}
        </p>
      )}
    </fieldset>
  );
}
