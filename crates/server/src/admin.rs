//! The way into a running server for the commands of its operator: a socket in the data folder, which
//! only its owner can open. One line of JSON in, one out. What is not asked for by a command of this
//! program has no business here.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use crate::accounts::{Accounts, Answer, Request};
use crate::shutdown::Stop;

/// The longest line that is read, in bytes.
const LONGEST: u64 = 64 * 1024;
/// How long whoever has come may take to ask.
const PATIENCE: Duration = Duration::from_secs(10);

fn socket(data: &Path) -> PathBuf {
    data.join("admin.sock")
}

/// Answers until `stop`, and takes the socket away then. Whoever serves this data folder is alone
/// with it, so a socket that is there is one of a process that is gone. Without one, only the
/// commands have no way in.
pub fn listen(data: &Path, accounts: Accounts, mut stop: Stop) -> JoinHandle<()> {
    let path = socket(data);
    let listener = match bind(&path) {
        Ok(listener) => listener,
        Err(error) => {
            let path = path.display();
            tracing::warn!(%error, %path, "no socket: wharf account works only while the server is stopped");
            return tokio::spawn(async {});
        }
    };
    tokio::spawn(async move {
        tokio::select! {
            () = stop.finishing() => {}
            () = accept(listener, accounts) => {}
        }
        if let Err(error) = fs::remove_file(&path) {
            tracing::debug!(%error, "the socket of the commands was gone already");
        }
    })
}

fn bind(path: &Path) -> std::io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn accept(listener: UnixListener, accounts: Accounts) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let accounts = accounts.clone();
                tokio::spawn(async move {
                    if let Err(error) = talk(stream, &accounts).await {
                        tracing::warn!(%error, "a command was not answered");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the socket of the commands");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn talk(stream: UnixStream, accounts: &Accounts) -> anyhow::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(read.take(LONGEST));
    tokio::time::timeout(PATIENCE, reader.read_line(&mut line)).await??;
    let answer = match serde_json::from_str::<Request>(&line) {
        Ok(request) => accounts.answer(request).await,
        Err(error) => Answer::Refused(format!("the server is of another version: {error}")),
    };
    let mut text = serde_json::to_string(&answer)?;
    text.push('\n');
    write.write_all(text.as_bytes()).await?;
    Ok(())
}

/// Asks the server that serves this data folder.
///
/// # Errors
/// If there is none, or it does not answer.
pub fn ask(data: &Path, request: &Request) -> anyhow::Result<Answer> {
    let path = socket(data);
    let mut stream = BlockingStream::connect(&path).with_context(|| {
        format!(
            "a server has the database and does not answer on {}; stop it, or ask again",
            path.display()
        )
    })?;
    stream.write_all(format!("{}\n", serde_json::to_string(request)?).as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text).context("the server broke off")?;
    if text.is_empty() {
        bail!("the server broke off without an answer");
    }
    serde_json::from_str(&text).context("the server is of another version")
}
