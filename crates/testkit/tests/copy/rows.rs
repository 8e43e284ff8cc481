//! Every row that a copy is to have, as text: read with statements of the test's own, so that what
//! the copy knows of the schema is not asked.

use wharf_db::{Snapshot, statement};

statement! {
    ACCOUNTS = "SELECT id, created_at FROM accounts ORDER BY id";
    KEYS = "SELECT id, account_id, secret, active, created_at FROM access_keys ORDER BY id";
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
    table!("access_keys", KEYS, (Text, Text, Bytes, Int, Int));
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
