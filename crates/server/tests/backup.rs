//! `wharf backup` and `wharf restore` as somebody meets them who names the wrong folder, or forgets
//! an option.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use wharf_testkit::{Engine, Wharf, run};

fn wharf(arguments: &[&str], data: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    command.args(arguments).arg("--data").arg(data).env_clear().output().unwrap()
}

fn refused(arguments: &[&str], data: &Path) -> String {
    let output = wharf(arguments, data);
    assert!(!output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn backup(to: &Path, data: &Path, more: &[&str]) -> String {
    let output = wharf(&[&["backup", "--to", to.to_str().unwrap()], more].concat(), data);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_backup_goes_into_a_folder_of_its_own() {
    run(Engine::Sqlite, |wharf: Wharf| async move {
        let (data, place) = (wharf.folder(), tempfile::tempdir().unwrap());
        let refused = |to: &Path| refused(&["backup", "--to", to.to_str().unwrap()], &data);
        let inside = data.join("backups/today");
        assert!(refused(&inside).contains("inside the data folder"));
        let link = place.path().join("link");
        std::os::unix::fs::symlink(&data, &link).unwrap();
        assert!(refused(&link.join("today")).contains("inside the data folder"));
        assert!(!data.join("backups").exists() && !data.join("today").exists());
        assert!(refused(&data).contains("same database"));

        let foreign = place.path().join("home");
        fs::create_dir(&foreign).unwrap();
        fs::write(foreign.join("letters.txt"), "dear").unwrap();
        assert!(refused(&foreign).contains("holds letters.txt, and no backup"));
        assert_eq!(fs::read_dir(&foreign).unwrap().count(), 1);
        let file = foreign.join("letters.txt");
        assert!(refused(&file).contains("is a file"));

        // What a first run has left that was broken off is none of others'.
        let begun = place.path().join("begun");
        fs::create_dir(&begun).unwrap();
        fs::create_dir(begun.join("lost+found")).unwrap();
        fs::copy(data.join("installation.key"), begun.join("installation.key")).unwrap();
        backup(&begun, &data, &[]);
        backup(&begun, &data, &[]);
    });
}

#[test]
fn a_key_in_the_folder_is_told() {
    run(Engine::Sqlite, |wharf: Wharf| async move {
        let (data, place) = (wharf.folder(), tempfile::tempdir().unwrap());
        let to = place.path().join("backup");
        let told = backup(&to, &data, &[]);
        assert!(told.contains("The installation key is not in it"), "{told}");
        let told = backup(&to, &data, &["--with-key"]);
        assert!(told.contains("The installation key is in it"), "{told}");
        let told = backup(&to, &data, &[]);
        assert!(told.contains("An installation key is in it since before"), "{told}");
        assert!(told.contains("remove"), "{told}");
    });
}

#[test]
fn a_restore_says_what_it_can_be_of() {
    let folder = tempfile::tempdir().unwrap();
    let told = refused(&["restore"], folder.path());
    assert!(told.contains("--from <FOLDER>") && told.contains("--in-place"), "{told}");
    let told = refused(&["restore", "--from", "x", "--in-place"], folder.path());
    assert!(told.contains("cannot be used with"), "{told}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
