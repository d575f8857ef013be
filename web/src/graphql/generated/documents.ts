// Generated from api/schema.graphql and src/graphql/operations by `npm run generate`.
import type { Document } from '../document';

/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
/** Which rows; every condition given must hold. */
export type AuditEntryFilter = {
  /** The whole name, such as `statement.imported`. */
  action?: string | null | undefined;
  /** `usr_…`, `tok_…`, `mch_…` or an operator's command. */
  actorId?: string | null | undefined;
  /** At this instant or later. */
  from?: import('../scalars').DateTime | null | undefined;
  outcome?: AuditOutcome | null | undefined;
  /** Before this instant. */
  to?: import('../scalars').DateTime | null | undefined;
};

/** How it ended: done, refused by policy or by a rule of input, or failed. */
export type AuditOutcome =
  | 'DONE'
  | 'REFUSED'
  | 'FAILED';

/** Whether the entries lead from the opening to the closing balance. A file in which they do not is not imported. */
export type BalanceCheck =
  | 'BALANCED'
  | 'NOT_STATED';

export type CategorizeTransactionInput = {
  /** The category, or null to take it out of its category. */
  categoryId?: string | null | undefined;
  transactionId: string;
};

export type CreateAccountInput = {
  currency: import('../scalars').CurrencyCode;
  /** The member who has it in their care. */
  custodianId?: string | null | undefined;
  /** What to call it, from 1 to 80 characters. */
  name: string;
  /** IBAN or the bank's own number, by which statements find it. */
  number?: string | null | undefined;
  personal?: boolean;
};

export type CreateApiTokenInput = {
  /** From 1 to 365. */
  expiresInDays?: number;
  /** What it is for, from 1 to 60 characters. */
  name: string;
  /** What it may do: at least one scope. */
  scopes: Array<string>;
};

export type CreateCategoryInput = {
  /** From 1 to 60 characters, unlike every other category's. */
  name: string;
};

/** The columns of a CSV file, by their headers. */
export type CsvMappingInput = {
  /** Signed amounts, where one column holds them. */
  amount?: string | null | undefined;
  /** The balance after each row, which is then checked. */
  balance?: string | null | undefined;
  /** The other party. */
  counterparty?: string | null | undefined;
  /** Money in, where two columns hold amounts. */
  credit?: string | null | undefined;
  /** The currency of the amounts; the account's where not given. */
  currency?: string | null | undefined;
  /** The booking date. */
  date: string;
  /** How dates are written, in `strftime` form. */
  dateFormat?: string;
  /** Money out, where two columns hold amounts. */
  debit?: string | null | undefined;
  decimalMark?: string;
  delimiter?: string;
  /** The description. */
  description: string;
  /** The bank's reference. */
  reference?: string | null | undefined;
};

/** Which way money moved. */
export type Direction =
  | 'IN'
  | 'OUT';

export type ImportStatementInput = {
  /** The account that it belongs to. Needed where the file does not name one; otherwise the account with that number is taken. */
  accountId?: string | null | undefined;
  /** The file. */
  content: import('../scalars').Base64;
  /** How the columns are to be read, for CSV. */
  csv?: CsvMappingInput | null | undefined;
  /** The name of the file, as people know it. */
  fileName: string;
};

/** MICRO under 10, SMALL to 100, MEDIUM to 1,000, LARGE to 10,000, XLARGE above; the sign does not count. */
export type Magnitude =
  | 'MICRO'
  | 'SMALL'
  | 'MEDIUM'
  | 'LARGE'
  | 'XLARGE';

/** Who asks. */
export type PrincipalKind =
  | 'HUMAN'
  | 'MACHINE';

export type RemoveMemberInput = {
  memberId: string;
};

export type RevokeApiTokenInput = {
  apiTokenId: string;
};

/** A format that statements come in. */
export type StatementFormat =
  | 'CAMT_053'
  | 'CAMT_052'
  | 'OFX'
  | 'MT940'
  | 'CSV';

