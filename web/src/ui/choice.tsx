/** One of a few values, or any. */
export function Choice<T extends string>({
  label,
  any,
  value,
  names,
  onChange,
}: {
  label: string;
  any: string;
  value: T | undefined;
  names: Record<T, string>;
  onChange: (value: T | undefined) => void;
}) {
  const values = Object.keys(names) as T[];
  return (
    <select
      className="field w-auto"
      aria-label={label}
      value={value ?? ''}
      onChange={(event) => onChange(values.find((one) => one === event.target.value))}
    >
      <option value="">{any}</option>
      {values.map((one) => (
        <option key={one} value={one}>
          {names[one]}
        </option>
      ))}
    </select>
  );
}
