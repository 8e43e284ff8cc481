//! A throw-away S3 inside the test's process: s3s-fs on a free port of the loopback, one bucket, its own folder, fixed
//! credentials, and faults on order. s3s-fs cannot list multipart uploads, so that is answered here; it does not compare
//! the checksums of parts, and does not page listings of uploads.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fs, io,
    net::TcpListener as StdListener,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use s3s::{
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime};

/// The access key that the store knows.
pub const ACCESS_KEY: &str = "WHARFTESTACCESSKEY";
/// Its secret.
pub const SECRET_KEY: &str = "wharf/test/secret/key";
/// The only bucket.
pub const BUCKET: &str = "layers";

/// A running store; it stops, and its bytes go, when it is dropped.
pub struct S3 {
    /// `http://127.0.0.1:port`
    pub endpoint: String,
    folder: TempDir,
    front: Arc<Front>,
    runtime: Option<Runtime>,
}

/// The requests that a test may want to see fail, or count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// PutObject
    Put,
    /// GetObject
    Get,
    /// HeadObject
    Head,
    /// DeleteObject
    Delete,
    /// CreateMultipartUpload
    Begin,
    /// UploadPart
    Part,
    /// CompleteMultipartUpload
    Complete,
    /// AbortMultipartUpload
    Abort,
    /// Listings
    List,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This status with this code, and nothing is done.
    Refuse(u16, &'static str),
    /// The connection breaks in the middle of the request, and nothing is done.
    Cut,
    /// All is done, but the connection breaks before the answer.
    LoseAnswer,
    /// The answer breaks off after this many bytes.
    CutAnswer(usize),
    /// All is done, and no answer ever comes.
    Stall,
}

struct Front {
    service: S3Service,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    faults: Vec<(Kind, Fault, usize)>,
    counts: BTreeMap<Kind, usize>,
    /// The multipart uploads under way: key and time by upload id.
    uploads: BTreeMap<String, (String, SystemTime)>,
}

type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;

impl S3 {
    /// Starts a store on threads of its own, so that it outlives the runtime of a single test.
    pub fn start() -> io::Result<S3> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().join("root");
        fs::create_dir_all(root.join(BUCKET))?;
        fs::write(
            folder.path().join("credentials"),
            format!(
                "[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
            ),
        )?;
        let files = s3s_fs::FileSystem::new(root)
            .map_err(|error| io::Error::other(format!("{error:?}")))?;
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let front = Arc::new(Front { service: service.build(), state: Mutex::default() });
        let listener = StdListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.spawn(serve(listener, Arc::clone(&front)));
        Ok(S3 { endpoint, folder, front, runtime: Some(runtime) })
    }

    /// A file with the credentials, in AWS's format.
    pub fn credentials_file(&self) -> PathBuf {
        self.folder.path().join("credentials")
    }

    /// The next `times` requests of this kind go wrong.
    pub fn fail(&self, kind: Kind, fault: Fault, times: usize) {
        self.front.state().faults.push((kind, fault, times));
    }

    /// Forgets what was to go wrong and did not yet. True when there was something.
    pub fn recover(&self) -> bool {
        let mut state = self.front.state();
        let was_left = state.faults.iter().any(|(_, _, times)| *times > 0);
        state.faults.clear();
        was_left
    }

    /// How many requests of this kind there were.
    pub fn count(&self, kind: Kind) -> usize {
        self.front.state().counts.get(&kind).copied().unwrap_or(0)
    }

    /// Where an object's bytes lie, for tests that spoil them.
    pub fn path(&self, key: &str) -> PathBuf {
        self.folder.path().join("root").join(BUCKET).join(key)
    }
}

impl S3 {
    /// The files of the parts of multipart uploads under way.
    #[must_use]
    pub fn part_files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path().join("root")).into_iter().flatten().flatten();
        let name =
            |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let is_part =
            |path: &PathBuf| name(path).is_some_and(|name| name.starts_with(".upload_id-"));
        entries.map(|entry| entry.path()).filter(is_part).collect()
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(listener: StdListener, front: Arc<Front>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (socket, _) = listener.accept().await?;
        let front = Arc::clone(&front);
        let service = hyper::service::service_fn(move |request| {
            let front = Arc::clone(&front);
            async move { front.answer(request).await }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(socket), service);
        tokio::spawn(async move {
            // A connection that breaks is what some tests are about.
            let _broken = connection.await;
        });
    }
}

