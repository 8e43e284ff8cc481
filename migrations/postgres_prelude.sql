-- What the shared SQL text needs and PostgreSQL lacks. Runs at every start; each part is idempotent.
-- Whoever runs it holds the lock of the migrations.

DO $$ BEGIN
    CREATE DOMAIN ctext AS text COLLATE "C";
EXCEPTION WHEN duplicate_object THEN NULL; END $$;

DO $$ BEGIN
    CREATE DOMAIN blob AS bytea;
EXCEPTION WHEN duplicate_object THEN NULL; END $$;

-- SQLite's json_each(text) gives one row per element of a list or an object; its columns "key" (of
-- an object) and "value" are used, as text.
CREATE OR REPLACE FUNCTION json_each(document text) RETURNS TABLE (key ctext, value ctext)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 100
    AS $$
        SELECT NULL::ctext, element::ctext FROM json_array_elements_text(
            CASE WHEN json_typeof(document::json) = 'array' THEN document::json END) AS element
        UNION ALL
        SELECT member.key::ctext, member.value::ctext FROM json_each_text(
            CASE WHEN json_typeof(document::json) = 'object' THEN document::json END) AS member
    $$;

CREATE TABLE IF NOT EXISTS migrations (version BIGINT PRIMARY KEY);
