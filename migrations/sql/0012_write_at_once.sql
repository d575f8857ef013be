-- A mutation in one message: who acts enters, the request's key is claimed, something is inserted and the
-- row of the audit log appended, as one transaction. Nobody is there in between to judge what
-- PostgreSQL found: it holds that itself to what the server presumed, and fails where it is anything else.

CREATE FUNCTION countersign.hold_presumed(entered countersign.entrance, presumed countersign.entrance,
        place bigint, actor text, wanted bytea, asked bytea, able bytea, claimant uuid,
        at timestamptz, kept_since timestamptz)
    RETURNS boolean
    LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    IF entered IS DISTINCT FROM presumed THEN
        RAISE EXCEPTION 'what was presumed of who acts does not hold' USING ERRCODE = 'CS001';
    END IF;
    IF NOT (SELECT k.is_claimed FROM countersign.claim_key(entered.tenant, place, actor, wanted, asked, able,
            claimant, at, kept_since) k) THEN
        RAISE EXCEPTION 'the key is another request''s' USING ERRCODE = 'CS002';
    END IF;
    RETURN true;
END $$;
REVOKE EXECUTE ON FUNCTION countersign.hold_presumed(countersign.entrance, countersign.entrance, bigint, text,
    bytea, bytea, bytea, uuid, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION countersign.hold_presumed(countersign.entrance, countersign.entrance, bigint, text,
    bytea, bytea, bytea, uuid, timestamptz, timestamptz) TO countersign_books;
