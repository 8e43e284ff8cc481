//! Principals with everything that they can have, for a copy.

use wharf_identity::{Identity, Kind, New, NewProvider, Owner, Tag};
use wharf_policy::AccountId;
use wharf_testkit::ACCOUNT;

/// What [`furnish`] puts something into.
pub const TABLES: &[&str] = &[
    "account_aliases",
    "entities",
    "entity_tags",
    "group_members",
    "roles",
    "policy_versions",
    "attached_policies",
    "inline_policies",
    "login_profiles",
    "oidc_providers",
];

const ALLOW: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*"}}"#;

/// A user, a group, a role, a policy of two versions and a provider.
pub async fn furnish(identity: &Identity) {
    let account: AccountId = ACCOUNT.parse().unwrap();
    let named = |name: &str| New { name: name.to_owned(), ..New::default() };
    identity.set_alias(&account, "our-team").await.unwrap();
    let policy = identity.create_policy(&account, &named("p"), ALLOW, 1).await.unwrap();
    let arn = policy.entity.arn();
    identity.create_version(&account, &arn, ALLOW, true, 2).await.unwrap();
    let tags = vec![Tag { key: "Team".to_owned(), value: "red".to_owned() }];
    let new = New { boundary: Some(arn.clone()), tags, ..named("Alice") };
    let alice = identity.create_user(&account, &new, 3).await.unwrap();
    identity.create_group(&account, &named("g"), 4).await.unwrap();
    identity.join(&account, "g", "alice").await.unwrap();
    identity.attach(&account, Kind::Group, "g", &arn).await.unwrap();
    identity.put_inline(&account, Kind::User, "alice", "i", ALLOW).await.unwrap();
    let owner = Owner { account: &account, user: Some(&alice.id) };
    identity.create_key(owner, 5).await.unwrap();
    identity.create_login_profile(&account, "alice", "Passw0rd-1", true, 6).await.unwrap();
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"sts:AssumeRole"}}}}"#,
        alice.arn()
    );
    identity.create_role(&account, &named("r"), &trust, None, 7).await.unwrap();
    let new = NewProvider {
        url: "https://issuer.example".to_owned(),
        client_ids: vec!["sts.amazonaws.com".to_owned()],
        ..NewProvider::default()
    };
    identity.create_provider(&account, &new, 8).await.unwrap();
}
