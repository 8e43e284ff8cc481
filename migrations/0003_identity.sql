-- Users, groups, roles, policies and providers of identities of an account, with what hangs on them.

-- A user, group, role, managed policy or OpenID Connect provider. `id` is never used twice, even when
-- the name is. `name_key` is the name in lower case: names are unique without regard to case.
-- `boundary` is the ARN of the permissions boundary and `boundary_id` its id, unless it is AWS's; it
-- refers to a row of this table without saying so, since a copy writes the rows in the order of ids.
CREATE TABLE entities (
    id ctext NOT NULL PRIMARY KEY,
    account_id ctext NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    kind ctext NOT NULL,
    name ctext NOT NULL,
    name_key ctext NOT NULL,
    path ctext NOT NULL,
    description ctext,
    boundary ctext,
    boundary_id ctext,
    created_at BIGINT NOT NULL,
    UNIQUE (account_id, kind, name_key)
);
CREATE INDEX entities_by_boundary ON entities (account_id, boundary, id) WHERE boundary IS NOT NULL;

-- Keys are compared by `folded`: without regard to case, but for the tags of providers.
CREATE TABLE entity_tags (
    entity_id ctext NOT NULL REFERENCES entities (id) ON DELETE CASCADE,
    folded ctext NOT NULL,
    tag_key ctext NOT NULL,
    tag_value ctext NOT NULL,
    PRIMARY KEY (entity_id, folded)
);

CREATE TABLE group_members (
    group_id ctext NOT NULL REFERENCES entities (id) ON DELETE CASCADE,
    user_id ctext NOT NULL REFERENCES entities (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX group_members_by_user ON group_members (user_id, group_id);

-- The trust policy is kept as it was given, byte for byte; `trust_ids` is a JSON object from the ARNs of
-- users and roles in it to their ids, which are what counts.
CREATE TABLE roles (
    id ctext NOT NULL PRIMARY KEY REFERENCES entities (id) ON DELETE CASCADE,
    trust_policy ctext NOT NULL,
    trust_ids ctext NOT NULL,
    max_session_seconds BIGINT NOT NULL,
    last_used_at BIGINT,
    last_used_region ctext
);

-- `newest_version` is the number of the last version that was made: numbers are not used again.
CREATE TABLE managed_policies (
    id ctext NOT NULL PRIMARY KEY REFERENCES entities (id) ON DELETE CASCADE,
    default_version BIGINT NOT NULL,
    newest_version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- The document is kept as it was given, byte for byte.
CREATE TABLE policy_versions (
    policy_id ctext NOT NULL REFERENCES entities (id) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    document ctext NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (policy_id, version)
);

-- A managed policy on a user, group or role. AWS's are part of the program and have no id here.
CREATE TABLE attached_policies (
    entity_id ctext NOT NULL REFERENCES entities (id) ON DELETE CASCADE,
    policy_arn ctext NOT NULL,
    policy_id ctext REFERENCES entities (id) ON DELETE CASCADE,
    PRIMARY KEY (entity_id, policy_arn)
);
CREATE INDEX attached_policies_by_policy ON attached_policies (policy_arn, entity_id);

CREATE TABLE inline_policies (
    entity_id ctext NOT NULL REFERENCES entities (id) ON DELETE CASCADE,
    name ctext NOT NULL,
    document ctext NOT NULL,
    PRIMARY KEY (entity_id, name)
);

-- A user's password, as a string of Argon2.
CREATE TABLE login_profiles (
    user_id ctext NOT NULL PRIMARY KEY REFERENCES entities (id) ON DELETE CASCADE,
    password ctext NOT NULL,
    reset_required BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);

-- Both lists are JSON.
CREATE TABLE oidc_providers (
    id ctext NOT NULL PRIMARY KEY REFERENCES entities (id) ON DELETE CASCADE,
    client_ids ctext NOT NULL,
    thumbprints ctext NOT NULL
);

-- A key without a user is the root's.
ALTER TABLE access_keys ADD COLUMN user_id ctext REFERENCES entities (id) ON DELETE CASCADE;
ALTER TABLE access_keys ADD COLUMN last_used_at BIGINT;
ALTER TABLE access_keys ADD COLUMN last_used_service ctext;
ALTER TABLE access_keys ADD COLUMN last_used_region ctext;
CREATE INDEX access_keys_by_user ON access_keys (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE account_aliases (
    account_id ctext NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    alias ctext NOT NULL UNIQUE
);
