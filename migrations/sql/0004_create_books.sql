-- The books: accounts, categories, imports of files, statements and transactions.
-- Each table also has an index on the bare id: the entrance counts the ids that a request names, its
-- own tenant's and others', and sees nothing of the rows but `id` and `tenant_id`.

CREATE TABLE countersign.accounts (
    tenant_id uuid NOT NULL CONSTRAINT accounts_tenant REFERENCES countersign.tenants (id),
    id uuid NOT NULL,
    name text NOT NULL CONSTRAINT accounts_name_length CHECK (length(name) BETWEEN 1 AND 80),
    currency text NOT NULL CONSTRAINT accounts_currency_form CHECK (currency ~ '^[A-Z]{3}$'),
    number text CONSTRAINT accounts_number_form
        CHECK (length(number) BETWEEN 1 AND 200 AND number !~ '\s'),
    custodian_id uuid,
    personal boolean NOT NULL DEFAULT false,
    -- The closing balance of the newest statement.
    balance numeric(21,6),
    balance_on date,
    created_at timestamptz NOT NULL,
    CONSTRAINT accounts_id PRIMARY KEY (tenant_id, id),
    CONSTRAINT accounts_number UNIQUE (tenant_id, number),
    CONSTRAINT accounts_balance_whole CHECK ((balance IS NULL) = (balance_on IS NULL)),
    CONSTRAINT accounts_balance_size CHECK (abs(balance) < 1000000000000000),
    -- A member who leaves leaves their care as well.
    CONSTRAINT accounts_custodian FOREIGN KEY (tenant_id, custodian_id)
        REFERENCES countersign.memberships (tenant_id, user_id) ON DELETE SET NULL (custodian_id)
);
CREATE INDEX accounts_by_custodian ON countersign.accounts (tenant_id, custodian_id);
CREATE INDEX accounts_census ON countersign.accounts (id);

