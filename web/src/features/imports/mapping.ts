import type { CsvMappingInput } from '../../graphql/generated/documents';
import { type CsvPreview, guessColumn, guessDateFormat, guessDecimalMark } from '../../lib/csv';

/** The mapping as the form holds it: an empty text is a column that the file does not have. */
export interface Mapping {
  readonly date: string;
  readonly dateFormat: string;
  readonly isSplit: boolean;
  readonly amount: string;
  readonly credit: string;
  readonly debit: string;
  readonly description: string;
  readonly counterparty: string;
  readonly reference: string;
  readonly balance: string;
  readonly decimalMark: string;
  readonly delimiter: string;
}

export const DATE_FORMATS: readonly (readonly [string, string])[] = [
  ['%Y-%m-%d', '2026-03-31'],
  ['%d.%m.%Y', '31.03.2026'],
  ['%d.%m.%y', '31.03.26'],
  ['%d/%m/%Y', '31/03/2026'],
  ['%m/%d/%Y', '03/31/2026'],
  ['%d-%m-%Y', '31-03-2026'],
  ['%Y%m%d', '20260331'],
];

/** What the headings and the first rows suggest. */
export function guessMapping({ header, rows, delimiter }: CsvPreview): Mapping {
  const cells = (column: string) => rows.map((row) => row[header.indexOf(column)] ?? '');
  const date = guessColumn(header, /date|datum|buchung|booked/i);
  const credit = guessColumn(header, /credit|haben|paid in|money in|deposit/i);
  const debit = guessColumn(header, /debit|soll|paid out|money out|withdrawal/i);
  const amount = guessColumn(header, /amount|betrag|bedrag|montant/i);
  const isSplit = amount === '' && credit !== '' && debit !== '';
  return {
    date,
    dateFormat: guessDateFormat(cells(date)[0] ?? ''),
    isSplit,
    amount,
    credit: isSplit ? credit : '',
    debit: isSplit ? debit : '',
    description: guessColumn(header, /desc|text|zweck|memo|narrative|details|purpose/i),
    counterparty: guessColumn(header, /payee|counterparty|merchant|name|empf|partner/i),
    reference: guessColumn(header, /ref/i),
    balance: guessColumn(header, /balance|saldo/i),
    decimalMark: guessDecimalMark([...cells(amount), ...cells(credit), ...cells(debit)].filter(Boolean)),
    delimiter,
  };
}

export function mappingInput(mapping: Mapping): CsvMappingInput {
  return {
    date: mapping.date,
    dateFormat: mapping.dateFormat,
    amount: mapping.isSplit ? null : mapping.amount || null,
    credit: mapping.isSplit ? mapping.credit || null : null,
    debit: mapping.isSplit ? mapping.debit || null : null,
    description: mapping.description,
    counterparty: mapping.counterparty || null,
    reference: mapping.reference || null,
    balance: mapping.balance || null,
    delimiter: mapping.delimiter,
    decimalMark: mapping.decimalMark,
  };
}
