-- The audit log by years, and cheaper to write.
--
-- It is kept for at least eight years, and nothing that the product runs as can remove a row or a year.
-- A year that is over changes no more: it can be moved to slower storage by itself (`ALTER TABLE
-- countersign.audit_entries_2026 SET TABLESPACE ...`), and be backed up once.

-- What is there becomes the first part, without being written again.
ALTER TABLE countersign.audit_entries RENAME TO audit_entries_first;
-- Until it is a part: how far its rows reach is looked up below.
ALTER TABLE countersign.audit_entries_first NO FORCE ROW LEVEL SECURITY;
ALTER TABLE countersign.audit_entries_first
    DROP CONSTRAINT audit_entries_place,
    DROP CONSTRAINT audit_entries_id,
    DROP CONSTRAINT audit_entries_seq,
    DROP CONSTRAINT audit_entries_previous_length,
    DROP CONSTRAINT audit_entries_hash_length,
    DROP CONSTRAINT audit_entries_signature_length,
    DROP CONSTRAINT audit_entries_actor_kind,
    DROP CONSTRAINT audit_entries_actor_id_length,
    DROP CONSTRAINT audit_entries_action_length,
    DROP CONSTRAINT audit_entries_permission_length,
    DROP CONSTRAINT audit_entries_outcome,
    DROP CONSTRAINT audit_entries_source_length,
    DROP CONSTRAINT audit_entries_payload_length,
    DROP CONSTRAINT audit_entries_encoding,
    DROP CONSTRAINT audit_entries_policies_length,
    ALTER COLUMN encoding DROP DEFAULT;
DROP INDEX countersign.audit_entries_by_time, countersign.audit_entries_by_action,
    countersign.audit_entries_census, countersign.audit_entries_by_actor;
DROP POLICY audit_entries_tenant ON countersign.audit_entries_first;
DROP POLICY audit_entries_census ON countersign.audit_entries_first;
DROP POLICY audit_entries_append ON countersign.audit_entries_first;
REVOKE ALL ON countersign.audit_entries_first FROM countersign_books, countersign_gate;

-- What a row must be. Asked by `append` and `append_own`, which are the only way in, and not by
-- constraints of the table: PostgreSQL reads those from their text for every statement that writes,
-- which was a third of what a row cost.
CREATE FUNCTION countersign.is_audit_entry(previous bytea, hash bytea, signature bytea, actor_kind text,
        actor_id text, action text, permission text, policies bytea, outcome text, source text, payload text)
    RETURNS boolean
    LANGUAGE sql IMMUTABLE
    RETURN length(previous) = 32 AND length(hash) = 32 AND length(signature) = 32
        AND (policies IS NULL OR length(policies) = 32)
        AND actor_kind IN ('human', 'machine', 'operator', 'stranger')
        AND outcome IN ('DONE', 'REFUSED', 'FAILED')
        AND length(actor_id) BETWEEN 1 AND 100 AND length(action) BETWEEN 1 AND 100
        AND length(permission) <= 20000 AND length(payload) <= 100000
        AND (source IS NULL OR length(source) <= 100);
