-- The ways in, leaner: every request pays for one. A credential is read together with its tenant, what is
-- answered is put together once, and whatever an entrance calls needs no `search_path` of its own.
GRANT CREATE ON SCHEMA countersign TO countersign_gate;
SET LOCAL ROLE countersign_gate;

-- How many of the ids are the tenant's, and how many are of others. `kinds` has what the prefix of
-- each id says it names, in order, so that one table is looked at and not all of them: an id under
-- another's prefix is nothing's. In plpgsql, because that keeps the plans. Called by entrances alone, whose
-- `search_path` it has; and not as a table, which would be a query of its own.
DROP FUNCTION countersign.census(uuid, uuid[], text[]);
CREATE FUNCTION countersign.census(tenant uuid, named uuid[], kinds text[]) RETURNS integer[]
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE
    is_one_kind CONSTANT boolean := kinds[1] = kinds[cardinality(kinds)];
    wanted text := kinds[1];
    ids uuid[] := named;
    ours integer;
    there integer;
    own integer := 0;
    others integer := 0;
BEGIN
    LOOP
        IF NOT is_one_kind THEN
            ids := ARRAY(SELECT n.id FROM unnest(named, kinds) AS n (id, kind)
                WHERE n.kind = wanted);
        END IF;
        ours := 0;
        there := 0;
        IF wanted = 'txn' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*)
                INTO ours, there FROM countersign.transactions x WHERE x.id = ANY (ids);
        ELSIF wanted = 'acc' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*)
                INTO ours, there FROM countersign.accounts x WHERE x.id = ANY (ids);
        ELSIF wanted = 'cat' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*)
                INTO ours, there FROM countersign.categories x WHERE x.id = ANY (ids);
        ELSIF wanted = 'imp' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*)
                INTO ours, there FROM countersign.imports x WHERE x.id = ANY (ids);
        ELSIF wanted = 'stm' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*)
                INTO ours, there FROM countersign.statements x WHERE x.id = ANY (ids);
        ELSIF wanted = 'mbr' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*)
                INTO ours, there FROM countersign.memberships x WHERE x.id = ANY (ids);
        ELSIF wanted = 'rol' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*)
                INTO ours, there FROM countersign.roles x WHERE x.id = ANY (ids);
        ELSIF wanted = 'aud' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*)
                INTO ours, there FROM countersign.audit_entries x WHERE x.id = ANY (ids);
        ELSIF wanted = 'tok' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*)
                INTO ours, there FROM countersign.api_tokens x WHERE x.id = ANY (ids);
        ELSIF wanted = 'mch' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*)
                INTO ours, there FROM countersign.machines x WHERE x.id = ANY (ids);
        ELSIF wanted = 'crd' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*)
                INTO ours, there FROM countersign.credentials x WHERE x.id = ANY (ids);
        ELSIF wanted = 'ten' THEN
            SELECT count(*) FILTER (WHERE x.id = tenant), count(*)
                INTO ours, there FROM countersign.tenants x WHERE x.id = ANY (ids);
        END IF;
        own := own + ours;
        others := others + there - ours;
        EXIT WHEN is_one_kind;
        wanted := (SELECT min(k) FROM unnest(kinds) k WHERE k > wanted);
        EXIT WHEN wanted IS NULL;
    END LOOP;
    RETURN ARRAY[own, others];
END $$;

CREATE OR REPLACE FUNCTION countersign.enter_session(session_hash bytea, at timestamptz, named uuid[],
        kinds text[])
    RETURNS countersign.entrance
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    entered countersign.entrance;
    found_session record;
    found_member record;
    counted integer[] := '{0,0}';
    confined text;
