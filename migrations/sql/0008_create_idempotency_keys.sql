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
