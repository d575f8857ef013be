-- What every table rests on: who the tenant is, and how an amount is put into a bucket.
-- The schema and the four roles were made before this, by `migrate`.

GRANT USAGE ON SCHEMA countersign TO countersign_entry, countersign_books, countersign_gate;

-- The one place that says which tenant a transaction is confined to. The setting is local to the
-- transaction; afterwards the same connection reads it as an empty string, not as null.
-- Its body is bound when it is made, so that no search path is due and the planner can inline it.
CREATE FUNCTION countersign.current_tenant() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(pg_catalog.current_setting('countersign.tenant', true), '')::uuid;

-- The same buckets as `countersign_domain::money::Magnitude`; a test compares the two.
CREATE FUNCTION countersign.magnitude(amount numeric) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN CASE
        WHEN abs(amount) < 10 THEN 'MICRO'
        WHEN abs(amount) <= 100 THEN 'SMALL'
        WHEN abs(amount) <= 1000 THEN 'MEDIUM'
        WHEN abs(amount) <= 10000 THEN 'LARGE'
        ELSE 'XLARGE' END;
