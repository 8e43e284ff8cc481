//! Wharf itself: authentication on, access log on, and the two ECR calls that the bench needs,
//! signed with the root credentials that it made for its data folder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, ensure};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use serde_json::{Value, json};

use super::super::client::Client;
use super::super::content::{Content, ContentBody};
use super::super::process::ServerProcess;

const TARGET: &str = "AmazonEC2ContainerRegistry_V20150921";
const REGION: &str = "us-east-1";

/// The program: `WHARF_BIN`, or what lies beside this one.
///
/// # Errors
/// Fails if it is not there.
pub fn program() -> anyhow::Result<PathBuf> {
    let program = match std::env::var_os("WHARF_BIN") {
        Some(program) => PathBuf::from(program),
        None => std::env::current_exe()?.with_file_name("wharf"),
    };
    ensure!(
        program.exists(),
        "{} is not there; `cargo build --release` makes it",
        program.display()
    );
    Ok(program)
}

/// Starts one replica, or two with one installation key, with their data below `dir`.
///
/// # Errors
/// As [`start`].
pub async fn replicas(
    dir: &Path,
    settings: &[(String, String)],
    twice: bool,
    deadline: Instant,
) -> anyhow::Result<(ServerProcess, Vec<SocketAddr>)> {
    let (mut process, address) = start(&dir.join("data"), settings, deadline).await?;
    let mut addresses = vec![address];
    if twice {
        let second = dir.join("second");
        std::fs::create_dir_all(&second)?;
        std::fs::copy(dir.join("data/installation.key"), second.join("installation.key"))?;
        let (other, address) = start(&second, settings, deadline).await?;
        process.join(other);
        addresses.push(address);
    }
    Ok((process, addresses))
}

/// Starts Wharf with this data folder and these variables; its address stands in a file there.
///
/// # Errors
/// Fails if it ends, or has written no address by `deadline`.
pub async fn start(
    data: &Path,
    settings: &[(String, String)],
    deadline: Instant,
) -> anyhow::Result<(ServerProcess, SocketAddr)> {
    let written = data.join("address");
    if written.exists() {
        std::fs::remove_file(&written)?;
    }
    let mut command = Command::new(program()?);
    command.arg("serve").arg("--data").arg(data).args(["--listen", "127.0.0.1:0"]);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WHARF_") {
            command.env_remove(name);
        }
    }
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    let mut process = ServerProcess::start(&mut command, &data.with_extension("log"))?;
    loop {
        // A file that is still empty parses as little as one that is absent.
        let text = std::fs::read_to_string(&written).unwrap_or_default();
        if let Ok(address) = text.trim().parse() {
            return Ok((process, address));
        }
        process.check()?;
        ensure!(Instant::now() < deadline, "no address in {}", written.display());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The ECR API of a running Wharf.
#[derive(Debug)]
pub struct Api {
    address: SocketAddr,
    credentials: Credentials,
}

impl Api {
    /// The API at `address`, with the credentials in `dir/data/credentials`.
    ///
    /// # Errors
    /// Fails if the file lacks a key.
    pub fn of(address: SocketAddr, dir: &Path) -> anyhow::Result<Self> {
        let file = dir.join("data/credentials");
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let key =
            |name| value(&text, name).with_context(|| format!("no {name} in {}", file.display()));
        let credentials = Credentials::new(
            key("aws_access_key_id")?,
            key("aws_secret_access_key")?,
            None,
            None,
            "bench",
        );
        Ok(Self { address, credentials })
    }

    /// The `Authorization` header under which the token lets in on `/v2/`.
    ///
    /// # Errors
    /// Fails if no token is given.
    pub async fn registry_authorization(&self) -> anyhow::Result<String> {
        let mut client = Client::connect(self.address, None).await?;
        let answer = self.call(&mut client, "GetAuthorizationToken", &json!({})).await?;
        let token = answer["authorizationData"][0]["authorizationToken"].as_str();
        Ok(format!("Basic {}", token.context("GetAuthorizationToken gave no token")?))
    }

    /// Makes a repository, over `client`.
    ///
    /// # Errors
    /// Fails if it is refused.
    pub async fn create_repository(&self, client: &mut Client, name: &str) -> anyhow::Result<()> {
        self.call(client, "CreateRepository", &json!({ "repositoryName": name })).await?;
        Ok(())
    }

    async fn call(
        &self,
        client: &mut Client,
        operation: &str,
        input: &Value,
    ) -> anyhow::Result<Value> {
        let request = self.signed(operation, input.to_string())?;
        let answer = client.succeed(request).await.with_context(|| operation.to_owned())?;
        Ok(serde_json::from_slice(&answer.body)?)
    }

    fn signed(&self, operation: &str, input: String) -> anyhow::Result<Request<ContentBody>> {
        let host = self.address.to_string();
        let target = format!("{TARGET}.{operation}");
        let headers = [
            ("host", host.as_str()),
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", &target),
        ];
        let identity = self.credentials.clone().into();
        let settings = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name("ecr")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let uri = format!("http://{host}/");
        let signable = SignableRequest::new(
            "POST",
            &uri,
            headers.into_iter(),
            SignableBody::Bytes(input.as_bytes()),
        )?;
        let (signature, _) = sign(signable, &settings)?.into_parts();
        let mut request = Request::builder()
            .method(Method::POST)
            .uri("/")
            .header(HOST, &host)
            .header(CONTENT_TYPE, headers[1].1)
            .header("x-amz-target", &target)
            .body(Content::Text(Bytes::from(input)).sized())?;
        signature.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}

/// The value of a key in an AWS credentials file.
fn value(text: &str, key: &str) -> Option<String> {
    let mut pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_a_credentials_file() {
        let text = "[default]\naws_access_key_id = AKIA\naws_secret_access_key=a/b+c=\n";
        assert_eq!(value(text, "aws_access_key_id").as_deref(), Some("AKIA"));
        assert_eq!(value(text, "aws_secret_access_key").as_deref(), Some("a/b+c="));
        assert_eq!(value(text, "aws_session_token"), None);
    }
}
