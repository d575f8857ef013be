-- As in 0017, and what is swept at a time is bounded: a tenant that asked for very much a day ago, and for little
-- since, would have all of it removed by one statement, on which the answers of others wait.
GRANT CREATE ON SCHEMA countersign TO countersign_gate;
SET LOCAL ROLE countersign_gate;
CREATE OR REPLACE FUNCTION countersign.settle_keys(tenants uuid[], actors text[], claimed_keys bytea[],
        claimants uuid[], sealed bytea[], times timestamptz[], kept_since timestamptz, sweep_one_in integer)
    RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    one record;
    old_since CONSTANT timestamptz := least(kept_since, now() - interval '1 day');
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    -- One after the other: a plan for many would be made for however many keys there are today.
    FOR one IN SELECT * FROM unnest(tenants, actors, claimed_keys, claimants, sealed, times)
            AS g (tenant, actor, key, claimant, answer, at) LOOP
        UPDATE countersign.idempotency_keys k
            SET answer = nullif(one.answer, ''), settled_at = one.at
            WHERE k.tenant_id = one.tenant AND k.actor_id = one.actor AND k.key = one.key
            AND k.claimed_by = one.claimant AND k.settled_at IS NULL;
        IF get_byte(one.key, 0) % sweep_one_in = 0 THEN
            -- Nor waiting for whoever takes one of them over; and not all that there may be, but more than came
            -- since.
            DELETE FROM countersign.idempotency_keys k USING (
                SELECT o.actor_id, o.key FROM countersign.idempotency_keys o
                WHERE o.tenant_id = one.tenant AND o.claimed_at < old_since
                ORDER BY o.claimed_at LIMIT 16 * sweep_one_in FOR UPDATE SKIP LOCKED) old
            WHERE k.tenant_id = one.tenant AND k.actor_id = old.actor_id AND k.key = old.key;
        END IF;
    END LOOP;
END $$;
SET LOCAL ROLE countersign_owner;
REVOKE CREATE ON SCHEMA countersign FROM countersign_gate;
