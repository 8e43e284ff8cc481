-- Which installation the rows are of: one row at most. The store of the blobs carries the same
-- name; `marked_at` is when it was first seen there, and so is to be there for ever.
CREATE TABLE installation (
    id BIGINT NOT NULL PRIMARY KEY,
    name ctext NOT NULL,
    named_at BIGINT NOT NULL,
    marked_at BIGINT,
    CHECK (id = 1)
);

-- The name of the installation that was copied, where it had one.
ALTER TABLE origin ADD COLUMN installation ctext;
