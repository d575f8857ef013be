/** The scalars of the schema as texts of their own kind, so that none is taken for another. */
declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** An exact decimal number: `-1234.50`. Never turned into a float. */
export type Decimal = Branded<'Decimal'>;
/** A date without a time: `2026-03-31`. */
export type LocalDate = Branded<'LocalDate'>;
/** An instant in UTC, RFC 3339. */
export type DateTime = Branded<'DateTime'>;
/** ISO 4217: `EUR`. */
export type CurrencyCode = Branded<'CurrencyCode'>;
/** Standard Base64 with padding. */
export type Base64 = Branded<'Base64'>;
