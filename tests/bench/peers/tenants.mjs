// What the peers share: a pool, and a transaction in the tenant that a request names.
import pg from 'pg';

// Texts stay texts, as the product has them: `pg` would make dates and numbers of its own.
for (const type of [pg.types.builtins.DATE, pg.types.builtins.NUMERIC]) {
  pg.types.setTypeParser(type, (text) => text);
}

export const port = Number(process.env.PORT);
export const connectionString = process.env.DATABASE_URL;
const pool = new pg.Pool({ connectionString, max: 10 });

const enterTenant = {
  name: 'enter_tenant',
  text: 'SELECT countersign.enter_tenant($1::uuid)',
};

/** Runs `work` in a transaction that row-level security confines to the tenant. */
export async function inTenant(tenant, work) {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query({ ...enterTenant, values: [tenant] });
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

const columns = `id, booked_on AS "bookedOn", value_on AS "valueOn", amount, currency, magnitude,
  CASE WHEN amount < 0 THEN 'OUT' ELSE 'IN' END AS direction, counterparty, description, reference,
  account_id AS "accountId", category_id AS "categoryId"`;

export const sql = {
  page: {
    name: 'page',
    text: `SELECT ${columns} FROM countersign.transactions
      WHERE tenant_id = countersign.current_tenant() ORDER BY booked_on DESC, id DESC LIMIT $1`,
  },
  one: {
    name: 'one',
    text: `SELECT ${columns} FROM countersign.transactions
      WHERE tenant_id = countersign.current_tenant() AND id = $1`,
  },
  accounts: {
    name: 'accounts',
    text: `SELECT id, name FROM countersign.accounts
      WHERE tenant_id = countersign.current_tenant() AND id = ANY ($1)`,
  },
  categories: {
    name: 'categories',
    text: `SELECT id, name FROM countersign.categories
      WHERE tenant_id = countersign.current_tenant() AND id = ANY ($1)`,
  },
  insert: {
    name: 'insert',
    text: `INSERT INTO countersign.categories (tenant_id, id, name, created_at)
      VALUES (countersign.current_tenant(), gen_random_uuid(), $1, now()) RETURNING id, name`,
  },
  audit: {
    name: 'audit',
    text: `INSERT INTO bench.audit (tenant_id, action, target)
      VALUES (countersign.current_tenant(), 'category.created', $1)`,
  },
};

/** The rows of those ids, in their order, for a batch of keys. */
export async function byIds(client, statement, ids) {
  const { rows } = await client.query({ ...statement, values: [[...new Set(ids)]] });
  const found = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => found.get(id) ?? null);
}

/** Inserts a category and its plain audit row in one transaction. */
export function createCategory(tenant, name) {
  return inTenant(tenant, async (client) => {
    const { rows } = await client.query({ ...sql.insert, values: [name] });
    await client.query({ ...sql.audit, values: [rows[0].id] });
    return rows[0];
  });
}

export const typeDefs = `
  type Account { id: ID! name: String }
  type Category { id: ID! name: String }
  type Transaction {
    id: ID! bookedOn: String! valueOn: String amount: String currency: String! magnitude: String
    direction: String! counterparty: String description: String reference: String
    account: Account category: Category
  }
  type Query { transactions(first: Int!): [Transaction!]! transaction(id: ID!): Transaction }
  type Mutation { createCategory(name: String!): Category }
`;
