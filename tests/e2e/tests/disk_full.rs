//! A disk that is full: pushes are refused in words, pulls go on, and once there is room again so
//! do pushes, without a restart and with nothing lost. The disk is an ext4 of its own, which holds
//! blobs and database.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context as _, Result, ensure};
use http::Method;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;
use tokio::task::JoinHandle;
use wharf_e2e::{Answer, Blob, Client, Host, Image, Server, base64, ending};

const MIB: usize = 1 << 20;
/// How large the disk is; ext4 keeps a part of it for itself.
const DISK_MIB: usize = 64;
/// What somebody else has on a disk, and gives back: twice what the refused pushes need in the end,
/// with the database's log at its largest (16 MiB, and what one transaction adds).
const OTHERS_MIB: usize = 64;

/// Gives the host a disk of so many MiB for the server's data.
fn small_disk(host: &Host, mib: usize) -> Result<()> {
    host.sh(&format!(
        "truncate --size {mib}M ../disk
         mkfs.ext4 -q -m 0 ../disk
         mount -o loop ../disk $WHARF_DATA"
    ))?;
    Ok(())
}

/// A file that takes all the room there is.
struct Filler<'h>(&'h Host);

impl Filler<'_> {
    /// Takes what is left, to the last block.
    fn fill(&self) -> Result<()> {
        let path = self.0.mounted("data/filler");
        let mut file = File::options().create(true).append(true).open(path)?;
        let mut size = MIB;
        while size > 0 {
            match file.write(&vec![1; size]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => size /= 2,
                Err(error) => return Err(error.into()),
            }
        }
        // Also what the file system only reckoned with.
        file.sync_all().context("the filler")
    }

    fn remove(&self) -> Result<()> {
        fs::remove_file(self.0.mounted("data/filler")).context("the filler")
    }
}

/// Pulls again and again until told to stop; gives the number of pulls.
fn keep_pulling(
    mut client: Client,
    image: Image,
    stop: Arc<AtomicBool>,
) -> JoinHandle<Result<usize>> {
    tokio::spawn(async move {
        let mut pulls = 0;
        while !stop.load(Ordering::Relaxed) {
            client.pull("demo", &image).await.context("while the disk is full")?;
            ensure!(client.tag("demo", "good").await?.as_ref() == Some(&image.digest));
            pulls += 1;
        }
        Ok(pulls)
    })
}

/// The refusal under `/v2/`: it can be tried again, and says why.
fn is_refused(answer: &Answer) -> Result<()> {
    ensure!(answer.status == 503, "expected 503: {answer:?}");
    ensure!(answer.code() == "TOOMANYREQUESTS", "another code: {answer:?}");
    ensure!(answer.header("retry-after") == "60", "no Retry-After: {answer:?}");
    says_why(answer)
}

/// The refusal of the API.
fn is_refused_by_the_api(answer: &Answer) -> Result<()> {
    ensure!(answer.status == 500, "expected 500: {answer:?}");
    ensure!(answer.code() == "ServerException", "another exception: {answer:?}");
    says_why(answer)
}

fn says_why(answer: &Answer) -> Result<()> {
    let text = String::from_utf8_lossy(&answer.body);
    ensure!(text.contains("The registry has no disk space left"), "no reason: {text}");
    Ok(())
}

/// A few words that make a manifest larger than what a full disk may still have in spare pages.
fn note(rng: &mut StdRng) -> String {
    (0..200_000).map(|_| char::from(rng.random_range(b'a'..=b'z'))).collect()
}

#[test]
fn each_kind_of_push_is_refused_and_goes_on() -> Result<()> {
    let host = Host::start()?;
    small_disk(&host, DISK_MIB)?;
    host.inside(async || {
        let mut rng = StdRng::seed_from_u64(1);
        let filler = Filler(&host);
        let server = Server::start(&host, &[]).await?;
        let mut client = Client::login(server.address).await?;
        client.create_repository("demo").await?;
        let good = Image::new(&mut rng, vec![Blob::new(1, 2 * MIB), Blob::new(2, 1000)]);
        client.push("demo", "good", &good).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let pulling = keep_pulling(client.another(), good.clone(), stop.clone());

        let large = larger_than_the_disk(&mut client).await?;
        let pushes = Pushes::begin(&mut client, &mut rng).await?;
        filler.fill()?;
        pushes.are_refused(&mut client).await?;
        let mut kept = fill_the_database(&mut client, &mut rng, &pushes.late).await?;
        is_refused_by_the_api(&put_image(&mut client, &pushes.late).await?)?;
        client.get("/healthz").await?.expect(200)?;
        Client::login(server.address).await.context("nobody could log in to pull")?;
        pushes.are_not_to_be_seen(&mut client).await?;
        filler.remove()?;
        pushes.go_on(&mut client).await?;
        stop.store(true, Ordering::Relaxed);
        let pulls = pulling.await??;
        ensure!(pulls > 5, "only {pulls} pulls in all that time");

        // All of it is still there after a kill.
        server.kill()?;
        sound_database(&host)?;
        let server = Server::start(&host, &[]).await?;
        let mut client = client.another();
        for blob in pushes.blobs().into_iter().chain([&large]) {
            client.pull_blob("demo", blob).await?;
        }
        kept.extend([good, pushes.late]);
        for image in &kept {
            client.pull("demo", image).await?;
        }
        server.stop().await
    })
}

