import type {
  AuditEntryFilter,
  AuditOutcome,
  Direction,
  Magnitude,
  TransactionFilter,
} from '../graphql/generated/documents';
import type { LocalDate } from '../graphql/scalars';
import { isDay, startOfDay, startOfNextDay } from './time';

export const MAGNITUDES = [
  'MICRO',
  'SMALL',
  'MEDIUM',
  'LARGE',
  'XLARGE',
] as const satisfies readonly Magnitude[];
export const DIRECTIONS = ['IN', 'OUT'] as const satisfies readonly Direction[];
export const OUTCOMES = ['DONE', 'REFUSED', 'FAILED'] as const satisfies readonly AuditOutcome[];

/** The filters of the transactions list, as they stand in the address. */
export interface TransactionSearch {
  account?: string;
  category?: string;
  uncategorized?: true;
  from?: string;
  to?: string;
  magnitude?: Magnitude;
  direction?: Direction;
  text?: string;
  /** The transaction that is open beside the list. Not a filter. */
  open?: string;
}

/** The filters of the audit log, as they stand in the address. Days are the reader's own. */
export interface AuditSearch {
  from?: string;
  to?: string;
  action?: string;
  actor?: string;
  outcome?: AuditOutcome;
  /** The entry that is open beside the list, by its number. Not a filter. */
  open?: number;
}

/** What the access page is asked, as it stands in the address. */
export interface AccessSearch {
  /** `Transaction.amount`. */
  action?: string;
  /** The row that it is about. */
  node?: string;
  /** The member who is asked about, instead of oneself. */
  member?: string;
}

/** The most characters that the server searches for. */
export const TEXT_MAX = 100;

type Raw = Record<string, unknown>;

function text(raw: Raw, key: string): string | undefined {
  const value = raw[key];
  const string = typeof value === 'number' ? String(value) : value;
  return typeof string === 'string' && string.trim() !== '' ? string.slice(0, TEXT_MAX) : undefined;
}

function date(raw: Raw, key: string): string | undefined {
  const value = text(raw, key);
  return value && isDay(value) ? value : undefined;
}

function seq(raw: Raw, key: string): number | undefined {
  const value = raw[key];
  const digits = typeof value === 'number' ? String(value) : value;
  return typeof digits === 'string' && /^[1-9]\d{0,14}$/.test(digits) ? Number(digits) : undefined;
}

function oneOf<const T extends string>(raw: Raw, key: string, among: readonly T[]): T | undefined {
  return among.find((one) => one === raw[key]);
}

function withoutGaps<T extends object>(values: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}

/** Reads the address. What is not understood is left out, so that an old link still opens the list. */
export function readTransactionSearch(raw: Raw): TransactionSearch {
  const isUncategorized = raw['uncategorized'] === true || raw['uncategorized'] === 'true';
  return withoutGaps<Required<TransactionSearch>>({
    account: text(raw, 'account'),
    category: isUncategorized ? undefined : text(raw, 'category'),
    uncategorized: isUncategorized ? true : undefined,
    from: date(raw, 'from'),
    to: date(raw, 'to'),
    magnitude: oneOf(raw, 'magnitude', MAGNITUDES),
    direction: oneOf(raw, 'direction', DIRECTIONS),
    text: text(raw, 'text'),
    open: text(raw, 'open'),
  }) as TransactionSearch;
}

export function readAuditSearch(raw: Raw): AuditSearch {
  return withoutGaps<Required<AuditSearch>>({
    from: date(raw, 'from'),
    to: date(raw, 'to'),
    action: text(raw, 'action'),
    actor: text(raw, 'actor'),
    outcome: oneOf(raw, 'outcome', OUTCOMES),
    open: seq(raw, 'open'),
  }) as AuditSearch;
}

export function readAccessSearch(raw: Raw): AccessSearch {
  return withoutGaps<Required<AccessSearch>>({
    action: text(raw, 'action'),
    node: text(raw, 'node'),
    member: text(raw, 'member'),
  }) as AccessSearch;
}

export function transactionFilter(search: TransactionSearch): TransactionFilter {
  return withoutGaps<Required<TransactionFilter>>({
    accountId: search.account,
    categoryId: search.category,
    uncategorized: search.uncategorized,
    from: search.from as LocalDate | undefined,
    to: search.to as LocalDate | undefined,
    magnitude: search.magnitude,
    direction: search.direction,
    text: search.text,
  });
}

export function auditFilter(search: AuditSearch): AuditEntryFilter {
  return withoutGaps<AuditEntryFilter>({
    from: search.from ? startOfDay(search.from) : undefined,
    to: search.to ? startOfNextDay(search.to) : undefined,
    action: search.action,
    actorId: search.actor,
    outcome: search.outcome,
  });
}

/** Whether any filter stands in the address; an open row is none. */
export function isFiltered(search: TransactionSearch | AuditSearch): boolean {
  return Object.keys(search).some((key) => key !== 'open');
}
