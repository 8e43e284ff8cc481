//! Sessions: who they are of, what ends them, and that nothing of a token can be changed or used
//! with another key.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use wharf_db::Db;
use wharf_identity::{
    AccessKey, Identity, InstallationKey, Kind, Link, New, SessionFault, Subject, TOKEN_LIFETIME,
    Tag, Temporary, Terms, TokenFault,
};
use wharf_policy::{AccountId, Principal, Proof};

const NOW: i64 = 1_800_000_000_999;
/// The full second that NOW is in.
const SECOND: i64 = NOW / 1000;
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow",
    "Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}}"#;
const ALLOW: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow",
    "Action":"ecr:*","Resource":"*"}}"#;

struct World {
    _folder: tempfile::TempDir,
    identity: Identity,
    db: Db,
    key: InstallationKey,
    account: AccountId,
}

impl World {
    async fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::sqlite(&folder.path().join("wharf.db")).await.unwrap();
        let key = InstallationKey::read(&InstallationKey::generate().unwrap()).unwrap();
        let identity = Identity::new(db.clone(), key.clone());
        let account: AccountId = "123456789012".parse().unwrap();
        identity.ensure_root(&account, None, NOW).await.unwrap();
        World { identity, db, key, account, _folder: folder }
    }

    async fn role(&self, tags: &[(&str, &str)]) -> String {
        let tag = |(key, value): &(&str, &str)| Tag { key: (*key).into(), value: (*value).into() };
        let new = New {
            name: "ci".into(),
            path: Some("/team/".into()),
            tags: tags.iter().map(tag).collect(),
            ..New::default()
        };
        let role = self.identity.create_role(&self.account, &new, TRUST, None, NOW).await.unwrap();
        role.entity.id
    }

    async fn user(&self) -> String {
        let new = New { name: "alice".into(), ..New::default() };
        self.identity.create_user(&self.account, &new, NOW).await.unwrap().id
    }

    fn begin(&self, subject: Subject) -> Temporary {
        self.begin_with(&Terms::of(self.account.clone(), subject))
    }

    fn begin_with(&self, terms: &Terms) -> Temporary {
        self.identity.begin_session(terms, 900, 0, NOW).unwrap()
    }

    async fn read(&self, made: &Temporary) -> Option<Arc<AccessKey>> {
        self.identity.session(&made.access_key_id, &made.token, NOW).await.unwrap()
    }

    async fn principal(&self, made: &Temporary) -> Arc<Principal> {
        self.read(made).await.unwrap().principal.clone()
    }
}

fn role_session(id: &str) -> Subject {
    Subject::Role { id: id.to_owned(), session: "build-7".to_owned() }
}

#[tokio::test]
async fn each_kind_is_who_it_says() {
    let world = World::new().await;
    let (role, user) = (world.role(&[]).await, world.user().await);
    let federated = |user: Option<&str>| Subject::Federated {
        name: "guest".into(),
        user: user.map(str::to_owned),
    };
    for (subject, arn, user_id, policies) in [
        (Subject::Root, "arn:aws:iam::123456789012:root", "123456789012".to_owned(), 0),
        (
            Subject::User { id: user.clone() },
            "arn:aws:iam::123456789012:user/alice",
            user.clone(),
            0,
        ),
        (
            role_session(&role),
            "arn:aws:sts::123456789012:assumed-role/ci/build-7",
            format!("{role}:build-7"),
            0,
        ),
        (
            federated(Some(&user)),
            "arn:aws:sts::123456789012:federated-user/guest",
            "123456789012:guest".to_owned(),
            0,
        ),
        (
            federated(None),
            "arn:aws:sts::123456789012:federated-user/guest",
            "123456789012:guest".to_owned(),
            1,
        ),
    ] {
        let made = world.begin(subject);
        assert!(made.access_key_id.starts_with("ASIA") && made.access_key_id.len() == 20);
        assert_eq!(made.secret.len(), 40);
        assert_eq!(made.expires, SECOND + 900);
        let key = world.read(&made).await.unwrap();
        assert_eq!(key.secret(), made.secret);
        let caller = &key.principal.caller;
        assert_eq!((&*caller.arn, &*caller.user_id()), (arn, user_id.as_str()));
        assert_eq!(caller.access_key_id, made.access_key_id);
        assert_eq!(key.principal.identity.len(), policies);
        assert!(key.principal.session.is_none());
        let session = caller.session.as_deref().unwrap();
        assert_eq!(session.issued.as_millisecond(), SECOND * 1000);
        assert_eq!(session.expires.as_second(), made.expires);
        let told = format!("{key:?} {:?}", key.principal);
        assert!(!told.contains(&made.secret) && !told.contains(&made.token), "{told}");
    }
    let made = world.begin(role_session(&role));
    let caller = world.principal(&made).await.caller.clone();
    assert_eq!(&*caller.principal_arn, "arn:aws:iam::123456789012:role/team/ci");
}