CREATE TABLE countersign.categories (
    tenant_id uuid NOT NULL CONSTRAINT categories_tenant REFERENCES countersign.tenants (id),
    id uuid NOT NULL,
    name text NOT NULL CONSTRAINT categories_name_length CHECK (length(name) BETWEEN 1 AND 60),
    created_at timestamptz NOT NULL,
    CONSTRAINT categories_id PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX categories_name ON countersign.categories (tenant_id, lower(name));
CREATE INDEX categories_census ON countersign.categories (id);

CREATE TABLE countersign.imports (
    tenant_id uuid NOT NULL CONSTRAINT imports_tenant REFERENCES countersign.tenants (id),
    id uuid NOT NULL,
    file_name text NOT NULL
        CONSTRAINT imports_file_name_length CHECK (length(file_name) BETWEEN 1 AND 200),
    format text NOT NULL CONSTRAINT imports_format
        CHECK (format IN ('CAMT_053', 'CAMT_052', 'OFX', 'MT940', 'CSV')),
    sha256 bytea NOT NULL CONSTRAINT imports_sha256_length CHECK (length(sha256) = 32),
    byte_count integer NOT NULL CONSTRAINT imports_byte_count CHECK (byte_count >= 0),
    statement_count integer NOT NULL
        CONSTRAINT imports_statement_count CHECK (statement_count >= 0),
    added_count integer NOT NULL CONSTRAINT imports_added_count CHECK (added_count >= 0),
    duplicate_count integer NOT NULL
        CONSTRAINT imports_duplicate_count CHECK (duplicate_count >= 0),
    created_at timestamptz NOT NULL,
    CONSTRAINT imports_id PRIMARY KEY (tenant_id, id),
    CONSTRAINT imports_file UNIQUE (tenant_id, sha256)
);
CREATE INDEX imports_census ON countersign.imports (id);

CREATE TABLE countersign.statements (
    tenant_id uuid NOT NULL CONSTRAINT statements_tenant REFERENCES countersign.tenants (id),
    id uuid NOT NULL,
    import_id uuid NOT NULL,
    account_id uuid NOT NULL,
    reference text CONSTRAINT statements_reference_length CHECK (length(reference) <= 200),
    currency text NOT NULL CONSTRAINT statements_currency_form CHECK (currency ~ '^[A-Z]{3}$'),
    period_start date,
    period_end date,
    opening numeric(21,6) CONSTRAINT statements_opening_size
        CHECK (abs(opening) < 1000000000000000),
    closing numeric(21,6) CONSTRAINT statements_closing_size
        CHECK (abs(closing) < 1000000000000000),
    balance_check text NOT NULL CONSTRAINT statements_balance_check
        CHECK (balance_check IN ('BALANCED', 'NOT_STATED')),
    transaction_count integer NOT NULL
        CONSTRAINT statements_transaction_count CHECK (transaction_count >= 0),
    CONSTRAINT statements_id PRIMARY KEY (tenant_id, id),
    CONSTRAINT statements_import FOREIGN KEY (tenant_id, import_id)
        REFERENCES countersign.imports (tenant_id, id),
    CONSTRAINT statements_account FOREIGN KEY (tenant_id, account_id)
        REFERENCES countersign.accounts (tenant_id, id),
    CONSTRAINT statements_balanced_has_balances CHECK
        (balance_check <> 'BALANCED' OR (opening IS NOT NULL AND closing IS NOT NULL))
);
CREATE INDEX statements_of_import ON countersign.statements (tenant_id, import_id, id);
CREATE INDEX statements_of_account ON countersign.statements (tenant_id, account_id, id);
CREATE INDEX statements_census ON countersign.statements (id);

CREATE TABLE countersign.transactions (
    tenant_id uuid NOT NULL CONSTRAINT transactions_tenant REFERENCES countersign.tenants (id),
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    statement_id uuid NOT NULL,
    category_id uuid,
    booked_on date NOT NULL,
    value_on date,
    currency text NOT NULL CONSTRAINT transactions_currency_form CHECK (currency ~ '^[A-Z]{3}$'),
    amount numeric(21,6) NOT NULL
        CONSTRAINT transactions_amount_size CHECK (abs(amount) < 1000000000000000),
    magnitude text NOT NULL GENERATED ALWAYS AS (countersign.magnitude(amount)) STORED,
    counterparty text
        CONSTRAINT transactions_counterparty_length CHECK (length(counterparty) <= 500),
    description text NOT NULL
        CONSTRAINT transactions_description_length CHECK (length(description) <= 4000),
    reference text CONSTRAINT transactions_reference_length CHECK (length(reference) <= 200),
    -- What makes two entries of overlapping files the same one.
    fingerprint bytea NOT NULL
        CONSTRAINT transactions_fingerprint_length CHECK (length(fingerprint) = 32),
    CONSTRAINT transactions_id PRIMARY KEY (tenant_id, id),
    CONSTRAINT transactions_once UNIQUE (tenant_id, account_id, fingerprint),
    CONSTRAINT transactions_account FOREIGN KEY (tenant_id, account_id)
        REFERENCES countersign.accounts (tenant_id, id),
    CONSTRAINT transactions_statement FOREIGN KEY (tenant_id, statement_id)
        REFERENCES countersign.statements (tenant_id, id),
    CONSTRAINT transactions_category FOREIGN KEY (tenant_id, category_id)
        REFERENCES countersign.categories (tenant_id, id)
);
CREATE INDEX transactions_newest ON countersign.transactions
    (tenant_id, booked_on DESC, id DESC);
CREATE INDEX transactions_of_account ON countersign.transactions
    (tenant_id, account_id, booked_on DESC, id DESC);
CREATE INDEX transactions_of_category ON countersign.transactions
    (tenant_id, category_id, booked_on DESC, id DESC);
CREATE INDEX transactions_of_statement ON countersign.transactions (tenant_id, statement_id);
CREATE INDEX transactions_census ON countersign.transactions (id);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['accounts', 'categories', 'imports', 'statements', 'transactions']
    LOOP
        EXECUTE format('ALTER TABLE countersign.%I ENABLE ROW LEVEL SECURITY,'
            ' FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY %I ON countersign.%I TO countersign_books'
            ' USING (tenant_id = countersign.current_tenant())'
            ' WITH CHECK (tenant_id = countersign.current_tenant())', name || '_tenant', name);
        EXECUTE format('CREATE POLICY %I ON countersign.%I FOR SELECT TO countersign_gate'
            ' USING (true)', name || '_census', name);
        EXECUTE format('GRANT SELECT (tenant_id, id) ON countersign.%I TO countersign_gate', name);
        EXECUTE format('GRANT SELECT, INSERT ON countersign.%I TO countersign_books', name);
    END LOOP;
END $$;
GRANT UPDATE (balance, balance_on) ON countersign.accounts TO countersign_books;
GRANT UPDATE (added_count, duplicate_count) ON countersign.imports TO countersign_books;
GRANT UPDATE (category_id) ON countersign.transactions TO countersign_books;
