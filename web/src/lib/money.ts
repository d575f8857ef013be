import type { CurrencyCode, Decimal } from '../graphql/scalars';
import { LOCALE } from './locale';

const formats = new Map<string, Intl.NumberFormat>();

function format(currency: CurrencyCode): Intl.NumberFormat {
  let found = formats.get(currency);
  if (!found) {
    const places = new Intl.NumberFormat(LOCALE, { style: 'currency', currency }).resolvedOptions();
    // Not in the style of a currency, which has separators of its own in some regions: all numbers are to be alike.
    found = new Intl.NumberFormat(LOCALE, {
      minimumFractionDigits: places.minimumFractionDigits ?? 0,
      // The books keep six places. What they hold is shown, never rounded away.
      maximumFractionDigits: 6,
    });
    formats.set(currency, found);
  }
  return found;
}

/** An amount in the parts that a column sets apart: sign, digits, currency. */
export interface MoneyParts {
  readonly sign: '+' | '−' | '';
  readonly digits: string;
  readonly currency: string;
}

/**
 * Splits a decimal text for display. The text goes to `Intl` as it is, which reads decimal strings exactly:
 * no float in between, so that `9007199254740993.01` keeps its last digit.
 */
export function moneyParts(amount: Decimal, currency: CurrencyCode): MoneyParts {
  const isDecimal = /^-?\d+(\.\d+)?$/.test(amount);
  if (!isDecimal) return { sign: '', digits: amount, currency };
  const sign = amount.startsWith('-') ? '−' : /[1-9]/.test(amount) ? '+' : '';
  let digits = '';
  try {
    const parts = format(currency).formatToParts(amount as unknown as number);
    for (const part of parts) {
      if (['integer', 'group', 'decimal', 'fraction'].includes(part.type)) digits += part.value;
    }
  } catch {
    // Not a currency that Intl takes for one: the text as it came, without its sign.
    digits = amount.replace('-', '');
  }
  return { sign: /[1-9]/.test(amount) ? sign : '', digits, currency };
}

/** The amount as one text, for labels and for the clipboard. */
export function moneyText(amount: Decimal, currency: CurrencyCode): string {
  const { sign, digits } = moneyParts(amount, currency);
  return `${sign}${digits} ${currency}`;
}
