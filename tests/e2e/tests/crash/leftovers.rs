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

/// Lists the blobs that the database knows, a line each: digest, object (`None` for a small blob,
/// which the database itself holds), and since when it is condemned (or `None`).
const ROWS: &str = "python3 -c '
import os, sqlite3
database = sqlite3.connect(os.environ[\"WHARF_DATA\"] + \"/wharf.db\")
for row in database.execute(\"SELECT digest, object, condemned_at FROM blobs\"): print(*row)
'";

/// Sweeps, and compares the files with what they are needed for.
pub async fn none_after_the_sweep(host: &Host, server: Server, ledger: &Ledger) -> Result<()> {
    server.stop().await?;
    let server = Server::start(host, &NO_GRACE).await?;
    wait(host, |found| found.uploads == 0 && found.strays().is_empty()).await?;
    server.stop().await?;

    host.sh(AGE)?;
    let server = Server::start(host, &NO_GRACE).await?;
    let images = || ledger.images().flat_map(|(_, image)| &image.blobs);
    let needed: BTreeSet<_> = images().map(|blob| blob.digest.clone()).collect();
    wait(host, |found| found.rows.len() <= needed.len() && found.strays().is_empty()).await?;
    let kept: BTreeSet<_> = Found::on(host)?.rows.into_iter().map(|row| row.digest).collect();
    ensure!(kept == needed, "other blobs were kept than those that images need");
    let mut client = Client::login(server.address).await?;
    for (repository, image) in ledger.images() {
        client.pull(repository, image).await?;
    }

    for name in ledger.repositories() {
        let input = json!({ "repositoryName": name, "force": true });
        client.ecr("DeleteRepository", input).await?.expect(200)?;
    }
    wait(host, |found| found.rows.iter().all(|row| row.is_condemned)).await?;
    server.stop().await?;
    host.sh(AGE)?;
    let server = Server::start(host, &NO_GRACE).await?;
    wait(host, |found| found.rows.is_empty() && found.objects.is_empty()).await?;
    server.stop().await
}

/// Sweeps go on meanwhile.
async fn wait(host: &Host, done: impl Fn(&Found) -> bool) -> Result<()> {
    let deadline = Instant::now() + SWEPT_WITHIN;
    loop {
        let found = Found::on(host)?;
        if done(&found) {
            return Ok(());
        }
        if Instant::now() > deadline {
            let (uploads, objects, rows) = (found.uploads, found.objects.len(), found.rows.len());
            let strays = found.strays();
            bail!(
                "after {SWEPT_WITHIN:?} of sweeps there are {uploads} uploads, {objects} objects, \
                 {rows} rows; objects without a row: {strays:?}"
            );
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What is in the data folder.
struct Found {
    uploads: usize,
    /// The names of all files of objects: `sha256/ab/<hex>.<uuid>`.
    objects: BTreeSet<String>,
    rows: Vec<Row>,
}

/// What the database knows of a blob.
struct Row {
    digest: String,
    object: Option<String>,
    is_condemned: bool,
}

impl Found {
    /// Looks, files last: what has a row then had its file before. Fails when a row has none.
    fn on(host: &Host) -> Result<Self> {
        let known = host.sh(ROWS)?;
        let rows: Vec<_> = known.text().lines().map(Row::read).collect::<Result<_>>()?;
        let uploads = fs::read_dir(host.path("data/uploads"))?.count();
        let found = Self { uploads, objects: objects(host)?, rows };
        for row in &found.rows {
            let there = row.object.as_ref().is_none_or(|object| found.objects.contains(object));
            // The bytes of a condemned blob go before its row.
            ensure!(there || row.is_condemned, "a row without bytes: {}", row.digest);
        }
        Ok(found)
    }

    /// Objects that no row knows.
    fn strays(&self) -> Vec<&String> {
        let known: BTreeSet<_> = self.rows.iter().filter_map(|row| row.object.as_ref()).collect();
        self.objects.iter().filter(|object| !known.contains(object)).collect()
    }
}

impl Row {
    fn read(line: &str) -> Result<Self> {
        let words: Vec<_> = line.split(' ').collect();
        let [digest, object, condemned] = words[..] else { bail!("not three words: {line}") };
        let object = Some(object.to_owned()).filter(|object| object != "None");
        Ok(Self { digest: digest.to_owned(), object, is_condemned: condemned != "None" })
    }
}

fn objects(host: &Host) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for algorithm in ["sha256", "sha512"] {
        let folder = host.path("data/blobs").join(algorithm);
        // That of sha512 is made with its first blob.
        let folders = folder.exists().then(|| fs::read_dir(folder)).transpose()?;
        for folder in folders.into_iter().flatten() {
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