/// A blob that is larger than the disk is refused in the middle, and its room is given back: gives
/// a blob that just fits, and did.
async fn larger_than_the_disk(client: &mut Client) -> Result<Blob> {
    let huge = Blob::new(3, 2 * DISK_MIB * MIB);
    let session = client.begin_upload("demo").await?;
    is_refused(&client.send(Method::PATCH, &session, &[], huge.bytes()).await?)?;
    is_refused(&client.try_push_blob("demo", &huge).await?)?;
    ensure!(!client.holds_blob("demo", &huge).await?, "half a blob is to be seen");
    let fits = Blob::new(4, 20 * MIB);
    client.try_push_blob("demo", &fits).await?.expect(201)?;
    Ok(fits)
}

/// Pushes of each kind that are under way when the disk fills.
struct Pushes {
    /// An upload that holds the first half of `chunked`.
    session: String,
    chunked: Blob,
    /// A layer of which the first part is there.
    parts: Parts,
    /// An image whose blobs are there, and whose manifest is not.
    late: Image,
    small: Blob,
    medium: Blob,
}

impl Pushes {
    async fn begin(client: &mut Client, rng: &mut StdRng) -> Result<Self> {
        let chunked = Blob::new(5, 2 * MIB);
        let session = client.begin_upload("demo").await?;
        let half = chunked.bytes().slice(..MIB);
        let grown = client.send(Method::PATCH, &session, &[], half).await?.expect(202)?;
        let session = grown.header("location").to_owned();
        let parts = Parts::begin(client, &Blob::new(6, 6 * MIB)).await?;
        parts.send(client, 0..5 * MIB).await?.expect(200)?;
        let late = Image::of(vec![Blob::new(7, 1000), Blob::new(10, 100)], &note(rng));
        for blob in &late.blobs {
            client.try_push_blob("demo", blob).await?.expect(201)?;
        }
        let (small, medium) = (Blob::new(8, 5000), Blob::new(9, MIB));
        Ok(Self { session, chunked, parts, late, small, medium })
    }

    fn blobs(&self) -> [&Blob; 4] {
        [&self.chunked, &self.parts.blob, &self.small, &self.medium]
    }

    async fn are_refused(&self, client: &mut Client) -> Result<()> {
        let rest = self.chunked.bytes().slice(MIB..);
        is_refused(&client.send(Method::PATCH, &self.session, &[], rest).await?)?;
        is_refused_by_the_api(&self.parts.send(client, 5 * MIB..6 * MIB).await?)?;
        for blob in [&self.small, &self.medium] {
            is_refused(&client.try_push_blob("demo", blob).await?)?;
        }
        Ok(())
    }

    async fn are_not_to_be_seen(&self, client: &mut Client) -> Result<()> {
        for blob in self.blobs() {
            ensure!(!client.holds_blob("demo", blob).await?, "half a blob: {blob:?}");
        }
        ensure!(client.tag("demo", "late").await?.is_none(), "a refused tag is set");
        let path = format!("/v2/demo/manifests/{}", self.late.digest);
        client.get(&path).await?.expect(404)?;
        Ok(())
    }

    /// There is room again: each goes on from where it was.
    async fn go_on(&self, client: &mut Client) -> Result<()> {
        let rest = self.chunked.bytes().slice(MIB..);
        let grown = client.send(Method::PATCH, &self.session, &[], rest).await?.expect(202)?;
        let path = ending(grown.header("location"), &self.chunked.digest);
        client.send(Method::PUT, &path, &[], "").await?.expect(201)?;
        self.parts.send(client, 5 * MIB..6 * MIB).await?.expect(200)?;
        self.parts.complete(client).await?.expect(200)?;
        for blob in [&self.small, &self.medium] {
            client.try_push_blob("demo", blob).await?.expect(201)?;
        }
        client.push("demo", "late", &self.late).await?;
        client.create_repository("later").await
    }
}

/// Pushes manifests until one is refused; gives those that were taken.
async fn fill_the_database(
    client: &mut Client,
    rng: &mut StdRng,
    like: &Image,
) -> Result<Vec<Image>> {
    let mut kept = Vec::new();
    for _ in 0..100 {
        let image = Image::of(like.blobs.clone(), &note(rng));
        let answer = client.try_push_manifest("demo", &format!("n{}", kept.len()), &image).await?;
        if answer.status != 201 {
            is_refused(&answer)?;
            return Ok(kept);
        }
        kept.push(image);
    }
    anyhow::bail!("a hundred large manifests found room on a full disk")
}