#[tokio::test]
async fn a_token_is_good_for_its_key_and_untouched() {
    let world = World::new().await;
    let role = world.role(&[]).await;
    let (one, other) = (world.begin(role_session(&role)), world.begin(role_session(&role)));
    assert_ne!(one.access_key_id, other.access_key_id);
    assert_ne!(one.secret, other.secret);
    let read = async |id: &str, token: &str| world.identity.session(id, token, NOW).await.unwrap();
    assert!(read(&one.access_key_id, &one.token).await.is_some());
    assert!(read(&one.access_key_id, &other.token).await.is_none());
    assert!(read("AKIAIOSFODNN7EXAMPLE", &one.token).await.is_none());
    assert!(world.identity.access_key(&one.access_key_id).await.unwrap().is_none());
    let bytes = URL_SAFE_NO_PAD.decode(&one.token).unwrap();
    for index in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[index] ^= 1;
        let flipped = URL_SAFE_NO_PAD.encode(flipped);
        assert!(read(&one.access_key_id, &flipped).await.is_none(), "byte {index}");
        let short = URL_SAFE_NO_PAD.encode(&bytes[..index]);
        assert!(read(&one.access_key_id, &short).await.is_none(), "length {index}");
    }
    for odd in ["", "!", &"A".repeat(100_000), &format!("{}=", one.token)] {
        assert!(read(&one.access_key_id, odd).await.is_none());
    }
    let replica = Identity::new(world.db.clone(), world.key.clone());
    let there = replica.session(&one.access_key_id, &one.token, NOW).await.unwrap().unwrap();
    assert_eq!(there.secret(), one.secret);
    let stranger = InstallationKey::read(&InstallationKey::generate().unwrap()).unwrap();
    let stranger = Identity::new(world.db.clone(), stranger);
    assert!(stranger.session(&one.access_key_id, &one.token, NOW).await.unwrap().is_none());
}

#[tokio::test]
async fn a_session_ends_on_the_second() {
    let world = World::new().await;
    let made = world.begin(Subject::Root);
    let end = made.expires * 1000;
    for _ in ["read anew", "remembered"] {
        let at = async |now| world.identity.session(&made.access_key_id, &made.token, now).await;
        assert!(matches!(at(end).await, Err(SessionFault::Expired)));
        assert!(at(end - 1).await.unwrap().is_some());
        assert!(matches!(at(end + 1).await, Err(SessionFault::Expired)));
    }
    let proof = Proof(URL_SAFE_NO_PAD.decode(&made.token).unwrap().into());
    let id = &made.access_key_id;
    assert!(world.identity.principal(id, Some(&proof), end - 1).await.unwrap().is_some());
    assert!(world.identity.principal(id, Some(&proof), end).await.unwrap().is_none());
    assert!(world.identity.principal(id, None, NOW).await.unwrap().is_none());
}

#[tokio::test]
async fn it_ends_with_its_role_user_or_account_and_is_not_revived() {
    let world = World::new().await;
    let (role, user) = (world.role(&[]).await, world.user().await);
    let of_role = world.begin(role_session(&role));
    let of_user = world.begin(Subject::User { id: user.clone() });
    let federated =
        world.begin(Subject::Federated { name: "guest".into(), user: Some(user.clone()) });
    let of_root = world.begin(Subject::Root);
    // An id of the other kind is nobody's.
    assert!(world.read(&world.begin(role_session(&user))).await.is_none());
    assert!(world.read(&world.begin(Subject::User { id: role.clone() })).await.is_none());
    for made in [&of_role, &of_user, &federated, &of_root] {
        assert!(world.read(made).await.is_some());
    }
    world.identity.delete_role(&world.account, "ci").await.unwrap();
    assert!(world.read(&of_role).await.is_none());
    world.role(&[]).await;
    assert!(world.read(&of_role).await.is_none());
    world.identity.delete_user(&world.account, "alice").await.unwrap();
    world.user().await;
    assert!(world.read(&of_user).await.is_none() && world.read(&federated).await.is_none());
    assert!(world.read(&of_root).await.is_some());
    world.identity.close_account(&world.account).await.unwrap();
    assert!(world.read(&of_root).await.is_none());
}

#[tokio::test]
async fn policies_count_as_they_are_now() {
    let world = World::new().await;
    let role = world.role(&[]).await;
    let (account, identity) = (&world.account, &world.identity);
    let managed = New { name: "narrow".into(), ..New::default() };
    identity.create_policy(account, &managed, ALLOW, NOW).await.unwrap();
    let arn = "arn:aws:iam::123456789012:policy/narrow".to_owned();
    let made = world.begin_with(&Terms {
        policy: Some(ALLOW.to_owned()),
        policy_arns: vec![arn.clone(), "arn:aws:iam::aws:policy/ReadOnlyAccess".into()],
        ..Terms::of(account.clone(), role_session(&role))
    });
    let first = world.principal(&made).await;
    assert_eq!((first.identity.len(), first.session.as_deref().unwrap().len()), (0, 3));
    identity.put_inline(account, Kind::Role, "ci", "all", ALLOW).await.unwrap();
    assert_eq!(world.principal(&made).await.identity.len(), 1);
    identity.delete_inline(account, Kind::Role, "ci", "all").await.unwrap();
    assert_eq!(world.principal(&made).await.identity.len(), 0);
    identity.delete_policy(account, &arn).await.unwrap();
    assert!(world.read(&made).await.is_none(), "it might have denied something");
}

