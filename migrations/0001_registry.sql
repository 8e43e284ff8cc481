-- Accounts, keys, repositories, images, blobs and uploads. Every index is paid for at each push:
-- there is one only where a query needs it. One text for SQLite and PostgreSQL:
-- ctext is byte-ordered text, times are milliseconds since 1970, JSON documents are opaque text.

CREATE TABLE accounts (
    id ctext NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL
);

-- An access key of an account's root. The secret is sealed with the installation key.
CREATE TABLE access_keys (
    id ctext NOT NULL PRIMARY KEY,
    account_id ctext NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    secret blob NOT NULL,
    active BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX access_keys_by_account ON access_keys (account_id);

-- What PutAccountSetting set. What is not here has its default.
CREATE TABLE account_settings (
    account_id ctext NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    region ctext NOT NULL,
    name ctext NOT NULL,
    value ctext NOT NULL,
    PRIMARY KEY (account_id, region, name)
);

CREATE TABLE repositories (
    id ctext NOT NULL PRIMARY KEY,
    account_id ctext NOT NULL REFERENCES accounts (id),
    region ctext NOT NULL,
    name ctext NOT NULL,
    created_at BIGINT NOT NULL,
    tag_mutability ctext NOT NULL,
    exclusion_filters ctext NOT NULL,
    scan_on_push BIGINT NOT NULL,
    encryption_type ctext NOT NULL,
    kms_key ctext,
    UNIQUE (account_id, region, name)
);

CREATE TABLE repository_tags (
    repository_id ctext NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    tag_key ctext NOT NULL,
    tag_value ctext NOT NULL,
    PRIMARY KEY (repository_id, tag_key)
);

-- One stored manifest. `manifest` holds the exact bytes that were pushed, and stands last so
-- that reading the other columns never touches it.
CREATE TABLE images (
    repository_id ctext NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    digest ctext NOT NULL,
    media_type ctext NOT NULL,
    artifact_media_type ctext,
    artifact_type ctext,
    subject ctext,
    annotations ctext,
    size BIGINT NOT NULL,
    manifest_size BIGINT NOT NULL,
    pushed_at BIGINT NOT NULL,
    pulled_at BIGINT,
    manifest blob NOT NULL,
    PRIMARY KEY (repository_id, digest)
);
CREATE INDEX images_by_subject ON images (repository_id, subject, digest)
    WHERE subject IS NOT NULL;

CREATE TABLE tags (
    repository_id ctext NOT NULL,
    tag ctext NOT NULL,
    digest ctext NOT NULL,
    PRIMARY KEY (repository_id, tag),
    FOREIGN KEY (repository_id, digest) REFERENCES images (repository_id, digest) ON DELETE CASCADE
);
CREATE INDEX tags_by_digest ON tags (repository_id, digest, tag);

-- What a manifest names: its layers and config (blobs), and the children of an index (images).
CREATE TABLE image_references (
    repository_id ctext NOT NULL,
    parent ctext NOT NULL,
    child ctext NOT NULL,
    media_type ctext NOT NULL,
    is_image BIGINT NOT NULL,
    PRIMARY KEY (repository_id, parent, child),
    FOREIGN KEY (repository_id, parent) REFERENCES images (repository_id, digest) ON DELETE CASCADE
);
CREATE INDEX image_references_by_child ON image_references (repository_id, child, parent);

-- Blobs. The bytes are in the store under `object`, a name that is never used twice, or, where
-- they are few, in `content`. A condemned blob (the time it was given up) is invisible; its bytes
-- go after a while, then the row.
CREATE TABLE blobs (
    id ctext NOT NULL PRIMARY KEY,
    digest ctext NOT NULL,
    size BIGINT NOT NULL,
    object ctext,
    condemned_at BIGINT,
    content blob,
    CHECK ((object IS NULL) <> (content IS NULL))
);
CREATE UNIQUE INDEX blobs_live ON blobs (digest) WHERE condemned_at IS NULL;
CREATE UNIQUE INDEX blobs_by_object ON blobs (object) WHERE object IS NOT NULL;
CREATE INDEX blobs_condemned ON blobs (condemned_at) WHERE condemned_at IS NOT NULL;

-- A repository's right to a blob. Without such a row the blob is not there for it.
CREATE TABLE blob_links (
    repository_id ctext NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    digest ctext NOT NULL,
    blob_id ctext NOT NULL REFERENCES blobs (id),
    linked_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (repository_id, digest)
);
CREATE INDEX blob_links_by_blob ON blob_links (blob_id);

-- An upload under way: how many bytes are there, the state of the hash over them, and what the
-- store needs to go on. `session` names its bytes in the store. `boot` names the running kernel that
-- wrote them: bytes that were not yet flushed do not survive it. `holder` is the request that works
-- on it, where several replicas could. `finished` is the digest of the layer that came of it: kept
-- for a while, for a client that did not get the answer and asks another replica.
CREATE TABLE uploads (
    id ctext NOT NULL PRIMARY KEY,
    repository_id ctext NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    principal ctext NOT NULL,
    session ctext NOT NULL,
    received BIGINT NOT NULL,
    parts BIGINT NOT NULL,
    small_parts BIGINT NOT NULL,
    last_part BIGINT NOT NULL,
    hasher blob NOT NULL,
    store_parts ctext NOT NULL,
    boot ctext NOT NULL,
    holder ctext NOT NULL,
    held_until BIGINT NOT NULL,
    finished ctext,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX uploads_by_update ON uploads (updated_at);
CREATE UNIQUE INDEX uploads_by_session ON uploads (session);

-- Where the rows came from, if they were copied or restored: one row at most. A copy that was
-- begun and never completed is not served. Once it is served it goes its own way (`adopted_at`),
-- and can no longer be made equal to its source. Before `spared_until` the sweep removes nothing.
CREATE TABLE origin (
    id BIGINT NOT NULL PRIMARY KEY,
    source ctext NOT NULL,
    key_print ctext NOT NULL,
    begun_at BIGINT NOT NULL,
    completed_at BIGINT,
    adopted_at BIGINT,
    spared_until BIGINT NOT NULL,
    CHECK (id = 1)
);

-- Work that goes on beside the requests, once for all replicas. Whoever works on a job has its
-- token in `lease` and moves `due_at` to the end of the lease, so a job whose owner died is due
-- again. `attempts` counts since the last success.
CREATE TABLE jobs (
    id ctext NOT NULL PRIMARY KEY,
    kind ctext NOT NULL,
    subject ctext NOT NULL,
    payload ctext NOT NULL,
    due_at BIGINT NOT NULL,
    lease ctext,
    attempts BIGINT NOT NULL,
    last_error ctext,
    created_at BIGINT NOT NULL
);
CREATE INDEX jobs_by_due ON jobs (due_at);
