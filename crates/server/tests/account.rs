//! `wharf account` as an operator uses it: beside a running server on either engine, and without one.
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use serde_json::json;
use wharf_testkit::{ACCOUNT, Credentials, Engine, REGION, Wharf, run};

const OTHER: &str = "222222222222";

/// Runs the command on the installation of `wharf`, on a thread where it may wait.
async fn account(wharf: &Wharf, arguments: &[&str]) -> Output {
    let config = wharf.config(&[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    command.env_clear().arg("account").args(arguments).args(["--account", ACCOUNT]);
    command.arg("--data").arg(wharf.folder());
    for name in ["database_url", "blobs", "blobs_endpoint", "blobs_credentials_file"] {
        if let Some(value) = config.setting(name).filter(|setting| !setting.text.is_empty()) {
            command.env(format!("WHARF_{}", name.to_uppercase()), &value.text);
        }
    }
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

async fn done(wharf: &Wharf, arguments: &[&str]) -> String {
    let output = account(wharf, arguments).await;
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn refused(wharf: &Wharf, arguments: &[&str]) -> String {
    let output = account(wharf, arguments).await;
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

/// Reads the profile that `create` prints.
fn credentials(profile: &str) -> Credentials {
    let lines: Vec<&str> = profile.lines().collect();
    let [header, id, secret] = lines[..] else { panic!("{profile}") };
    assert_eq!(header, format!("[{OTHER}]"));
    Credentials {
        id: id.strip_prefix("aws_access_key_id = ").unwrap().to_owned(),
        secret: secret.strip_prefix("aws_secret_access_key = ").unwrap().to_owned(),
        region: REGION.to_owned(),
        ..Credentials::default()
    }
}

async fn an_account_lives(mut wharf: Wharf) {
    let key = credentials(&done(&wharf, &["create", "--id", OTHER, "--alias", "team-two"]).await);
    let made = wharf.api_as(&key, "CreateRepository", json!({ "repositoryName": "app" })).await;
    assert_eq!(made.unwrap()["repository"]["registryId"], OTHER);
    let told = refused(&wharf, &["create", "--id", OTHER]).await;
    assert!(told.contains("the account 222222222222 exists already"), "{told}");
    let told = refused(&wharf, &["create", "--id", "333333333333", "--alias", "team-two"]).await;
    assert!(told.contains("The account alias team-two already exists."), "{told}");

    let list = done(&wharf, &["list"]).await;
    let named: Vec<_> = list.lines().map(|line| line.split(' ').collect::<Vec<_>>()).collect();
    let named: Vec<_> = named.iter().map(|words| (words[0], words[2])).collect();
    assert_eq!(named, [(ACCOUNT, "-"), (OTHER, "team-two")], "{list}");

    let told = refused(&wharf, &["close", "--id", ACCOUNT]).await;
    assert!(told.contains("is the account of this configuration"), "{told}");
    let told = refused(&wharf, &["close", "--id", "333333333333"]).await;
    assert!(told.contains("does not exist"), "{told}");
    let told = refused(&wharf, &["close", "--id", OTHER]).await;
    let region = format!("has repositories (app in {REGION})");
    assert!(told.contains(&region) && told.contains("--delete-repositories"), "{told}");
    wharf.api_as(&key, "DescribeRepositories", json!({})).await.unwrap();

    let told = done(&wharf, &["close", "--id", OTHER, "--delete-repositories"]).await;
    assert_eq!(told, "closed account 222222222222 and deleted 1 repository\n");
    let refused_call = wharf.api_as(&key, "DescribeRepositories", json!({})).await;
    assert_eq!(refused_call.unwrap_err().code, "UnrecognizedClientException");
    // The same id anew has nothing of the old one.
    let again = credentials(&done(&wharf, &["create", "--id", OTHER]).await);
    let found = wharf.api_as(&again, "DescribeRepositories", json!({})).await.unwrap();
    assert_eq!(found["repositories"], json!([]));

    // And while nothing is served.
    wharf.stop().await;
    assert!(done(&wharf, &["list"]).await.contains(OTHER));
    assert_eq!(done(&wharf, &["close", "--id", OTHER]).await, "closed account 222222222222\n");
    assert!(!done(&wharf, &["list"]).await.contains(OTHER));
    let last = credentials(&done(&wharf, &["create", "--id", OTHER]).await);
    wharf.restart().await;
    wharf.api_as(&last, "DescribeRepositories", json!({})).await.unwrap();
}

#[test]
fn an_account_lives_on_sqlite() {
    run(Engine::Sqlite, an_account_lives);
}

#[test]
fn an_account_lives_on_postgres() {
    run(Engine::Postgres, an_account_lives);
}

#[test]
fn the_way_in_is_the_owners_and_goes_with_the_server() {
    run(Engine::Sqlite, |mut wharf: Wharf| async move {
        let socket = wharf.folder().join("admin.sock");
        let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        wharf.restart_with(&[("read_only", "on")]).await;
        let told = refused(&wharf, &["create", "--id", OTHER]).await;
        assert!(told.contains("read-only"), "{told}");
        assert!(done(&wharf, &["list"]).await.starts_with(ACCOUNT));
        wharf.stop().await;
        assert!(!socket.exists());
        // Left by one that was killed.
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        wharf.restart().await;
        assert!(done(&wharf, &["list"]).await.starts_with(ACCOUNT));
    });
}

#[test]
fn where_nothing_was_served_there_are_no_accounts() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    command.env_clear().args(["account", "create", "--id", OTHER, "--data"]).arg(folder.path());
    let output = command.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && told.contains("there is no database"), "{told}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    let output = command.env_clear().args(["account", "create", "--id", "12"]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("'12' is not an account id: twelve digits are"), "{told}");
}