impl Front {
    async fn answer(&self, mut request: Request<Incoming>) -> io::Result<Answer> {
        let kind = kind(&request);
        let key = request.uri().path().trim_start_matches('/').to_owned();
        let query = request.uri().query().unwrap_or_default().to_owned();
        match self.strike(kind) {
            None => self.serve(kind, &key, &query, request).await,
            Some(Fault::Refuse(status, code)) => {
                // Read to the end, as a client may not look at an answer before it has sent everything.
                request.body_mut().collect().await.map_err(io::Error::other)?;
                Ok(refusal(status, code))
            }
            Some(Fault::Cut) => {
                let _first = request.body_mut().frame().await;
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Some(Fault::LoseAnswer) => {
                self.serve(kind, &key, &query, request).await?.into_body().collect().await?;
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Some(Fault::Stall) => {
                self.serve(kind, &key, &query, request).await?;
                std::future::pending().await
            }
            Some(Fault::CutAnswer(length)) => {
                let answer = self.serve(kind, &key, &query, request).await?;
                let (head, body) = answer.into_parts();
                let bytes = body.collect().await?.to_bytes();
                let first = bytes.slice(..length.min(bytes.len()));
                let broken = Err(io::ErrorKind::ConnectionReset.into());
                let frames = futures_util::stream::iter([Ok(Frame::data(first)), broken]);
                Ok(Response::from_parts(head, UnsyncBoxBody::new(StreamBody::new(frames))))
            }
        }
    }

    /// The fault for this request, if it is to have one.
    fn strike(&self, kind: Kind) -> Option<Fault> {
        let mut state = self.state();
        *state.counts.entry(kind).or_default() += 1;
        let planned = |(of, _, times): &&mut (Kind, Fault, usize)| *of == kind && *times > 0;
        let (_, fault, times) = state.faults.iter_mut().find(planned)?;
        *times -= 1;
        Some(*fault)
    }

    async fn serve(
        &self,
        kind: Kind,
        key: &str,
        query: &str,
        request: Request<Incoming>,
    ) -> io::Result<Answer> {
        if kind == Kind::List && has(query, "uploads") {
            return Ok(answer(StatusCode::OK, self.listing(query)));
        }
        let answered = self.service.call(request.map(s3s::Body::from)).await;
        let answered = answered.map_err(|error| io::Error::other(format!("{error:?}")))?;
        let (head, body) = answered.into_parts();
        if !matches!(kind, Kind::Begin | Kind::Complete | Kind::Abort) {
            return Ok(Response::from_parts(head, body.map_err(io::Error::other).boxed_unsync()));
        }
        let bytes = body.collect().await.map_err(io::Error::other)?.to_bytes();
        if head.status.is_success() {
            self.note(kind, key, query, &String::from_utf8_lossy(&bytes));
        }
        Ok(Response::from_parts(head, full(bytes)))
    }

    fn note(&self, kind: Kind, key: &str, query: &str, body: &str) {
        let key = key.split_once('/').map_or("", |(_, key)| key);
        let mut state = self.state();
        if kind == Kind::Begin {
            let id = between(body, "<UploadId>", "</UploadId>").to_owned();
            state.uploads.insert(id, (key.to_owned(), SystemTime::now()));
        } else {
            let id = query.split('&').find_map(|pair| pair.strip_prefix("uploadId="));
            state.uploads.remove(id.unwrap_or_default());
        }
    }

    fn listing(&self, query: &str) -> String {
        let prefix = query.split('&').find_map(|pair| pair.strip_prefix("prefix="));
        let prefix = prefix.unwrap_or_default().replace("%2F", "/");
        let state = self.state();
        let uploads = state.uploads.iter().filter(|(_, (key, _))| key.starts_with(&prefix));
        let uploads: String = uploads
            .map(|(id, (key, begun))| {
                let begun = s3s::dto::Timestamp::from(*begun);
                let mut time = Vec::new();
                begun
                    .format(s3s::dto::TimestampFormat::DateTime, &mut time)
                    .expect("a time of today has this form");
                let time = String::from_utf8_lossy(&time).into_owned();
                format!("<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Initiated>{time}</Initiated></Upload>")
            })
            .collect();
        format!(
            "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>{uploads}</ListMultipartUploadsResult>"
        )
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kind(request: &Request<Incoming>) -> Kind {
    let query = request.uri().query().unwrap_or_default();
    let is_of_object = request.uri().path().trim_matches('/').contains('/');
    match *request.method() {
        Method::POST if has(query, "uploads") => Kind::Begin,
        Method::POST => Kind::Complete,
        Method::PUT if has(query, "partNumber") => Kind::Part,
        Method::PUT => Kind::Put,
        Method::DELETE if has(query, "uploadId") => Kind::Abort,
        Method::DELETE => Kind::Delete,
        Method::HEAD => Kind::Head,
        _ if is_of_object => Kind::Get,
        _ => Kind::List,
    }
}

fn has(query: &str, name: &str) -> bool {
    query.split('&').any(|pair| pair.split('=').next() == Some(name))
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).map_or("", |(_, rest)| rest);
    rest.split_once(after).map_or("", |(inside, _)| inside)
}

fn refusal(status: u16, code: &str) -> Answer {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer(
        status,
        format!("<Error><Code>{code}</Code><Message>as the test wishes</Message></Error>"),
    )
}

fn answer(status: StatusCode, text: String) -> Answer {
    let mut answer = Response::new(full(text.into()));
    *answer.status_mut() = status;
    answer
}

fn full(bytes: Bytes) -> UnsyncBoxBody<Bytes, io::Error> {
    let never = |never: Infallible| match never {};
    UnsyncBoxBody::new(Full::new(bytes).map_err(never))
}
