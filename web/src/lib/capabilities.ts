/** What a tenant may grant beside a role, in words. The server's names are those of groups of actions. */
export interface CapabilityRow {
  readonly name: string;
  readonly label: string;
  readonly explains: string;
}

export const CAPABILITY_ROWS: readonly CapabilityRow[] = [
  { name: 'read.basic', label: 'Read basics', explains: 'Names, dates, states, categories, magnitudes' },
  { name: 'read.financial', label: 'Read amounts', explains: 'Exact amounts and balances' },
  {
    name: 'read.pii',
    label: 'Read personal data',
    explains: 'Counterparties, account numbers, remittance text',
  },
  { name: 'read.member', label: 'Read members', explains: 'Members, their roles and addresses' },
  { name: 'read.token', label: 'Read API tokens', explains: 'The list of tokens, never their secrets' },
  { name: 'read.audit', label: 'Read the audit log', explains: 'Who did what, and what was refused' },
  { name: 'write.basic', label: 'Sort', explains: 'Put transactions in categories, make categories' },
  { name: 'write.financial', label: 'Keep the books', explains: 'Enter accounts, import statements' },
  { name: 'admin.member', label: 'Run members', explains: 'Change and remove members, make roles' },
  { name: 'admin.token', label: 'Run API tokens', explains: 'Make and revoke tokens' },
];

const OTHER_GROUPS: Readonly<Record<string, string>> = {
  'read.credential': 'Read credentials',
  'admin.credential': 'Run credentials',
  'export.audit': 'Export the audit log',
  structure: 'See the frame of answers',
  explain: 'Learn which rule refused',
  explore: 'Read the schema of the interface',
};

/** A group of actions in words. */
export function groupName(group: string): string {
  return CAPABILITY_ROWS.find((row) => row.name === group)?.label ?? OTHER_GROUPS[group] ?? group;
}
