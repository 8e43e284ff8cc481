//! A change of anything that speaks for a principal binds at the next look, on the replica that made
//! it and on the other one.

use wharf_db::{statement, tx};
use wharf_identity::{Kind, Owner, Tag};
use wharf_policy::{Nothing, Outcome, Principal, Request, Resource, ResourcePolicies, evaluate};
use wharf_testkit::{Replica, Wharf, on_both};

use super::*;

on_both![
    every_change_binds_at_the_next_look_on_every_replica,
    a_policy_that_cannot_be_read_is_a_fault,
    uses_are_written_down_together,
    policies_of_an_entity_have_names_and_holders,
];

/// What the holder of a key may do: one action that an own policy may allow, one that a group's may.
async fn may(identity: &Identity, key: &str) -> Option<String> {
    let principal = identity.access_key(key).await.unwrap()?.principal.clone();
    let tags: Vec<_> = principal.caller.tags.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let allowed = ["ecr:Own", "ecr:Group", "ecr:Managed"].map(|action| allows(&principal, action));
    let allowed = allowed.map(|allowed| if allowed { '+' } else { '-' });
    let name = principal.caller.arn.rsplit('/').next().unwrap_or_default();
    Some(format!("{name} {} {}", String::from_iter(allowed), tags.join(",")))
}

fn allows(principal: &Principal, action: &str) -> bool {
    let account = account();
    let resource = Resource::Registry { account: &account };
    let request = Request { caller: &principal.caller, action, resource, context: &Nothing };
    let policies = principal.policies(ResourcePolicies::None);
    evaluate(&request, &policies).outcome == Outcome::Allow
}

/// What both replicas say now, which must be the same.
async fn told(replicas: &[Replica; 2], key: &str) -> String {
    let [one, other] = replicas;
    let (one, other) = (may(&one.identity, key).await, may(&other.identity, key).await);
    assert_eq!(one, other);
    one.unwrap_or_else(|| "nobody".to_owned())
}

async fn every_change_binds_at_the_next_look_on_every_replica(mut wharf: Wharf) {
    let replicas = wharf.replicas().await;
    let (one, account) = (&replicas[0].identity, account());
    let alice = user(one, "alice").await;
    let key = key(one, &alice.id).await;
    let owner = Owner { account: &account, user: Some(&alice.id) };
    let arn = format!("arn:aws:iam::{account}:policy/p");
    create(one, Kind::Group, &named("g")).await.unwrap();
    one.create_policy(&account, &named("p"), &allow("ecr:Managed"), NOW).await.unwrap();
    one.create_version(&account, &arn, &allow("ecr:Own"), false, NOW).await.unwrap();
    one.put_inline(&account, Kind::Group, "g", "i", &allow("ecr:Group")).await.unwrap();

    macro_rules! steps {
        ($($change:expr => $told:literal;)+) => { $(
            $change.await.unwrap();
            assert_eq!(told(&replicas, &key).await, $told, "{}", stringify!($change));
        )+ };
    }
    let tag = Tag { key: "team".to_owned(), value: "red".to_owned() };
    assert_eq!(told(&replicas, &key).await, "alice --- ");
    steps! {
        one.put_inline(&account, Kind::User, "alice", "i", &allow("ecr:Own")) => "alice +-- ";
        one.put_inline(&account, Kind::User, "alice", "i", &allow("ecr:Other")) => "alice --- ";
        one.put_inline(&account, Kind::User, "alice", "i", &allow("ecr:Own")) => "alice +-- ";
        one.join(&account, "g", "alice") => "alice ++- ";
        one.attach(&account, Kind::Group, "g", &arn) => "alice +++ ";
        one.delete_inline(&account, Kind::Group, "g", "i") => "alice +-+ ";
        one.delete_inline(&account, Kind::User, "alice", "i") => "alice --+ ";
        one.set_default_version(&account, &arn, "v2", NOW) => "alice +-- ";
        one.create_version(&account, &arn, &allow("ecr:Group"), true, NOW) => "alice -+- ";
        one.bound(&account, Kind::User, "alice", Some(PULL_ONLY)) => "alice --- ";
        one.bound(&account, Kind::User, "alice", Some(&arn)) => "alice -+- ";
        one.bound(&account, Kind::User, "alice", None) => "alice -+- ";
        one.tag(&alice, std::slice::from_ref(&tag)) => "alice -+- team=red";
        one.untag(&alice, &["TEAM".to_owned()]) => "alice -+- ";
        one.rename(&account, Kind::User, "alice", Some("bob"), None) => "bob -+- ";
        one.leave(&account, "g", "bob") => "bob --- ";
        one.attach(&account, Kind::User, "bob", &arn) => "bob -+- ";
        one.detach(&account, Kind::User, "bob", &arn) => "bob --- ";
        one.switch_key(owner, &key, false) => "nobody";
        one.switch_key(owner, &key, true) => "bob --- ";
        one.delete_key(owner, &key) => "nobody";
    }
    let id = super::key(one, &alice.id).await;
    assert_eq!(told(&replicas, &id).await, "bob --- ");
    assert!(replicas[1].identity.authority(&alice.id).await.unwrap().is_some());
    one.delete_key(owner, &id).await.unwrap();
    one.delete_user(&account, "bob").await.unwrap();
    assert!(replicas[1].identity.authority(&alice.id).await.unwrap().is_none());
    let late = one.create_key(owner, NOW).await;
    assert_eq!(late.unwrap_err().codes().0, "NoSuchEntity");
}

statement! {
    SPOIL = "UPDATE inline_policies SET document = $1";
    UNBIND = "DELETE FROM policy_versions";
    LOSE = "UPDATE attached_policies SET policy_arn = 'arn:aws:iam::aws:policy/Gone'";
}

