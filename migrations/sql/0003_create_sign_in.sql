-- Sign-ins under way, and sessions. The books role has no grant here at all.

CREATE TABLE countersign.sign_ins (
    state_hash bytea CONSTRAINT sign_ins_state PRIMARY KEY
        CONSTRAINT sign_ins_state_length CHECK (length(state_hash) = 32),
    nonce_sealed bytea NOT NULL
        CONSTRAINT sign_ins_nonce_length CHECK (length(nonce_sealed) <= 1000),
    verifier_sealed bytea NOT NULL
        CONSTRAINT sign_ins_verifier_length CHECK (length(verifier_sealed) <= 1000),
    return_url text NOT NULL CONSTRAINT sign_ins_return_length CHECK (length(return_url) <= 2000),
    expires_at timestamptz NOT NULL
);
CREATE INDEX sign_ins_by_end ON countersign.sign_ins (expires_at);
ALTER TABLE countersign.sign_ins ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY sign_ins_entry ON countersign.sign_ins TO countersign_entry
    USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON countersign.sign_ins TO countersign_entry;

CREATE TABLE countersign.sessions (
    id uuid CONSTRAINT sessions_id PRIMARY KEY,
    hash bytea NOT NULL CONSTRAINT sessions_hash UNIQUE
        CONSTRAINT sessions_hash_length CHECK (length(hash) = 32),
    user_id uuid NOT NULL CONSTRAINT sessions_user REFERENCES countersign.users (id),
    issuer text NOT NULL CONSTRAINT sessions_issuer_length CHECK (length(issuer) BETWEEN 1 AND 500),
    subject text NOT NULL
        CONSTRAINT sessions_subject_length CHECK (length(subject) BETWEEN 1 AND 255),
    provider_sid text
        CONSTRAINT sessions_provider_sid_length CHECK (length(provider_sid) BETWEEN 1 AND 255),
    -- Not a key into tenants' rows: the entrance checks the membership at every request.
    active_tenant_id uuid CONSTRAINT sessions_active_tenant REFERENCES countersign.tenants (id),
    tokens_sealed bytea NOT NULL
        CONSTRAINT sessions_tokens_length CHECK (length(tokens_sealed) <= 100000),
    mfa boolean NOT NULL,
    created_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT sessions_life CHECK (expires_at > created_at)
);
CREATE INDEX sessions_by_provider_sid ON countersign.sessions (provider_sid, issuer)
    WHERE ended_at IS NULL;
CREATE INDEX sessions_by_subject ON countersign.sessions (subject, issuer) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_user ON countersign.sessions (user_id);
ALTER TABLE countersign.sessions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY sessions_entry ON countersign.sessions TO countersign_entry
    USING (true) WITH CHECK (true);
CREATE POLICY sessions_gate_read ON countersign.sessions FOR SELECT TO countersign_gate
    USING (true);
CREATE POLICY sessions_gate_touch ON countersign.sessions FOR UPDATE TO countersign_gate
    USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE (active_tenant_id, tokens_sealed, ended_at)
    ON countersign.sessions TO countersign_entry;
GRANT SELECT (id, hash, user_id, active_tenant_id, mfa, last_seen_at, expires_at, ended_at),
    UPDATE (last_seen_at) ON countersign.sessions TO countersign_gate;

-- Whether a session that nobody has ended may still be used: it ends at its time, or after 30 days
-- without use.
CREATE FUNCTION countersign.is_live(
        expires_at timestamptz, last_seen_at timestamptz, at timestamptz) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN expires_at > at AND last_seen_at >= at - interval '720 hours';
