// Answers GraphQL from the books in memory, with the schema of the real server and rules as coarse as a look needs.
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { buildSchema, defaultFieldResolver, execute, GraphQLError, parse, validate } from 'graphql';
import { id } from './data.mjs';

const schema = buildSchema(readFileSync(new URL('../../api/schema.graphql', import.meta.url), 'utf8'));

const GROUPS = {
  financial: [
    'Transaction.amount',
    'Account.balance',
    'Account.balanceOn',
    'Statement.opening',
    'Statement.closing',
  ],
  pii: [
    'Transaction.counterparty',
    'Transaction.description',
    'Transaction.reference',
    'Account.number',
    'Statement.reference',
  ],
};
const ROLES = {
  owner: ['financial', 'pii', 'members', 'apiTokens', 'auditEntries', 'write'],
  worker: [],
  auditor: ['financial', 'pii', 'members', 'apiTokens', 'auditEntries'],
};

const may = (role, what) => ROLES[role].includes(what);
const deny = (rule) => {
  throw new GraphQLError('policy does not permit this', { extensions: { code: 'FORBIDDEN', rule } });
};

function page(rows, { first = 50, after }, kind) {
  const start = after ? Number(Buffer.from(after, 'base64url').toString()) : 0;
  const nodes = rows.slice(start, start + first);
  return {
    nodes,
    edges: nodes.map((node, at) => ({ cursor: String(start + at), node })),
    totalCount: kind === 'transactions' ? rows.length : undefined,
    pageInfo: {
      hasNextPage: start + first < rows.length,
      hasPreviousPage: start > 0,
      startCursor: null,
      endCursor: Buffer.from(String(start + nodes.length)).toString('base64url'),
    },
  };
}

function matches(filter = {}) {
  return (one) =>
    (!filter?.accountId || one.account.id === filter.accountId) &&
    (!filter?.categoryId || one.category?.id === filter.categoryId) &&
    (!filter?.uncategorized || one.category === null) &&
    (!filter?.from || one.bookedOn >= filter.from) &&
    (!filter?.to || one.bookedOn <= filter.to) &&
    (!filter?.magnitude || one.magnitude === filter.magnitude) &&
    (!filter?.direction || one.direction === filter.direction) &&
    (!filter?.text ||
      `${one.counterparty} ${one.description}`.toLowerCase().includes(filter.text.toLowerCase()));
}

const complaint = (code, message, field) => ({ userErrors: [{ code, message, field }] });