/** Which transactions; every condition given must hold. */
export type TransactionFilter = {
  accountId?: string | null | undefined;
  categoryId?: string | null | undefined;
  direction?: Direction | null | undefined;
  /** Booked on this day or later. */
  from?: import('../scalars').LocalDate | null | undefined;
  magnitude?: Magnitude | null | undefined;
  /** Part of the description or the counterparty, without regard to case. Needs the right to read both. */
  text?: string | null | undefined;
  /** Booked on this day or earlier. */
  to?: import('../scalars').LocalDate | null | undefined;
  /** Only those without a category. */
  uncategorized?: boolean | null | undefined;
};

/** The stable codes of faults of input. */
export type UserErrorCode =
  | 'INVALID'
  | 'TAKEN'
  | 'NOT_FOUND'
  | 'TOO_LARGE'
  | 'STATEMENT_BROKEN'
  | 'STATEMENT_UNBALANCED'
  | 'ACCOUNT_UNKNOWN'
  | 'ACCOUNT_AMBIGUOUS'
  | 'CURRENCY_MISMATCH'
  | 'LAST_OWNER'
  | 'ALREADY_DONE';

/** What the policies say, before any row. */
export type Verdict =
  | 'ALLOW'
  | 'DENY'
  | 'DEPENDS_ON_ROW';

export type AuditEntriesQueryVariables = Exact<{
  filter?: AuditEntryFilter | null | undefined;
  first: number;
  after?: string | null | undefined;
}>;


export type AuditEntriesQuery = { tenant: { slug: string } | null, auditEntries: { pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, seq: number, occurredAt: import('../scalars').DateTime, actorKind: string, actorId: string, actorName: string | null, action: string, permission: string, outcome: AuditOutcome, targets: Array<string>, requestId: string, source: string | null, payload: string, hash: string, previousHash: string }> } | null };

export type AuditHeadQueryVariables = Exact<{ [key: string]: never; }>;


export type AuditHeadQuery = { auditEntries: { nodes: Array<{ seq: number, hash: string, occurredAt: import('../scalars').DateTime }> } | null };

export type AccountsQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
}>;


export type AccountsQuery = { tenant: { slug: string } | null, accounts: { pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, name: string, currency: import('../scalars').CurrencyCode, personal: boolean, number: string | null, balance: import('../scalars').Decimal | null, balanceOn: import('../scalars').LocalDate | null, createdAt: import('../scalars').DateTime, custodian: { id: string, name: string | null } | null }> } | null };

export type AccountNamesQueryVariables = Exact<{ [key: string]: never; }>;


export type AccountNamesQuery = { accounts: { nodes: Array<{ id: string, name: string, currency: import('../scalars').CurrencyCode, personal: boolean }> } | null };

export type CategoriesQueryVariables = Exact<{ [key: string]: never; }>;


export type CategoriesQuery = { categories: { nodes: Array<{ id: string, name: string }> } | null };

export type CreateAccountMutationVariables = Exact<{
  input: CreateAccountInput;
}>;


export type CreateAccountMutation = { createAccount: { account: { id: string, name: string } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type CreateCategoryMutationVariables = Exact<{
  input: CreateCategoryInput;
}>;


export type CreateCategoryMutation = { createCategory: { category: { id: string, name: string } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type ComplaintFragment = { code: UserErrorCode, message: string, field: Array<string> | null };

export type ImportsQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
}>;


export type ImportsQuery = { tenant: { slug: string } | null, imports: { pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, fileName: string, format: StatementFormat, sha256: string, byteCount: number, statementCount: number, importedCount: number, duplicateCount: number, createdAt: import('../scalars').DateTime }> } | null };

export type StatementsQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
}>;


export type StatementsQuery = { tenant: { slug: string } | null, statements: { pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, reference: string | null, currency: import('../scalars').CurrencyCode, periodStart: import('../scalars').LocalDate | null, periodEnd: import('../scalars').LocalDate | null, opening: import('../scalars').Decimal | null, closing: import('../scalars').Decimal | null, balanceCheck: BalanceCheck, transactionCount: number, import: { id: string, fileName: string } | null, account: { id: string, name: string } | null }> } | null };

export type ImportStatementMutationVariables = Exact<{
  input: ImportStatementInput;
}>;