async fn put_image(client: &mut Client, image: &Image) -> Result<Answer> {
    let input = json!({
        "repositoryName": "demo", "imageTag": "late",
        "imageManifest": String::from_utf8_lossy(&image.manifest),
    });
    client.ecr("PutImage", input).await
}

/// A layer pushed in parts at the ECR API.
struct Parts {
    id: serde_json::Value,
    blob: Blob,
}

impl Parts {
    async fn begin(client: &mut Client, blob: &Blob) -> Result<Self> {
        let begun = client.ecr("InitiateLayerUpload", json!({ "repositoryName": "demo" })).await?;
        Ok(Self { id: begun.expect(200)?.json()?["uploadId"].clone(), blob: blob.clone() })
    }

    async fn send(&self, client: &mut Client, bytes: std::ops::Range<usize>) -> Result<Answer> {
        let input = json!({
            "repositoryName": "demo", "uploadId": self.id,
            "partFirstByte": bytes.start, "partLastByte": bytes.end - 1,
            "layerPartBlob": base64(&self.blob.bytes()[bytes]),
        });
        client.ecr("UploadLayerPart", input).await
    }

    async fn complete(&self, client: &mut Client) -> Result<Answer> {
        let input = json!({
            "repositoryName": "demo", "uploadId": self.id, "layerDigests": [self.blob.digest],
        });
        client.ecr("CompleteLayerUpload", input).await
    }
}

fn sound_database(host: &Host) -> Result<()> {
    let told = host.sh("python3 -c '
import os, sqlite3
database = sqlite3.connect(os.environ[\"WHARF_DATA\"] + \"/wharf.db\")
print(database.execute(\"PRAGMA integrity_check\").fetchall(),
      database.execute(\"PRAGMA foreign_key_check\").fetchall())
'")?;
    ensure!(told.text() == "[('ok',)] []", "the database is damaged: {told}");
    Ok(())
}

/// Many at once run into the full disk; each was refused in words or is kept.
#[test]
fn a_disk_that_fills_under_many_pushes() -> Result<()> {
    let host = Host::start()?;
    small_disk(&host, DISK_MIB + OTHERS_MIB)?;
    host.inside(async || {
        let server = Server::start(&host, &[]).await?;
        let mut client = Client::login(server.address).await?;
        client.create_repository("demo").await?;
        host.sh(&format!("fallocate --length {OTHERS_MIB}M $WHARF_DATA/other"))?;
        let pushing: Vec<_> =
            (0..8).map(|seed| tokio::spawn(push_until_refused(client.another(), seed))).collect();
        let (mut kept, mut refused) = (Vec::new(), Vec::new());
        for pusher in pushing {
            let (taken, not) = pusher.await??;
            kept.extend(taken);
            refused.extend(not);
        }
        ensure!(kept.len() >= 8, "only {} images before the disk was full", kept.len());
        for image in &refused {
            let path = format!("/v2/demo/manifests/{}", image.digest);
            client.get(&path).await?.expect(404)?;
        }
        for image in &kept {
            client.pull("demo", image).await?;
        }

        host.sh("rm $WHARF_DATA/other")?;
        for image in &refused {
            client.push("demo", "again", image).await?;
        }
        server.kill()?;
        sound_database(&host)?;
        let server = Server::start(&host, &[]).await?;
        let mut client = client.another();
        for image in kept.iter().chain(&refused) {
            client.pull("demo", image).await?;
        }
        server.stop().await
    })
}

/// Pushes until it was refused four times. Gives the images that were taken, and those that were
/// not.
async fn push_until_refused(mut client: Client, seed: u64) -> Result<(Vec<Image>, Vec<Image>)> {
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    while refused.len() < 4 {
        let size = *[1000, 100_000, MIB / 2].get(rng.random_range(0..3)).context("of three")?;
        let blobs = vec![Blob::new(rng.random(), size), Blob::new(rng.random(), 20_000)];
        let image = Image::of(blobs, &note(&mut rng));
        match push(&mut client, &format!("{seed}-{}", taken.len()), &image).await? {
            None => taken.push(image),
            Some(answer) => {
                is_refused(&answer)?;
                refused.push(image);
            }
        }
    }
    Ok((taken, refused))
}

/// Gives the refusal, if there was one.
async fn push(client: &mut Client, tag: &str, image: &Image) -> Result<Option<Answer>> {
    for blob in &image.blobs {
        let answer = client.try_push_blob("demo", blob).await?;
        if answer.status != 201 {
            return Ok(Some(answer));
        }
    }
    let answer = client.try_push_manifest("demo", tag, image).await?;
    Ok((answer.status != 201).then_some(answer))
}
