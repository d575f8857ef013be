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

-- The end of each chain. Only `append` below moves it.
CREATE TABLE countersign.audit_heads (
    tenant_id uuid CONSTRAINT audit_heads_id PRIMARY KEY
        CONSTRAINT audit_heads_tenant REFERENCES countersign.tenants (id),
    seq bigint NOT NULL CONSTRAINT audit_heads_seq CHECK (seq >= 0),
    hash bytea NOT NULL CONSTRAINT audit_heads_hash_length CHECK (length(hash) = 32)
);
ALTER TABLE countersign.audit_heads ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_heads_tenant ON countersign.audit_heads FOR SELECT TO countersign_books
    USING (tenant_id = countersign.current_tenant());
CREATE POLICY audit_heads_gate ON countersign.audit_heads TO countersign_gate
    USING (true) WITH CHECK (true);
GRANT SELECT ON countersign.audit_heads TO countersign_books;
GRANT SELECT, INSERT, UPDATE (seq, hash) ON countersign.audit_heads TO countersign_gate;

CREATE TABLE countersign.audit_entries (
    -- Rows come at the end of a chain only, and the chain's end refers to its tenant.
    tenant_id uuid NOT NULL,
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
-- Ids begin with their time, as rows are written: ranges of pages do, and cost a write nothing.
CREATE INDEX audit_entries_census ON countersign.audit_entries USING brin (id)
    WITH (autosummarize = on);
CREATE INDEX audit_entries_by_actor ON countersign.audit_entries (tenant_id, actor_id, seq DESC);
ALTER TABLE countersign.audit_entries ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_entries_tenant ON countersign.audit_entries FOR SELECT TO countersign_books
    USING (tenant_id = countersign.current_tenant());
CREATE POLICY audit_entries_census ON countersign.audit_entries FOR SELECT TO countersign_gate
    USING (true);
CREATE POLICY audit_entries_append ON countersign.audit_entries FOR INSERT TO countersign_gate
    WITH CHECK (true);
GRANT SELECT ON countersign.audit_entries TO countersign_books;
GRANT SELECT (tenant_id, id) ON countersign.audit_entries TO countersign_gate;
GRANT INSERT ON countersign.audit_entries TO countersign_gate;

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

-- The only way into the log: rows are accepted at the end of their chains, and move the ends. Many
-- tenants' rows come in one call, because what is dear is the commit: each tenant's rows are appended
-- whole or not at all, and the answer has the end of each chain, moved or found elsewhere. A chain
-- whose end somebody else holds is left alone, and is missing in the answer. Targets are parted by the
-- unit separator, because arrays of arrays must be of one length.
CREATE FUNCTION countersign.append(
    tenants uuid[], seqs bigint[], ids uuid[], previouses bytea[], hashes bytea[],
    signatures bytea[], actor_kinds text[], actor_ids text[], actions text[], permissions text[],
    outcomes text[], targets text[], requests uuid[], sources text[], payloads text[],
    times timestamptz[])
    RETURNS TABLE (tenant uuid, appended boolean, seq bigint, hash bytea)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    RETURN QUERY
    WITH given AS MATERIALIZED (
        SELECT * FROM unnest(tenants, seqs, ids, previouses, hashes, signatures, actor_kinds,
            actor_ids, actions, permissions, outcomes, targets, requests, sources, payloads, times)
            AS g (tenant, seq, id, previous, hash, signature, actor_kind, actor_id, action,
                permission, outcome, targets, request, source, payload, at)
    ), linked AS (
        SELECT g.tenant, g.seq, g.previous, g.hash,
            lag(g.seq) OVER chain AS seq_before, lag(g.hash) OVER chain AS hash_before
        FROM given g WINDOW chain AS (PARTITION BY g.tenant ORDER BY g.seq)
    ), ends AS (
        SELECT l.tenant, min(l.seq) AS first, max(l.seq) AS last,
            (array_agg(l.previous ORDER BY l.seq))[1] AS previous,
            (array_agg(l.hash ORDER BY l.seq DESC))[1] AS hash
        FROM linked l GROUP BY l.tenant
        HAVING bool_and(l.seq_before IS NULL
            OR (l.seq = l.seq_before + 1 AND l.previous = l.hash_before))
    ), locked AS MATERIALIZED (
        SELECT h.tenant_id, h.seq, h.hash FROM countersign.audit_heads h
        WHERE h.tenant_id = ANY (tenants) ORDER BY h.tenant_id FOR UPDATE SKIP LOCKED
    ), fit AS MATERIALIZED (
        SELECT e.tenant, e.last, e.hash FROM ends e
        JOIN locked k ON k.tenant_id = e.tenant
            AND k.seq = e.first - 1 AND k.hash = e.previous
    ), moved AS (
        UPDATE countersign.audit_heads h SET seq = f.last, hash = f.hash
        FROM fit f WHERE h.tenant_id = f.tenant
        RETURNING h.tenant_id, h.seq, h.hash
    ), added AS (
        INSERT INTO countersign.audit_entries (tenant_id, seq, id, previous, hash, signature,
            actor_kind, actor_id, action, permission, outcome, targets, request_id, source,
            payload, occurred_at)
        SELECT g.tenant, g.seq, g.id, g.previous, g.hash, g.signature, g.actor_kind, g.actor_id,
            g.action, g.permission, g.outcome, string_to_array(g.targets, chr(31)), g.request,
            g.source, g.payload, g.at
        FROM given g JOIN fit f ON f.tenant = g.tenant
    )
    SELECT k.tenant_id, m.tenant_id IS NOT NULL, coalesce(m.seq, k.seq), coalesce(m.hash, k.hash)
    FROM locked k LEFT JOIN moved m ON m.tenant_id = k.tenant_id;
END $$;

-- The end of the current tenant's chain, which the transaction holds until it ends.
CREATE FUNCTION countersign.hold_end(OUT seq bigint, OUT hash bytea)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    SELECT h.seq, h.hash INTO hold_end.seq, hold_end.hash FROM countersign.audit_heads h
        WHERE h.tenant_id = countersign.current_tenant() FOR UPDATE;
END $$;

-- The same as `append` for one row of the current tenant, in the transaction of what it tells of: it
-- waits for whoever holds the chain's end, and holds it until the transaction ends. Where the row does
-- not go on from the end, nothing is appended: that is an error where the transaction holds the end,
-- and ends with the row, and otherwise the answer has the end, which is held from then on.
CREATE FUNCTION countersign.append_own(
    seq bigint, id uuid, previous bytea, hash bytea, signature bytea, actor_kind text,
    actor_id text, action text, permission text, outcome text, targets text[], request uuid,
    source text, payload text, at timestamptz, holds boolean,
    OUT appended boolean, OUT end_seq bigint, OUT end_hash bytea)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    own CONSTANT uuid := countersign.current_tenant();
BEGIN
    UPDATE countersign.audit_heads h SET seq = append_own.seq, hash = append_own.hash
        WHERE h.tenant_id = own AND h.seq = append_own.seq - 1 AND h.hash = append_own.previous
        RETURNING h.seq, h.hash INTO end_seq, end_hash;
    appended := FOUND;
    IF appended THEN
        INSERT INTO countersign.audit_entries (tenant_id, seq, id, previous, hash, signature,
            actor_kind, actor_id, action, permission, outcome, targets, request_id, source,
            payload, occurred_at)
        VALUES (own, append_own.seq, append_own.id, append_own.previous, append_own.hash,
            append_own.signature, append_own.actor_kind, append_own.actor_id, append_own.action,
            append_own.permission, append_own.outcome, append_own.targets, append_own.request,
            append_own.source, append_own.payload, append_own.at);
    ELSIF holds THEN
        RAISE EXCEPTION 'the row does not go on where its chain ends';
    ELSE
        SELECT e.seq, e.hash INTO end_seq, end_hash FROM countersign.hold_end() e;
    END IF;
END $$;

GRANT CREATE ON SCHEMA countersign TO countersign_gate;
ALTER FUNCTION countersign.append(uuid[], bigint[], uuid[], bytea[], bytea[], bytea[], text[], text[],
    text[], text[], text[], text[], uuid[], text[], text[], timestamptz[])
    OWNER TO countersign_gate;
ALTER FUNCTION countersign.hold_end() OWNER TO countersign_gate;
ALTER FUNCTION countersign.append_own(bigint, uuid, bytea, bytea, bytea, text, text, text, text,
    text, text[], uuid, text, text, timestamptz, boolean) OWNER TO countersign_gate;
REVOKE CREATE ON SCHEMA countersign FROM countersign_gate;
SET LOCAL ROLE countersign_gate;
REVOKE EXECUTE ON FUNCTION countersign.append(uuid[], bigint[], uuid[], bytea[], bytea[], bytea[], text[], text[],
    text[], text[], text[], text[], uuid[], text[], text[], timestamptz[])
    FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION countersign.hold_end() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION countersign.append_own(bigint, uuid, bytea, bytea, bytea, text, text, text, text,
    text, text[], uuid, text, text, timestamptz, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION countersign.append(uuid[], bigint[], uuid[], bytea[], bytea[], bytea[], text[], text[],
    text[], text[], text[], text[], uuid[], text[], text[], timestamptz[])
    TO countersign_books;
GRANT EXECUTE ON FUNCTION countersign.hold_end() TO countersign_books;
GRANT EXECUTE ON FUNCTION countersign.append_own(bigint, uuid, bytea, bytea, bytea, text, text, text, text,
    text, text[], uuid, text, text, timestamptz, boolean) TO countersign_books;
SET LOCAL ROLE countersign_owner;
