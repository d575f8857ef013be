-- Sessions that are long over are forgotten, the oldest first. The log tells of them.
GRANT DELETE ON countersign.sessions TO countersign_entry;
CREATE INDEX sessions_by_end ON countersign.sessions (expires_at);
