-- Data keys of tenants, and what is sealed under them: credentials at outside providers, and columns of
-- personal data that nobody searches.

-- `audit` signs the log and stays for as long as the log does. `data` seals, in versions that replace each
-- other. `index` makes blind indexes. A key that is destroyed leaves its row: that it was there, and when
-- it ended.
ALTER TABLE countersign.tenant_keys
    DROP CONSTRAINT tenant_keys_purpose,
    ADD CONSTRAINT tenant_keys_purpose CHECK (purpose IN ('audit', 'checkpoint', 'data', 'index')),
    DROP CONSTRAINT tenant_keys_sealed_length,
    ADD CONSTRAINT tenant_keys_sealed_length CHECK (length(sealed) BETWEEN 29 AND 6200),
    ALTER COLUMN sealed DROP NOT NULL,
    -- The version of the key-encryption key that it is wrapped under, as that key's keeper names it. Null
    -- where it was wrapped before the names of keys were kept.
    ADD COLUMN kek text CONSTRAINT tenant_keys_kek_length CHECK (length(kek) BETWEEN 1 AND 500),
    -- Encryptions that servers have set aside for themselves. With random nonces of 96 bits, one key is good
    -- for 2^32 (NIST SP 800-38D, section 8.3).
    ADD COLUMN reserved bigint NOT NULL DEFAULT 0
        CONSTRAINT tenant_keys_reserved CHECK (reserved BETWEEN 0 AND 4294967296),
    ADD COLUMN created_at timestamptz,
    ADD COLUMN destroyed_at timestamptz,
    ADD CONSTRAINT tenant_keys_destroyed CHECK ((sealed IS NULL) = (destroyed_at IS NOT NULL)),
    ADD CONSTRAINT tenant_keys_audit_stays CHECK
        (purpose NOT IN ('audit', 'checkpoint') OR destroyed_at IS NULL);
GRANT UPDATE (sealed, kek, reserved, destroyed_at) ON countersign.tenant_keys TO countersign_books;

-- What is destroyed stays so, whoever has a copy of the wrapped key.
CREATE FUNCTION countersign.keep_destroyed() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    IF OLD.destroyed_at IS NOT NULL AND NEW.destroyed_at IS DISTINCT FROM OLD.destroyed_at THEN
        RAISE EXCEPTION 'a key that is destroyed stays so'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tenant_keys_stay_destroyed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tenant_keys_stay_destroyed BEFORE UPDATE ON countersign.tenant_keys
    FOR EACH ROW EXECUTE FUNCTION countersign.keep_destroyed();

CREATE TABLE countersign.credentials (
    tenant_id uuid NOT NULL CONSTRAINT credentials_tenant REFERENCES countersign.tenants (id),
    id uuid NOT NULL,
    provider text NOT NULL CONSTRAINT credentials_provider CHECK (provider IN ('OPENAI', 'STRIPE')),
    name_sealed bytea NOT NULL
        CONSTRAINT credentials_name_length CHECK (length(name_sealed) BETWEEN 34 AND 300),
    -- The first characters, to tell one from another.
    prefix text NOT NULL CONSTRAINT credentials_prefix_length CHECK (length(prefix) <= 8),
    -- Erased when it is revoked.
    secret_sealed bytea
        CONSTRAINT credentials_secret_length CHECK (length(secret_sealed) BETWEEN 34 AND 4200),
    key_version integer NOT NULL CONSTRAINT credentials_key_version CHECK (key_version > 0),
    created_by uuid,
    created_at timestamptz NOT NULL,
    checked_at timestamptz,
    check_outcome text CONSTRAINT credentials_check_outcome
        CHECK (check_outcome IN ('ACCEPTED', 'REFUSED', 'UNREACHABLE')),
    revoked_at timestamptz,
    CONSTRAINT credentials_id PRIMARY KEY (tenant_id, id),
    CONSTRAINT credentials_check_whole CHECK ((checked_at IS NULL) = (check_outcome IS NULL)),
    CONSTRAINT credentials_erased CHECK ((secret_sealed IS NULL) = (revoked_at IS NOT NULL))
);
CREATE INDEX credentials_census ON countersign.credentials (id);
ALTER TABLE countersign.credentials ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY credentials_tenant ON countersign.credentials TO countersign_books
    USING (tenant_id = countersign.current_tenant())
    WITH CHECK (tenant_id = countersign.current_tenant());
CREATE POLICY credentials_census ON countersign.credentials FOR SELECT TO countersign_gate
    USING (true);
