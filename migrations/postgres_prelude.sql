-- What the shared SQL text needs and PostgreSQL lacks. Runs at every start; each part is idempotent.
-- The lock keeps replicas that start together from creating the same thing twice.
SELECT pg_advisory_lock(7309940265120334);

DO $$ BEGIN
    CREATE DOMAIN ctext AS text COLLATE "C";
EXCEPTION WHEN duplicate_object THEN NULL; END $$;

DO $$ BEGIN
    CREATE DOMAIN blob AS bytea;
EXCEPTION WHEN duplicate_object THEN NULL; END $$;

-- SQLite's json_each(text) gives one row per element; only its column "value" is used, as text.
CREATE OR REPLACE FUNCTION json_each(document text) RETURNS TABLE (value ctext)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 100
    AS $$ SELECT element::ctext FROM json_array_elements_text(document::json) AS element $$;

CREATE TABLE IF NOT EXISTS migrations (version BIGINT PRIMARY KEY);

SELECT pg_advisory_unlock(7309940265120334);
