/** What a token may be given, as a matrix: a row for each kind of data, reading and writing beside each other. */
export interface ScopeRow {
  readonly area: string;
  readonly explains: string;
  readonly read?: string;
  readonly write?: string;
}

/**
 * The scopes that a machine can use. Removing members and making tokens are scopes by name too, but policy refuses
 * them to every machine, so they are not offered.
 */
export const SCOPE_ROWS: readonly ScopeRow[] = [
  { area: 'Basics', explains: 'Names, dates, states, categories, magnitudes', read: 'basic:read' },
  { area: 'Amounts', explains: 'Exact amounts and balances', read: 'financial:read' },
  { area: 'Personal data', explains: 'Counterparties, account numbers, remittance text', read: 'pii:read' },
  { area: 'Members', explains: 'Members and their roles', read: 'members:read' },
  { area: 'API tokens', explains: 'The list of tokens', read: 'tokens:read' },
  { area: 'Audit log', explains: 'The audit chain', read: 'audit:read' },
  { area: 'Accounts', explains: 'Create accounts', write: 'accounts:create' },
  { area: 'Categories', explains: 'Create categories', write: 'categories:create' },
  { area: 'Transactions', explains: 'Put transactions in categories', write: 'transactions:categorize' },
  {
    area: 'Statements',
    explains: 'Import bank statements; needs to read basics and amounts too',
    write: 'statements:import',
  },
];
