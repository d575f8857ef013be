-- Tenants, users, and what couples them. A membership is the only thing that lets a user into a
-- tenant; deleting it ends access at the next request.

CREATE TABLE countersign.tenants (
    id uuid CONSTRAINT tenants_id PRIMARY KEY,
    slug text NOT NULL CONSTRAINT tenants_slug UNIQUE
        CONSTRAINT tenants_slug_form CHECK (slug ~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])$'),
    name text NOT NULL CONSTRAINT tenants_name_length CHECK (length(name) BETWEEN 1 AND 100),
    suspended_at timestamptz,
    created_at timestamptz NOT NULL
);
ALTER TABLE countersign.tenants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenants_own ON countersign.tenants FOR SELECT TO countersign_books
    USING (id = countersign.current_tenant());
CREATE POLICY tenants_entry ON countersign.tenants FOR SELECT TO countersign_entry USING (true);
CREATE POLICY tenants_gate_read ON countersign.tenants FOR SELECT TO countersign_gate USING (true);
CREATE POLICY tenants_gate_make ON countersign.tenants FOR INSERT TO countersign_gate
    WITH CHECK (true);
GRANT SELECT ON countersign.tenants TO countersign_books;
GRANT SELECT (id, slug, name) ON countersign.tenants TO countersign_entry;
GRANT SELECT (id, suspended_at), INSERT (id, slug, name, created_at)
    ON countersign.tenants TO countersign_gate;

-- One human, one row, across tenants. `issuer` and `subject` are empty until the first sign-in.
CREATE TABLE countersign.users (
    id uuid CONSTRAINT users_id PRIMARY KEY,
    email text NOT NULL CONSTRAINT users_email UNIQUE
        CONSTRAINT users_email_form CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254
            AND email LIKE '%_@_%'),
    name text NOT NULL CONSTRAINT users_name_length CHECK (length(name) BETWEEN 1 AND 254),
    issuer text CONSTRAINT users_issuer_length CHECK (length(issuer) BETWEEN 1 AND 500),
    subject text CONSTRAINT users_subject_length CHECK (length(subject) BETWEEN 1 AND 255),
    created_at timestamptz NOT NULL,
    CONSTRAINT users_identity UNIQUE (issuer, subject),
    CONSTRAINT users_identity_whole CHECK ((issuer IS NULL) = (subject IS NULL))
);
ALTER TABLE countersign.users ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

-- Roles that a tenant made itself: a built-in one that they stand on, and capabilities beside it. None
-- stands on the owner's: an owner is an owner.
CREATE TABLE countersign.roles (
    tenant_id uuid NOT NULL CONSTRAINT roles_tenant REFERENCES countersign.tenants (id),
    id uuid NOT NULL,
    name text NOT NULL CONSTRAINT roles_name_length CHECK (length(name) BETWEEN 1 AND 60)
        CONSTRAINT roles_name_own CHECK (lower(name) NOT IN
            ('owner', 'admin', 'manager', 'accountant', 'worker', 'family', 'auditor')),
    description text NOT NULL
        CONSTRAINT roles_description_length CHECK (length(description) <= 300),
    base text NOT NULL CONSTRAINT roles_base CHECK (base IN
        ('admin', 'manager', 'accountant', 'worker', 'family', 'auditor')),
    capabilities text[] NOT NULL CONSTRAINT roles_capabilities CHECK (
        capabilities <@ ARRAY['read.basic', 'read.financial', 'read.pii', 'read.member',
            'read.token', 'read.audit', 'write.basic', 'write.financial', 'admin.member',
            'admin.token']),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT roles_id PRIMARY KEY (tenant_id, id),
    CONSTRAINT roles_based UNIQUE (tenant_id, id, base)
);
CREATE UNIQUE INDEX roles_name ON countersign.roles (tenant_id, lower(name));
CREATE INDEX roles_census ON countersign.roles (id);
ALTER TABLE countersign.roles ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY roles_tenant ON countersign.roles TO countersign_books
    USING (tenant_id = countersign.current_tenant())
    WITH CHECK (tenant_id = countersign.current_tenant());
CREATE POLICY roles_gate ON countersign.roles FOR SELECT TO countersign_gate USING (true);
GRANT SELECT, INSERT, UPDATE (name, description, base, capabilities, updated_at), DELETE
    ON countersign.roles TO countersign_books;
GRANT SELECT (tenant_id, id, capabilities) ON countersign.roles TO countersign_gate;

