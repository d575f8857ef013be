// Books to look at: made from fixed numbers, so that two looks see the same.
import { createHash } from 'node:crypto';

const sha = (text) => createHash('sha256').update(text).digest('hex');
export const id = (prefix, number) => `${prefix}_${sha(`${prefix}${number}`).slice(0, 32)}`;

const PEOPLE = [
  ['olivia', 'Olivia Ortega', 'owner'],
  ['adam', 'Adam Ekholm', 'admin'],
  ['mara', 'Mara Lindqvist', 'manager'],
  ['arthur', 'Arthur Pell', 'accountant'],
  ['wanda', 'Wanda Novak', 'worker'],
];
const PARTIES = [
  ['Harbour Office Rent', 'Rent, quayside 4', -245000, 'Rent'],
  ['Nordwind Energie GmbH', 'Electricity, customer 88120', -31872, 'Utilities'],
  ['Brightwater Stores', 'Invoice 2026-0418', 1284050, 'Sales'],
  ['Papeterie Lacroix', 'Office supplies', -4290, 'Office'],
  ['Kestrel Logistics', 'Freight to Rotterdam, 3 pallets', -87600, 'Freight'],
  ['Alma Kitchens Ltd', 'Invoice 2026-0422, part payment', 462500, 'Sales'],
  ['Coffee corner', 'Card payment', -780, null],
  ['Zweigstelle Finanzamt', 'VAT advance return', -712345, 'Taxes'],
  ['Unknown sender', 'Refund', 1999, null],
];

const cents = (value) =>
  `${value < 0 ? '-' : ''}${Math.trunc(Math.abs(value) / 100)}.${String(Math.abs(value) % 100).padStart(2, '0')}`;
const magnitude = (value) => {
  const whole = Math.abs(value) / 100;
  if (whole < 10) return 'MICRO';
  if (whole < 100) return 'SMALL';
  if (whole < 1000) return 'MEDIUM';
  return whole < 10000 ? 'LARGE' : 'XLARGE';
};

