import type { CurrencyCode, Decimal } from '../graphql/scalars';
import { moneyParts } from '../lib/money';

/** An amount: sign, tabular digits, currency. Colour never tells alone what the sign does not. */
export function Money({
  amount,
  currency,
  isFlow = false,
}: {
  amount: Decimal;
  currency: CurrencyCode;
  /** A movement, whose plus is worth showing; a balance shows only its minus. */
  isFlow?: boolean;
}) {
  const { sign, digits, currency: code } = moneyParts(amount, currency);
  const shown = sign === '−' || isFlow ? sign : '';
  return (
    <span className={`num whitespace-nowrap ${isFlow && sign === '+' ? 'text-positive' : ''}`}>
      {shown}
      {digits}
      <span className="ml-1.5 text-xs text-muted">{code}</span>
    </span>
  );
}
