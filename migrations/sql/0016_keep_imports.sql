-- An import is as the accounts are that it wrote to: of the household where any is, and in somebody's care where
-- all of them are in theirs. What is written without saying so, by a server of before, is the household's.
-- Accounts do not change in this, but that a member who leaves leaves their care.
-- A file is imported once into an account, and no longer once into the tenant: that it was imported into an
-- account that somebody may not see was told to them.
ALTER TABLE countersign.imports
    ADD COLUMN custodian_id uuid,
    ADD COLUMN personal boolean NOT NULL DEFAULT true,
    ADD COLUMN account_id uuid;
ALTER TABLE countersign.imports NO FORCE ROW LEVEL SECURITY;
ALTER TABLE countersign.statements NO FORCE ROW LEVEL SECURITY;
ALTER TABLE countersign.accounts NO FORCE ROW LEVEL SECURITY;
UPDATE countersign.imports i
    SET personal = k.personal, custodian_id = k.custodian_id, account_id = k.account_id
    FROM (
        SELECT s.tenant_id, s.import_id, bool_or(a.personal) AS personal,
            CASE WHEN count(DISTINCT a.custodian_id) = 1 AND count(a.custodian_id) = count(*)
                THEN (array_agg(a.custodian_id))[1] END AS custodian_id,
            (array_agg(s.account_id ORDER BY s.id))[1] AS account_id
        FROM countersign.statements s
        JOIN countersign.accounts a ON a.tenant_id = s.tenant_id AND a.id = s.account_id
        GROUP BY s.tenant_id, s.import_id
    ) k
    WHERE k.tenant_id = i.tenant_id AND k.import_id = i.id;
ALTER TABLE countersign.accounts FORCE ROW LEVEL SECURITY;
ALTER TABLE countersign.statements FORCE ROW LEVEL SECURITY;
ALTER TABLE countersign.imports FORCE ROW LEVEL SECURITY;
ALTER TABLE countersign.imports
    DROP CONSTRAINT imports_file,
    ADD CONSTRAINT imports_file UNIQUE NULLS NOT DISTINCT (tenant_id, sha256, account_id),
    ADD CONSTRAINT imports_account FOREIGN KEY (tenant_id, account_id)
        REFERENCES countersign.accounts (tenant_id, id),
    ADD CONSTRAINT imports_custodian FOREIGN KEY (tenant_id, custodian_id)
        REFERENCES countersign.memberships (tenant_id, user_id) ON DELETE SET NULL (custodian_id);
CREATE INDEX imports_by_custodian ON countersign.imports (tenant_id, custodian_id);
