-- API tokens. The hash is written by the books and read by the entrance alone.

CREATE TABLE countersign.api_tokens (
    tenant_id uuid NOT NULL CONSTRAINT api_tokens_tenant REFERENCES countersign.tenants (id),
    id uuid NOT NULL,
    name text NOT NULL CONSTRAINT api_tokens_name_length CHECK (length(name) BETWEEN 1 AND 60),
    hash bytea NOT NULL CONSTRAINT api_tokens_hash_length CHECK (length(hash) = 32),
    scopes text[] NOT NULL CONSTRAINT api_tokens_scopes_some CHECK (cardinality(scopes) > 0),
    -- Whether it sends published documents only, and no query of its own.
    documents_only boolean NOT NULL,
    last_four text NOT NULL CONSTRAINT api_tokens_last_four_length CHECK (length(last_four) = 4),
    created_by uuid,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT api_tokens_id PRIMARY KEY (tenant_id, id),
    CONSTRAINT api_tokens_hash UNIQUE (tenant_id, hash),
    CONSTRAINT api_tokens_life
        CHECK (expires_at > created_at AND expires_at <= created_at + interval '366 days'),
    CONSTRAINT api_tokens_maker FOREIGN KEY (tenant_id, created_by)
        REFERENCES countersign.memberships (tenant_id, user_id) ON DELETE SET NULL (created_by)
);
CREATE INDEX api_tokens_by_hash ON countersign.api_tokens (hash);
CREATE INDEX api_tokens_by_maker ON countersign.api_tokens (tenant_id, created_by);
CREATE INDEX api_tokens_census ON countersign.api_tokens (id);
ALTER TABLE countersign.api_tokens ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY api_tokens_tenant ON countersign.api_tokens TO countersign_books
    USING (tenant_id = countersign.current_tenant())
    WITH CHECK (tenant_id = countersign.current_tenant());
CREATE POLICY api_tokens_gate_read ON countersign.api_tokens FOR SELECT TO countersign_gate
    USING (true);
CREATE POLICY api_tokens_gate_touch ON countersign.api_tokens FOR UPDATE TO countersign_gate
    USING (tenant_id = countersign.current_tenant())
    WITH CHECK (tenant_id = countersign.current_tenant());
GRANT SELECT (tenant_id, id, name, scopes, documents_only, last_four, created_by, created_at, expires_at,
    last_used_at, revoked_at), INSERT, UPDATE (revoked_at)
    ON countersign.api_tokens TO countersign_books;
GRANT SELECT (tenant_id, id, hash, scopes, documents_only, expires_at, last_used_at, revoked_at),
    UPDATE (last_used_at) ON countersign.api_tokens TO countersign_gate;
