-- Keys of mutations that may be sent again (Idempotency-Key). A key is one caller's, is claimed before
-- its mutation runs, and is marked as done in the mutation's own transaction. Of the key only the
-- SHA-256 is kept, and the answer is sealed.

CREATE TABLE countersign.idempotency_keys (
    tenant_id uuid NOT NULL CONSTRAINT idempotency_keys_tenant REFERENCES countersign.tenants (id),
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
    done_at timestamptz,
    -- When its answer was kept, or it was found that none is to be kept.
    settled_at timestamptz,
    answer bytea CONSTRAINT idempotency_keys_answer_length CHECK (length(answer) <= 300000),
    CONSTRAINT idempotency_keys_id PRIMARY KEY (tenant_id, actor_id, key),
    CONSTRAINT idempotency_keys_answer_done CHECK (answer IS NULL OR done_at IS NOT NULL)
);
CREATE INDEX idempotency_keys_by_age ON countersign.idempotency_keys (tenant_id, claimed_at);
ALTER TABLE countersign.idempotency_keys ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY idempotency_keys_tenant ON countersign.idempotency_keys TO countersign_books
    USING (tenant_id = countersign.current_tenant())
    WITH CHECK (tenant_id = countersign.current_tenant());
GRANT SELECT, INSERT, UPDATE, DELETE ON countersign.idempotency_keys TO countersign_books;

-- Ends a claim, in one statement that is a transaction of its own: keeps the answer where the mutation
-- was done, and frees the key where it was not. Not with the caller's credential: the mutation may have
-- ended it, as when members remove themselves. What it writes is durable soon, and before anything that
-- is committed later: where it is lost, the key says that the mutation was done and no more.
CREATE FUNCTION countersign.settle_key(tenant uuid, actor text, claimed_key bytea, claimant uuid,
        sealed bytea, at timestamptz) RETURNS void
    LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM countersign.enter_tenant(tenant);
    UPDATE countersign.idempotency_keys k SET answer = sealed, settled_at = at
        WHERE k.tenant_id = tenant AND k.actor_id = actor AND k.key = claimed_key
        AND k.claimed_by = claimant AND k.done_at IS NOT NULL;
    IF NOT FOUND THEN
        DELETE FROM countersign.idempotency_keys k
            WHERE k.tenant_id = tenant AND k.actor_id = actor AND k.key = claimed_key
            AND k.claimed_by = claimant AND k.done_at IS NULL;
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION countersign.settle_key(uuid, text, bytea, uuid, bytea, timestamptz)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION countersign.settle_key(uuid, text, bytea, uuid, bytea, timestamptz)
    TO countersign_books;
