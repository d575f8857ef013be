-- The ways in. Each checks a credential, sets the tenant for the transaction, and counts the ids that
-- the request names. They run as the gate role, which may read just what they need, owns no table,
-- and can not log in. A credential that opens nothing still says whose it was, where it was
-- somebody's, so that the refusal becomes a row of that tenant's audit log.

CREATE TYPE countersign.entrance AS (
    outcome text,
    tenant uuid,
    suspended boolean,
    user_id uuid,
    member_id uuid,
    session_id uuid,
    machine_id uuid,
    role text,
    capabilities text[],
    scopes text[],
    documents_only boolean,
    mfa boolean,
    named_own integer,
    named_foreign integer
);

-- How many of the ids are the tenant's, and how many are of others. `kinds` has what the prefix of
-- each id says it names, in order, so that one table is looked at and not all of them: an id under
-- another's prefix is nothing's. In plpgsql, because that keeps the plans.
CREATE FUNCTION countersign.census(tenant uuid, named uuid[], kinds text[],
        OUT own integer, OUT foreign_ integer)
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    wanted text;
    ids uuid[];
    ours integer;
    theirs integer;
BEGIN
    own := 0;
    foreign_ := 0;
    FOREACH wanted IN ARRAY CASE WHEN kinds[1] = kinds[cardinality(kinds)] THEN kinds[1:1]
            ELSE ARRAY(SELECT DISTINCT k FROM unnest(kinds) k) END LOOP
        ids := named;
        IF kinds[1] <> kinds[cardinality(kinds)] THEN
            ids := ARRAY(SELECT n.id FROM unnest(named, kinds) AS n (id, kind)
                WHERE n.kind = wanted);
        END IF;
        ours := 0;
        theirs := 0;
        IF wanted = 'txn' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*) FILTER (WHERE x.tenant_id <> tenant)
                INTO ours, theirs FROM countersign.transactions x WHERE x.id = ANY (ids);
        ELSIF wanted = 'acc' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*) FILTER (WHERE x.tenant_id <> tenant)
                INTO ours, theirs FROM countersign.accounts x WHERE x.id = ANY (ids);
        ELSIF wanted = 'cat' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*) FILTER (WHERE x.tenant_id <> tenant)
                INTO ours, theirs FROM countersign.categories x WHERE x.id = ANY (ids);
        ELSIF wanted = 'imp' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*) FILTER (WHERE x.tenant_id <> tenant)
                INTO ours, theirs FROM countersign.imports x WHERE x.id = ANY (ids);
        ELSIF wanted = 'stm' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*) FILTER (WHERE x.tenant_id <> tenant)
                INTO ours, theirs FROM countersign.statements x WHERE x.id = ANY (ids);
        ELSIF wanted = 'mbr' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*) FILTER (WHERE x.tenant_id <> tenant)
                INTO ours, theirs FROM countersign.memberships x WHERE x.id = ANY (ids);
        ELSIF wanted = 'rol' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*) FILTER (WHERE x.tenant_id <> tenant)
                INTO ours, theirs FROM countersign.roles x WHERE x.id = ANY (ids);
        ELSIF wanted = 'aud' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*) FILTER (WHERE x.tenant_id <> tenant)
                INTO ours, theirs FROM countersign.audit_entries x WHERE x.id = ANY (ids);
        ELSIF wanted = 'tok' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*) FILTER (WHERE x.tenant_id <> tenant)
                INTO ours, theirs FROM countersign.api_tokens x WHERE x.id = ANY (ids);
        ELSIF wanted = 'mch' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*) FILTER (WHERE x.tenant_id <> tenant)
                INTO ours, theirs FROM countersign.machines x WHERE x.id = ANY (ids);
        ELSIF wanted = 'ten' THEN
            SELECT count(*) FILTER (WHERE x.id = tenant), count(*) FILTER (WHERE x.id <> tenant)
                INTO ours, theirs FROM countersign.tenants x WHERE x.id = ANY (ids);
        END IF;
        own := own + ours;
        foreign_ := foreign_ + theirs;
    END LOOP;
END $$;

-- What every entrance ends with.
CREATE FUNCTION countersign.admit(entered countersign.entrance, named uuid[], kinds text[])
    RETURNS countersign.entrance
    LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    entered.suspended := (SELECT t.suspended_at IS NOT NULL FROM countersign.tenants t
        WHERE t.id = entered.tenant);
    PERFORM set_config('countersign.tenant', entered.tenant::text, true);
    entered.named_own := 0;
    entered.named_foreign := 0;
    IF cardinality(named) > 0 THEN
        SELECT c.own, c.foreign_ INTO entered.named_own, entered.named_foreign
            FROM countersign.census(entered.tenant, named, kinds) c;
    END IF;
    entered.outcome := 'entered';
    RETURN entered;
END $$;

CREATE FUNCTION countersign.enter_session(session_hash bytea, at timestamptz, named uuid[],
        kinds text[])
    RETURNS countersign.entrance
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    entered countersign.entrance;
    found_session record;
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
    SELECT m.id, m.role, m.capabilities || coalesce(r.capabilities, '{}')
        INTO entered.member_id, entered.role, entered.capabilities
        FROM countersign.memberships m
        LEFT JOIN countersign.roles r ON r.tenant_id = m.tenant_id AND r.id = m.custom_role_id
        WHERE m.tenant_id = found_session.active_tenant_id AND m.user_id = found_session.user_id;
    IF NOT FOUND THEN
        entered.outcome := 'no_membership';
        RETURN entered;
    END IF;
    entered.mfa := found_session.mfa;
    -- At most once a minute, and never waiting for another request of the same session.
    IF found_session.last_seen_at < at - interval '1 minute' THEN
        UPDATE countersign.sessions s SET last_seen_at = at WHERE s.id = (
            SELECT l.id FROM countersign.sessions l WHERE l.id = found_session.id
            FOR UPDATE SKIP LOCKED);
    END IF;
    RETURN countersign.admit(entered, named, kinds);