#[tokio::test]
async fn tags_of_the_session_go_before_those_of_the_role() {
    let world = World::new().await;
    let role = world.role(&[("Team", "red"), ("Cost", "7")]).await;
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let made = world.begin_with(&Terms {
        tags: vec![pair("team", "blue"), pair("Stage", "prod")],
        transitive: vec!["Stage".to_owned()],
        source_identity: Some("alice".to_owned()),
        provider: Some("arn:aws:iam::123456789012:oidc-provider/idp.example".to_owned()),
        ..Terms::of(world.account.clone(), role_session(&role))
    });
    let caller = world.principal(&made).await.caller.clone();
    let expected = [pair("team", "blue"), pair("Stage", "prod"), pair("Cost", "7")];
    assert_eq!(&*caller.tags, &expected);
    let session = caller.session.as_deref().unwrap();
    assert_eq!(session.transitive, ["Stage"]);
    assert_eq!(session.source_identity.as_deref(), Some("alice"));
    assert!(session.federated_provider.as_deref().unwrap().ends_with("idp.example"));
}

#[tokio::test]
async fn registry_tokens_and_links_carry_the_session() {
    let world = World::new().await;
    let role = world.role(&[]).await;
    let made = world.begin(role_session(&role));
    let caller = world.principal(&made).await.caller.clone();
    let region = "eu-west-1".parse().unwrap();
    let token = world.identity.issue_token(&caller, &region, NOW);
    assert_eq!(token.expires_at, made.expires * 1000, "no longer than the session");
    let claims = world.identity.read_token(&token.authorization, NOW).unwrap();
    let holder = async |proof: &Option<Proof>| {
        world.identity.principal(&claims.access_key_id, proof.as_ref(), NOW).await.unwrap()
    };
    assert_eq!(holder(&claims.session).await.unwrap().caller.arn, caller.arn);
    assert!(holder(&None).await.is_none());
    let late = world.identity.read_token(&token.authorization, token.expires_at);
    assert_eq!(late, Err(TokenFault::Expired));
    let pair = STANDARD.decode(&token.authorization).unwrap();
    for index in 0..pair.len() {
        let mut flipped = pair.clone();
        flipped[index] ^= 1;
        let read = world.identity.read_token(&STANDARD.encode(flipped), NOW);
        assert_eq!(read, Err(TokenFault::Unknown), "byte {index}");
    }
    let long = Terms::of(world.account.clone(), role_session(&role));
    let long = world.identity.begin_session(&long, 129_600, 4096, NOW).unwrap();
    assert!((4096..6000).contains(&long.token.len()), "it is filled up");
    let caller = world.principal(&long).await.caller.clone();
    let whole = world.identity.issue_token(&caller, &region, NOW).expires_at;
    assert_eq!(whole, NOW + TOKEN_LIFETIME.as_millis() as i64);

    let link = Link {
        access_key_id: claims.access_key_id.clone(),
        session: claims.session.clone(),
        account: world.account.clone(),
        region,
        path: "/v2/a/blobs/sha256:0".into(),
        expires_at: NOW + 1000,
    };
    let query = world.identity.link_query(&link);
    assert_eq!(world.identity.read_link(&link.path, &query, NOW), Some(link.clone()));
    let without = query.replace("&wharf-session=", "&other=");
    assert_eq!(world.identity.read_link(&link.path, &without, NOW), None);
}

#[test]
fn what_policies_and_tags_take() {
    let terms = Terms::of("123456789012".parse().unwrap(), Subject::Root);
    assert_eq!(terms.packed_size(), None);
    let with = |policy: String| Terms { policy: Some(policy), ..terms.clone() };
    assert_eq!(with("x".into()).packed_size(), Some(1));
    assert!(with("ÿ".repeat(2048)).packed_size().unwrap() <= 100);
    assert!(with("x".repeat(6000)).packed_size().unwrap() > 100);
    let tags = vec![("k".repeat(100), "v".repeat(100)); 50];
    assert!(Terms { tags, ..terms }.packed_size().unwrap() > 100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever fits makes a token below 8 KiB, and a registry token that is read again.
    #[test]
    fn the_largest_token_is_bounded(
        policy in proptest::option::of("[ -~\"\\\\]{0,2048}"),
        tags in proptest::collection::vec((".{1,32}", "[a-z]{0,64}"), 0..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let role = Subject::Role { id: "AROA".repeat(5), session: "s".repeat(64) };
            let terms = Terms {
                policy,
                tags,
                source_identity: Some("s".repeat(256)),
                provider: Some("p".repeat(300)),
                ..Terms::of(world.account.clone(), role)
            };
            if terms.packed_size().is_none_or(|percent| percent <= 100) {
                let made = world.begin_with(&terms);
                assert!(made.token.len() <= 8192, "{}", made.token.len());
            }
        });
    }
}