CREATE TABLE countersign.memberships (
    tenant_id uuid NOT NULL
        CONSTRAINT memberships_tenant REFERENCES countersign.tenants (id),
    id uuid NOT NULL,
    user_id uuid NOT NULL CONSTRAINT memberships_user REFERENCES countersign.users (id),
    role text NOT NULL CONSTRAINT memberships_role CHECK (role IN
        ('owner', 'admin', 'manager', 'accountant', 'worker', 'family', 'auditor')),
    capabilities text[] NOT NULL DEFAULT '{}' CONSTRAINT memberships_capabilities CHECK (
        capabilities <@ ARRAY['read.basic', 'read.financial', 'read.pii', 'read.member',
            'read.token', 'read.audit', 'write.basic', 'write.financial', 'admin.member',
            'admin.token']),
    custom_role_id uuid,
    created_at timestamptz NOT NULL,
    CONSTRAINT memberships_id PRIMARY KEY (tenant_id, id),
    CONSTRAINT memberships_once UNIQUE (tenant_id, user_id),
    -- `role` is always the one that the custom role stands on, whoever writes either.
    CONSTRAINT memberships_custom_role FOREIGN KEY (tenant_id, custom_role_id, role)
        REFERENCES countersign.roles (tenant_id, id, base) ON UPDATE CASCADE
);
CREATE INDEX memberships_of_role ON countersign.memberships (tenant_id, custom_role_id);
CREATE INDEX memberships_of_user ON countersign.memberships (user_id);
CREATE INDEX memberships_census ON countersign.memberships (id);
ALTER TABLE countersign.memberships ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY memberships_tenant ON countersign.memberships TO countersign_books
    USING (tenant_id = countersign.current_tenant())
    WITH CHECK (tenant_id = countersign.current_tenant());
CREATE POLICY memberships_entry ON countersign.memberships FOR SELECT TO countersign_entry
    USING (true);
CREATE POLICY memberships_gate ON countersign.memberships FOR SELECT TO countersign_gate
    USING (true);
GRANT SELECT, INSERT, UPDATE (role, capabilities, custom_role_id), DELETE
    ON countersign.memberships TO countersign_books;
GRANT SELECT (tenant_id, user_id, role) ON countersign.memberships TO countersign_entry;
GRANT SELECT (tenant_id, id, user_id, role, capabilities, custom_role_id)
    ON countersign.memberships TO countersign_gate;

-- The books see the users who are members of their tenant, and only name and address of them.
CREATE POLICY users_members ON countersign.users FOR SELECT TO countersign_books
    USING (EXISTS (SELECT FROM countersign.memberships m
        WHERE m.tenant_id = countersign.current_tenant() AND m.user_id = users.id));
CREATE POLICY users_entry ON countersign.users TO countersign_entry
    USING (true) WITH CHECK (true);
GRANT SELECT (id, email, name) ON countersign.users TO countersign_books;
GRANT SELECT, INSERT, UPDATE (name, issuer, subject) ON countersign.users TO countersign_entry;

-- A tenant keeps an owner, whoever asks. The other owners are locked first, so that two owners who
-- remove each other at once do not both succeed.
CREATE FUNCTION countersign.keep_an_owner() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    IF OLD.role = 'owner' AND (TG_OP = 'DELETE' OR NEW.role <> 'owner') THEN
        PERFORM FROM countersign.memberships m
            WHERE m.tenant_id = OLD.tenant_id AND m.role = 'owner' AND m.id <> OLD.id
            ORDER BY m.id FOR UPDATE;
        IF NOT EXISTS (SELECT FROM countersign.memberships m
            WHERE m.tenant_id = OLD.tenant_id AND m.role = 'owner' AND m.id <> OLD.id) THEN
            RAISE EXCEPTION 'a tenant keeps at least one owner'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'memberships_last_owner';
        END IF;
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER memberships_keep_an_owner BEFORE DELETE OR UPDATE ON countersign.memberships
    FOR EACH ROW EXECUTE FUNCTION countersign.keep_an_owner();

-- Clients of an OpenID provider that act in a tenant. A client acts in one tenant only; because no
-- unique key may span tenants, the entrance refuses a client that two tenants have registered.
CREATE TABLE countersign.machines (
    tenant_id uuid NOT NULL CONSTRAINT machines_tenant REFERENCES countersign.tenants (id),
    id uuid NOT NULL,
    issuer text NOT NULL CONSTRAINT machines_issuer_length CHECK (length(issuer) BETWEEN 1 AND 500),
    client_id text NOT NULL
        CONSTRAINT machines_client_length CHECK (length(client_id) BETWEEN 1 AND 200),
    name text NOT NULL CONSTRAINT machines_name_length CHECK (length(name) BETWEEN 1 AND 100),
    scopes text[] NOT NULL CONSTRAINT machines_scopes_some CHECK (cardinality(scopes) > 0),
    created_at timestamptz NOT NULL,
    disabled_at timestamptz,
    CONSTRAINT machines_id PRIMARY KEY (tenant_id, id),
    CONSTRAINT machines_client UNIQUE (tenant_id, issuer, client_id)
);
CREATE INDEX machines_by_client ON countersign.machines (client_id, issuer);
CREATE INDEX machines_census ON countersign.machines (id);
ALTER TABLE countersign.machines ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY machines_tenant ON countersign.machines TO countersign_books
    USING (tenant_id = countersign.current_tenant())
    WITH CHECK (tenant_id = countersign.current_tenant());
CREATE POLICY machines_gate ON countersign.machines FOR SELECT TO countersign_gate USING (true);
GRANT SELECT, INSERT, UPDATE (disabled_at) ON countersign.machines TO countersign_books;
GRANT SELECT (tenant_id, id, issuer, client_id, scopes, disabled_at)
    ON countersign.machines TO countersign_gate;
