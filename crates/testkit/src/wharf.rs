//! The server under test: booted, stopped, and booted again on the same data.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use serde_json::{Value, json};
use tempfile::TempDir;
use wharf_db::Db;
use wharf_identity::Identity;
use wharf_registry::Registry;
use wharf_server::config::{Config, Flags, Settings};
use wharf_server::folder::installation_key;
use wharf_server::shutdown::{self, Stopper};
use wharf_server::start::{Running, open_store, start};

use crate::api::{self, ApiError, Credentials};
use crate::http::{Http, Response};
use crate::s3::{self, S3};
use crate::{FakeClock, V2, oracle, postgres, query};

/// The account that every test server belongs to.
pub const ACCOUNT: &str = "123456789012";
/// Its Region.
pub const REGION: &str = "eu-central-1";

/// What keeps rows and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// SQLite, and files in the data folder.
    Sqlite,
    /// PostgreSQL and S3.
    Postgres,
}

/// A running server with its data, its clock and its root credentials.
pub struct Wharf {
    pub engine: Engine,
    pub clock: FakeClock,
    pub address: SocketAddr,
    pub http: Http,
    data: Arc<TempDir>,
    database_url: Option<String>,
    s3: Option<S3>,
    /// The settings that name where the blobs are; none for files.
    bucket: Vec<(&'static str, String)>,
    credentials: Credentials,
    running: Option<(Running, Stopper)>,
}

/// A registry as one replica has it, without doors, its principals, and its database.
pub struct Replica {
    pub registry: Registry,
    pub identity: Identity,
    pub db: Db,
}

/// Runs a test against a freshly booted server.
pub fn run<F: Future<Output = ()>>(engine: Engine, test: impl FnOnce(Wharf) -> F) {
    // The folder goes after the runtime, since the server writes as long as there is one.
    let data = Arc::new(tempfile::tempdir().unwrap());
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { test(Wharf::boot(engine, data.clone()).await).await });
}