GRANT SELECT, INSERT, UPDATE (name_sealed, secret_sealed, key_version, checked_at, check_outcome,
    revoked_at) ON countersign.credentials TO countersign_books;
GRANT SELECT (tenant_id, id) ON countersign.credentials TO countersign_gate;

-- What the entry role keeps of sign-ins was sealed under the key-encryption key itself. People sign in again.
ALTER TABLE countersign.sessions NO FORCE ROW LEVEL SECURITY;
UPDATE countersign.sessions SET ended_at = now() WHERE ended_at IS NULL;
ALTER TABLE countersign.sessions FORCE ROW LEVEL SECURITY;
ALTER TABLE countersign.sign_ins NO FORCE ROW LEVEL SECURITY;
DELETE FROM countersign.sign_ins;
ALTER TABLE countersign.sign_ins FORCE ROW LEVEL SECURITY;

-- Columns that are sealed: the numbers of accounts, the file names of imports, the banks' references of
-- statements. A row has its text in the old column until it is sealed, and never in both. A number is found
-- by its blind index, which is an HMAC under a key of the tenant.
ALTER TABLE countersign.accounts
    ADD COLUMN number_sealed bytea
        CONSTRAINT accounts_number_sealed_length CHECK (length(number_sealed) BETWEEN 34 AND 900),
    ADD COLUMN number_index bytea
        CONSTRAINT accounts_number_index_length CHECK (length(number_index) = 32),
    ADD COLUMN key_version integer CONSTRAINT accounts_key_version CHECK (key_version > 0),
    ADD CONSTRAINT accounts_number_once CHECK (number IS NULL OR number_sealed IS NULL),
    ADD CONSTRAINT accounts_sealed CHECK ((number_sealed IS NULL) = (key_version IS NULL)
        AND (number_sealed IS NULL) = (number_index IS NULL)),
    ADD CONSTRAINT accounts_number_indexed UNIQUE (tenant_id, number_index);
GRANT UPDATE (number, number_sealed, number_index, key_version)
    ON countersign.accounts TO countersign_books;

ALTER TABLE countersign.imports
    ALTER COLUMN file_name DROP NOT NULL,
    ADD COLUMN file_name_sealed bytea
        CONSTRAINT imports_file_name_sealed_length CHECK (length(file_name_sealed) BETWEEN 34 AND 900),
    ADD COLUMN key_version integer CONSTRAINT imports_key_version CHECK (key_version > 0),
    ADD CONSTRAINT imports_file_name_once CHECK ((file_name IS NULL) <> (file_name_sealed IS NULL)),
    ADD CONSTRAINT imports_sealed CHECK ((file_name_sealed IS NULL) = (key_version IS NULL));
GRANT UPDATE (file_name, file_name_sealed, key_version) ON countersign.imports TO countersign_books;

ALTER TABLE countersign.statements
    ADD COLUMN reference_sealed bytea
        CONSTRAINT statements_reference_sealed_length CHECK (length(reference_sealed) BETWEEN 33 AND 900),
    ADD COLUMN key_version integer CONSTRAINT statements_key_version CHECK (key_version > 0),
    ADD CONSTRAINT statements_reference_once CHECK (reference IS NULL OR reference_sealed IS NULL),
    ADD CONSTRAINT statements_sealed CHECK ((reference_sealed IS NULL) = (key_version IS NULL));
GRANT UPDATE (reference, reference_sealed, key_version) ON countersign.statements TO countersign_books;

-- Ids of credentials are counted as those of the other kinds are.
GRANT CREATE ON SCHEMA countersign TO countersign_gate;
SET LOCAL ROLE countersign_gate;
CREATE OR REPLACE FUNCTION countersign.census(tenant uuid, named uuid[], kinds text[],
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
        ELSIF wanted = 'crd' THEN
            SELECT count(*) FILTER (WHERE x.tenant_id = tenant), count(*) FILTER (WHERE x.tenant_id <> tenant)
                INTO ours, theirs FROM countersign.credentials x WHERE x.id = ANY (ids);
        ELSIF wanted = 'ten' THEN
            SELECT count(*) FILTER (WHERE x.id = tenant), count(*) FILTER (WHERE x.id <> tenant)
                INTO ours, theirs FROM countersign.tenants x WHERE x.id = ANY (ids);
        END IF;
        own := own + ours;
        foreign_ := foreign_ + theirs;
    END LOOP;
END $$;
SET LOCAL ROLE countersign_owner;
REVOKE CREATE ON SCHEMA countersign FROM countersign_gate;
