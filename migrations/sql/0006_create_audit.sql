-- The audit log: one chain per tenant, without a gap, append-only for every role.

-- Keys of tenants, sealed under the key-encryption key, which the database never holds.
CREATE TABLE countersign.tenant_keys (
    tenant_id uuid NOT NULL CONSTRAINT tenant_keys_tenant REFERENCES countersign.tenants (id),
    purpose text NOT NULL CONSTRAINT tenant_keys_purpose CHECK (purpose IN ('audit')),
    version integer NOT NULL CONSTRAINT tenant_keys_version CHECK (version > 0),
    sealed bytea NOT NULL CONSTRAINT tenant_keys_sealed_length CHECK (length(sealed) BETWEEN 29 AND 200),
    CONSTRAINT tenant_keys_id PRIMARY KEY (tenant_id, purpose, version)
);
ALTER TABLE countersign.tenant_keys ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_keys_tenant ON countersign.tenant_keys TO countersign_books
    USING (tenant_id = countersign.current_tenant())
    WITH CHECK (tenant_id = countersign.current_tenant());
GRANT SELECT, INSERT ON countersign.tenant_keys TO countersign_books;

-- The end of each chain. Only the trigger below moves it, one row at a time.
CREATE TABLE countersign.audit_heads (
    tenant_id uuid CONSTRAINT audit_heads_id PRIMARY KEY
        CONSTRAINT audit_heads_tenant REFERENCES countersign.tenants (id),
    seq bigint NOT NULL CONSTRAINT audit_heads_seq CHECK (seq >= 0),
    hash bytea NOT NULL CONSTRAINT audit_heads_hash_length CHECK (length(hash) = 32)
);
ALTER TABLE countersign.audit_heads ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_heads_tenant ON countersign.audit_heads FOR SELECT TO countersign_books
    USING (tenant_id = countersign.current_tenant());
CREATE POLICY audit_heads_gate_move ON countersign.audit_heads TO countersign_gate
    USING (tenant_id = countersign.current_tenant())
    WITH CHECK (tenant_id = countersign.current_tenant());
CREATE POLICY audit_heads_gate_make ON countersign.audit_heads FOR INSERT TO countersign_gate
    WITH CHECK (seq = 0);
GRANT SELECT ON countersign.audit_heads TO countersign_books;
GRANT SELECT, INSERT, UPDATE (seq, hash) ON countersign.audit_heads TO countersign_gate;

CREATE TABLE countersign.audit_entries (
    tenant_id uuid NOT NULL CONSTRAINT audit_entries_tenant REFERENCES countersign.tenants (id),
    seq bigint NOT NULL CONSTRAINT audit_entries_seq CHECK (seq > 0),
    id uuid NOT NULL,
    previous bytea NOT NULL
        CONSTRAINT audit_entries_previous_length CHECK (length(previous) = 32),
    hash bytea NOT NULL CONSTRAINT audit_entries_hash_length CHECK (length(hash) = 32),
    signature bytea NOT NULL
        CONSTRAINT audit_entries_signature_length CHECK (length(signature) = 32),
    actor_kind text NOT NULL CONSTRAINT audit_entries_actor_kind
        CHECK (actor_kind IN ('human', 'machine', 'operator', 'stranger')),
    actor_id text NOT NULL
        CONSTRAINT audit_entries_actor_id_length CHECK (length(actor_id) BETWEEN 1 AND 100),
    action text NOT NULL
        CONSTRAINT audit_entries_action_length CHECK (length(action) BETWEEN 1 AND 100),
    permission text NOT NULL
        CONSTRAINT audit_entries_permission_length CHECK (length(permission) <= 20000),
    outcome text NOT NULL
        CONSTRAINT audit_entries_outcome CHECK (outcome IN ('DONE', 'REFUSED', 'FAILED')),
    targets text[] NOT NULL,
    request_id uuid NOT NULL,
    source text CONSTRAINT audit_entries_source_length CHECK (length(source) <= 100),
    -- Text, not JSON: what was hashed is kept to the byte.
    payload text NOT NULL
        CONSTRAINT audit_entries_payload_length CHECK (length(payload) <= 100000),
    occurred_at timestamptz NOT NULL,
    CONSTRAINT audit_entries_place PRIMARY KEY (tenant_id, seq),
    CONSTRAINT audit_entries_id UNIQUE (tenant_id, id)
);
CREATE INDEX audit_entries_by_time ON countersign.audit_entries (tenant_id, occurred_at);
CREATE INDEX audit_entries_by_action ON countersign.audit_entries (tenant_id, action, seq DESC);
CREATE INDEX audit_entries_by_actor ON countersign.audit_entries (tenant_id, actor_id, seq DESC);
CREATE INDEX audit_entries_census ON countersign.audit_entries (id);
ALTER TABLE countersign.audit_entries ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_entries_tenant ON countersign.audit_entries TO countersign_books
    USING (tenant_id = countersign.current_tenant())
    WITH CHECK (tenant_id = countersign.current_tenant());
CREATE POLICY audit_entries_census ON countersign.audit_entries FOR SELECT TO countersign_gate
    USING (true);
GRANT SELECT, INSERT ON countersign.audit_entries TO countersign_books;
GRANT SELECT (tenant_id, id) ON countersign.audit_entries TO countersign_gate;

-- Nobody changes or removes a row, the owner of the table included.
CREATE FUNCTION countersign.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON countersign.audit_entries FOR EACH STATEMENT EXECUTE FUNCTION countersign.refuse_change();
CREATE TRIGGER audit_heads_stay BEFORE DELETE OR TRUNCATE
    ON countersign.audit_heads FOR EACH STATEMENT EXECUTE FUNCTION countersign.refuse_change();

-- A row is accepted at the end of its chain only, and moves the end.
CREATE FUNCTION countersign.advance_head() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    UPDATE countersign.audit_heads h SET seq = NEW.seq, hash = NEW.hash
        WHERE h.tenant_id = NEW.tenant_id AND h.seq = NEW.seq - 1 AND h.hash = NEW.previous;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'row % is not next in its chain', NEW.seq
            USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_entries_link';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_entries_advance_head BEFORE INSERT ON countersign.audit_entries
    FOR EACH ROW EXECUTE FUNCTION countersign.advance_head();

-- Locks the end of the current tenant's chain until the transaction ends.
CREATE FUNCTION countersign.lock_head(OUT seq bigint, OUT hash bytea)
    LANGUAGE sql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$ SELECT h.seq, h.hash FROM countersign.audit_heads h
        WHERE h.tenant_id = countersign.current_tenant() FOR UPDATE $$;

GRANT CREATE ON SCHEMA countersign TO countersign_gate;
ALTER FUNCTION countersign.advance_head() OWNER TO countersign_gate;
ALTER FUNCTION countersign.lock_head() OWNER TO countersign_gate;
REVOKE CREATE ON SCHEMA countersign FROM countersign_gate;
SET LOCAL ROLE countersign_gate;
REVOKE EXECUTE ON FUNCTION countersign.advance_head() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION countersign.lock_head() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION countersign.lock_head() TO countersign_books;
SET LOCAL ROLE countersign_owner;
