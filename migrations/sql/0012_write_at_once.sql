-- A mutation in one message: who acts enters, the request's key is claimed, something is inserted and the
-- row of the audit log appended, as one transaction. Nobody is there in between to judge what
-- PostgreSQL found: it holds that itself to what the server presumed, and fails where it is anything else.

-- With the rights of who calls it, so that it needs no `search_path` of its own, which every call would pay
-- for. The key is claimed as `claim_key` does, and is not looked at where it is another's.
CREATE FUNCTION countersign.hold_presumed(entered countersign.entrance, presumed countersign.entrance,
        place bigint, actor text, wanted bytea, asked bytea, able bytea, claimant uuid,
        at timestamptz, kept_since timestamptz)
    RETURNS boolean
    LANGUAGE plpgsql VOLATILE
    AS $$
BEGIN
    IF entered IS DISTINCT FROM presumed THEN
        RAISE EXCEPTION 'what was presumed of who acts does not hold' USING ERRCODE = 'CS001';
    END IF;
    IF pg_try_advisory_xact_lock(place) THEN
        INSERT INTO countersign.idempotency_keys AS k
            (tenant_id, actor_id, key, request, shape, claimed_by, claimed_at)
            VALUES (entered.tenant, actor, wanted, asked, able, claimant, at)
            ON CONFLICT ON CONSTRAINT idempotency_keys_id DO UPDATE
            SET request = asked, shape = able, claimed_by = claimant, claimed_at = at,
                settled_at = NULL, answer = NULL
            WHERE k.claimed_at < kept_since;
        IF FOUND THEN
            RETURN true;
        END IF;
    END IF;
    RAISE EXCEPTION 'the key is another request''s' USING ERRCODE = 'CS002';
END $$;
REVOKE EXECUTE ON FUNCTION countersign.hold_presumed(countersign.entrance, countersign.entrance, bigint, text,
    bytea, bytea, bytea, uuid, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION countersign.hold_presumed(countersign.entrance, countersign.entrance, bigint, text,
    bytea, bytea, bytea, uuid, timestamptz, timestamptz) TO countersign_books;
