//! Users, groups, roles, policies and keys, as the rooms of principals keep them: what is refused and
//! how, what nobody may inherit, and that a change binds at the next look on every replica.

mod deletion;
mod limits;
mod listing;
mod next_call;
mod sign_in;
mod together;
mod trust;

use wharf_identity::{Error, Identity, Kind, New, Owner};
use wharf_policy::AccountId;
use wharf_testkit::{ACCOUNT, Wharf};

const NOW: i64 = 1_800_000_000_000;
const PULL_ONLY: &str = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly";
/// Whom this trusts is in the place of `{}`.
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"{}"},"Action":"sts:AssumeRole"}]}"#;

fn account() -> AccountId {
    ACCOUNT.parse().unwrap()
}

fn named(name: &str) -> New {
    New { name: name.to_owned(), ..New::default() }
}

/// A document that allows one action everywhere.
fn allow(action: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"*"}}]}}"#
    )
}

/// A document of this many characters that are counted, and some that are not.
fn document(length: usize) -> String {
    let empty = allow("ecr:").len() - "ecr:".len();
    let action = format!("ecr:{}", "x".repeat(length - empty - "ecr:".len()));
    allow(&action).replace(r#":{""#, ": {\t\"").replace(r#"[{"#, "[ \r\n{")
}

/// The principals of a server that is stopped.
async fn rooms(wharf: &mut Wharf) -> Identity {
    let [one, _] = wharf.replicas().await;
    one.identity
}

async fn user(identity: &Identity, name: &str) -> wharf_identity::Entity {
    identity.create_user(&account(), &named(name), NOW).await.unwrap()
}

/// Makes an entity with nothing but its name.
async fn create(identity: &Identity, kind: Kind, new: &New) -> Result<(), Error> {
    let account = account();
    match kind {
        Kind::User => identity.create_user(&account, new, NOW).await.map(drop),
        Kind::Group => identity.create_group(&account, new, NOW).await.map(drop),
        Kind::Role => {
            let trust = TRUST.replace("{}", "*");
            identity.create_role(&account, new, &trust, None, NOW).await.map(drop)
        }
        Kind::Policy => identity.create_policy(&account, new, &allow("ecr:*"), NOW).await.map(drop),
        Kind::Provider => unreachable!("providers have URLs"),
    }
}

/// A key of the user with this id.
async fn key(identity: &Identity, user: &str) -> String {
    let account = account();
    let owner = Owner { account: &account, user: Some(user) };
    identity.create_key(owner, NOW).await.unwrap().0.id
}

#[track_caller]
fn refused<T>(result: Result<T, Error>, code: &str, sentence: &str) {
    let error = result.err().expect("it is refused");
    assert_eq!((error.codes().0, error.to_string().as_str()), (code, sentence));
}
