-- What a row of the audit log says of its decision, and its checkpoints.

-- How a row was turned into the bytes that were hashed: what is there already is of the first
-- encoding, and its hashes stay good. From the second on the row's id is hashed as well, and the
-- policies: SHA-256 of the set that decided, or none where no policy did.
ALTER TABLE countersign.audit_entries
    ADD COLUMN encoding smallint NOT NULL DEFAULT 1
        CONSTRAINT audit_entries_encoding CHECK (encoding IN (1, 2)),
    ADD COLUMN policies bytea
        CONSTRAINT audit_entries_policies_length CHECK (length(policies) = 32);

-- The function of this name in 0006, for rows of the second encoding. That one stays as long as
-- servers of the release before may run: what they append is of the first.
CREATE FUNCTION countersign.append(
    tenants uuid[], seqs bigint[], ids uuid[], previouses bytea[], hashes bytea[],
    signatures bytea[], actor_kinds text[], actor_ids text[], actions text[], permissions text[],
    policy_sets bytea[], outcomes text[], targets text[], requests uuid[], sources text[], payloads text[],
    times timestamptz[])
    RETURNS TABLE (tenant uuid, appended boolean, seq bigint, hash bytea)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    RETURN QUERY
    WITH given AS MATERIALIZED (
        SELECT * FROM unnest(tenants, seqs, ids, previouses, hashes, signatures, actor_kinds,
            actor_ids, actions, permissions, policy_sets, outcomes, targets, requests, sources,
            payloads, times)
            AS g (tenant, seq, id, previous, hash, signature, actor_kind, actor_id, action,
                permission, policies, outcome, targets, request, source, payload, at)
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
        INSERT INTO countersign.audit_entries (tenant_id, seq, encoding, id, previous, hash, signature,
            actor_kind, actor_id, action, permission, policies, outcome, targets, request_id, source,
            payload, occurred_at)
        SELECT g.tenant, g.seq, 2, g.id, g.previous, g.hash, g.signature, g.actor_kind, g.actor_id,
            g.action, g.permission, g.policies, g.outcome, string_to_array(g.targets, chr(31)), g.request,
            g.source, g.payload, g.at
        FROM given g JOIN fit f ON f.tenant = g.tenant
    )
    SELECT k.tenant_id, m.tenant_id IS NOT NULL, coalesce(m.seq, k.seq), coalesce(m.hash, k.hash)
    FROM locked k LEFT JOIN moved m ON m.tenant_id = k.tenant_id;
END $$;