const roots = {
  viewer: (books, { person }) => ({
    kind: 'HUMAN',
    member: books.members.find((one) => one.id === person) ?? books.members[0],
    can: ({ action }) => {
      const isAllowed = may(books.role, 'write') || !action.startsWith('Mutation.');
      return {
        action,
        verdict: isAllowed ? 'ALLOW' : 'DENY',
        rules: isAllowed ? null : ['human.write-basic'],
      };
    },
  }),
  tenant: (books) => books.tenant,
  node: (books, { args }) =>
    [...books.transactions, ...books.accounts, ...books.members].find((one) => one.id === args.id) ?? null,
  transactions: (books, { args }) => {
    if (args.filter?.text && !may(books.role, 'pii')) deny('no-permit(human.pii)');
    if (args.filter?.text === 'boom')
      throw new GraphQLError('the books are away', { extensions: { code: 'SERVICE_UNAVAILABLE' } });
    return page(books.transactions.filter(matches(args.filter)), args, 'transactions');
  },
  auditEntries: (books, { args }) => {
    const { outcome, action, actorId, from, to } = args.filter ?? {};
    const rows = books.auditEntries.filter(
      (one) =>
        (!outcome || one.outcome === outcome) &&
        (!action || one.action === action) &&
        (!actorId || one.actorId === actorId) &&
        (!from || one.occurredAt >= from) &&
        (!to || one.occurredAt < to),
    );
    return page(rows, args);
  },
  createCategory: (books, { input }) => {
    if (books.categories.some((one) => one.name === input.name))
      return complaint('TAKEN', `there is a category \`${input.name}\` already`, ['input', 'name']);
    const category = {
      __typename: 'Category',
      id: id('cat', randomUUID()),
      name: input.name,
      createdAt: new Date().toISOString(),
    };
    books.categories.push(category);
    return { category, userErrors: [] };
  },
  createAccount: (books, { input }) => {
    if (!/^[A-Z]{3}$/.test(input.currency))
      return complaint('INVALID', `\`${input.currency}\` is not a currency`, ['input', 'currency']);
    const custodian = books.members.find((one) => one.id === input.custodianId) ?? null;
    const account = {
      __typename: 'Account',
      id: id('acc', randomUUID()),
      ...input,
      custodian,
      balance: null,
      balanceOn: null,
      createdAt: new Date().toISOString(),
    };
    books.accounts.push(account);
    return { account, userErrors: [] };
  },
  categorizeTransaction: (books, { input }) => {
    const transaction = books.transactions.find((one) => one.id === input.transactionId);
    transaction.category = books.categories.find((one) => one.id === input.categoryId) ?? null;
    return { transaction, userErrors: [] };
  },
  createApiToken: (books, { input }) => {
    if (input.scopes.length === 0)
      return complaint('INVALID', 'a token needs at least one scope', ['input', 'scopes']);
    const plainToken = `cst_${createHash('sha512').update(randomUUID()).digest('hex').slice(0, 49)}`;
    const apiToken = {
      __typename: 'ApiToken',
      id: id('tok', randomUUID()),
      ...input,
      lastFour: plainToken.slice(-4),
      createdBy: books.members[0],
      createdAt: new Date().toISOString(),
      expiresAt: new Date(Date.now() + input.expiresInDays * 86_400_000).toISOString(),
      lastUsedAt: null,
      revokedAt: null,
    };
    books.apiTokens.unshift(apiToken);
    return { apiToken, plainToken, userErrors: [] };
  },
  revokeApiToken: (books, { input }) => {
    const apiToken = books.apiTokens.find((one) => one.id === input.apiTokenId);
    apiToken.revokedAt = new Date().toISOString();
    return { apiToken, userErrors: [] };
  },
  removeMember: (books, { input }) => {
    const member = books.members.find((one) => one.id === input.memberId);
    if (member.role === 'owner')
      return complaint('LAST_OWNER', 'the last owner can not be removed', ['input', 'memberId']);
    books.members = books.members.filter((one) => one !== member);
    return { removedMemberId: member.id, userErrors: [] };
  },
  importStatement: (books, { input }) => {
    const bytes = Buffer.from(input.content, 'base64');
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const before = books.imports.find((one) => one.sha256 === sha256);
    const statements = books.statements.filter((one) => one.import === before);
    if (before) return { import: before, statements, alreadyImported: true, userErrors: [] };
    if (bytes.includes('broken')) {
      return {
        alreadyImported: false,
        ...complaint('STATEMENT_BROKEN', 'line 14, element `Amt`: `12,5,0` is not a decimal number', [
          'input',
          'content',
        ]),
      };
    }
    const done = {
      __typename: 'Import',
      id: id('imp', sha256),
      fileName: input.fileName,
      format: input.csv ? 'CSV' : 'CAMT_053',
      sha256,
      byteCount: bytes.length,
      statementCount: 1,
      importedCount: 12,
      duplicateCount: 2,
      createdAt: new Date().toISOString(),
    };
    const statement = {
      ...books.statements[1],
      id: id('stm', sha256),
      import: done,
      transactionCount: 12,
      account: books.accounts.find((one) => one.id === input.accountId) ?? books.accounts[0],
      balanceCheck: input.csv ? 'NOT_STATED' : 'BALANCED',
      opening: input.csv ? null : '1000.00',
      closing: input.csv ? null : '-18.40',
    };
    books.imports.unshift(done);
    books.statements.unshift(statement);
    return { import: done, statements: [statement], alreadyImported: false, userErrors: [] };
  },
};

const path = (info) => {
  const parts = [];
  for (let at = info.path; at; at = at.prev) parts.unshift(typeof at.key === 'number' ? '*' : at.key);
  return parts.join('.');
};

/** Runs one operation on a tenant's books. */
export async function answer(books, body, person) {
  const requestId = `req_${randomUUID().replaceAll('-', '')}`;
  const document = parse(body.query);
  const faults = validate(schema, document);
  if (faults.length > 0) return { requestId, status: 422, body: { errors: faults } };
  const redactions = new Map();
  const fieldResolver = (source, args, context, info) => {
    const type = info.parentType.name;
    const field = `${type}.${info.fieldName}`;
    if (type === 'Query' || type === 'Mutation') {
      if (
        ['members', 'apiTokens', 'auditEntries'].includes(info.fieldName) &&
        !may(books.role, info.fieldName)
      ) {
        deny(`no-permit(human.${info.fieldName})`);
      }
      if (type === 'Mutation' && !may(books.role, 'write')) deny('no-permit(human.write-basic)');
      const root = roots[info.fieldName];
      if (root) return root(books, { args, input: args.input, person });
      return page(books[info.fieldName], args);
    }
    const group = Object.keys(GROUPS).find((name) => GROUPS[name].includes(field));
    // The custodian of a row sees its amounts: here, the company card of the worker.
    const account = type === 'Account' ? source : source.account;
    if (group && !may(books.role, group) && account?.name !== 'Company card') {
      const key = path(info);
      redactions.set(key, {
        path: key,
        rule: `no-permit(human.${group}, human.${group}-custodian)`,
        count: (redactions.get(key)?.count ?? 0) + 1,
      });
      return null;
    }
    return defaultFieldResolver(source, args, context, info);
  };
  const result = await execute({
    schema,
    document,
    variableValues: body.variables,
    operationName: body.operationName,
    fieldResolver,
    rootValue: {},
  });
  const errors = result.errors?.map((error) => ({
    message: error.message,
    path: error.path,
    extensions: { code: 'INTERNAL_SERVER_ERROR', ...error.extensions, requestId },
  }));
  return {
    requestId,
    status: 200,
    body: {
      data: result.data,
      ...(errors ? { errors } : {}),
      extensions: { redactions: [...redactions.values()] },
    },
  };
}
