-- The policies of repositories and registries, as compact JSON. Users and roles of this deployment
-- are named in them by the ids that are never used twice.

CREATE TABLE repository_policies (
    repository_id ctext NOT NULL PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    document ctext NOT NULL
);

CREATE TABLE registry_policies (
    account_id ctext NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    region ctext NOT NULL,
    document ctext NOT NULL,
    PRIMARY KEY (account_id, region)
);