impl Wharf {
    /// Boots a server on empty data, in a folder that outlives it.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn boot(engine: Engine, data: Arc<TempDir>) -> Wharf {
        let mut wharf = Wharf::unbooted(engine, data);
        wharf.start(&[]).await;
        wharf
    }

    /// A server that was never started, on empty engines: `restart` starts it.
    ///
    /// # Panics
    /// When there is no PostgreSQL.
    #[must_use]
    pub fn unbooted(engine: Engine, data: Arc<TempDir>) -> Wharf {
        keep_logs();
        let (database_url, s3) = match engine {
            Engine::Sqlite => (None, None),
            Engine::Postgres => (Some(postgres::new_database()), Some(S3::start().unwrap())),
        };
        let mut wharf = Wharf::at(engine, data, database_url);
        wharf.bucket = s3.as_ref().map(bucket).unwrap_or_default();
        wharf.s3 = s3;
        wharf
    }

    /// A server that was never started, with its rows in the other engine and its bytes where those
    /// of `other` are: in the same bucket, or in the same data folder.
    ///
    /// # Panics
    /// When there is no PostgreSQL.
    #[must_use]
    pub fn beside(other: &Wharf) -> Wharf {
        let (engine, database_url, data) = match other.engine {
            Engine::Sqlite => {
                (Engine::Postgres, Some(postgres::new_database()), other.data.clone())
            }
            Engine::Postgres => (Engine::Sqlite, None, Arc::new(tempfile::tempdir().unwrap())),
        };
        let mut wharf = Wharf::at(engine, data, database_url);
        wharf.bucket = other.bucket.clone();
        wharf
    }

    fn at(engine: Engine, data: Arc<TempDir>, database_url: Option<String>) -> Wharf {
        Wharf {
            engine,
            clock: FakeClock::default(),
            address: ([127, 0, 0, 1], 0).into(),
            http: Http::default(),
            data,
            database_url,
            s3: None,
            bucket: Vec::new(),
            credentials: Credentials::default(),
            running: None,
        }
    }

    /// Boots a second server on the same PostgreSQL and S3, with a data folder and a clock of its own.
    ///
    /// # Panics
    /// For engines that take one server only.
    pub async fn second(&self) -> Wharf {
        assert_eq!(self.engine, Engine::Postgres, "SQLite has one server");
        let data = Arc::new(tempfile::tempdir().unwrap());
        let mut wharf = Wharf::at(self.engine, data, self.database_url.clone());
        wharf.bucket = self.bucket.clone();
        std::fs::create_dir(wharf.folder()).unwrap();
        let key = "installation.key";
        std::fs::copy(self.folder().join(key), wharf.folder().join(key)).unwrap();
        wharf.start(&[]).await;
        wharf
    }

    /// Stops the server as an operator would and starts it again on the same data.
    pub async fn restart(&mut self) {
        self.restart_with(&[]).await;
    }

    /// Restarts with settings of its own, as `config/keys.rs` names them.
    pub async fn restart_with(&mut self, settings: &[(&'static str, &str)]) {
        self.stop().await;
        self.start(settings).await;
    }

    /// Stops the server: running requests are finished, everything is written.
    ///
    /// # Panics
    /// When that does not succeed.
    pub async fn stop(&mut self) {
        // Idle connections of the pool would only be closed by the server's own patience.
        self.http = Http::default();
        if let Some((running, stopper)) = self.running.take() {
            stopper.advance();
            running.done.await.unwrap().expect("the server stops cleanly");
        }
    }

    async fn start(&mut self, settings: &[(&'static str, &str)]) {
        self.try_start(settings).await.unwrap();
    }

    /// Starts the server, which may refuse to.
    ///
    /// # Errors
    /// Why it did not start.
    pub async fn try_start(&mut self, settings: &[(&'static str, &str)]) -> anyhow::Result<()> {
        let config = self.config(settings);
        let (stopper, stop) = shutdown::stop();
        let running = start(&config, self.clock.clock(), stop).await?;
        self.address = running.address;
        let (id, secret) = (running.root.id.clone(), running.root.secret.clone());
        self.credentials = Credentials { id, secret, region: REGION.to_owned(), token: None };
        self.running = Some((running, stopper));
        Ok(())
    }

    /// Its configuration, with settings of its own.
    #[must_use]
    pub fn config(&self, settings: &[(&'static str, &str)]) -> Config {
        let mut values = vec![
            ("data", self.folder().display().to_string()),
            ("listen", "127.0.0.1:0".to_owned()),
            ("account", ACCOUNT.to_owned()),
            ("region", REGION.to_owned()),
            ("access_log", self.access_log_path().display().to_string()),
            ("log_format", "json".to_owned()),
        ];
        values.extend(self.database_url.clone().map(|url| ("database_url", url)));
        values.extend(self.bucket.clone());
        values.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let gathered = Settings::gather(&Flags { config: None, values }, []).unwrap();
        Config::check(gathered).unwrap()
    }

    /// What the data folder is in, for a second server on it.
    #[must_use]
    pub fn data(&self) -> Arc<TempDir> {
        self.data.clone()
    }

    /// The registry that the running server serves.
    ///
    /// # Panics
    /// When the server is stopped.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.running.as_ref().expect("the server runs").0.registry
    }

    /// The principals that the running server knows.
    ///
    /// # Panics
    /// When the server is stopped.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.running.as_ref().expect("the server runs").0.identity
    }

    /// Stops the server and opens its data as two replicas would: each with a database of its own
    /// on PostgreSQL, which many can open; with one between them on SQLite.
    pub async fn replicas(&mut self) -> [Replica; 2] {
        self.stop().await;
        let one = self.open_database().await;
        let other = match self.engine {
            Engine::Sqlite => one.clone(),
            Engine::Postgres => self.open_database().await,
        };
        let store = open_store(&self.config(&[])).await.unwrap();
        let settings = wharf_registry::Settings::default();
        // As the database, principals are one process's where only one may write.
        let first = self.identity_on(&one);
        let second = match self.engine {
            Engine::Sqlite => first.clone(),
            Engine::Postgres => self.identity_on(&other),
        };
        [(one, first), (other, second)].map(|(db, identity)| {
            let clock = self.clock.clock();
            let registry = Registry::new(db.clone(), store.clone(), clock, settings.clone());
            Replica { registry, identity, db }
        })
    }

    /// The principals of this installation in a database of its own connections, with nothing
    /// remembered.
    ///
    /// # Panics
    /// When the installation key cannot be read.
    #[must_use]
    pub fn identity_on(&self, db: &Db) -> Identity {
        Identity::new(db.clone(), installation_key(&self.config(&[])).unwrap())
    }

    async fn open_database(&self) -> Db {
        match &self.database_url {
            Some(url) => Db::postgres(url).await.unwrap(),
            None => Db::sqlite(&self.folder().join("wharf.db")).await.unwrap(),
        }
    }

    /// The data folder.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.data.path().join("data")
    }

    /// The files that hold the content of blobs. On S3 also small uploads, and small pieces of large
    /// ones.
    #[must_use]
    pub fn blob_files(&self) -> Vec<PathBuf> {
        match &self.s3 {
            Some(s3) => files_below(&s3.path("registry/s3")),
            None => files_below(&self.folder().join("blobs")),
        }
    }

    /// The files of uploads under way. On S3 only the large parts of large ones.
    #[must_use]
    pub fn upload_files(&self) -> Vec<PathBuf> {
        match &self.s3 {
            Some(s3) => s3.part_files(),
            None => files_below(&self.folder().join("uploads")),
        }
    }

    /// The files of blobs that were put aside.
    #[must_use]
    pub fn quarantine_files(&self) -> Vec<PathBuf> {
        let folder = match &self.s3 {
            Some(s3) => s3.path("registry/quarantine"),
            None => self.folder().join("quarantine"),
        };
        if folder.exists() { files_below(&folder) } else { Vec::new() }
    }

    /// Everything that is stored, whatever it is.
    #[must_use]
    pub fn stored_files(&self) -> Vec<PathBuf> {
        [self.blob_files(), self.upload_files()].concat()
    }

    /// The S3 that this server keeps its blobs in.
    #[must_use]
    pub fn s3(&self) -> Option<&S3> {
        self.s3.as_ref()
    }

    /// The lines of the access log so far, parsed.
    #[must_use]
    pub fn access_log(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.access_log_path()).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The records of the audit trail so far, parsed.
    #[must_use]
    pub fn audit_trail(&self) -> Vec<Value> {
        self.audit_text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The audit trail as it is written: of this day, which is all that a test has.
    #[must_use]
    pub fn audit_text(&self) -> String {
        let path = self.folder().join("audit/audit.jsonl");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        // The last line may be on its way.
        text[..text.rfind('\n').map_or(0, |end| end + 1)].to_owned()
    }

    fn access_log_path(&self) -> PathBuf {
        self.data.path().join("access.log")
    }

    /// The root's credentials.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Calls an operation of the API as root. See [`api::call`] for what is checked on the way.
    ///
    /// # Errors
    /// The error that the server told.
    pub async fn api(&self, operation: &str, input: Value) -> Result<Value, ApiError> {
        api::call(self, &self.credentials, operation, input).await
    }

    /// Makes a repository of this name.
    pub async fn repository(&self, name: &str) {
        self.api("CreateRepository", json!({ "repositoryName": name })).await.unwrap();
    }

    /// Calls an operation of the API with credentials of its own.
    ///
    /// # Errors
    /// The error that the server told.
    pub async fn api_as(
        &self,
        credentials: &Credentials,
        operation: &str,
        input: Value,
    ) -> Result<Value, ApiError> {
        api::call(self, credentials, operation, input).await
    }

    /// Calls an operation of IAM as root; see [`query::call`].
    ///
    /// # Errors
    /// The error that the server told.
    pub async fn iam(&self, action: &str, form: &[(&str, &str)]) -> Result<Value, ApiError> {
        query::call(self, Some(&self.credentials), "iam", action, form).await
    }

    /// Calls an operation of STS; see [`query::call`].
    ///
    /// # Errors
    /// The error that the server told.
    pub async fn sts_as(
        &self,
        credentials: &Credentials,
        action: &str,
        form: &[(&str, &str)],
    ) -> Result<Value, ApiError> {
        query::call(self, Some(credentials), "sts", action, form).await
    }

    /// A token as GetAuthorizationToken gives it: what follows `Basic `.
    pub async fn token(&self) -> String {
        self.token_of(&self.credentials).await
    }

    async fn token_of(&self, credentials: &Credentials) -> String {
        let answer = self.api_as(credentials, "GetAuthorizationToken", json!({})).await.unwrap();
        answer["authorizationData"][0]["authorizationToken"].as_str().unwrap().to_owned()
    }

    /// A registry client that is logged in as root.
    pub async fn v2(&self) -> V2 {
        self.v2_as(&self.credentials).await
    }

    /// A registry client that is logged in with credentials of its own.
    pub async fn v2_as(&self, credentials: &Credentials) -> V2 {
        let token = self.token_of(credentials).await;
        V2::new(self.http.clone(), self.address, Some(token))
    }

    /// A registry client without credentials.
    #[must_use]
    pub fn anonymous(&self) -> V2 {
        V2::new(self.http.clone(), self.address, None)
    }

    /// Makes a second account and gives the credentials of its root; those of the first stay good.
    /// The server is restarted for it.
    pub async fn second_account(&mut self, account: &str) -> Credentials {
        let first = self.credentials.clone();
        self.restart_with(&[("account", account)]).await;
        std::mem::replace(&mut self.credentials, first)
    }

    /// Makes a user who may nothing, and a key of it.
    pub async fn user(&self, name: &str) -> Credentials {
        oracle::iam(self, "CreateUser", json!({ "UserName": name })).await.unwrap();
        self.key_of(name).await
    }

    /// Makes a key of a user.
    pub async fn key_of(&self, user: &str) -> Credentials {
        let made = oracle::iam(self, "CreateAccessKey", json!({ "UserName": user })).await.unwrap();
        let text = |name: &str| made["AccessKey"][name].as_str().unwrap().to_owned();
        let (id, secret) = (text("AccessKeyId"), text("SecretAccessKey"));
        Credentials { id, secret, ..self.credentials().clone() }
    }

    /// Fetches a URL as any browser would, without credentials.
    pub async fn fetch(&self, url: &str) -> Response {
        let body = crate::http::whole("");
        self.http.send(::http::Request::get(url).body(body).unwrap()).await.unwrap()
    }
}

/// The settings for a bucket of this S3.
fn bucket(s3: &S3) -> Vec<(&'static str, String)> {
    vec![
        ("blobs", format!("s3://{}/registry", s3::BUCKET)),
        ("blobs_endpoint", s3.endpoint.clone()),
        ("blobs_credentials_file", s3.credentials_file().display().to_string()),
        // Most tests read what they pushed from the server that they test.
        ("blobs_redirect", "off".to_owned()),
    ]
}

/// The program's log goes to the test's captured output, so that a failing test shows it.
fn keep_logs() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let level = std::env::var("WHARF_TEST_LOG").unwrap_or_else(|_| "info".to_owned());
        tracing_subscriber::fmt().with_env_filter(level).with_test_writer().init();
    });
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    // A bucket has no folders before there is something in them.
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => files.extend(files_below(&entry.path())),
            false => files.push(entry.path()),
        }
    }
    files
}