function books(slug, name, count) {
  const key = (number) => `${slug}${number}`;
  const members = PEOPLE.map(([login, person, role], at) => ({
    __typename: 'Member',
    id: id('usr', login),
    name: person,
    email: `${login}@example.com`,
    role,
    capabilities: role === 'worker' ? ['read.audit'] : [],
    joinedAt: new Date(Date.UTC(2026, at, 3)).toISOString(),
  }));
  const accounts = [
    ['Operating account', 'EUR', 'DE89370400440532013000', null, false],
    ['Company card', 'EUR', '4000123499', members[4], false],
    ['US receipts', 'USD', 'GB29NWBK60161331926819', null, false],
    ['Household', 'EUR', 'NL91ABNA0417164300', members[0], true],
  ].map(([title, currency, number, custodian, personal], at) => ({
    __typename: 'Account',
    id: id('acc', key(at)),
    name: title,
    currency,
    number,
    custodian,
    personal,
    balance: at === 3 ? null : cents(4820133 - at * 1200345),
    balanceOn: at === 3 ? null : '2026-10-31',
    createdAt: '2026-01-05T09:00:00.000000Z',
  }));
  const categories = ['Freight', 'Office', 'Rent', 'Sales', 'Taxes', 'Utilities'].map((title, at) => ({
    __typename: 'Category',
    id: id('cat', key(at)),
    name: title,
    createdAt: '2026-01-05T09:00:00.000000Z',
  }));
  const imports = [0, 1].map((at) => ({
    __typename: 'Import',
    id: id('imp', key(at)),
    fileName: at ? 'camt053-2026-10.xml' : 'checking.ofx',
    format: at ? 'CAMT_053' : 'OFX',
    sha256: sha(key(`file${at}`)),
    byteCount: 48120 + at,
    statementCount: 1,
    importedCount: 61,
    duplicateCount: at * 3,
    createdAt: '2026-11-02T08:15:00.000000Z',
  }));
  const statements = imports.map((one, at) => ({
    __typename: 'Statement',
    id: id('stm', key(at)),
    account: accounts[at],
    import: one,
    reference: `STMT-2026-${10 + at}`,
    currency: 'EUR',
    periodStart: '2026-10-01',
    periodEnd: '2026-10-31',
    opening: '-1204.10',
    closing: '48201.33',
    balanceCheck: at ? 'BALANCED' : 'NOT_STATED',
    transactionCount: 61,
  }));
  const transactions = Array.from({ length: count }, (_, at) => {
    const [counterparty, description, value, category] = PARTIES[at % PARTIES.length];
    const amount = value + (at % 7) * (value < 0 ? -13 : 1111);
    const day = new Date(Date.UTC(2026, 9, 31) - at * 43_200_000).toISOString().slice(0, 10);
    const account = accounts[at % 3];
    return {
      __typename: 'Transaction',
      id: id('txn', key(at)),
      account,
      statement: statements[at % 2],
      category: categories.find((one) => one.name === category) ?? null,
      bookedOn: day,
      valueOn: day,
      currency: account.currency,
      amount: cents(amount),
      magnitude: magnitude(amount),
      direction: amount < 0 ? 'OUT' : 'IN',
      counterparty,
      description,
      reference: `E2E-${100000 + at}`,
    };
  });
  const apiTokens = [
    ['Month-end export', ['basic:read', 'financial:read'], '2027-01-10T00:00:00.000000Z', null],
    ['Bank feed', ['statements:import'], '2026-11-28T00:00:00.000000Z', null],
    ['Old dashboard', ['basic:read'], '2026-12-31T00:00:00.000000Z', '2026-09-01T10:00:00.000000Z'],
  ].map(([title, scopes, expiresAt, revokedAt], at) => ({
    __typename: 'ApiToken',
    id: id('tok', key(at)),
    name: title,
    scopes,
    lastFour: sha(title).slice(0, 4),
    createdBy: members[0],
    createdAt: '2026-08-01T10:00:00.000000Z',
    expiresAt,
    lastUsedAt: at === 1 ? '2026-11-19T06:30:00.000000Z' : null,
    revokedAt,
  }));
  const auditEntries = [];
  let previousHash = '0'.repeat(64);
  for (let seq = 1; seq <= 70; seq += 1) {
    const outcome = seq % 11 === 0 ? 'REFUSED' : 'DONE';
    const who = members[seq % 5];
    const isMachine = seq % 6 === 0;
    const hash = sha(previousHash + seq);
    auditEntries.unshift({
      __typename: 'AuditEntry',
      id: id('aud', key(seq)),
      seq,
      occurredAt: new Date(Date.UTC(2026, 10, 18, 8) + seq * 1_800_000).toISOString(),
      actorKind: isMachine ? 'machine' : 'human',
      actorId: isMachine ? id('tok', key(0)) : who.id,
      actorName: isMachine ? null : who.name,
      action: ['transactions.read', 'transaction.categorized', 'token.created', 'accounts.read'][seq % 4],
      permission: outcome === 'DONE' ? 'human.basic' : 'no-permit(human.write-basic)',
      outcome,
      targets: seq % 4 === 1 ? [transactions[seq % count]?.id ?? id('txn', 0)] : [],
      requestId: `req_${sha(key(`r${seq}`)).slice(0, 32)}`,
      source: '127.0.0.1',
      payload:
        '{"operation":"Transactions","fields":14,"redactions":[{"path":"transactions.nodes.*.amount","rule":"fence","count":50}],"empty":{}}',
      hash,
      previousHash,
    });
    previousHash = hash;
  }
  return {
    tenant: {
      __typename: 'Tenant',
      id: id('ten', slug),
      name,
      slug,
      suspended: false,
      createdAt: '2026-01-01T00:00:00.000000Z',
    },
    members,
    accounts,
    categories,
    imports,
    statements,
    transactions,
    apiTokens,
    auditEntries,
  };
}

export const tenants = () => ({
  northwind: { role: 'owner', ...books('northwind', 'Northwind Traders', 180) },
  alder: { role: 'worker', ...books('alder', 'Alder & Sons Bakery', 60) },
  lumen: { role: 'auditor', ...books('lumen', 'Lumen Studio', 0) },
});
