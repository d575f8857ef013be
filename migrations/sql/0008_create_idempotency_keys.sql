-- Keys of mutations that may be sent again (Idempotency-Key). A key is one caller's. It is claimed in
-- the transaction of what is done under it, so that its row says that it was done; the answer is added
-- afterwards. Of the key only the SHA-256 is kept, and the answer is sealed.

CREATE TABLE countersign.idempotency_keys (
    -- Rows come by `claim_key` below only, and row-level security holds them to a tenant that was entered.
    tenant_id uuid NOT NULL,
    actor_id text NOT NULL
        CONSTRAINT idempotency_keys_actor_length CHECK (length(actor_id) BETWEEN 1 AND 100),
    key bytea NOT NULL CONSTRAINT idempotency_keys_key_length CHECK (length(key) = 32),
    -- What was asked: another request under the same key is refused.
    request bytea NOT NULL
        CONSTRAINT idempotency_keys_request_length CHECK (length(request) = 32),
    -- What the caller may do: an answer is not shown again to one who may do less.
    shape bytea NOT NULL CONSTRAINT idempotency_keys_shape_length CHECK (length(shape) = 32),
    claimed_by uuid NOT NULL,
    claimed_at timestamptz NOT NULL,
    -- When its answer was kept, or it was found that none is to be kept.
    settled_at timestamptz,
    answer bytea CONSTRAINT idempotency_keys_answer_length CHECK (length(answer) <= 300000),
    CONSTRAINT idempotency_keys_id PRIMARY KEY (tenant_id, actor_id, key),
    CONSTRAINT idempotency_keys_answer_settled CHECK (answer IS NULL OR settled_at IS NOT NULL)
)
-- Room for each row's answer beside it.
WITH (fillfactor = 40);
CREATE INDEX idempotency_keys_by_age ON countersign.idempotency_keys (tenant_id, claimed_at);
ALTER TABLE countersign.idempotency_keys ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY idempotency_keys_tenant ON countersign.idempotency_keys TO countersign_books
    USING (tenant_id = countersign.current_tenant())
    WITH CHECK (tenant_id = countersign.current_tenant());
CREATE POLICY idempotency_keys_gate ON countersign.idempotency_keys TO countersign_gate
    USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON countersign.idempotency_keys TO countersign_books;
GRANT SELECT (tenant_id, actor_id, key, claimed_by, claimed_at), UPDATE (answer, settled_at), DELETE
    ON countersign.idempotency_keys TO countersign_gate;

-- Claims a key for the transaction, which holds `place` until it ends: whoever comes meanwhile is told
-- nothing, and does not wait. Where the key was used since `kept_since`, the answer has its row. It is
-- the caller's own where the claimant is the same, as where a request does several things. Nobody who
-- has not entered claims anything.
CREATE FUNCTION countersign.claim_key(own uuid, place bigint, actor text, wanted bytea, asked bytea,
        able bytea, claimant uuid, at timestamptz, kept_since timestamptz,
        OUT is_claimed boolean, OUT request bytea, OUT shape bytea, OUT claimed_at timestamptz,
        OUT is_settled boolean, OUT answer bytea)
    LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    is_claimed := false;
    IF own IS NULL THEN
        RETURN;
    END IF;
    IF pg_try_advisory_xact_lock(place) THEN
        INSERT INTO countersign.idempotency_keys AS k
            (tenant_id, actor_id, key, request, shape, claimed_by, claimed_at)
            VALUES (own, actor, wanted, asked, able, claimant, at)
            ON CONFLICT ON CONSTRAINT idempotency_keys_id DO UPDATE
            SET request = asked, shape = able, claimed_by = claimant, claimed_at = at,
                settled_at = NULL, answer = NULL
            WHERE k.claimed_at < kept_since;
        is_claimed := FOUND;
    END IF;
    IF NOT is_claimed THEN
        SELECT k.claimed_by = claimant, k.request, k.shape, k.claimed_at, k.settled_at IS NOT NULL, k.answer
            INTO is_claimed, request, shape, claimed_at, is_settled, answer
            FROM countersign.idempotency_keys k
            WHERE k.tenant_id = own AND k.actor_id = actor AND k.key = wanted
            AND k.claimed_at >= kept_since;
        is_claimed := coalesce(is_claimed, false);
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION countersign.claim_key(uuid, bigint, text, bytea, bytea, bytea, uuid,
    timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION countersign.claim_key(uuid, bigint, text, bytea, bytea, bytea, uuid,
    timestamptz, timestamptz) TO countersign_books;

-- Keeps the answers of mutations that were done, of any tenants, in one statement that is a
-- transaction of its own. Not with the caller's credential: the mutation may have ended it, as when
-- members remove themselves. What it writes is durable soon, and before anything that is committed
-- later: where it is lost, the key says that the mutation was done and no more. Now and then, as keys
-- are random, what is older than `kept_since` is removed. An empty answer is none.
CREATE FUNCTION countersign.settle_keys(tenants uuid[], actors text[], claimed_keys bytea[],
        claimants uuid[], sealed bytea[], times timestamptz[], kept_since timestamptz, sweep_one_in integer)
    RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    one record;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    -- One after the other: a plan for many would be made for however many keys there are today.
    FOR one IN SELECT * FROM unnest(tenants, actors, claimed_keys, claimants, sealed, times)
            AS g (tenant, actor, key, claimant, answer, at) LOOP
        UPDATE countersign.idempotency_keys k
            SET answer = nullif(one.answer, ''), settled_at = one.at
            WHERE k.tenant_id = one.tenant AND k.actor_id = one.actor AND k.key = one.key
            AND k.claimed_by = one.claimant;
        IF get_byte(one.key, 0) % sweep_one_in = 0 THEN
            -- Nor waiting for whoever takes one of them over.
            DELETE FROM countersign.idempotency_keys k USING (
                SELECT o.actor_id, o.key FROM countersign.idempotency_keys o
                WHERE o.tenant_id = one.tenant AND o.claimed_at < kept_since
                FOR UPDATE SKIP LOCKED) old
            WHERE k.tenant_id = one.tenant AND k.actor_id = old.actor_id AND k.key = old.key;
        END IF;
    END LOOP;
END $$;
GRANT CREATE ON SCHEMA countersign TO countersign_gate;
ALTER FUNCTION countersign.settle_keys(uuid[], text[], bytea[], uuid[], bytea[], timestamptz[],
    timestamptz, integer) OWNER TO countersign_gate;
REVOKE CREATE ON SCHEMA countersign FROM countersign_gate;
SET LOCAL ROLE countersign_gate;
REVOKE EXECUTE ON FUNCTION countersign.settle_keys(uuid[], text[], bytea[], uuid[], bytea[],
    timestamptz[], timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION countersign.settle_keys(uuid[], text[], bytea[], uuid[], bytea[],
    timestamptz[], timestamptz, integer) TO countersign_books;
SET LOCAL ROLE countersign_owner;
