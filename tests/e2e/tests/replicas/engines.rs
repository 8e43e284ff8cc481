//! Each engine exchanged alone: SQLite with S3, PostgreSQL with files. One replica then, since the
//! other engine is on its disk.

use anyhow::Result;
use wharf_e2e::{Blobs, Database, Deployment};

fn pushes_and_pulls(database: Database, blobs: Blobs) -> Result<()> {
    let mut deployment = Deployment::start(database, blobs, 1)?;
    let host = &deployment.host;
    host.image_layout()?;
    host.sh("aws ecr create-repository --repository-name demo
         aws ecr get-login-password |
             crane auth login --username AWS --password-stdin $REGISTRY
         crane push layout $REGISTRY/demo:1
         crane validate --remote $REGISTRY/demo:1")?;
    let replica = &mut deployment.replicas[0];
    replica.stop(host)?;
    replica.start(host)?;
    replica.is_seen(host, true)?;
    host.sh("crane validate --remote $REGISTRY/demo:1")?.says("PASS");
    host.sh("crane digest $REGISTRY/demo:1 | cmp - image-digest")?;
    Ok(())
}

#[test]
fn sqlite_and_s3() -> Result<()> {
    pushes_and_pulls(Database::Sqlite, Blobs::Streamed)
}

/// The store's certificate is of an authority that only `blobs_ca_file` names.
#[test]
fn sqlite_and_s3_over_tls() -> Result<()> {
    pushes_and_pulls(Database::Sqlite, Blobs::Encrypted)
}

#[test]
fn postgresql_and_files() -> Result<()> {
    pushes_and_pulls(Database::Postgres, Blobs::Files)
}
