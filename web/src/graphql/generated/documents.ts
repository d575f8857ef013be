// Generated from api/schema.graphql and src/graphql/operations by `npm run generate`.
import type { Document } from '../document';

/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
/** Who has a row in their care, as seen by whom it is about. */
export type AccessCustodian =
  | 'NOBODY'
  | 'THEMSELVES'
  | 'SOMEBODY_ELSE';

/** What the policies say: of the row in hand, or before any. */
export type AccessDecision =
  | 'ALLOWED'
  | 'REFUSED'
  | 'DEPENDS_ON_ROW';

/** Which rows; every condition given must hold. */
export type AuditEntryFilter = {
  /** The whole name, such as `statement.imported`. */
  action?: string | null | undefined;
  /** `usr_…`, `tok_…`, `mch_…` or an operator's command. */
  actorId?: string | null | undefined;
  /** At this instant or later. */
  from?: import('../scalars').DateTime | null | undefined;
  /** This row and later ones. */
  fromSeq?: number | null | undefined;
  outcome?: AuditOutcome | null | undefined;
  /** Before this instant. */
  to?: import('../scalars').DateTime | null | undefined;
  /** This row and earlier ones. */
  toSeq?: number | null | undefined;
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

/** Which transaction goes where. */
export type CategorizeTransactionInput = {
  /** The category, or null to take it out of its category. */
  categoryId?: string | null | undefined;
  transactionId: string;
};

/** The credential that is meant. */
export type CheckCredentialInput = {
  credentialId: string;
};

/** The account to be made. */
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

/** The token to be made. */
export type CreateApiTokenInput = {
  /** Whether it may send published documents only. */
  documentsOnly?: boolean;
  /** From 1 to 365. */
  expiresInDays?: number;
  /** What it is for, from 1 to 60 characters. */
  name: string;
  /** What it may do: at least one scope. */
  scopes: Array<string>;
};

/** The category to be made. */
export type CreateCategoryInput = {
  /** From 1 to 60 characters, unlike every other category's. */
  name: string;
};

/** The role to be made. */
export type CreateRoleInput = {
  /** The built-in role that it stands on: any but `owner`. */
  baseRole: string;
  /** What it grants beside the built-in role. */
  capabilities?: Array<string> | null | undefined;
  /** At most 300 characters. */
  description?: string | null | undefined;
  /** From 1 to 60 characters, unlike every other role's. */
  name: string;
};

/** What a provider said of a credential. */
export type CredentialCheckOutcome =
  | 'ACCEPTED'
  | 'REFUSED'
  | 'UNREACHABLE';

/** An outside provider. */
export type CredentialProvider =
  | 'OPENAI'
  | 'STRIPE';

/** What can be done with a credential. One that is `DESTROYED` can not be read again: the key of the tenant that it was sealed under is. */
export type CredentialState =
  | 'ACTIVE'
  | 'REVOKED'
  | 'DESTROYED';

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

/** The role to be deleted: one that nobody has. */
export type DeleteRoleInput = {
  roleId: string;
};

/** Which way money moved. */
export type Direction =
  | 'IN'
  | 'OUT';

/** Where an import stands: its file is read, its transactions are written, it is in the books, or nothing of it is. */
export type ImportStage =
  | 'READING'
  | 'WRITING'
  | 'DONE'
  | 'REFUSED';

/** The file, and what it does not say of itself. */
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

/** A role as it might be. Without an id, a new one. */
export type PreviewRoleInput = {
  baseRole?: string | null | undefined;
  /** What it grants beside the built-in role. */
  capabilities?: Array<string> | null | undefined;
  roleId?: string | null | undefined;
};

/** Who asks. */
export type PrincipalKind =
  | 'HUMAN'
  | 'MACHINE';

/** Who is to be removed. */
export type RemoveMemberInput = {
  memberId: string;
};

/** The token to be revoked. */
export type RevokeApiTokenInput = {
  apiTokenId: string;
};

/** The credential that is meant. */
export type RevokeCredentialInput = {
  credentialId: string;
};

/** A format that statements come in. */
export type StatementFormat =
  | 'CAMT_053'
  | 'CAMT_052'
  | 'OFX'
  | 'MT940'
  | 'CSV';

/** The credential to be stored. */
export type StoreCredentialInput = {
  /** What to call it, from 1 to 60 characters. */
  name: string;
  /** Whom it is for. */
  provider: CredentialProvider;
  /** The credential as the provider shows it. Give it as a variable, never in the document's text. */
  secret: string;
};

/** Which transactions; every condition given must hold. */
export type TransactionFilter = {
  accountId?: string | null | undefined;
  categoryId?: string | null | undefined;
  /** Looks at each until the page is full, and costs 1,000. */
  direction?: Direction | null | undefined;
  /** Booked on this day or later. */
  from?: import('../scalars').LocalDate | null | undefined;
  /** Looks at each until the page is full, and costs 1,000. */
  magnitude?: Magnitude | null | undefined;
  /** Part of the description or the counterparty, without regard to case. Needs the right to read both. Looks at each until the page is full, and costs 5,000. */
  text?: string | null | undefined;
  /** Booked on this day or earlier. */
  to?: import('../scalars').LocalDate | null | undefined;
  /** Only those without a category. */
  uncategorized?: boolean | null | undefined;
};

/** What the member is to be. What is not given stays. */
export type UpdateMemberInput = {
  /** What is granted beside either role. */
  capabilities?: Array<string> | null | undefined;
  /** A role of the tenant's own. */
  customRoleId?: string | null | undefined;
  memberId: string;
  /** A built-in role; or else `customRoleId`. */
  role?: string | null | undefined;
};

/** How the role is to be. What is not given stays. */
export type UpdateRoleInput = {
  baseRole?: string | null | undefined;
  /** What it grants beside the built-in role. */
  capabilities?: Array<string> | null | undefined;
  /** At most 300 characters. */
  description?: string | null | undefined;
  name?: string | null | undefined;
  roleId: string;
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
  | 'OWNERS_ONLY'
  | 'EXCEEDS_GRANTER'
  | 'OWN_ROLE'
  | 'ROLE_IN_USE'
  | 'ALREADY_DONE'
  | 'UNREADABLE';

/** What the policies say, before any row. */
export type Verdict =
  | 'ALLOW'
  | 'DENY'
  | 'DEPENDS_ON_ROW';

export type ExplainAccessQueryVariables = Exact<{
  action: string;
  nodeId?: string | null | undefined;
}>;


export type ExplainAccessQuery = { tenant: { id: string, slug: string } | null, explainAccess: { action: string | null, decision: AccessDecision | null, tenantSuspended: boolean | null, rules: Array<{ name: string | null, sentence: string | null, text: string | null }> | null, nearest: Array<{ fails: string | null, needs: string | null, rule: { name: string | null, sentence: string | null, text: string | null } | null }> | null, condition: { words: string | null, sql: string | null } | null, principal: { kind: PrincipalKind | null, role: string | null, capabilities: Array<string> | null, scopes: Array<string> | null, secondFactor: boolean | null } | null, row: { personal: boolean | null, custodian: AccessCustodian | null } | null } | null };

export type ExplainAccessOfQueryVariables = Exact<{
  action: string;
  principalId: string;
  nodeId?: string | null | undefined;
}>;


export type ExplainAccessOfQuery = { tenant: { id: string, slug: string } | null, explainAccessOf: { action: string | null, decision: AccessDecision | null, tenantSuspended: boolean | null, rules: Array<{ name: string | null, sentence: string | null, text: string | null }> | null, nearest: Array<{ fails: string | null, needs: string | null, rule: { name: string | null, sentence: string | null, text: string | null } | null }> | null, condition: { words: string | null, sql: string | null } | null, principal: { kind: PrincipalKind | null, role: string | null, capabilities: Array<string> | null, scopes: Array<string> | null, secondFactor: boolean | null } | null, row: { personal: boolean | null, custodian: AccessCustodian | null } | null } | null };

export type WhoMayQueryVariables = Exact<{
  action: string;
}>;


export type WhoMayQuery = { tenant: { id: string, slug: string } | null, whoMay: { action: string | null, group: string | null, anyMachine: boolean | null, roles: Array<{ role: string | null, decision: AccessDecision | null, condition: { words: string | null } | null }> | null, capabilities: Array<{ capability: string | null, roles: Array<string> | null }> | null, scopes: Array<{ scope: string | null, decision: AccessDecision | null, condition: { words: string | null } | null }> | null, members: { hasMore: boolean | null, nodes: Array<{ decision: AccessDecision | null, condition: { words: string | null } | null, member: { id: string, name: string | null, role: string | null } | null }> | null } | null, tokens: { hasMore: boolean | null, nodes: Array<{ decision: AccessDecision | null, condition: { words: string | null } | null, token: { id: string, name: string, lastFour: string } | null }> | null } | null, machines: { hasMore: boolean | null, nodes: Array<{ machineId: string | null, clientId: string | null, name: string | null, decision: AccessDecision | null, condition: { words: string | null } | null }> | null } | null } | null };

export type OwnAccessQueryVariables = Exact<{ [key: string]: never; }>;


export type OwnAccessQuery = { tenant: { id: string, slug: string } | null, viewer: { access: Array<{ action: string | null, group: string | null, decision: AccessDecision | null, condition: { words: string | null } | null }> | null } | null };

export type AccessOfQueryVariables = Exact<{
  principalId: string;
}>;


export type AccessOfQuery = { tenant: { id: string, slug: string } | null, accessOf: Array<{ action: string | null, group: string | null, decision: AccessDecision | null, condition: { words: string | null } | null }> | null };

export type ReachFragment = { action: string | null, group: string | null, decision: AccessDecision | null, condition: { words: string | null } | null };

export type ExplanationFragment = { action: string | null, decision: AccessDecision | null, tenantSuspended: boolean | null, rules: Array<{ name: string | null, sentence: string | null, text: string | null }> | null, nearest: Array<{ fails: string | null, needs: string | null, rule: { name: string | null, sentence: string | null, text: string | null } | null }> | null, condition: { words: string | null, sql: string | null } | null, principal: { kind: PrincipalKind | null, role: string | null, capabilities: Array<string> | null, scopes: Array<string> | null, secondFactor: boolean | null } | null, row: { personal: boolean | null, custodian: AccessCustodian | null } | null };

export type RuleFragment = { name: string | null, sentence: string | null, text: string | null };

export type EntryRowFragment = { id: string, seq: number, occurredAt: import('../scalars').DateTime, actorKind: string, actorId: string, actorName: string | null, action: string, permission: string, outcome: AuditOutcome, targets: Array<string>, requestId: string, source: string | null, payload: string, hash: string, previousHash: string };

export type AuditEntriesQueryVariables = Exact<{
  filter?: AuditEntryFilter | null | undefined;
  first: number;
  after?: string | null | undefined;
}>;


export type AuditEntriesQuery = { tenant: { id: string, slug: string } | null, auditEntries: { pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, seq: number, occurredAt: import('../scalars').DateTime, actorKind: string, actorId: string, actorName: string | null, action: string, permission: string, outcome: AuditOutcome, targets: Array<string>, requestId: string, source: string | null, payload: string, hash: string, previousHash: string }> } | null };

export type ChainRowFragment = { id: string, seq: number, encoding: number, occurredAt: import('../scalars').DateTime, actorKind: string, actorId: string, action: string, permission: string, policies: string | null, outcome: AuditOutcome, targets: Array<string>, requestId: string, source: string | null, payload: string, hash: string, previousHash: string };

export type AuditEntryDetailQueryVariables = Exact<{
  seq: number;
}>;


export type AuditEntryDetailQuery = { tenant: { id: string, slug: string } | null, policySet: { version: string | null } | null, auditEntries: { nodes: Array<{ actorName: string | null, signature: string, id: string, seq: number, encoding: number, occurredAt: import('../scalars').DateTime, actorKind: string, actorId: string, action: string, permission: string, policies: string | null, outcome: AuditOutcome, targets: Array<string>, requestId: string, source: string | null, payload: string, hash: string, previousHash: string, rules: Array<{ name: string | null, number: number | null, sentence: string | null }> | null }> } | null };

export type AuditRangeQueryVariables = Exact<{
  from: number;
  to: number;
  first: number;
}>;


export type AuditRangeQuery = { tenant: { id: string, slug: string } | null, auditEntries: { nodes: Array<{ id: string, seq: number, encoding: number, occurredAt: import('../scalars').DateTime, actorKind: string, actorId: string, action: string, permission: string, policies: string | null, outcome: AuditOutcome, targets: Array<string>, requestId: string, source: string | null, payload: string, hash: string, previousHash: string }> } | null };

export type CheckpointFragment = { treeSize: number | null, rootHash: string | null, note: string | null, madeAt: import('../scalars').DateTime | null };

export type AuditCheckpointsQueryVariables = Exact<{
  first: number;
}>;


export type AuditCheckpointsQuery = { tenant: { id: string, slug: string } | null, auditKey: { name: string | null, keyId: string | null, fingerprint: string | null, text: string | null } | null, auditCheckpoints: { nodes: Array<{ treeSize: number | null, rootHash: string | null, note: string | null, madeAt: import('../scalars').DateTime | null }> } | null };

export type AuditInclusionQueryVariables = Exact<{
  seq: number;
  treeSize?: number | null | undefined;
}>;


export type AuditInclusionQuery = { tenant: { id: string, slug: string } | null, auditInclusionProof: { hashes: Array<string> | null, file: string | null, checkpoint: { treeSize: number | null, rootHash: string | null, note: string | null, madeAt: import('../scalars').DateTime | null } | null } | null };

export type AuditConsistencyQueryVariables = Exact<{
  from: number;
  to?: number | null | undefined;
}>;


export type AuditConsistencyQuery = { tenant: { id: string, slug: string } | null, auditConsistencyProof: { hashes: Array<string> | null, file: string | null } | null };

export type AuditHeadQueryVariables = Exact<{ [key: string]: never; }>;


export type AuditHeadQuery = { auditEntries: { nodes: Array<{ id: string, seq: number, hash: string, occurredAt: import('../scalars').DateTime }> } | null };

export type AuditEntryAddedSubscriptionVariables = Exact<{
  filter?: AuditEntryFilter | null | undefined;
  afterSeq?: number | null | undefined;
}>;


export type AuditEntryAddedSubscription = { auditEntryAdded: { id: string, seq: number, occurredAt: import('../scalars').DateTime, actorKind: string, actorId: string, actorName: string | null, action: string, permission: string, outcome: AuditOutcome, targets: Array<string>, requestId: string, source: string | null, payload: string, hash: string, previousHash: string } | null };

export type MayExportQueryVariables = Exact<{ [key: string]: never; }>;


export type MayExportQuery = { tenant: { id: string, slug: string } | null, explainAccess: { decision: AccessDecision | null, principal: { secondFactor: boolean | null } | null, rules: Array<{ name: string | null, sentence: string | null }> | null } | null };

export type AccountsQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
}>;


