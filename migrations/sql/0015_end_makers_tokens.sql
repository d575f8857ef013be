-- Tokens end with the membership of who made them, and tell for ever who that was. `created_by` is of a
-- member; `maker_id` is the same user, and stays.
ALTER TABLE countersign.api_tokens ADD COLUMN maker_id uuid;
GRANT SELECT (maker_id) ON countersign.api_tokens TO countersign_books;

-- Every token was made by a member. Who has none is of one who was removed before this file, and whom the
-- audit log alone names (`api_token.created`).
ALTER TABLE countersign.api_tokens NO FORCE ROW LEVEL SECURITY;
UPDATE countersign.api_tokens SET maker_id = created_by;
UPDATE countersign.api_tokens SET revoked_at = now() WHERE created_by IS NULL AND revoked_at IS NULL;
ALTER TABLE countersign.api_tokens FORCE ROW LEVEL SECURITY;

CREATE FUNCTION countersign.keep_maker() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    NEW.maker_id := NEW.created_by;
    RETURN NEW;
END $$;
CREATE TRIGGER api_tokens_keep_maker BEFORE INSERT ON countersign.api_tokens
    FOR EACH ROW EXECUTE FUNCTION countersign.keep_maker();

-- Whoever ends a membership, and by whatever command. A token that is being made is waited for, or waits and
-- is refused by its foreign key.
CREATE FUNCTION countersign.revoke_makers_tokens() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    UPDATE countersign.api_tokens t SET revoked_at = now()
        WHERE t.tenant_id = OLD.tenant_id AND t.created_by = OLD.user_id AND t.revoked_at IS NULL;
    RETURN OLD;
END $$;
CREATE TRIGGER memberships_revoke_makers_tokens BEFORE DELETE ON countersign.memberships
    FOR EACH ROW EXECUTE FUNCTION countersign.revoke_makers_tokens();

-- Whether the maker of a token is still what its scopes were held against. Whoever changes a member, or a role
-- that they have, has the membership locked: they are waited for, and what they wrote is looked at, so that no
-- token is made of rights that are just being taken. Held until the token is there for them to find.
CREATE FUNCTION countersign.hold_maker(own uuid, maker uuid, held_role text, held_capabilities text[])
    RETURNS boolean
    LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    PERFORM FROM countersign.memberships m WHERE m.tenant_id = own AND m.user_id = maker FOR SHARE;
    IF NOT EXISTS (SELECT FROM countersign.memberships m
        LEFT JOIN countersign.roles r ON r.tenant_id = m.tenant_id AND r.id = m.custom_role_id
        WHERE m.tenant_id = own AND m.user_id = maker AND m.role = held_role
        AND m.capabilities || coalesce(r.capabilities, '{}') <@ held_capabilities
        AND m.capabilities || coalesce(r.capabilities, '{}') @> held_capabilities) THEN
        RAISE EXCEPTION 'the maker of the token is not what they were'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'api_tokens_maker_held';
    END IF;
    RETURN true;
END $$;
REVOKE EXECUTE ON FUNCTION countersign.hold_maker(uuid, uuid, text, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION countersign.hold_maker(uuid, uuid, text, text[]) TO countersign_books;