REVOKE EXECUTE ON FUNCTION countersign.is_audit_entry(bytea, bytea, bytea, text, text, text, text, bytea, text,
    text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION countersign.is_audit_entry(bytea, bytea, bytea, text, text, text, text, bytea, text,
    text, text) TO countersign_gate;

-- The key has the time as well, because PostgreSQL wants it of a key over partitions. That a place is
-- taken once is held by the end of its chain, which only `append` moves, by one.
CREATE TABLE countersign.audit_entries (
    LIKE countersign.audit_entries_first,
    CONSTRAINT audit_entries_place PRIMARY KEY (tenant_id, seq, occurred_at)
) PARTITION BY RANGE (occurred_at);
-- Rows are written in the order of their ids, nearly: what is written stays at one end of the index.
CREATE INDEX audit_entries_by_id ON countersign.audit_entries (id);
CREATE INDEX audit_entries_by_actor ON countersign.audit_entries (tenant_id, actor_id, seq DESC);
-- Nearly all rows are of requests that read: whoever looks for those finds them by their places.
CREATE INDEX audit_entries_by_action ON countersign.audit_entries (tenant_id, action, seq DESC)
    WHERE action <> 'books.read';
CREATE INDEX audit_entries_by_time ON countersign.audit_entries USING brin (occurred_at)
    WITH (autosummarize = on);
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
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON countersign.audit_entries FOR EACH STATEMENT EXECUTE FUNCTION countersign.refuse_change();

-- The parts after the first are a year each, and the last one takes what no other does. Nobody reads or
-- writes a part by its name: row-level security is forced on each, and none has a policy or a grant.
DO $$
DECLARE
    first CONSTANT integer := 1 + extract(year FROM greatest(now(),
        (SELECT max(f.occurred_at) FROM countersign.audit_entries_first f)) AT TIME ZONE 'UTC');
    part text;
BEGIN
    EXECUTE format('ALTER TABLE countersign.audit_entries ATTACH PARTITION countersign.audit_entries_first
        FOR VALUES FROM (MINVALUE) TO (%L)', make_timestamptz(first, 1, 1, 0, 0, 0, 'UTC'));
    ALTER TABLE countersign.audit_entries_first FORCE ROW LEVEL SECURITY;
    FOR year IN first .. first + 11 LOOP
        part := format('countersign.audit_entries_%s', year);
        EXECUTE format('CREATE TABLE %s PARTITION OF countersign.audit_entries FOR VALUES FROM (%L) TO (%L)',
            part, make_timestamptz(year, 1, 1, 0, 0, 0, 'UTC'), make_timestamptz(year + 1, 1, 1, 0, 0, 0, 'UTC'));
    END LOOP;
    CREATE TABLE countersign.audit_entries_later PARTITION OF countersign.audit_entries DEFAULT;
    FOR part IN SELECT i.inhrelid::regclass::text FROM pg_inherits i
            WHERE i.inhparent = 'countersign.audit_entries'::regclass
            AND i.inhrelid <> 'countersign.audit_entries_first'::regclass LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', part);
        EXECUTE format('CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
            ON %s FOR EACH STATEMENT EXECUTE FUNCTION countersign.refuse_change()', part);
    END LOOP;
END $$;

-- Rows of the first encoding are not appended any more.
DROP FUNCTION countersign.append(uuid[], bigint[], uuid[], bytea[], bytea[], bytea[], text[], text[],
    text[], text[], text[], text[], uuid[], text[], text[], timestamptz[]);
DROP FUNCTION countersign.append_own(bigint, uuid, bytea, bytea, bytea, text, text, text, text,
    text, text[], uuid, text, text, timestamptz, boolean);

-- As in 0009, and they look at what a row is. A tenant's rows of which one is none are not appended; whoever
-- tries one of them by itself is told why.
GRANT CREATE ON SCHEMA countersign TO countersign_gate;
SET LOCAL ROLE countersign_gate;
CREATE OR REPLACE FUNCTION countersign.append(
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
            countersign.is_audit_entry(g.previous, g.hash, g.signature, g.actor_kind, g.actor_id, g.action,
                g.permission, g.policies, g.outcome, g.source, g.payload) AS is_entry,
            lag(g.seq) OVER chain AS seq_before, lag(g.hash) OVER chain AS hash_before
        FROM given g WINDOW chain AS (PARTITION BY g.tenant ORDER BY g.seq)
    ), ends AS (
        SELECT l.tenant, min(l.seq) AS first, max(l.seq) AS last,
            (array_agg(l.previous ORDER BY l.seq))[1] AS previous,
            (array_agg(l.hash ORDER BY l.seq DESC))[1] AS hash
        FROM linked l GROUP BY l.tenant
        HAVING bool_and(l.is_entry AND (l.seq_before IS NULL
            OR (l.seq = l.seq_before + 1 AND l.previous = l.hash_before)))
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

CREATE OR REPLACE FUNCTION countersign.append_own(
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
    IF countersign.is_audit_entry(append_own.previous, append_own.hash, append_own.signature,
            append_own.actor_kind, append_own.actor_id, append_own.action, append_own.permission,
            append_own.policies, append_own.outcome, append_own.source, append_own.payload) IS NOT TRUE THEN
        RAISE EXCEPTION 'the row is none of an audit log' USING ERRCODE = 'check_violation';
    END IF;
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
SET LOCAL ROLE countersign_owner;
REVOKE CREATE ON SCHEMA countersign FROM countersign_gate;
