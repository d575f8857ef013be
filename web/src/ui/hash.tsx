import { CopyButton } from './copy-button';

/** A long hash, shortened to what an eye compares: the first eight and the last four digits. */
export function Hash({ value, label }: { value: string; label: string }) {
  const short = value.length > 16 ? `${value.slice(0, 8)}…${value.slice(-4)}` : value;
  return (
    <span className="mono inline-flex items-center gap-1 whitespace-nowrap">
      <span title={value}>{short}</span>
      <CopyButton text={value} label={`Copy ${label}`} />
    </span>
  );
}
