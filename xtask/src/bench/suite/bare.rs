//! The limit for pushes: a server that speaks just enough of the protocol to be pushed to and
//! pulled from by the same client, and does nothing but hash, write and fsync. No names, no checks,
//! no rights, no log, nothing remembered across a restart.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, LOCATION};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use sha2::{Digest as _, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::io::ReaderStream;

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

const READ: usize = 256 << 10;

/// What is being written and what is there.
#[derive(Debug)]
struct Store {
    dir: PathBuf,
    next: AtomicU64,
    uploads: Mutex<HashMap<String, Upload>>,
    files: Mutex<HashMap<String, PathBuf>>,
}

#[derive(Debug)]
struct Upload {
    file: File,
    path: PathBuf,
    hash: Sha256,
}

/// Serves on `address`, with its files in `dir`, until the process is ended.
///
/// # Errors
/// Fails if the address is taken.
pub async fn serve(address: SocketAddr, dir: &Path) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let store = Arc::new(Store {
        dir: dir.to_owned(),
        next: AtomicU64::new(0),
        uploads: Mutex::default(),
        files: Mutex::default(),
    });
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(connection(Arc::clone(&store), stream));
    }
}

async fn connection(store: Arc<Store>, stream: TcpStream) {
    let answer = service_fn(move |request| {
        let store = Arc::clone(&store);
        async move {
            Ok::<_, Infallible>(store.answer(request).await.unwrap_or_else(|error| broken(&error)))
        }
    });
    // A client that hangs up ends its connection; there is no one else to tell.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

fn broken(error: &anyhow::Error) -> Response<Body> {
    eprintln!("{error:#}");
    status(StatusCode::INTERNAL_SERVER_ERROR)
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

impl Store {
    async fn answer(&self, request: Request<Incoming>) -> anyhow::Result<Response<Body>> {
        let path = request.uri().path().to_owned();
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        match (request.method(), path.contains("/uploads/")) {
            (&Method::POST, _) => self.begin(),
            (&Method::PATCH, true) => self.append(&path, &name, request.into_body()).await,
            (&Method::PUT, true) => self.finish(&name, request).await,
            (&Method::PUT, false) => self.whole(name, request.into_body()).await,
            (&Method::GET | &Method::HEAD, false) => {
                self.read(&name, request.method() == Method::HEAD).await
            }
            _ => Ok(status(StatusCode::NOT_FOUND)),
        }
    }

    fn create(&self) -> anyhow::Result<(String, Upload)> {
        let id = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        let path = self.dir.join(&id);
        Ok((id, Upload { file: File::create_new(&path)?, path, hash: Sha256::new() }))
    }

    fn begin(&self) -> anyhow::Result<Response<Body>> {
        let (id, upload) = self.create()?;
        let location = format!("/v2/bare/blobs/uploads/{id}");
        self.uploads.lock().expect("no holder panics").insert(id, upload);
        accepted(StatusCode::ACCEPTED, &location)
    }

    fn take(&self, id: &str) -> anyhow::Result<Upload> {
        self.uploads.lock().expect("no holder panics").remove(id).context("no such upload")
    }

    async fn append(&self, path: &str, id: &str, body: Incoming) -> anyhow::Result<Response<Body>> {
        let mut upload = self.take(id)?;
        upload.write(body).await?;
        self.uploads.lock().expect("no holder panics").insert(id.to_owned(), upload);
        accepted(StatusCode::ACCEPTED, path)
    }

    async fn finish(&self, id: &str, request: Request<Incoming>) -> anyhow::Result<Response<Body>> {
        let mut upload = self.take(id)?;
        let wanted = request.uri().query().unwrap_or_default().replace("digest=", "");
        upload.write(request.into_body()).await?;
        let path = upload.path.clone();
        let digest = upload.close().await?;
        if digest != wanted {
            return Ok(status(StatusCode::BAD_REQUEST));
        }
        self.files.lock().expect("no holder panics").insert(digest, path);
        accepted(StatusCode::CREATED, "/")
    }

    async fn whole(&self, name: String, body: Incoming) -> anyhow::Result<Response<Body>> {
        let (_, mut upload) = self.create()?;
        upload.write(body).await?;
        let path = upload.path.clone();
        let digest = upload.close().await?;
        self.files.lock().expect("no holder panics").extend([(name, path.clone()), (digest, path)]);
        accepted(StatusCode::CREATED, "/")
    }

    async fn read(&self, name: &str, head: bool) -> anyhow::Result<Response<Body>> {
        let path = self.files.lock().expect("no holder panics").get(name).cloned();
        let Some(path) = path else { return Ok(status(StatusCode::NOT_FOUND)) };
        let file = tokio::fs::File::open(path).await?;
        let length = file.metadata().await?.len();
        let mut response = status(StatusCode::OK);
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
        if !head {
            let stream = ReaderStream::with_capacity(file, READ.min(length as usize));
            *response.body_mut() = StreamBody::new(stream.map_ok(Frame::data)).boxed_unsync();
        }
        Ok(response)
    }
}

fn accepted(code: StatusCode, location: &str) -> anyhow::Result<Response<Body>> {
    let mut response = status(code);
    response.headers_mut().insert(LOCATION, location.parse()?);
    Ok(response)
}

impl Upload {
    /// Hashes and writes where the bytes arrive: the write only fills the page cache.
    async fn write(&mut self, mut body: Incoming) -> anyhow::Result<()> {
        while let Some(frame) = body.frame().await {
            if let Some(data) = frame?.data_ref() {
                self.hash.update(data);
                self.file.write_all(data)?;
            }
        }
        Ok(())
    }

    async fn close(self) -> anyhow::Result<String> {
        let file = self.file;
        tokio::task::spawn_blocking(move || file.sync_all()).await??;
        Ok(format!("sha256:{}", hex::encode(self.hash.finalize())))
    }
}
