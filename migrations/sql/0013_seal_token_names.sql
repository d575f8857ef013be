-- Names of API tokens are sealed: a person writes them, and nobody searches by them. A row has its text in
-- the old column until it is sealed, and never in both.
ALTER TABLE countersign.api_tokens
    ALTER COLUMN name DROP NOT NULL,
    ADD COLUMN name_sealed bytea
        CONSTRAINT api_tokens_name_sealed_length CHECK (length(name_sealed) BETWEEN 34 AND 300),
    ADD COLUMN key_version integer CONSTRAINT api_tokens_key_version CHECK (key_version > 0),
    ADD CONSTRAINT api_tokens_name_once CHECK ((name IS NULL) <> (name_sealed IS NULL)),
    ADD CONSTRAINT api_tokens_sealed CHECK ((name_sealed IS NULL) = (key_version IS NULL));
GRANT SELECT (name_sealed, key_version), UPDATE (name, name_sealed, key_version)
    ON countersign.api_tokens TO countersign_books;