export type ImportStatementMutation = { importStatement: { alreadyImported: boolean, import: { id: string, fileName: string, format: StatementFormat, sha256: string, byteCount: number, statementCount: number, importedCount: number, duplicateCount: number, createdAt: import('../scalars').DateTime } | null, statements: Array<{ id: string, reference: string | null, currency: import('../scalars').CurrencyCode, periodStart: import('../scalars').LocalDate | null, periodEnd: import('../scalars').LocalDate | null, opening: import('../scalars').Decimal | null, closing: import('../scalars').Decimal | null, balanceCheck: BalanceCheck, transactionCount: number, account: { id: string, name: string } | null }> | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type ImportRowFragment = { id: string, fileName: string, format: StatementFormat, sha256: string, byteCount: number, statementCount: number, importedCount: number, duplicateCount: number, createdAt: import('../scalars').DateTime };

export type StatementRowFragment = { id: string, reference: string | null, currency: import('../scalars').CurrencyCode, periodStart: import('../scalars').LocalDate | null, periodEnd: import('../scalars').LocalDate | null, opening: import('../scalars').Decimal | null, closing: import('../scalars').Decimal | null, balanceCheck: BalanceCheck, transactionCount: number, account: { id: string, name: string } | null };

export type MembersQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
}>;


export type MembersQuery = { tenant: { slug: string } | null, members: { pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, name: string | null, email: string | null, role: string | null, capabilities: Array<string> | null, joinedAt: import('../scalars').DateTime | null }> } | null };

export type MemberNamesQueryVariables = Exact<{ [key: string]: never; }>;


export type MemberNamesQuery = { members: { nodes: Array<{ id: string, name: string | null }> } | null };

export type RemoveMemberMutationVariables = Exact<{
  input: RemoveMemberInput;
}>;


export type RemoveMemberMutation = { removeMember: { removedMemberId: string | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type PermissionsQueryVariables = Exact<{ [key: string]: never; }>;


export type PermissionsQuery = { viewer: { kind: PrincipalKind, member: { id: string, name: string | null, role: string | null } | null, importStatement: { action: string, verdict: Verdict, rules: Array<string> | null }, createAccount: { action: string, verdict: Verdict, rules: Array<string> | null }, createCategory: { action: string, verdict: Verdict, rules: Array<string> | null }, categorizeTransaction: { action: string, verdict: Verdict, rules: Array<string> | null }, createApiToken: { action: string, verdict: Verdict, rules: Array<string> | null }, revokeApiToken: { action: string, verdict: Verdict, rules: Array<string> | null }, removeMember: { action: string, verdict: Verdict, rules: Array<string> | null } } | null };

export type RulingFragment = { action: string, verdict: Verdict, rules: Array<string> | null };

export type ApiTokensQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
}>;


export type ApiTokensQuery = { tenant: { slug: string } | null, apiTokens: { pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, name: string, scopes: Array<string>, lastFour: string, createdAt: import('../scalars').DateTime, expiresAt: import('../scalars').DateTime, lastUsedAt: import('../scalars').DateTime | null, revokedAt: import('../scalars').DateTime | null, createdBy: { id: string, name: string | null } | null }> } | null };

export type CreateApiTokenMutationVariables = Exact<{
  input: CreateApiTokenInput;
}>;


