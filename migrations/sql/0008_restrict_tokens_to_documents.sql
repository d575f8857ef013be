-- A token may be issued for published documents only: then it sends no query of its own.

ALTER TABLE countersign.api_tokens ADD COLUMN documents_only boolean NOT NULL DEFAULT false;
GRANT SELECT (documents_only) ON countersign.api_tokens TO countersign_books, countersign_gate;

ALTER TYPE countersign.entrance ADD ATTRIBUTE documents_only boolean;

GRANT CREATE ON SCHEMA countersign TO countersign_gate;
SET LOCAL ROLE countersign_gate;
CREATE OR REPLACE FUNCTION countersign.enter_api_token(token_hash bytea, at timestamptz, named uuid[])
    RETURNS countersign.entrance
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    entered countersign.entrance;
    found_token record;
BEGIN
    SELECT t.tenant_id, t.id, t.scopes, t.documents_only, t.expires_at, t.last_used_at, t.revoked_at
        INTO found_token FROM countersign.api_tokens t WHERE t.hash = token_hash;
    IF NOT FOUND THEN
        entered.outcome := 'unknown';
        RETURN entered;
    END IF;
    entered.tenant := found_token.tenant_id;
    entered.machine_id := found_token.id;
    IF found_token.revoked_at IS NOT NULL THEN
        entered.outcome := 'ended';
        RETURN entered;
    END IF;
    IF found_token.expires_at <= at THEN
        entered.outcome := 'expired';
        RETURN entered;
    END IF;
    entered.scopes := found_token.scopes;
    entered.documents_only := found_token.documents_only;
    entered := countersign.admit(entered, named);
    IF found_token.last_used_at IS NULL OR found_token.last_used_at < at - interval '1 minute' THEN
        UPDATE countersign.api_tokens t SET last_used_at = at
            WHERE t.tenant_id = found_token.tenant_id AND t.id = (
                SELECT l.id FROM countersign.api_tokens l
                WHERE l.tenant_id = found_token.tenant_id AND l.id = found_token.id
                FOR UPDATE SKIP LOCKED);
    END IF;
    RETURN entered;
END $$;
SET LOCAL ROLE countersign_owner;
REVOKE CREATE ON SCHEMA countersign FROM countersign_gate;
