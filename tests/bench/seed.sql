-- 50 tenants' books for the benchmark, after the product made the tenants `bench-01` to `bench-50`:
-- 4 accounts, 20 categories and 20,000 transactions each. Run by the superuser, once.

CREATE SCHEMA bench;
GRANT USAGE ON SCHEMA bench TO countersign_books;

-- What the floor needs to know without asking: it has no GraphQL to take ids from.
CREATE TABLE bench.tenants (n integer PRIMARY KEY, id uuid, accounts uuid[], categories uuid[]);
INSERT INTO bench.tenants (n, id)
    SELECT row_number() OVER (ORDER BY slug), id FROM countersign.tenants WHERE slug LIKE 'bench-%';
GRANT SELECT ON bench.tenants TO countersign_books;

-- A plain audit row, which the peers write with their insert: no chain, no signature.
CREATE TABLE bench.audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id uuid NOT NULL, action text NOT NULL, target uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT now());
GRANT INSERT ON bench.audit TO countersign_books;

-- A UUID of version 7's form, the same at every run.
CREATE FUNCTION bench.uuid(kind text, tenant integer, n integer) RETURNS uuid
    LANGUAGE sql IMMUTABLE AS $$
    SELECT overlay(overlay(md5(kind || ':' || tenant || ':' || n) PLACING '7' FROM 13)
        PLACING '8' FROM 17)::uuid $$;

INSERT INTO countersign.accounts (tenant_id, id, name, currency, number, personal, created_at)
    SELECT t.id, bench.uuid('account', t.n, i), 'Account ' || i, 'EUR', 'BENCH' || t.n || 'X' || i,
        false, '2026-01-01'
    FROM bench.tenants t, generate_series(1, 4) i;
INSERT INTO countersign.categories (tenant_id, id, name, created_at)
    SELECT t.id, bench.uuid('category', t.n, i), 'Category ' || i, '2026-01-01'
    FROM bench.tenants t, generate_series(1, 20) i;
INSERT INTO countersign.imports (tenant_id, id, file_name, format, sha256, byte_count,
        statement_count, added_count, duplicate_count, created_at)
    SELECT t.id, bench.uuid('import', t.n, 1), 'bench.xml', 'CAMT_053', sha256(t.id::text::bytea),
        1000, 4, 20000, 0, '2026-01-01'
    FROM bench.tenants t;
INSERT INTO countersign.statements (tenant_id, id, import_id, account_id, currency, balance_check,
        transaction_count)
    SELECT t.id, bench.uuid('statement', t.n, i), bench.uuid('import', t.n, 1),
        bench.uuid('account', t.n, i), 'EUR', 'NOT_STATED', 5000
    FROM bench.tenants t, generate_series(1, 4) i;
INSERT INTO countersign.transactions (tenant_id, id, account_id, statement_id, category_id, booked_on,
        value_on, currency, amount, counterparty, description, reference, fingerprint)
    SELECT t.id, bench.uuid('transaction', t.n, i), bench.uuid('account', t.n, i % 4 + 1),
        bench.uuid('statement', t.n, i % 4 + 1), bench.uuid('category', t.n, i * 7 % 20 + 1),
        date '2024-01-01' + i / 25, date '2024-01-01' + i / 25 + 1, 'EUR',
        ((i * 7919 % 200000) - 100000) / 100.0, 'Counterparty ' || i % 500,
        'Invoice ' || i || ' of the benchmark, paid by transfer', 'REF' || i,
        sha256((t.n || ':' || i)::bytea)
    FROM bench.tenants t, generate_series(1, 20000) i;
UPDATE bench.tenants t SET
    accounts = (SELECT array_agg(a.id ORDER BY a.id) FROM countersign.accounts a WHERE a.tenant_id = t.id),
    categories = (SELECT array_agg(c.id ORDER BY c.id) FROM countersign.categories c WHERE c.tenant_id = t.id);
ANALYZE;
