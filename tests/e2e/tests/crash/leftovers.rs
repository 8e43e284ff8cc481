//! What the sweep leaves behind after many kills: with no grace, no file of an upload, and no
//! object but those that an image needs. The quarantine of removed blobs is an hour; the test sets
//! the times in the database back instead of waiting.

use std::{
    collections::BTreeSet,
    fs,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use serde_json::json;
use wharf_e2e::{Client, Host, Server};

use crate::ledger::Ledger;

/// The sweep then comes each second.
const NO_GRACE: [(&str, &str); 1] = [("WHARF_BLOB_GRACE", "0s")];
const SWEPT_WITHIN: Duration = Duration::from_secs(30);

/// Makes the removed blobs two hours old.
const AGE: &str = "python3 -c '
import os, sqlite3
database = sqlite3.connect(os.environ[\"WHARF_DATA\"] + \"/wharf.db\")
with database: database.execute(\"UPDATE blobs SET condemned_at = condemned_at - 7200000\")
'";

/// Lists the objects that the database knows, a line each.
const ROWS: &str = "python3 -c '
import os, sqlite3
database = sqlite3.connect(os.environ[\"WHARF_DATA\"] + \"/wharf.db\")
for row in database.execute(\"SELECT object FROM blobs\"): print(row[0])
'";

/// Sweeps, and compares the files with what they are needed for.
pub async fn none_after_the_sweep(host: &Host, server: Server, ledger: &Ledger) -> Result<()> {
    server.stop().await?;
    let server = Server::start(host, &NO_GRACE).await?;
    wait(
        || Ok(uploads(host)? == 0 && strays(host)?.is_empty()),
        || Ok(format!("{} uploads, strays: {:?}", uploads(host)?, strays(host)?)),
    )
    .await?;
    server.stop().await?;

    host.sh(AGE)?;
    let server = Server::start(host, &NO_GRACE).await?;
    let needed: BTreeSet<_> = ledger
        .images()
        .flat_map(|(_, image)| image.blobs.iter().map(|blob| blob.digest.clone()))
        .collect();
    wait(
        || Ok(objects(host)?.len() == needed.len()),
        || Ok(format!("{} files for {} blobs", objects(host)?.len(), needed.len())),
    )
    .await?;
    let kept: BTreeSet<_> = objects(host)?.iter().filter_map(|object| digest(object)).collect();
    ensure!(kept == needed, "other blobs were kept than those that images need");
    let mut client = Client::login(server.address).await?;
    for (repository, image) in ledger.images() {
        client.pull(repository, image).await?;
    }

    for name in ledger.repositories() {
        let input = json!({ "repositoryName": name, "force": true });
        client.ecr("DeleteRepository", input).await?.expect(200)?;
    }
    wait_until_condemned(host).await?;
    server.stop().await?;
    host.sh(AGE)?;
    let server = Server::start(host, &NO_GRACE).await?;
    wait(
        || Ok(objects(host)?.is_empty()),
        || Ok(format!("{} files for nothing", objects(host)?.len())),
    )
    .await?;
    server.stop().await
}

/// Waits until no blob is live.
async fn wait_until_condemned(host: &Host) -> Result<()> {
    let live = || {
        let query = ROWS.replace("FROM blobs", "FROM blobs WHERE condemned_at IS NULL");
        anyhow::Ok(host.sh(&query)?.text().lines().count())
    };
    wait(|| Ok(live()? == 0), || Ok(format!("{} blobs of no repository", live()?))).await
}

async fn wait(done: impl Fn() -> Result<bool>, told: impl Fn() -> Result<String>) -> Result<()> {
    let deadline = Instant::now() + SWEPT_WITHIN;
    while !done()? {
        if Instant::now() > deadline {
            bail!("left after {SWEPT_WITHIN:?} of sweeps: {}", told()?);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

fn uploads(host: &Host) -> Result<usize> {
    Ok(fs::read_dir(host.path("data/uploads"))?.count())
}

/// The names of all objects: `sha256/ab/<hex>.<uuid>`.
fn objects(host: &Host) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for algorithm in ["sha256", "sha512"] {
        for folder in fs::read_dir(host.path("data/blobs").join(algorithm))? {
            let folder = folder?;
            for file in fs::read_dir(folder.path())? {
                let name = file?.file_name();
                let (folder, name) = (folder.file_name(), name.to_string_lossy().into_owned());
                found.insert(format!("{algorithm}/{}/{name}", folder.to_string_lossy()));
            }
        }
    }
    Ok(found)
}

fn digest(object: &str) -> Option<String> {
    let (algorithm, rest) = object.split_once('/')?;
    let (_, name) = rest.split_once('/')?;
    Some(format!("{algorithm}:{}", name.split_once('.')?.0))
}

/// Objects that no row knows. A row without its object is an error at once.
fn strays(host: &Host) -> Result<Vec<String>> {
    let rows: BTreeSet<_> = host.sh(ROWS)?.text().lines().map(str::to_owned).collect();
    let files = objects(host)?;
    let lost: Vec<_> = rows.difference(&files).collect();
    ensure!(lost.is_empty(), "rows without bytes: {lost:?}");
    Ok(files.difference(&rows).cloned().collect())
}
