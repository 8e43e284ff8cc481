//! Root keys, tokens and links, in success and in every kind of failure.
#![allow(clippy::unwrap_used)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wharf_db::Db;
use wharf_identity::{
    Error, GivenKey, Identity, InstallationKey, Link, TOKEN_LIFETIME, TokenFault,
};

struct World {
    _folder: tempfile::TempDir,
    identity: Identity,
    db: Db,
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::sqlite(&folder.path().join("wharf.db")).await.unwrap();
    World { identity: with_new_key(&db), db, _folder: folder }
}

fn with_new_key(db: &Db) -> Identity {
    let key = InstallationKey::read(&InstallationKey::generate().unwrap()).unwrap();
    Identity::new(db.clone(), key)
}

const NOW: i64 = 1_800_000_000_000;

#[tokio::test]
async fn the_root_key_is_made_once_and_a_given_one_replaces_it() {
    let world = world().await;
    let account = "000000000000".parse().unwrap();
    let first = world.identity.ensure_root(&account, None, NOW).await.unwrap();
    let again = world.identity.ensure_root(&account, None, NOW + 1).await.unwrap();
    assert!(first.created && !again.created);
    assert_eq!(
        (first.id.as_str(), first.secret.as_str()),
        (again.id.as_str(), again.secret.as_str())
    );

    let given =
        |secret: &str| GivenKey { id: "AKIAGIVENGIVENGIVEN1".into(), secret: secret.into() };
    for secret in ["a secret of the operator", "another secret of his"] {
        world.identity.ensure_root(&account, Some(given(secret)), NOW + 2).await.unwrap();
        let key = world.identity.access_key("AKIAGIVENGIVENGIVEN1").await.unwrap().unwrap();
        assert_eq!(key.secret(), secret);
        assert!(!format!("{key:?}").contains(secret));
    }
    let first_key = world.identity.access_key(&first.id).await.unwrap();
    assert!(first_key.is_none(), "a given key ends the others");
    let weak = world.identity.ensure_root(&account, Some(given("short")), NOW).await;
    assert!(matches!(weak, Err(Error::WeakSecret)));
}

#[tokio::test]
async fn another_installation_key_opens_nothing() {
    let world = world().await;
    let account = "000000000000".parse().unwrap();
    let key = world.identity.ensure_root(&account, None, NOW).await.unwrap();
    let other = with_new_key(&world.db);
    assert!(matches!(other.access_key(&key.id).await, Err(Error::WrongInstallationKey)));
    assert!(other.ensure_root(&account, None, NOW).await.is_err());
}

#[tokio::test]
async fn tokens_live_twelve_hours_and_only_untouched() {
    let world = world().await;
    let account = "000000000000".parse().unwrap();
    let key = world.identity.ensure_root(&account, None, NOW).await.unwrap();
    let caller =
        world.identity.access_key(&key.id).await.unwrap().unwrap().principal.caller.clone();
    let token = world.identity.issue_token(&caller, &"eu-west-1".parse().unwrap(), NOW);

    let last = NOW + TOKEN_LIFETIME.as_millis() as i64;
    assert_eq!(token.expires_at, last);
    let claims = world.identity.read_token(&token.authorization, last - 1).unwrap();
    assert_eq!(
        (claims.access_key_id.as_str(), claims.region.as_str()),
        (key.id.as_str(), "eu-west-1")
    );
    assert_eq!(world.identity.read_token(&token.authorization, last), Err(TokenFault::Expired));

    let pair = STANDARD.decode(&token.authorization).unwrap();
    assert_eq!(pair.iter().filter(|byte| **byte == b':').count(), 1);
    for index in 0..pair.len() {
        let mut flipped = pair.clone();
        flipped[index] ^= 1;
        let read = world.identity.read_token(&STANDARD.encode(flipped), NOW);
        assert_eq!(read, Err(TokenFault::Unknown), "byte {index}");
    }
    let other = with_new_key(&world.db);
    assert_eq!(other.read_token(&token.authorization, NOW), Err(TokenFault::Unknown));
}

#[tokio::test]
async fn links_open_one_path_until_they_expire() {
    let world = world().await;
    let link = Link {
        access_key_id: "AKIA".into(),
        session: None,
        account: "000000000000".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        path: "/v2/a/blobs/sha256:0".into(),
        expires_at: NOW + 1000,
    };
    let query = world.identity.link_query(&link);
    let read = |path: &str, query: &str, now| world.identity.read_link(path, query, now);
    assert_eq!(read(&link.path, &query, NOW), Some(link.clone()));
    assert_eq!(read(&link.path, &query, NOW + 1000), None);
    assert_eq!(read("/v2/b/blobs/sha256:0", &query, NOW), None);
    assert_eq!(read(&link.path, &query.replace("wharf-key=AKIA", "wharf-key=AKIB"), NOW), None);
    let longer = query.replace(&(NOW + 1000).to_string(), &(NOW + 9000).to_string());
    assert_eq!(read(&link.path, &longer, NOW), None);
    assert_eq!(read(&link.path, "", NOW), None);
}

#[tokio::test]
async fn secrets_that_do_not_open_are_found() {
    let world = world().await;
    let account = "000000000000".parse().unwrap();
    let key = world.identity.ensure_root(&account, None, NOW).await.unwrap();
    assert_eq!(world.identity.unopenable_secrets().await.unwrap(), []);
    let other = with_new_key(&world.db);
    let found = other.unopenable_secrets().await.unwrap();
    assert_eq!(found, [(key.id, "000000000000".to_owned())]);
}