BEGIN
    SELECT s.id, s.user_id, s.active_tenant_id, s.mfa, s.last_seen_at, s.expires_at, s.ended_at
        INTO found_session FROM countersign.sessions s WHERE s.hash = session_hash;
    IF NOT FOUND THEN
        entered.outcome := 'unknown';
        RETURN entered;
    END IF;
    entered.tenant := found_session.active_tenant_id;
    entered.user_id := found_session.user_id;
    entered.session_id := found_session.id;
    IF found_session.ended_at IS NOT NULL THEN
        entered.outcome := 'ended';
        RETURN entered;
    END IF;
    IF NOT countersign.is_live(found_session.expires_at, found_session.last_seen_at, at) THEN
        entered.outcome := 'expired';
        RETURN entered;
    END IF;
    IF found_session.active_tenant_id IS NULL THEN
        entered.outcome := 'no_tenant';
        RETURN entered;
    END IF;
    -- With a custom role: the role that it stands on, and its capabilities among the member's own.
    SELECT m.id, m.role, m.capabilities || coalesce(r.capabilities, '{}') AS capabilities,
            t.suspended_at IS NOT NULL AS suspended
        INTO found_member FROM countersign.memberships m
        JOIN countersign.tenants t ON t.id = m.tenant_id
        LEFT JOIN countersign.roles r ON r.tenant_id = m.tenant_id AND r.id = m.custom_role_id
        WHERE m.tenant_id = found_session.active_tenant_id AND m.user_id = found_session.user_id;
    IF NOT FOUND THEN
        entered.outcome := 'no_membership';
        RETURN entered;
    END IF;
    -- At most once a minute, and never waiting for another request of the same session.
    IF found_session.last_seen_at < at - interval '1 minute' THEN
        UPDATE countersign.sessions s SET last_seen_at = at WHERE s.id = (
            SELECT l.id FROM countersign.sessions l WHERE l.id = found_session.id
            FOR UPDATE SKIP LOCKED);
    END IF;
    confined := set_config('countersign.tenant', entered.tenant::text, true);
    IF cardinality(named) > 0 THEN
        counted := countersign.census(entered.tenant, named, kinds);
    END IF;
    RETURN ROW('entered', entered.tenant, found_member.suspended, entered.user_id, found_member.id,
        entered.session_id, NULL, found_member.role, found_member.capabilities, NULL, NULL, found_session.mfa,
        counted[1], counted[2])::countersign.entrance;
END $$;

CREATE OR REPLACE FUNCTION countersign.enter_api_token(token_hash bytea, at timestamptz, named uuid[],
        kinds text[])
    RETURNS countersign.entrance
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    entered countersign.entrance;
    found_token record;
    counted integer[] := '{0,0}';
    confined text;
BEGIN
    SELECT t.tenant_id, t.id, t.scopes, t.documents_only, t.expires_at, t.last_used_at, t.revoked_at,
            n.suspended_at IS NOT NULL AS suspended
        INTO found_token FROM countersign.api_tokens t
        JOIN countersign.tenants n ON n.id = t.tenant_id WHERE t.hash = token_hash;
    IF NOT FOUND THEN
        entered.outcome := 'unknown';
        RETURN entered;
    END IF;
    IF found_token.revoked_at IS NOT NULL OR found_token.expires_at <= at THEN
        entered.outcome := CASE WHEN found_token.revoked_at IS NOT NULL THEN 'ended' ELSE 'expired' END;
        entered.tenant := found_token.tenant_id;
        entered.machine_id := found_token.id;
        RETURN entered;
    END IF;
    confined := set_config('countersign.tenant', found_token.tenant_id::text, true);
    IF found_token.last_used_at IS NULL OR found_token.last_used_at < at - interval '1 minute' THEN
        UPDATE countersign.api_tokens t SET last_used_at = at
            WHERE t.tenant_id = found_token.tenant_id AND t.id = (
                SELECT l.id FROM countersign.api_tokens l
                WHERE l.tenant_id = found_token.tenant_id AND l.id = found_token.id
                FOR UPDATE SKIP LOCKED);
    END IF;
    IF cardinality(named) > 0 THEN
        counted := countersign.census(found_token.tenant_id, named, kinds);
    END IF;
    RETURN ROW('entered', found_token.tenant_id, found_token.suspended, NULL, NULL, NULL, found_token.id,
        NULL, NULL, found_token.scopes, found_token.documents_only, NULL, counted[1],
        counted[2])::countersign.entrance;
