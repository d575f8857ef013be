import { LOCALE } from './locale';

const count = new Intl.NumberFormat(LOCALE);

/** How many, in groups of digits. What is a name of something, as the number of an entry, is not written so. */
export function countText(value: number): string {
  return count.format(value);
}

const BYTES_SHOWN = 10_000;
const UNITS = ['kilobyte', 'megabyte', 'gigabyte'] as const;

/** A size of that many bytes: to the byte where it is small, else `8.4 MB`. */
export function sizeText(bytes: number): string {
  if (bytes < BYTES_SHOWN) {
    const exact = { style: 'unit', unit: 'byte', unitDisplay: 'long' } as const;
    return new Intl.NumberFormat(LOCALE, exact).format(bytes);
  }
  const step = Math.min(UNITS.length, Math.floor(Math.log10(bytes) / 3));
  const style = { style: 'unit', unit: UNITS[step - 1] ?? 'gigabyte', maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(LOCALE, style).format(bytes / 1000 ** step);
}