async fn a_policy_that_cannot_be_read_is_a_fault(mut wharf: Wharf) {
    let [one, other] = wharf.replicas().await;
    let (identity, account) = (&one.identity, account());
    let trouble = [&SPOIL, &UNBIND, &LOSE];
    for (number, statement) in trouble.into_iter().enumerate() {
        let name = format!("u{number}");
        let user = user(identity, &name).await;
        let key = key(identity, &user.id).await;
        identity.put_inline(&account, Kind::User, &name, "i", &allow("ecr:*")).await.unwrap();
        let policy =
            identity.create_policy(&account, &named(&name), &allow("ecr:*"), NOW).await.unwrap();
        let arn = policy.entity.arn();
        identity.bound(&account, Kind::User, &name, Some(&arn)).await.unwrap();
        identity.attach(&account, Kind::User, &name, PULL_ONLY).await.unwrap();
        assert!(identity.access_key(&key).await.unwrap().is_some());

        let values = if number == 0 { ("no policy",).into() } else { wharf_db::Params::default() };
        tx!(one.db, |tx| tx.execute(statement, values.clone()).await).unwrap();
        // A room of its own, which remembers nothing.
        let fresh = wharf.identity_on(&other.db);
        let found = fresh.access_key(&key).await.unwrap_err();
        assert!(found.is_fault(), "{found}");
        identity.delete_inline(&account, Kind::User, &name, "i").await.unwrap();
        identity.bound(&account, Kind::User, &name, None).await.unwrap();
        for arn in identity.attached(&user.id, "", 10).await.unwrap() {
            identity.detach(&account, Kind::User, &name, &arn).await.unwrap();
        }
        assert!(fresh.access_key(&key).await.unwrap().is_some());
    }
}

async fn uses_are_written_down_together(mut wharf: Wharf) {
    let [one, other] = wharf.replicas().await;
    let (identity, account) = (&one.identity, account());
    let alice = user(identity, "alice").await;
    let id = key(identity, &alice.id).await;
    let last = async |id: &str| other.identity.key_last_used(&account, id).await.unwrap().unwrap();
    let never = last(&id).await;
    assert_eq!((never.user.as_deref(), never.at), (Some("alice"), None));
    identity.note_key_use(&id, "ecr", "eu-central-1", NOW);
    identity.note_key_use(&id, "iam", "us-east-1", NOW + 5);
    assert_eq!(last(&id).await, never);
    identity.write_uses().await.unwrap();
    let told = last(&id).await;
    assert_eq!((told.at, told.service.as_deref()), (Some(NOW + 5), Some("iam")));
    assert_eq!(told.region.as_deref(), Some("us-east-1"));
    // What the other replica saw before does not turn it back.
    other.identity.note_key_use(&id, "sts", "us-east-1", NOW);
    other.identity.write_uses().await.unwrap();
    assert_eq!(last(&id).await, told);
    create(identity, Kind::Role, &named("r")).await.unwrap();
    let role = identity.role(&account, "r").await.unwrap();
    assert_eq!(role.last_used, None);
    identity.note_role_use(&role.entity.id, "eu-central-1", NOW);
    identity.write_uses().await.unwrap();
    let role = identity.role(&account, "r").await.unwrap();
    assert_eq!(role.last_used, Some((NOW, "eu-central-1".to_owned())));
    assert_eq!(other.identity.key_last_used(&account, "AKIANONE").await.unwrap(), None);
}

async fn policies_of_an_entity_have_names_and_holders(mut wharf: Wharf) {
    let (identity, account) = (rooms(&mut wharf).await, account());
    let alice = user(&identity, "alice").await;
    create(&identity, Kind::Group, &named("g")).await.unwrap();
    create(&identity, Kind::Policy, &named("p")).await.unwrap();
    let arn = format!("arn:aws:iam::{account}:policy/p");
    identity.join(&account, "g", "alice").await.unwrap();
    for (kind, name) in [(Kind::User, "alice"), (Kind::Group, "g")] {
        identity.attach(&account, kind, name, &arn).await.unwrap();
        identity.put_inline(&account, kind, name, "i", &allow("ecr:*")).await.unwrap();
    }
    identity.attach(&account, Kind::User, "alice", PULL_ONLY).await.unwrap();
    identity.bound(&account, Kind::User, "alice", Some(&arn)).await.unwrap();
    let sources = identity.policy_sources(&alice.id).await.unwrap().unwrap();
    let mut told: Vec<_> = sources
        .identity
        .iter()
        .map(|source| match (&source.holder, &source.arn) {
            (Some((kind, holder)), None) => {
                format!("{} of {} {holder}", source.name, kind.as_str())
            }
            (None, Some(arn)) => format!("{} {arn}", source.name),
            both => panic!("{both:?}"),
        })
        .collect();
    told.sort_unstable();
    let pull_only = format!("AmazonEC2ContainerRegistryPullOnly {PULL_ONLY}");
    // Attached twice, it is one.
    assert_eq!(told, [&pull_only, "i of group g", "i of user alice", &format!("p {arn}")]);
    assert_eq!(sources.boundary.unwrap().document, allow("ecr:*"));
    assert!(sources.identity.iter().all(|source| source.document.contains("Statement")));
    let managed = identity.managed_policy(&account, &arn).await.unwrap().unwrap();
    assert_eq!((managed.name(), managed.arn()), ("p", Some(arn.as_str())));
    assert!(identity.managed_policy(&account, PULL_ONLY).await.unwrap().is_some());
    for none in [format!("{arn}x"), "arn:aws:iam::999999999999:policy/p".to_owned(), "p".to_owned()]
    {
        assert!(identity.managed_policy(&account, &none).await.unwrap().is_none(), "{none}");
    }
}
