//! A client that pushes as fast as it can, in every way there is, until the server is gone. It
//! tells the ledger of each step before it asks for it, and again when it was acknowledged.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, bail};
use bytes::Bytes;
use http::Method;
use rand::{RngExt as _, rngs::StdRng};
use serde_json::json;
use wharf_e2e::{Answer, Blob, Client, Image, base64, ending};

use crate::ledger::{Ledger, Step};

/// The repository into which all push.
pub const COMMON: &str = "common";

/// From this size on, in bytes, the server takes a blob in one request by way of an upload.
const LARGE: usize = 256 * 1024;

/// One client.
pub struct Pusher {
    pub id: u64,
    pub client: Client,
    pub rng: StdRng,
    pub ledger: Arc<Mutex<Ledger>>,
}

/// Why a pusher stopped.
enum Stopped {
    /// The server is gone.
    CutOff,
    /// The server answered, but not as it must.
    Refused(Box<Answer>),
}

/// Each way in which a connection fails means that the server is gone.
impl From<anyhow::Error> for Stopped {
    fn from(_: anyhow::Error) -> Self {
        Self::CutOff
    }
}

impl Pusher {
    /// Pushes images until the connection fails.
    pub async fn push_until_cut_off(mut self) -> Result<()> {
        let own = format!("own/{}", self.id);
        if !self.ledger().has_repository(&own)
            && let Err(stopped) = self.create(own.clone()).await
        {
            return stopped.into();
        }
        loop {
            if let Err(stopped) = self.push_image(&own).await {
                return stopped.into();
            }
        }
    }

    async fn push_image(&mut self, own: &str) -> Result<(), Stopped> {
        let repository = match self.rng.random_range(0..10) {
            0..5 => COMMON.to_owned(),
            5..9 => own.to_owned(),
            _ => {
                let name = format!("fresh/{:016x}", self.rng.random::<u64>());
                self.create(name.clone()).await?;
                name
            }
        };
        let layers: Vec<_> = (0..self.rng.random_range(1..4)).map(|_| self.layer()).collect();
        let image = Image::new(&mut self.rng, layers);
        for blob in &image.blobs {
            self.push_blob(&repository, blob).await?;
        }
        self.push_manifest(repository, image).await
    }

    /// Mostly a new one; sometimes one of a few that everybody pushes at the same time.
    fn layer(&mut self) -> Blob {
        match self.rng.random_range(0..10) {
            0 => Blob::new(self.rng.random_range(0..8), 20_000),
            1 => Blob::new(self.rng.random(), LARGE + self.rng.random_range(1..100_000)),
            2 => Blob::new(self.rng.random(), 0),
            _ => Blob::new(self.rng.random(), self.rng.random_range(1..30_000)),
        }
    }

    async fn create(&mut self, name: String) -> Result<(), Stopped> {
        self.begin(Step::Repository { name: name.clone() });
        let input = json!({ "repositoryName": name });
        let answer = self.client.ecr("CreateRepository", input).await?;
        // It was asked for before a kill that nobody saw the end of.
        match answer.code().as_str() {
            "RepositoryAlreadyExistsException" => self.acknowledged(),
            _ => self.expect(answer, 200)?,
        }
        Ok(())
    }

    async fn push_blob(&mut self, repository: &str, blob: &Blob) -> Result<(), Stopped> {
        self.begin(Step::Blob { repository: repository.to_owned(), blob: blob.clone() });
        match self.rng.random_range(0..5) {
            0 => {
                let answer = self.client.try_push_blob(repository, blob).await?;
                self.expect(answer, 201)
            }
            1 => self.push_in_chunks(repository, blob, 0).await,
            2 => self.push_in_chunks(repository, blob, 1).await,
            3 => self.push_in_chunks(repository, blob, 2).await,
            _ if blob.size > 0 => self.push_part(repository, blob).await,
            _ => self.push_in_chunks(repository, blob, 1).await,
        }
    }

    /// An upload with so many chunks before the request that ends it.
    async fn push_in_chunks(
        &mut self,
        repository: &str,
        blob: &Blob,
        chunks: usize,
    ) -> Result<(), Stopped> {
        let path = format!("/v2/{repository}/blobs/uploads/");
        let begun = self.client.send(Method::POST, &path, &[], "").await?;
        let mut grown = must(begun, 202)?;
        let mut rest = blob.bytes();
        for _ in 0..chunks {
            let (path, chunk) = (grown.header("location"), rest.split_to(rest.len() / 2));
            grown = must(self.client.send(Method::PATCH, path, &[], chunk).await?, 202)?;
        }
        let path = ending(grown.header("location"), &blob.digest);
        let answer = self.client.send(Method::PUT, &path, &[], rest).await?;
        self.expect(answer, 201)
    }

    /// One part of the ECR API.
    async fn push_part(&mut self, repository: &str, blob: &Blob) -> Result<(), Stopped> {
        let input = json!({ "repositoryName": repository });
        let begun = must(self.client.ecr("InitiateLayerUpload", input).await?, 200)?;
        let id = begun.json()?["uploadId"].clone();
        let input = json!({
            "repositoryName": repository, "uploadId": id, "partFirstByte": 0,
            "partLastByte": blob.size - 1, "layerPartBlob": base64(&blob.bytes()),
        });
        must(self.client.ecr("UploadLayerPart", input).await?, 200)?;
        let input = json!({
            "repositoryName": repository, "uploadId": id, "layerDigests": [blob.digest],
        });
        let answer = self.client.ecr("CompleteLayerUpload", input).await?;
        match answer.code().as_str() {
            "LayerAlreadyExistsException" => self.acknowledged(),
            _ => self.expect(answer, 200)?,
        }
        Ok(())
    }

    /// Under a tag that only this client moves, one that all move, or none.
    async fn push_manifest(&mut self, repository: String, image: Image) -> Result<(), Stopped> {
        let tag = match self.rng.random_range(0..4) {
            0 => None,
            1 => Some("latest".to_owned()),
            _ => Some(format!("client-{}", self.id)),
        };
        let manifest = Bytes::clone(&image.manifest);
        let digest = image.digest.clone();
        let shared = tag.as_deref() == Some("latest") && repository == COMMON;
        let (repository, tag) = (repository.as_str(), tag.as_deref());
        self.begin(Step::Manifest {
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            shared,
            image: image.clone(),
        });
        if self.rng.random_ratio(1, 4) {
            let mut input = json!({
                "repositoryName": repository,
                "imageManifest": String::from_utf8_lossy(&manifest),
                "imageDigest": digest,
            });
            if let Some(tag) = tag {
                input["imageTag"] = tag.into();
            }
            let answer = self.client.ecr("PutImage", input).await?;
            return self.expect(answer, 200);
        }
        let reference = tag.unwrap_or(&digest);
        let answer = self.client.try_push_manifest(repository, reference, &image).await?;
        self.expect(answer, 201)
    }

    fn begin(&self, step: Step) {
        self.ledger().begin(self.id, step);
    }

    fn acknowledged(&self) {
        self.ledger().acknowledged(self.id);
    }

    fn expect(&self, answer: Answer, status: u16) -> Result<(), Stopped> {
        must(answer, status)?;
        self.acknowledged();
        Ok(())
    }

    fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn must(answer: Answer, status: u16) -> Result<Answer, Stopped> {
    if answer.status == status { Ok(answer) } else { Err(Stopped::Refused(Box::new(answer))) }
}

impl From<Stopped> for Result<()> {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::CutOff => Ok(()),
            Stopped::Refused(answer) => bail!("a pusher was refused: {answer:?}"),
        }
    }
}
