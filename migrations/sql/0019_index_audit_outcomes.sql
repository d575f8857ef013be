-- Rows of the log by how they ended. Nearly all are of what was done, and are found by their places: they are in
-- no index for it, and cost no more to write.
--
-- Nobody appends to a log while its index is built, which reads the whole of it. Where that takes long, build it
-- beforehand, part by part, beside those who write; it is taken for the part's own then:
--   CREATE INDEX CONCURRENTLY ON countersign.audit_entries_first (tenant_id, outcome, seq DESC)
--       WHERE outcome <> 'DONE';
CREATE INDEX audit_entries_by_outcome ON countersign.audit_entries (tenant_id, outcome, seq DESC)
    WHERE outcome <> 'DONE';
