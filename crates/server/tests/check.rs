//! `wharf check` as a script sees it: the program itself, beside a running server and without one.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use wharf_testkit::image::{digest, noise};
use wharf_testkit::{Engine, Image, Wharf, run};

/// The server's data folder, and what the test's server is configured with.
fn check(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    command.arg("check").arg("--data").arg(data).args(arguments);
    command.env_clear().output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn beside_the_server_and_after_it() {
    run(Engine::Sqlite, |mut wharf: Wharf| async move {
        wharf.repository("app").await;
        let image = Image::recipe().layer(noise(1, 100_000)).build();
        wharf.v2().await.push_as("app", "v1", &image).await;
        let data = wharf.folder();

        let whole = check(&data, &[]);
        assert_eq!(whole.status.code(), Some(0), "{whole:?}");
        assert!(text(&whole.stdout).ends_with("everything is in order.\n"), "{whole:?}");
        let json: Value = serde_json::from_slice(&check(&data, &["--json"]).stdout).unwrap();
        assert_eq!((&json["blobs"], &json["images"]), (&2.into(), &1.into()));

        let file = wharf.blob_files().pop().unwrap();
        fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(9).unwrap();
        let damaged = check(&data, &["--json", "--rate", "1GiB"]);
        assert_eq!(damaged.status.code(), Some(3), "{damaged:?}");
        let json: Value = serde_json::from_slice(&damaged.stdout).unwrap();
        let finding = &json["findings"][0];
        assert_eq!(finding["flaw"], "blob-corrupt");
        assert_eq!((&finding["severity"], &finding["repaired"]), (&"loss".into(), &false.into()));
        assert_eq!(finding["subject"], digest(&image.layers[0]));

        let refused = check(&data, &["--repair"]);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(text(&refused.stderr).contains("in use by a running server"), "{refused:?}");
        assert!(file.exists());

        wharf.stop().await;
        let repaired = check(&data, &["--repair"]);
        assert_eq!(repaired.status.code(), Some(3), "{repaired:?}");
        assert!(text(&repaired.stdout).contains("(repaired)"), "{repaired:?}");
        assert!(!file.exists());
        wharf.restart().await;
        let v2 = wharf.v2().await;
        v2.push_as("app", "v1", &image).await;
        v2.expect("app", "v1", &image).await;
        assert_eq!(check(&data, &[]).status.code(), Some(0));
    });
}

#[test]
fn what_cannot_be_checked_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = check(folder.path(), &[]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(text(&nothing.stderr).contains("there is no database"), "{nothing:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is made");
    run(Engine::Sqlite, |wharf: Wharf| async move {
        let data = wharf.folder();
        let unknown = check(&data, &["--repository", "nobody/knows"]);
        assert_eq!(unknown.status.code(), Some(1));
        assert!(text(&unknown.stderr).contains("does not exist"), "{unknown:?}");
        assert_eq!(check(&data, &["--rate", "fast"]).status.code(), Some(2));
        fs::remove_file(data.join("installation.key")).unwrap();
        let keyless = check(&data, &[]);
        assert_eq!(keyless.status.code(), Some(1));
        assert!(text(&keyless.stderr).contains("installation key"), "{keyless:?}");
    });
}

#[test]
fn blobs_of_another_installation_are_not_checked() {
    run(Engine::Sqlite, |mut wharf: Wharf| async move {
        let data = wharf.folder();
        let mark = data.join("installation");
        let name = fs::read_to_string(&mark).unwrap();
        fs::remove_file(&mark).unwrap();
        let unmarked = check(&data, &["--json"]);
        assert_eq!(unmarked.status.code(), Some(3), "{unmarked:?}");
        let json: Value = serde_json::from_slice(&unmarked.stdout).unwrap();
        let finding = &json["findings"][0];
        assert_eq!(
            (&finding["flaw"], &finding["subject"]),
            (&"store-unmarked".into(), &name.trim().into())
        );
        assert!(!mark.exists());

        fs::write(&mark, "another").unwrap();
        let apart = check(&data, &[]);
        assert_eq!(apart.status.code(), Some(1), "{apart:?}");
        assert!(text(&apart.stderr).contains("the blobs are of installation another"), "{apart:?}");
        fs::remove_file(&mark).unwrap();
        wharf.stop().await;
        let repaired = check(&data, &["--repair"]);
        assert_eq!(repaired.status.code(), Some(1), "{repaired:?}");
        assert!(text(&repaired.stderr).contains("are not here"), "{repaired:?}");
    });
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    run(Engine::Sqlite, |wharf: Wharf| async move {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        command.arg("check").arg("--data").arg(wharf.folder()).env_clear().stdout(writer);
        let unread = command.output().unwrap();
        assert_eq!((unread.status.code(), text(&unread.stderr)), (Some(141), String::new()));
    });
}
