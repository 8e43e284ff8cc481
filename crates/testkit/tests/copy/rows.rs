//! Every row that a copy is to have, as text: read with statements of the test's own, so that what
//! the copy knows of the schema is not asked.

use wharf_db::{Snapshot, statement};

statement! {
    ACCOUNTS = "SELECT id, created_at FROM accounts ORDER BY id";
    KEYS = "SELECT id, account_id, secret, active, created_at, user_id FROM access_keys ORDER BY id";
    ALIASES = "SELECT account_id, alias FROM account_aliases ORDER BY account_id";
    ENTITIES = "SELECT id, account_id, kind, name, name_key, path, description, boundary,
                    boundary_id, created_at FROM entities ORDER BY id";
    ENTITY_TAGS = "SELECT entity_id, folded, tag_key, tag_value FROM entity_tags
                   ORDER BY entity_id, folded";
    MEMBERS = "SELECT group_id, user_id FROM group_members ORDER BY group_id, user_id";
    ROLES = "SELECT id, trust_policy, trust_ids, max_session_seconds FROM roles ORDER BY id";
    VERSIONS = "SELECT v.policy_id, v.version, v.document, v.created_at, p.default_version,
                    p.newest_version, p.updated_at
                FROM policy_versions v JOIN managed_policies p ON p.id = v.policy_id
                ORDER BY v.policy_id, v.version";
    ATTACHED = "SELECT entity_id, policy_arn, policy_id FROM attached_policies
                ORDER BY entity_id, policy_arn";
    INLINE = "SELECT entity_id, name, document FROM inline_policies ORDER BY entity_id, name";
    PASSWORDS = "SELECT user_id, password, reset_required, created_at FROM login_profiles
                 ORDER BY user_id";
    PROVIDERS = "SELECT id, client_ids, thumbprints FROM oidc_providers ORDER BY id";
    REPOSITORIES = "SELECT id, account_id, region, name, created_at, tag_mutability,
                        exclusion_filters, scan_on_push, encryption_type, kms_key
                    FROM repositories ORDER BY id";
    REPOSITORY_TAGS = "SELECT repository_id, tag_key, tag_value FROM repository_tags
                       ORDER BY repository_id, tag_key";
    IMAGES = "SELECT repository_id, digest, media_type, artifact_media_type, artifact_type, subject,
                  annotations, size, manifest_size, pushed_at, pulled_at, manifest
              FROM images ORDER BY repository_id, digest";
    TAGS = "SELECT repository_id, tag, digest FROM tags ORDER BY repository_id, tag";
    REFERENCES = "SELECT repository_id, parent, child, media_type, is_image FROM image_references
                  ORDER BY repository_id, parent, child";
    BLOBS = "SELECT id, digest, size, content FROM blobs WHERE condemned_at IS NULL ORDER BY id";
    LINKS = "SELECT repository_id, digest, blob_id, linked_at, used_at FROM blob_links
             ORDER BY repository_id, digest";
}

type Text = Option<String>;
type Int = Option<i64>;
type Bytes = Option<Vec<u8>>;

/// All rows, each behind the name of its table.
pub async fn rows(snapshot: &mut Snapshot) -> Vec<String> {
    let mut rows = Vec::new();
    macro_rules! table {
        ($name:literal, $statement:ident, $row:ty) => {
            for row in snapshot.all::<$row>(&$statement, ()).await.unwrap() {
                rows.push(format!("{} {row:?}", $name));
            }
        };
    }
    table!("accounts", ACCOUNTS, (Text, Int));
    table!("access_keys", KEYS, (Text, Text, Bytes, Int, Int, Text));
    table!("account_aliases", ALIASES, (Text, Text));
    table!("entities", ENTITIES, (Text, Text, Text, Text, Text, Text, Text, Text, Text, Int));
    table!("entity_tags", ENTITY_TAGS, (Text, Text, Text, Text));
    table!("group_members", MEMBERS, (Text, Text));
    table!("roles", ROLES, (Text, Text, Text, Int));
    table!("policy_versions", VERSIONS, (Text, Int, Text, Int, Int, Int, Int));
    table!("attached_policies", ATTACHED, (Text, Text, Text));
    table!("inline_policies", INLINE, (Text, Text, Text));
    table!("login_profiles", PASSWORDS, (Text, Text, Int, Int));
    table!("oidc_providers", PROVIDERS, (Text, Text, Text));
    table!(
        "repositories",
        REPOSITORIES,
        (Text, Text, Text, Text, Int, Text, Text, Int, Text, Text)
    );
    table!("repository_tags", REPOSITORY_TAGS, (Text, Text, Text));
    table!("images", IMAGES, (Text, Text, Text, Text, Text, Text, Text, Int, Int, Int, Int, Bytes));
    table!("tags", TAGS, (Text, Text, Text));
    table!("image_references", REFERENCES, (Text, Text, Text, Text, Int));
    table!("blobs", BLOBS, (Text, Text, Int, Bytes));
    table!("blob_links", LINKS, (Text, Text, Text, Int, Int));
    rows
}