-- The same of `append_own`.
CREATE FUNCTION countersign.append_own(
    seq bigint, id uuid, previous bytea, hash bytea, signature bytea, actor_kind text,
    actor_id text, action text, permission text, policies bytea, outcome text, targets text[], request uuid,
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
        INSERT INTO countersign.audit_entries (tenant_id, seq, encoding, id, previous, hash, signature,
            actor_kind, actor_id, action, permission, policies, outcome, targets, request_id, source,
            payload, occurred_at)
        VALUES (own, append_own.seq, 2, append_own.id, append_own.previous, append_own.hash,
            append_own.signature, append_own.actor_kind, append_own.actor_id, append_own.action,
            append_own.permission, append_own.policies, append_own.outcome, append_own.targets, append_own.request,
            append_own.source, append_own.payload, append_own.at);
    ELSIF holds THEN
        RAISE EXCEPTION 'the row does not go on where its chain ends';
    ELSE
        SELECT e.seq, e.hash INTO end_seq, end_hash FROM countersign.hold_end() e;
    END IF;
END $$;

GRANT CREATE ON SCHEMA countersign TO countersign_gate;
ALTER FUNCTION countersign.append(uuid[], bigint[], uuid[], bytea[], bytea[], bytea[], text[], text[],
    text[], text[], bytea[], text[], text[], uuid[], text[], text[], timestamptz[])
    OWNER TO countersign_gate;
ALTER FUNCTION countersign.append_own(bigint, uuid, bytea, bytea, bytea, text, text, text, text, bytea,
    text, text[], uuid, text, text, timestamptz, boolean)
    OWNER TO countersign_gate;
REVOKE CREATE ON SCHEMA countersign FROM countersign_gate;
SET LOCAL ROLE countersign_gate;
REVOKE EXECUTE ON FUNCTION countersign.append(uuid[], bigint[], uuid[], bytea[], bytea[], bytea[], text[], text[],
    text[], text[], bytea[], text[], text[], uuid[], text[], text[], timestamptz[])
    FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION countersign.append_own(bigint, uuid, bytea, bytea, bytea, text, text, text, text, bytea,
    text, text[], uuid, text, text, timestamptz, boolean)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION countersign.append(uuid[], bigint[], uuid[], bytea[], bytea[], bytea[], text[], text[],
    text[], text[], bytea[], text[], text[], uuid[], text[], text[], timestamptz[])
    TO countersign_books;
GRANT EXECUTE ON FUNCTION countersign.append_own(bigint, uuid, bytea, bytea, bytea, text, text, text, text, bytea,
    text, text[], uuid, text, text, timestamptz, boolean)
    TO countersign_books;
SET LOCAL ROLE countersign_owner;

-- The key that signs a tenant's checkpoints is sealed like the one that signs its rows.
ALTER TABLE countersign.tenant_keys
    DROP CONSTRAINT tenant_keys_purpose,
    ADD CONSTRAINT tenant_keys_purpose CHECK (purpose IN ('audit', 'checkpoint'));

-- What was said of a chain when it had that many rows: the root of the Merkle tree over their hashes
-- (RFC 9162), in a note that is signed (C2SP tlog-checkpoint). Copies are kept elsewhere: whoever
-- cuts or rewrites the chain contradicts them. `frontier` has the roots of the tree's complete parts,
-- the largest first, from which the next tree grows.
CREATE TABLE countersign.audit_checkpoints (
    tenant_id uuid NOT NULL CONSTRAINT audit_checkpoints_tenant REFERENCES countersign.tenants (id),
    size bigint NOT NULL CONSTRAINT audit_checkpoints_size CHECK (size > 0),
    root bytea NOT NULL CONSTRAINT audit_checkpoints_root_length CHECK (length(root) = 32),
    frontier bytea NOT NULL CONSTRAINT audit_checkpoints_frontier_length
        CHECK (length(frontier) BETWEEN 32 AND 2016 AND length(frontier) % 32 = 0),
    note text NOT NULL CONSTRAINT audit_checkpoints_note_length CHECK (length(note) BETWEEN 1 AND 2000),
    made_at timestamptz NOT NULL,
    CONSTRAINT audit_checkpoints_id PRIMARY KEY (tenant_id, size)
);
ALTER TABLE countersign.audit_checkpoints ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_checkpoints_tenant ON countersign.audit_checkpoints TO countersign_books
    USING (tenant_id = countersign.current_tenant())
    WITH CHECK (tenant_id = countersign.current_tenant());
GRANT SELECT, INSERT ON countersign.audit_checkpoints TO countersign_books;
CREATE TRIGGER audit_checkpoints_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON countersign.audit_checkpoints FOR EACH STATEMENT EXECUTE FUNCTION countersign.refuse_change();

-- Roots of complete parts of the tree, of 256 rows (level 1), of 256 of those (level 2) and so on, so
-- that a proof reads some hundred hashes and not the whole chain.
CREATE TABLE countersign.audit_subtrees (
    tenant_id uuid NOT NULL CONSTRAINT audit_subtrees_tenant REFERENCES countersign.tenants (id),
    level smallint NOT NULL CONSTRAINT audit_subtrees_level CHECK (level BETWEEN 1 AND 7),
    place bigint NOT NULL CONSTRAINT audit_subtrees_place CHECK (place >= 0),
    hash bytea NOT NULL CONSTRAINT audit_subtrees_hash_length CHECK (length(hash) = 32),
    CONSTRAINT audit_subtrees_id PRIMARY KEY (tenant_id, level, place)
);
ALTER TABLE countersign.audit_subtrees ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_subtrees_tenant ON countersign.audit_subtrees TO countersign_books
    USING (tenant_id = countersign.current_tenant())
    WITH CHECK (tenant_id = countersign.current_tenant());
GRANT SELECT, INSERT ON countersign.audit_subtrees TO countersign_books;
CREATE TRIGGER audit_subtrees_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON countersign.audit_subtrees FOR EACH STATEMENT EXECUTE FUNCTION countersign.refuse_change();