export type AccountsQuery = { tenant: { id: string, slug: string } | null, accounts: { pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, name: string, currency: import('../scalars').CurrencyCode, personal: boolean, number: string | null, balance: import('../scalars').Decimal | null, balanceOn: import('../scalars').LocalDate | null, createdAt: import('../scalars').DateTime, custodian: { id: string, name: string | null } | null }> } | null };

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

export type CredentialsQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
}>;


export type CredentialsQuery = { tenant: { id: string, slug: string } | null, credentials: { pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, provider: CredentialProvider, name: string, prefix: string, state: CredentialState, createdAt: import('../scalars').DateTime, checkedAt: import('../scalars').DateTime | null, checkOutcome: CredentialCheckOutcome | null, revokedAt: import('../scalars').DateTime | null, check: { isAllowed: boolean, reason: string | null } | null, revoke: { isAllowed: boolean, reason: string | null } | null, createdBy: { id: string, name: string | null } | null }> } | null };

export type StoreCredentialMutationVariables = Exact<{
  input: StoreCredentialInput;
}>;


export type StoreCredentialMutation = { storeCredential: { credential: { id: string } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type CheckCredentialMutationVariables = Exact<{
  input: CheckCredentialInput;
}>;


export type CheckCredentialMutation = { checkCredential: { credential: { id: string, checkedAt: import('../scalars').DateTime | null, checkOutcome: CredentialCheckOutcome | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type RevokeCredentialMutationVariables = Exact<{
  input: RevokeCredentialInput;
}>;


export type RevokeCredentialMutation = { revokeCredential: { credential: { id: string, revokedAt: import('../scalars').DateTime | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type CredentialRowFragment = { id: string, provider: CredentialProvider, name: string, prefix: string, state: CredentialState, createdAt: import('../scalars').DateTime, checkedAt: import('../scalars').DateTime | null, checkOutcome: CredentialCheckOutcome | null, revokedAt: import('../scalars').DateTime | null, check: { isAllowed: boolean, reason: string | null } | null, revoke: { isAllowed: boolean, reason: string | null } | null, createdBy: { id: string, name: string | null } | null };

export type ImportsQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
}>;


export type ImportsQuery = { tenant: { id: string, slug: string } | null, imports: { pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, fileName: string | null, format: StatementFormat, sha256: string | null, byteCount: number, statementCount: number, addedCount: number, duplicateCount: number, createdAt: import('../scalars').DateTime }> } | null };

export type StatementsQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
}>;


export type StatementsQuery = { tenant: { id: string, slug: string } | null, statements: { pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, reference: string | null, currency: import('../scalars').CurrencyCode, periodStart: import('../scalars').LocalDate | null, periodEnd: import('../scalars').LocalDate | null, opening: import('../scalars').Decimal | null, closing: import('../scalars').Decimal | null, balanceCheck: BalanceCheck, transactionCount: number, import: { id: string, fileName: string | null } | null, account: { id: string, name: string } | null }> } | null };

export type ImportStatementMutationVariables = Exact<{
  input: ImportStatementInput;
}>;


export type ImportStatementMutation = { importStatement: { alreadyImported: boolean, import: { id: string, fileName: string | null, format: StatementFormat, sha256: string | null, byteCount: number, statementCount: number, addedCount: number, duplicateCount: number, createdAt: import('../scalars').DateTime } | null, statements: Array<{ id: string, reference: string | null, currency: import('../scalars').CurrencyCode, periodStart: import('../scalars').LocalDate | null, periodEnd: import('../scalars').LocalDate | null, opening: import('../scalars').Decimal | null, closing: import('../scalars').Decimal | null, balanceCheck: BalanceCheck, transactionCount: number, account: { id: string, name: string } | null }> | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type ImportRowFragment = { id: string, fileName: string | null, format: StatementFormat, sha256: string | null, byteCount: number, statementCount: number, addedCount: number, duplicateCount: number, createdAt: import('../scalars').DateTime };

export type StatementRowFragment = { id: string, reference: string | null, currency: import('../scalars').CurrencyCode, periodStart: import('../scalars').LocalDate | null, periodEnd: import('../scalars').LocalDate | null, opening: import('../scalars').Decimal | null, closing: import('../scalars').Decimal | null, balanceCheck: BalanceCheck, transactionCount: number, account: { id: string, name: string } | null };

export type ImportProgressedSubscriptionVariables = Exact<{ [key: string]: never; }>;


export type ImportProgressedSubscription = { importProgressed: { id: string, fileName: string | null, stage: ImportStage, transactionCount: number | null, writtenCount: number } | null };

export type MembersQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
}>;


export type MembersQuery = { tenant: { id: string, slug: string } | null, members: { pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, name: string | null, email: string | null, role: string | null, capabilities: Array<string> | null, joinedAt: import('../scalars').DateTime | null, customRole: { id: string, name: string } | null, change: { isAllowed: boolean, reason: string | null } | null, remove: { isAllowed: boolean, reason: string | null } | null }> } | null };

export type MemberNamesQueryVariables = Exact<{ [key: string]: never; }>;


export type MemberNamesQuery = { members: { nodes: Array<{ id: string, name: string | null }> } | null };

export type UpdateMemberMutationVariables = Exact<{
  input: UpdateMemberInput;
}>;


export type UpdateMemberMutation = { updateMember: { member: { id: string, role: string | null, capabilities: Array<string> | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type PreviewRemoveMemberQueryVariables = Exact<{
  input: RemoveMemberInput;
}>;


export type PreviewRemoveMemberQuery = { previewRemoveMember: { tokens: Array<{ id: string, name: string, lastFour: string }> | null, refusals: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type RemoveMemberMutationVariables = Exact<{
  input: RemoveMemberInput;
}>;


export type RemoveMemberMutation = { removeMember: { removedMemberId: string | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type PermissionsQueryVariables = Exact<{ [key: string]: never; }>;


export type PermissionsQuery = { viewer: { kind: PrincipalKind, member: { id: string, name: string | null, role: string | null } | null, explorer: { action: string, verdict: Verdict, rules: Array<string> | null }, explain: { action: string, verdict: Verdict, rules: Array<string> | null }, explainOthers: { action: string, verdict: Verdict, rules: Array<string> | null }, credentials: { action: string, verdict: Verdict, rules: Array<string> | null }, storeCredential: { action: string, verdict: Verdict, rules: Array<string> | null }, importStatement: { action: string, verdict: Verdict, rules: Array<string> | null }, createAccount: { action: string, verdict: Verdict, rules: Array<string> | null }, createCategory: { action: string, verdict: Verdict, rules: Array<string> | null }, createApiToken: { action: string, verdict: Verdict, rules: Array<string> | null }, createRole: { action: string, verdict: Verdict, rules: Array<string> | null }, updateRole: { action: string, verdict: Verdict, rules: Array<string> | null }, deleteRole: { action: string, verdict: Verdict, rules: Array<string> | null } } | null };

export type OnRowFragment = { isAllowed: boolean, reason: string | null };

export type RulingFragment = { action: string, verdict: Verdict, rules: Array<string> | null };

export type PolicySetQueryVariables = Exact<{ [key: string]: never; }>;


export type PolicySetQuery = { tenant: { id: string, slug: string } | null, policySet: { version: string | null, certificate: { provedAt: import('../scalars').DateTime | null, invariantCount: number | null, environmentCount: number | null, claimCount: number | null, solvers: Array<string> | null } | null } | null };

export type RolesQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
}>;


export type RolesQuery = { tenant: { id: string, slug: string } | null, roles: { builtIn: Array<{ name: string, description: string, capabilities: Array<string>, memberCount: number, canBeBase: boolean }>, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, name: string, description: string, baseRole: string, capabilities: Array<string>, memberCount: number, updatedAt: import('../scalars').DateTime }> } | null };

export type RoleRowFragment = { id: string, name: string, description: string, baseRole: string, capabilities: Array<string>, memberCount: number, updatedAt: import('../scalars').DateTime };

export type PreviewRoleQueryVariables = Exact<{
  input: PreviewRoleInput;
}>;


export type PreviewRoleQuery = { previewRole: { memberCount: number, gains: Array<{ group: string, actions: Array<string>, rows: string | null }>, losses: Array<{ group: string, actions: Array<string>, rows: string | null }>, members: Array<{ member: { id: string, name: string | null }, gains: Array<{ group: string, actions: Array<string>, rows: string | null }>, losses: Array<{ group: string, actions: Array<string>, rows: string | null }> }>, ceilings: Array<{ rule: string, sentence: string, capabilities: Array<string>, rows: string | null }>, tokens: Array<{ id: string, name: string, lastFour: string }> | null, refusals: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type PreviewMemberQueryVariables = Exact<{
  input: UpdateMemberInput;
}>;


export type PreviewMemberQuery = { previewMember: { memberCount: number, gains: Array<{ group: string, actions: Array<string>, rows: string | null }>, losses: Array<{ group: string, actions: Array<string>, rows: string | null }>, members: Array<{ member: { id: string, name: string | null }, gains: Array<{ group: string, actions: Array<string>, rows: string | null }>, losses: Array<{ group: string, actions: Array<string>, rows: string | null }> }>, ceilings: Array<{ rule: string, sentence: string, capabilities: Array<string>, rows: string | null }>, tokens: Array<{ id: string, name: string, lastFour: string }> | null, refusals: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type RightsPreviewFragment = { memberCount: number, gains: Array<{ group: string, actions: Array<string>, rows: string | null }>, losses: Array<{ group: string, actions: Array<string>, rows: string | null }>, members: Array<{ member: { id: string, name: string | null }, gains: Array<{ group: string, actions: Array<string>, rows: string | null }>, losses: Array<{ group: string, actions: Array<string>, rows: string | null }> }>, ceilings: Array<{ rule: string, sentence: string, capabilities: Array<string>, rows: string | null }>, tokens: Array<{ id: string, name: string, lastFour: string }> | null, refusals: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> };

export type EndingTokenFragment = { id: string, name: string, lastFour: string };

export type RightsChangeFragment = { group: string, actions: Array<string>, rows: string | null };

export type CreateRoleMutationVariables = Exact<{
  input: CreateRoleInput;
}>;


export type CreateRoleMutation = { createRole: { role: { id: string, name: string, description: string, baseRole: string, capabilities: Array<string>, memberCount: number, updatedAt: import('../scalars').DateTime } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type UpdateRoleMutationVariables = Exact<{
  input: UpdateRoleInput;
}>;


export type UpdateRoleMutation = { updateRole: { role: { id: string, name: string, description: string, baseRole: string, capabilities: Array<string>, memberCount: number, updatedAt: import('../scalars').DateTime } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type DeleteRoleMutationVariables = Exact<{
  input: DeleteRoleInput;
}>;


export type DeleteRoleMutation = { deleteRole: { deletedRoleId: string | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type ApiTokensQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
}>;


export type ApiTokensQuery = { tenant: { id: string, slug: string } | null, apiTokens: { pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, name: string, scopes: Array<string>, lastFour: string, documentsOnly: boolean, createdAt: import('../scalars').DateTime, expiresAt: import('../scalars').DateTime, lastUsedAt: import('../scalars').DateTime | null, revokedAt: import('../scalars').DateTime | null, makerId: string | null, revoke: { isAllowed: boolean, reason: string | null } | null, createdBy: { id: string, name: string | null } | null }> } | null };

export type CreateApiTokenMutationVariables = Exact<{
  input: CreateApiTokenInput;
}>;


export type CreateApiTokenMutation = { createApiToken: { plainToken: string | null, apiToken: { id: string, name: string, scopes: Array<string>, lastFour: string, documentsOnly: boolean, createdAt: import('../scalars').DateTime, expiresAt: import('../scalars').DateTime, lastUsedAt: import('../scalars').DateTime | null, revokedAt: import('../scalars').DateTime | null, makerId: string | null, revoke: { isAllowed: boolean, reason: string | null } | null, createdBy: { id: string, name: string | null } | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type RevokeApiTokenMutationVariables = Exact<{
  input: RevokeApiTokenInput;
}>;


export type RevokeApiTokenMutation = { revokeApiToken: { apiToken: { id: string, revokedAt: import('../scalars').DateTime | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type TokenRowFragment = { id: string, name: string, scopes: Array<string>, lastFour: string, documentsOnly: boolean, createdAt: import('../scalars').DateTime, expiresAt: import('../scalars').DateTime, lastUsedAt: import('../scalars').DateTime | null, revokedAt: import('../scalars').DateTime | null, makerId: string | null, revoke: { isAllowed: boolean, reason: string | null } | null, createdBy: { id: string, name: string | null } | null };

export type TransactionsQueryVariables = Exact<{
  filter?: TransactionFilter | null | undefined;
  first: number;
  after?: string | null | undefined;
}>;


export type TransactionsQuery = { tenant: { id: string, slug: string } | null, transactions: { totalCount: number | null, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, bookedOn: import('../scalars').LocalDate, valueOn: import('../scalars').LocalDate | null, currency: import('../scalars').CurrencyCode, amount: import('../scalars').Decimal | null, magnitude: Magnitude | null, direction: Direction, counterparty: string | null, description: string | null, account: { id: string, name: string } | null, category: { id: string, name: string } | null, categorize: { isAllowed: boolean, reason: string | null } | null }> } | null };

export type TransactionDetailQueryVariables = Exact<{
  id: string;
}>;


export type TransactionDetailQuery = { node:
    | { reference: string | null, id: string, bookedOn: import('../scalars').LocalDate, valueOn: import('../scalars').LocalDate | null, currency: import('../scalars').CurrencyCode, amount: import('../scalars').Decimal | null, magnitude: Magnitude | null, direction: Direction, counterparty: string | null, description: string | null, statement: { id: string, reference: string | null, periodStart: import('../scalars').LocalDate | null, periodEnd: import('../scalars').LocalDate | null } | null, account: { id: string, name: string } | null, category: { id: string, name: string } | null, categorize: { isAllowed: boolean, reason: string | null } | null }
    | Record<PropertyKey, never>
   | null };

export type CategorizeTransactionMutationVariables = Exact<{
  input: CategorizeTransactionInput;
}>;


export type CategorizeTransactionMutation = { categorizeTransaction: { transaction: { id: string, category: { id: string, name: string } | null } | null, userErrors: Array<{ code: UserErrorCode, message: string, field: Array<string> | null }> } | null };

export type TransactionRowFragment = { id: string, bookedOn: import('../scalars').LocalDate, valueOn: import('../scalars').LocalDate | null, currency: import('../scalars').CurrencyCode, amount: import('../scalars').Decimal | null, magnitude: Magnitude | null, direction: Direction, counterparty: string | null, description: string | null, account: { id: string, name: string } | null, category: { id: string, name: string } | null, categorize: { isAllowed: boolean, reason: string | null } | null };

export const ExplainAccessDocument: Document<ExplainAccessQuery, ExplainAccessQueryVariables> = {
  name: 'ExplainAccess',
  id: 'sha256:e40aa1c7c08ac0c65a544099e5bb796ee7ef2811e18dd91f552d8443344d218f',
};

export const ExplainAccessOfDocument: Document<ExplainAccessOfQuery, ExplainAccessOfQueryVariables> = {
  name: 'ExplainAccessOf',
  id: 'sha256:d0bd58add7e62411a7c331ef6e555632dc3ca502ffa0c131ebe306a3d58fb1df',
};

export const WhoMayDocument: Document<WhoMayQuery, WhoMayQueryVariables> = {
  name: 'WhoMay',
  id: 'sha256:cd4bfeecdbdcca96fce8c6d8bdfddd508197e9d84f692236aef3a6cd7387d337',
};

export const OwnAccessDocument: Document<OwnAccessQuery, OwnAccessQueryVariables> = {
  name: 'OwnAccess',
  id: 'sha256:b7ef08266e317950c28f48c93e1bc940b1e4bb66068bea19a5fe1deb70e379ed',
};

export const AccessOfDocument: Document<AccessOfQuery, AccessOfQueryVariables> = {
  name: 'AccessOf',
  id: 'sha256:91e31a57d279c3adcf82ea21c990bec881819ce4bdb9d7ecbeb99aa5a7a9838b',
};

export const AuditEntriesDocument: Document<AuditEntriesQuery, AuditEntriesQueryVariables> = {
  name: 'AuditEntries',
  id: 'sha256:98dc981eb2e1d8f29a163991f5c55edac353a3ff7a874e18ccb919c3ac1d94db',
};

export const AuditEntryDetailDocument: Document<AuditEntryDetailQuery, AuditEntryDetailQueryVariables> = {
  name: 'AuditEntryDetail',
  id: 'sha256:6a56f282b4565e852c267160f7316ca11ba2bae8820c04ef00ddf38b32649246',
};

export const AuditRangeDocument: Document<AuditRangeQuery, AuditRangeQueryVariables> = {
  name: 'AuditRange',
  id: 'sha256:7f2fd1083556b0b67616d2d5b419bd7b8b1fa26d4d7127d98839911a2a74346a',
};

export const AuditCheckpointsDocument: Document<AuditCheckpointsQuery, AuditCheckpointsQueryVariables> = {
  name: 'AuditCheckpoints',
  id: 'sha256:638a801564eea58faf92db686cb59780ce82bfac100285aba52790f9288547b9',
};

export const AuditInclusionDocument: Document<AuditInclusionQuery, AuditInclusionQueryVariables> = {
  name: 'AuditInclusion',
  id: 'sha256:7ef500e51c74f45fb143d058652f72cdce54504682259bd86751fe5139e447f4',
};

export const AuditConsistencyDocument: Document<AuditConsistencyQuery, AuditConsistencyQueryVariables> = {
  name: 'AuditConsistency',
  id: 'sha256:4a1af64ebbb5f8b3306575c520a314569562449e0e45bd26cd2bd0f284bc0538',
};

export const AuditHeadDocument: Document<AuditHeadQuery, AuditHeadQueryVariables> = {
  name: 'AuditHead',
  id: 'sha256:996230efaa94d47785d5b2e3650a3d0a46036cf912ce5cad4fd203e36a6b988f',
};

export const AuditEntryAddedDocument: Document<AuditEntryAddedSubscription, AuditEntryAddedSubscriptionVariables> = {
  name: 'AuditEntryAdded',
  id: 'sha256:6a1105da66fbaf276434d8502512457c0e388f03efcbaf74c3f0ef929f648416',
};

export const MayExportDocument: Document<MayExportQuery, MayExportQueryVariables> = {
  name: 'MayExport',
  id: 'sha256:c79b0e5aac6f89ce2c702f0d5902fc74e3a2fedce4cb5f93f8266e28539f022b',
};

export const AccountsDocument: Document<AccountsQuery, AccountsQueryVariables> = {
  name: 'Accounts',
  id: 'sha256:03a3ce9fdba0cc9325720f1950eaa906ea4b7ce4e07c10154c54de9020de44ba',
};

export const AccountNamesDocument: Document<AccountNamesQuery, AccountNamesQueryVariables> = {
  name: 'AccountNames',
  id: 'sha256:246dfbe55f661b09067a40d19475bd403b46cc1746b46b30326ece8e9501aacf',
};

export const CategoriesDocument: Document<CategoriesQuery, CategoriesQueryVariables> = {
  name: 'Categories',
  id: 'sha256:3f6bfda5a3172324b525aaadf31faf71a9542ba55851c25418e4c12258154251',
};

export const CreateAccountDocument: Document<CreateAccountMutation, CreateAccountMutationVariables> = {
  name: 'CreateAccount',
  id: 'sha256:d4159dc2b320dcf2bafebc98d377b8b0bc4bf9b783fcb69381a0563d7df020d4',
};

export const CreateCategoryDocument: Document<CreateCategoryMutation, CreateCategoryMutationVariables> = {
  name: 'CreateCategory',
  id: 'sha256:d974c9f9a64ecb3cb35ed50ea76edd804571e280955fbd9660750e55291a00c9',
};

export const CredentialsDocument: Document<CredentialsQuery, CredentialsQueryVariables> = {
  name: 'Credentials',
  id: 'sha256:a130e407bb211acbd672aeef698ee57db748f537e00afeb53a1dabe992cd6476',
};

export const StoreCredentialDocument: Document<StoreCredentialMutation, StoreCredentialMutationVariables> = {
  name: 'StoreCredential',
  id: 'sha256:300911e008c524eaac4723596a46f5de1af782b18cea5339295020698730e917',
};

export const CheckCredentialDocument: Document<CheckCredentialMutation, CheckCredentialMutationVariables> = {
  name: 'CheckCredential',
  id: 'sha256:82485933ebc75a0318be0e487f3248ed54961f1d0375fb568d9dbb9e27d08ebe',
};

export const RevokeCredentialDocument: Document<RevokeCredentialMutation, RevokeCredentialMutationVariables> = {
  name: 'RevokeCredential',
  id: 'sha256:261bf4dd4fb332ca4979cff5371cb92b16fc95d84d85c3e15cfb6cedaa14bbfb',
};

export const ImportsDocument: Document<ImportsQuery, ImportsQueryVariables> = {
  name: 'Imports',
  id: 'sha256:9dcce481535c7cf1941139c356ea705876e69f99e767393eb8e3fdf7ec4b5f01',
};

export const StatementsDocument: Document<StatementsQuery, StatementsQueryVariables> = {
  name: 'Statements',
  id: 'sha256:0cf206e70064ab5c2de9d011522c49dfbeec5b36116f751992705efa7936197c',
};

export const ImportStatementDocument: Document<ImportStatementMutation, ImportStatementMutationVariables> = {
  name: 'ImportStatement',
  id: 'sha256:66ece0903b564c625d12204b341ae36e2ab38d9f863a9e62d2966eb842d156fe',
};

export const ImportProgressedDocument: Document<ImportProgressedSubscription, ImportProgressedSubscriptionVariables> = {
  name: 'ImportProgressed',
  id: 'sha256:5ab663972d039e78d0cfd56ed3bf9a0db7bd3649dc389e7c4c7717d17cf1034b',
};

export const MembersDocument: Document<MembersQuery, MembersQueryVariables> = {
  name: 'Members',
  id: 'sha256:0087dc642ff7bc84034990e9d672c661a6d3c5f592d63d75192e7bfa3b952c2f',
};

export const MemberNamesDocument: Document<MemberNamesQuery, MemberNamesQueryVariables> = {
  name: 'MemberNames',
  id: 'sha256:c9e690cb32d4796b1b7e8d30f47ae0c346743b18c83bbcf9aabbee5f5c1a0459',
};

export const UpdateMemberDocument: Document<UpdateMemberMutation, UpdateMemberMutationVariables> = {
  name: 'UpdateMember',
  id: 'sha256:3a38d4dfb726f72d9d1b7e8610379ebdff3454e1c90cfcb66c98c732c79fa760',
};

export const PreviewRemoveMemberDocument: Document<PreviewRemoveMemberQuery, PreviewRemoveMemberQueryVariables> = {
  name: 'PreviewRemoveMember',
  id: 'sha256:b3e184f5d8ad6e113d5626040df73fc28f4f2c0a009385641fe991e1267e73fa',
};

export const RemoveMemberDocument: Document<RemoveMemberMutation, RemoveMemberMutationVariables> = {
  name: 'RemoveMember',
  id: 'sha256:e5e0189819f973667fcc3b6e3d08d69ad270c6e9a2a2c63a24f0addcbe2b300d',
};

export const PermissionsDocument: Document<PermissionsQuery, PermissionsQueryVariables> = {
  name: 'Permissions',
  id: 'sha256:0d2a832ea1c4b7c7a94479733b7f409e0b069f3be76459bda9c6c293aeb839a3',
};

export const PolicySetDocument: Document<PolicySetQuery, PolicySetQueryVariables> = {
  name: 'PolicySet',
  id: 'sha256:86cb41e19e18eaccefa8927bf0f30d62d79d6fd5b4077231de05264321d349b3',
};

export const RolesDocument: Document<RolesQuery, RolesQueryVariables> = {
  name: 'Roles',
  id: 'sha256:7e489824c4129be022d91dc273bc9bd19c5884440c9761c95f63c5be447e975c',
};

export const PreviewRoleDocument: Document<PreviewRoleQuery, PreviewRoleQueryVariables> = {
  name: 'PreviewRole',
  id: 'sha256:b8690a5e98c69899ca36f889437326c6c7f582ccc2c45693757e159756af51c4',
};

export const PreviewMemberDocument: Document<PreviewMemberQuery, PreviewMemberQueryVariables> = {
  name: 'PreviewMember',
  id: 'sha256:7ece47b2e3cc4b6fd2711c1ddc76189ee106371aed5f107737bdd12b7e61435b',
};

export const CreateRoleDocument: Document<CreateRoleMutation, CreateRoleMutationVariables> = {
  name: 'CreateRole',
  id: 'sha256:75ae7cff71107878eacf02331d9af3ff20dd0895237d5dcb2108285899415a5a',
};

export const UpdateRoleDocument: Document<UpdateRoleMutation, UpdateRoleMutationVariables> = {
  name: 'UpdateRole',
  id: 'sha256:71fae2e6a1528ecb8275d2653991a77278f3331e4bacd2f18e9c95cdc98380a9',
};

export const DeleteRoleDocument: Document<DeleteRoleMutation, DeleteRoleMutationVariables> = {
  name: 'DeleteRole',
  id: 'sha256:9917e795711b56849fd4ed70f479c244787b68725397ef13d3624e143fec9417',
};

export const ApiTokensDocument: Document<ApiTokensQuery, ApiTokensQueryVariables> = {
  name: 'ApiTokens',
  id: 'sha256:6e402d9e54e710dd25fbf4dea9f5bd3daf8d3bf97772992e1a393e49bb4cc916',
};

export const CreateApiTokenDocument: Document<CreateApiTokenMutation, CreateApiTokenMutationVariables> = {
  name: 'CreateApiToken',
  id: 'sha256:56e0c9422f44fb07907e680091da7741c40bfd147f91437bd2e206d526f1d084',
};

export const RevokeApiTokenDocument: Document<RevokeApiTokenMutation, RevokeApiTokenMutationVariables> = {
  name: 'RevokeApiToken',
  id: 'sha256:12504fc2de8b7bbc0e04672ff07afd42a467f4071d8da6e1cfab424002c1ba77',
};

export const TransactionsDocument: Document<TransactionsQuery, TransactionsQueryVariables> = {
  name: 'Transactions',
  id: 'sha256:ea94c7aa18d5e4a8d21a74b71d5edd23f446512bb2529ee32dcd4ad43091219c',
};

export const TransactionDetailDocument: Document<TransactionDetailQuery, TransactionDetailQueryVariables> = {
  name: 'TransactionDetail',
  id: 'sha256:7ff8b0e24a6f88479bf147ceeaceb71a1c84139f8e5b37fe0f01a166bad75a74',
};

export const CategorizeTransactionDocument: Document<CategorizeTransactionMutation, CategorizeTransactionMutationVariables> = {
  name: 'CategorizeTransaction',
  id: 'sha256:ff0d87845b3c89be65b148bdaa26aa5926f439c907cbd1b70d68e5cb4f11b408',
};
