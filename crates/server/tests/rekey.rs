//! `wharf rekey` as an operator uses it, and the other ways to give the installation key.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use http::Method;
use serde_json::json;
use wharf_testkit::http::whole;
use wharf_testkit::{ACCOUNT, Engine, Wharf, run};

/// Runs the command on the installation of `wharf`, on a thread where it may wait.
async fn rekey(wharf: &Wharf, more: &[(&str, &str)]) -> Output {
    let config = wharf.config(&[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    command.env_clear().env("PATH", "/usr/bin:/bin");
    command.args(["rekey", "--account", ACCOUNT, "--new-key-file"]);
    command.arg(wharf.folder().join("new.key")).arg("--data").arg(wharf.folder());
    if let Some(url) = config.setting("database_url").filter(|setting| !setting.text.is_empty()) {
        command.env("WHARF_DATABASE_URL", &url.text);
    }
    command.envs(more.iter().copied());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

async fn a_new_key_opens_what_the_old_one_sealed(mut wharf: Wharf) {
    wharf.repository("app").await;
    let before = wharf.v2().await;
    assert_eq!(before.get("/v2/").await.status, 200);
    let [old, new] = ["installation.key", "new.key"].map(|name| wharf.folder().join(name));

    let told = rekey(&wharf, &[]).await;
    assert_eq!(told.status.code(), Some(1), "beside a running server: {told:?}");
    wharf.stop().await;
    let other = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let told = rekey(&wharf, &[("WHARF_SECRET_KEY", other)]).await;
    assert_eq!(told.status.code(), Some(1), "with a key that opens nothing: {told:?}");
    assert!(String::from_utf8_lossy(&told.stderr).contains("does not open the secrets"));

    let command = format!("cat {}", old.display());
    let told = rekey(&wharf, &[("WHARF_SECRET_KEY_COMMAND", &command)]).await;
    assert!(told.status.success(), "{told:?}");
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.starts_with("1 secret is sealed with the new installation key."), "{told}");

    let fault = wharf.try_start(&[]).await.unwrap_err();
    assert!(format!("{fault:#}").contains("does not open the secrets"), "{fault:#}");
    std::fs::rename(&new, &old).unwrap();
    wharf.restart().await;
    let found = wharf.api("DescribeRepositories", json!({})).await.unwrap();
    assert_eq!(found["repositories"][0]["repositoryName"], "app");
    let authorization = [("authorization", before.authorization())];
    let told = wharf.anonymous().send(Method::GET, "/v2/", &authorization, whole("")).await;
    assert_eq!(told.status, 401, "a token of before is good nowhere");
}

#[test]
fn sqlite() {
    run(Engine::Sqlite, a_new_key_opens_what_the_old_one_sealed);
}

#[test]
fn postgres() {
    run(Engine::Postgres, a_new_key_opens_what_the_old_one_sealed);
}