END $$;

CREATE OR REPLACE FUNCTION countersign.enter_machine(issuer text, client_id text, at timestamptz, named uuid[],
        kinds text[])
    RETURNS countersign.entrance
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    entered countersign.entrance;
    found_machine record;
    counted integer[] := '{0,0}';
    confined text;
BEGIN
    SELECT m.tenant_id, m.id, m.scopes, m.disabled_at, t.suspended_at IS NOT NULL AS suspended,
            count(*) FILTER (WHERE m.disabled_at IS NULL) OVER () AS enabled
        INTO found_machine FROM countersign.machines m
        JOIN countersign.tenants t ON t.id = m.tenant_id
        WHERE m.client_id = enter_machine.client_id AND m.issuer = enter_machine.issuer
        ORDER BY m.disabled_at DESC NULLS FIRST LIMIT 1;
    -- A client that two tenants have registered acts in neither, and is neither's to record.
    IF NOT FOUND OR found_machine.enabled > 1 THEN
        entered.outcome := 'unknown';
        RETURN entered;
    END IF;
    IF found_machine.disabled_at IS NOT NULL THEN
        entered.outcome := 'ended';
        entered.tenant := found_machine.tenant_id;
        entered.machine_id := found_machine.id;
        RETURN entered;
    END IF;
    confined := set_config('countersign.tenant', found_machine.tenant_id::text, true);
    IF cardinality(named) > 0 THEN
        counted := countersign.census(found_machine.tenant_id, named, kinds);
    END IF;
    RETURN ROW('entered', found_machine.tenant_id, found_machine.suspended, NULL, NULL, NULL,
        found_machine.id, NULL, NULL, found_machine.scopes, NULL, NULL, counted[1],
        counted[2])::countersign.entrance;
END $$;

DROP FUNCTION countersign.admit(countersign.entrance, uuid[], text[]);
REVOKE EXECUTE ON FUNCTION countersign.census(uuid, uuid[], text[]) FROM PUBLIC;
SET LOCAL ROLE countersign_owner;
REVOKE CREATE ON SCHEMA countersign FROM countersign_gate;

-- As in 0012. Where the key is there already, however old, the insertion fails, and the mutation is done in
-- the ordinary way: to be ready to take over an old key costs every new one.
DROP FUNCTION countersign.hold_presumed(countersign.entrance, countersign.entrance, bigint, text, bytea, bytea,
    bytea, uuid, timestamptz, timestamptz);
CREATE FUNCTION countersign.hold_presumed(entered countersign.entrance, presumed countersign.entrance,
        place bigint, actor text, wanted bytea, asked bytea, able bytea, claimant uuid, at timestamptz)
    RETURNS boolean
    LANGUAGE plpgsql VOLATILE
    AS $$
BEGIN
    IF entered IS DISTINCT FROM presumed THEN
        RAISE EXCEPTION 'what was presumed of who acts does not hold' USING ERRCODE = 'CS001';
    END IF;
    IF NOT pg_try_advisory_xact_lock(place) THEN
        RAISE EXCEPTION 'the key is another request''s' USING ERRCODE = 'CS002';
    END IF;
    INSERT INTO countersign.idempotency_keys
        (tenant_id, actor_id, key, request, shape, claimed_by, claimed_at)
        VALUES (entered.tenant, actor, wanted, asked, able, claimant, at);
    RETURN true;
END $$;
REVOKE EXECUTE ON FUNCTION countersign.hold_presumed(countersign.entrance, countersign.entrance, bigint, text,
    bytea, bytea, bytea, uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION countersign.hold_presumed(countersign.entrance, countersign.entrance, bigint, text,
    bytea, bytea, bytea, uuid, timestamptz) TO countersign_books;