export type CreateApiTokenMutation = { createApiToken: { plainToken: string | null, apiToken: { id: string, name: string, scopes: Array<string>, lastFour: string, createdAt: import('../scalars').DateTime, expiresAt: import('../scalars').DateTime, lastUsedAt: import('../scalars').DateTime | null, revokedAt: import('../scalars').DateTime | null, createdBy: { id: string, name: string | null } | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type RevokeApiTokenMutationVariables = Exact<{
  input: RevokeApiTokenInput;
}>;


export type RevokeApiTokenMutation = { revokeApiToken: { apiToken: { id: string, revokedAt: import('../scalars').DateTime | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type TokenRowFragment = { id: string, name: string, scopes: Array<string>, lastFour: string, createdAt: import('../scalars').DateTime, expiresAt: import('../scalars').DateTime, lastUsedAt: import('../scalars').DateTime | null, revokedAt: import('../scalars').DateTime | null, createdBy: { id: string, name: string | null } | null };

export type TransactionsQueryVariables = Exact<{
  filter?: TransactionFilter | null | undefined;
  first: number;
  after?: string | null | undefined;
}>;


export type TransactionsQuery = { tenant: { slug: string } | null, transactions: { totalCount: number | null, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, bookedOn: import('../scalars').LocalDate, valueOn: import('../scalars').LocalDate | null, currency: import('../scalars').CurrencyCode, amount: import('../scalars').Decimal | null, magnitude: Magnitude | null, direction: Direction, counterparty: string | null, description: string | null, account: { id: string, name: string } | null, category: { id: string, name: string } | null }> } | null };

export type TransactionDetailQueryVariables = Exact<{
  id: string;
}>;


export type TransactionDetailQuery = { node:
    | { reference: string | null, id: string, bookedOn: import('../scalars').LocalDate, valueOn: import('../scalars').LocalDate | null, currency: import('../scalars').CurrencyCode, amount: import('../scalars').Decimal | null, magnitude: Magnitude | null, direction: Direction, counterparty: string | null, description: string | null, statement: { id: string, reference: string | null, periodStart: import('../scalars').LocalDate | null, periodEnd: import('../scalars').LocalDate | null } | null, account: { id: string, name: string } | null, category: { id: string, name: string } | null }
    | Record<PropertyKey, never>
   | null };

export type CategorizeTransactionMutationVariables = Exact<{
  input: CategorizeTransactionInput;
}>;


export type CategorizeTransactionMutation = { categorizeTransaction: { transaction: { id: string, category: { id: string, name: string } | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type TransactionRowFragment = { id: string, bookedOn: import('../scalars').LocalDate, valueOn: import('../scalars').LocalDate | null, currency: import('../scalars').CurrencyCode, amount: import('../scalars').Decimal | null, magnitude: Magnitude | null, direction: Direction, counterparty: string | null, description: string | null, account: { id: string, name: string } | null, category: { id: string, name: string } | null };

export const AuditEntriesDocument: Document<AuditEntriesQuery, AuditEntriesQueryVariables> = {
  name: 'AuditEntries',
  text: "query AuditEntries($filter: AuditEntryFilter, $first: Int!, $after: String) {\n  tenant {\n    slug\n  }\n  auditEntries(filter: $filter, first: $first, after: $after) {\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n    nodes {\n      id\n      seq\n      occurredAt\n      actorKind\n      actorId\n      actorName\n      action\n      permission\n      outcome\n      targets\n      requestId\n      source\n      payload\n      hash\n      previousHash\n    }\n  }\n}",
};

export const AuditHeadDocument: Document<AuditHeadQuery, AuditHeadQueryVariables> = {
  name: 'AuditHead',
  text: "query AuditHead {\n  auditEntries(first: 1) {\n    nodes {\n      seq\n      hash\n      occurredAt\n    }\n  }\n}",
};

export const AccountsDocument: Document<AccountsQuery, AccountsQueryVariables> = {
  name: 'Accounts',
  text: "query Accounts($first: Int!, $after: String) {\n  tenant {\n    slug\n  }\n  accounts(first: $first, after: $after) {\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n    nodes {\n      id\n      name\n      currency\n      personal\n      number\n      balance\n      balanceOn\n      createdAt\n      custodian {\n        id\n        name\n      }\n    }\n  }\n}",
};

export const AccountNamesDocument: Document<AccountNamesQuery, AccountNamesQueryVariables> = {
  name: 'AccountNames',
  text: "query AccountNames {\n  accounts(first: 100) {\n    nodes {\n      id\n      name\n      currency\n      personal\n    }\n  }\n}",
};

export const CategoriesDocument: Document<CategoriesQuery, CategoriesQueryVariables> = {
  name: 'Categories',
  text: "query Categories {\n  categories(first: 100) {\n    nodes {\n      id\n      name\n    }\n  }\n}",
};

export const CreateAccountDocument: Document<CreateAccountMutation, CreateAccountMutationVariables> = {
  name: 'CreateAccount',
  text: "mutation CreateAccount($input: CreateAccountInput!) {\n  createAccount(input: $input) {\n    account {\n      id\n      name\n    }\n    userErrors {\n      ...Complaint\n    }\n  }\n}\n\nfragment Complaint on UserError {\n  code\n  message\n  field\n}",
};

export const CreateCategoryDocument: Document<CreateCategoryMutation, CreateCategoryMutationVariables> = {
  name: 'CreateCategory',
  text: "mutation CreateCategory($input: CreateCategoryInput!) {\n  createCategory(input: $input) {\n    category {\n      id\n      name\n    }\n    userErrors {\n      ...Complaint\n    }\n  }\n}\n\nfragment Complaint on UserError {\n  code\n  message\n  field\n}",
};

export const ImportsDocument: Document<ImportsQuery, ImportsQueryVariables> = {
  name: 'Imports',
  text: "query Imports($first: Int!, $after: String) {\n  tenant {\n    slug\n  }\n  imports(first: $first, after: $after) {\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n    nodes {\n      ...ImportRow\n    }\n  }\n}\n\nfragment ImportRow on Import {\n  id\n  fileName\n  format\n  sha256\n  byteCount\n  statementCount\n  importedCount\n  duplicateCount\n  createdAt\n}",
};

export const StatementsDocument: Document<StatementsQuery, StatementsQueryVariables> = {
  name: 'Statements',
  text: "query Statements($first: Int!, $after: String) {\n  tenant {\n    slug\n  }\n  statements(first: $first, after: $after) {\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n    nodes {\n      ...StatementRow\n      import {\n        id\n        fileName\n      }\n    }\n  }\n}\n\nfragment StatementRow on Statement {\n  id\n  reference\n  currency\n  periodStart\n  periodEnd\n  opening\n  closing\n  balanceCheck\n  transactionCount\n  account {\n    id\n    name\n  }\n}",
};

export const ImportStatementDocument: Document<ImportStatementMutation, ImportStatementMutationVariables> = {
  name: 'ImportStatement',
  text: "mutation ImportStatement($input: ImportStatementInput!) {\n  importStatement(input: $input) {\n    import {\n      ...ImportRow\n    }\n    statements {\n      ...StatementRow\n    }\n    alreadyImported\n    userErrors {\n      ...Complaint\n    }\n  }\n}\n\nfragment ImportRow on Import {\n  id\n  fileName\n  format\n  sha256\n  byteCount\n  statementCount\n  importedCount\n  duplicateCount\n  createdAt\n}\n\nfragment StatementRow on Statement {\n  id\n  reference\n  currency\n  periodStart\n  periodEnd\n  opening\n  closing\n  balanceCheck\n  transactionCount\n  account {\n    id\n    name\n  }\n}\n\nfragment Complaint on UserError {\n  code\n  message\n  field\n}",
};

export const MembersDocument: Document<MembersQuery, MembersQueryVariables> = {
  name: 'Members',
  text: "query Members($first: Int!, $after: String) {\n  tenant {\n    slug\n  }\n  members(first: $first, after: $after) {\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n    nodes {\n      id\n      name\n      email\n      role\n      capabilities\n      joinedAt\n    }\n  }\n}",
};

export const MemberNamesDocument: Document<MemberNamesQuery, MemberNamesQueryVariables> = {
  name: 'MemberNames',
  text: "query MemberNames {\n  members(first: 100) {\n    nodes {\n      id\n      name\n    }\n  }\n}",
};

export const RemoveMemberDocument: Document<RemoveMemberMutation, RemoveMemberMutationVariables> = {
  name: 'RemoveMember',
  text: "mutation RemoveMember($input: RemoveMemberInput!) {\n  removeMember(input: $input) {\n    removedMemberId\n    userErrors {\n      ...Complaint\n    }\n  }\n}\n\nfragment Complaint on UserError {\n  code\n  message\n  field\n}",
};

export const PermissionsDocument: Document<PermissionsQuery, PermissionsQueryVariables> = {
  name: 'Permissions',
  text: "query Permissions {\n  viewer {\n    kind\n    member {\n      id\n      name\n      role\n    }\n    importStatement: can(action: \"Mutation.importStatement\") {\n      ...Ruling\n    }\n    createAccount: can(action: \"Mutation.createAccount\") {\n      ...Ruling\n    }\n    createCategory: can(action: \"Mutation.createCategory\") {\n      ...Ruling\n    }\n    categorizeTransaction: can(action: \"Mutation.categorizeTransaction\") {\n      ...Ruling\n    }\n    createApiToken: can(action: \"Mutation.createApiToken\") {\n      ...Ruling\n    }\n    revokeApiToken: can(action: \"Mutation.revokeApiToken\") {\n      ...Ruling\n    }\n    removeMember: can(action: \"Mutation.removeMember\") {\n      ...Ruling\n    }\n  }\n}\n\nfragment Ruling on Decision {\n  action\n  verdict\n  rules\n}",
};

export const ApiTokensDocument: Document<ApiTokensQuery, ApiTokensQueryVariables> = {
  name: 'ApiTokens',
  text: "query ApiTokens($first: Int!, $after: String) {\n  tenant {\n    slug\n  }\n  apiTokens(first: $first, after: $after) {\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n    nodes {\n      ...TokenRow\n    }\n  }\n}\n\nfragment TokenRow on ApiToken {\n  id\n  name\n  scopes\n  lastFour\n  createdAt\n  expiresAt\n  lastUsedAt\n  revokedAt\n  createdBy {\n    id\n    name\n  }\n}",
};

export const CreateApiTokenDocument: Document<CreateApiTokenMutation, CreateApiTokenMutationVariables> = {
  name: 'CreateApiToken',
  text: "mutation CreateApiToken($input: CreateApiTokenInput!) {\n  createApiToken(input: $input) {\n    apiToken {\n      ...TokenRow\n    }\n    plainToken\n    userErrors {\n      ...Complaint\n    }\n  }\n}\n\nfragment TokenRow on ApiToken {\n  id\n  name\n  scopes\n  lastFour\n  createdAt\n  expiresAt\n  lastUsedAt\n  revokedAt\n  createdBy {\n    id\n    name\n  }\n}\n\nfragment Complaint on UserError {\n  code\n  message\n  field\n}",
};

export const RevokeApiTokenDocument: Document<RevokeApiTokenMutation, RevokeApiTokenMutationVariables> = {
  name: 'RevokeApiToken',
  text: "mutation RevokeApiToken($input: RevokeApiTokenInput!) {\n  revokeApiToken(input: $input) {\n    apiToken {\n      id\n      revokedAt\n    }\n    userErrors {\n      ...Complaint\n    }\n  }\n}\n\nfragment Complaint on UserError {\n  code\n  message\n  field\n}",
};

export const TransactionsDocument: Document<TransactionsQuery, TransactionsQueryVariables> = {
  name: 'Transactions',
  text: "query Transactions($filter: TransactionFilter, $first: Int!, $after: String) {\n  tenant {\n    slug\n  }\n  transactions(filter: $filter, first: $first, after: $after) {\n    totalCount\n    pageInfo {\n      hasNextPage\n      endCursor\n    }\n    nodes {\n      ...TransactionRow\n    }\n  }\n}\n\nfragment TransactionRow on Transaction {\n  id\n  bookedOn\n  valueOn\n  currency\n  amount\n  magnitude\n  direction\n  counterparty\n  description\n  account {\n    id\n    name\n  }\n  category {\n    id\n    name\n  }\n}",
};

export const TransactionDetailDocument: Document<TransactionDetailQuery, TransactionDetailQueryVariables> = {
  name: 'TransactionDetail',
  text: "query TransactionDetail($id: ID!) {\n  node(id: $id) {\n    ... on Transaction {\n      ...TransactionRow\n      reference\n      statement {\n        id\n        reference\n        periodStart\n        periodEnd\n      }\n    }\n  }\n}\n\nfragment TransactionRow on Transaction {\n  id\n  bookedOn\n  valueOn\n  currency\n  amount\n  magnitude\n  direction\n  counterparty\n  description\n  account {\n    id\n    name\n  }\n  category {\n    id\n    name\n  }\n}",
};

export const CategorizeTransactionDocument: Document<CategorizeTransactionMutation, CategorizeTransactionMutationVariables> = {
  name: 'CategorizeTransaction',
  text: "mutation CategorizeTransaction($input: CategorizeTransactionInput!) {\n  categorizeTransaction(input: $input) {\n    transaction {\n      id\n      category {\n        id\n        name\n      }\n    }\n    userErrors {\n      ...Complaint\n    }\n  }\n}\n\nfragment Complaint on UserError {\n  code\n  message\n  field\n}",
};