END $$;

CREATE FUNCTION countersign.enter_api_token(token_hash bytea, at timestamptz, named uuid[],
        kinds text[])
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
    entered := countersign.admit(entered, named, kinds);
    IF found_token.last_used_at IS NULL OR found_token.last_used_at < at - interval '1 minute' THEN
        UPDATE countersign.api_tokens t SET last_used_at = at
            WHERE t.tenant_id = found_token.tenant_id AND t.id = (
                SELECT l.id FROM countersign.api_tokens l
                WHERE l.tenant_id = found_token.tenant_id AND l.id = found_token.id
                FOR UPDATE SKIP LOCKED);
    END IF;
    RETURN entered;
END $$;

CREATE FUNCTION countersign.enter_machine(issuer text, client_id text, at timestamptz, named uuid[],
        kinds text[])
    RETURNS countersign.entrance
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    entered countersign.entrance;
    found_machine record;
BEGIN
    SELECT m.tenant_id, m.id, m.scopes, m.disabled_at,
            count(*) FILTER (WHERE m.disabled_at IS NULL) OVER () AS enabled
        INTO found_machine FROM countersign.machines m
        WHERE m.client_id = enter_machine.client_id AND m.issuer = enter_machine.issuer
        ORDER BY m.disabled_at DESC NULLS FIRST LIMIT 1;
    -- A client that two tenants have registered acts in neither, and is neither's to record.
    IF NOT FOUND OR found_machine.enabled > 1 THEN
        entered.outcome := 'unknown';
        RETURN entered;
    END IF;
    entered.tenant := found_machine.tenant_id;
    entered.machine_id := found_machine.id;
    IF found_machine.disabled_at IS NOT NULL THEN
        entered.outcome := 'ended';
        RETURN entered;
    END IF;
    entered.scopes := found_machine.scopes;
    RETURN countersign.admit(entered, named, kinds);
END $$;

-- Enters a tenant that is named by its random id: for the audit writer, which an entrance has told
-- it, and the operator's commands, which the entry role has told it.
CREATE FUNCTION countersign.enter_tenant(tenant uuid) RETURNS uuid
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM countersign.tenants t WHERE t.id = enter_tenant.tenant) THEN
        RAISE EXCEPTION 'no such tenant' USING ERRCODE = 'invalid_authorization_specification';
    END IF;
    PERFORM set_config('countersign.tenant', enter_tenant.tenant::text, true);
    RETURN enter_tenant.tenant;
END $$;

-- Makes a tenant and the empty end of its chain.
CREATE FUNCTION countersign.create_tenant(id uuid, slug text, name text, at timestamptz) RETURNS void
    LANGUAGE sql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
    INSERT INTO countersign.tenants (id, slug, name, created_at) VALUES (id, slug, name, at);
    INSERT INTO countersign.audit_heads (tenant_id, seq, hash)
        VALUES (create_tenant.id, 0, decode(repeat('00', 32), 'hex'));
    $$;

GRANT CREATE ON SCHEMA countersign TO countersign_gate;
ALTER FUNCTION countersign.census(uuid, uuid[], text[]) OWNER TO countersign_gate;
ALTER FUNCTION countersign.admit(countersign.entrance, uuid[], text[]) OWNER TO countersign_gate;
ALTER FUNCTION countersign.enter_session(bytea, timestamptz, uuid[], text[]) OWNER TO countersign_gate;
ALTER FUNCTION countersign.enter_api_token(bytea, timestamptz, uuid[], text[]) OWNER TO countersign_gate;
ALTER FUNCTION countersign.enter_machine(text, text, timestamptz, uuid[], text[]) OWNER TO countersign_gate;
ALTER FUNCTION countersign.enter_tenant(uuid) OWNER TO countersign_gate;
ALTER FUNCTION countersign.create_tenant(uuid, text, text, timestamptz) OWNER TO countersign_gate;
REVOKE CREATE ON SCHEMA countersign FROM countersign_gate;

SET LOCAL ROLE countersign_gate;
REVOKE EXECUTE ON FUNCTION countersign.census(uuid, uuid[], text[]) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION countersign.admit(countersign.entrance, uuid[], text[]) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION countersign.enter_session(bytea, timestamptz, uuid[], text[]) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION countersign.enter_api_token(bytea, timestamptz, uuid[], text[]) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION countersign.enter_machine(text, text, timestamptz, uuid[], text[]) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION countersign.enter_tenant(uuid) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION countersign.create_tenant(uuid, text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION countersign.enter_session(bytea, timestamptz, uuid[], text[])
    TO countersign_books;
GRANT EXECUTE ON FUNCTION countersign.enter_api_token(bytea, timestamptz, uuid[], text[])
    TO countersign_books;
GRANT EXECUTE ON FUNCTION countersign.enter_machine(text, text, timestamptz, uuid[], text[])
    TO countersign_books;
GRANT EXECUTE ON FUNCTION countersign.enter_tenant(uuid) TO countersign_books;
GRANT EXECUTE ON FUNCTION countersign.create_tenant(uuid, text, text, timestamptz)
    TO countersign_entry;
-- The operator's own tenant. Its audit log has what belongs to no other: credentials that are
-- nobody's, and sign-ins of people without a tenant.
SELECT countersign.create_tenant('00000000-0000-7000-8000-000000000000', 'operator', 'Operator',
    now());
SET LOCAL ROLE countersign_owner;
