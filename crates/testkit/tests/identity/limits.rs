//! How much there may be: up to the limit it works, one more has AWS's sentence, and leaves nothing.

use wharf_identity::{Error, Identity, Kind, NewProvider, Owner, Tag, limit};
use wharf_testkit::{Wharf, on_both};

use super::*;

on_both![
    keys_policies_groups_and_versions_are_counted,
    documents_are_measured_without_white_space,
    tags_are_counted_and_checked,
    roles_and_providers_have_bounds,
    an_account_has_the_quotas_of_its_operator,
];

async fn keys_policies_groups_and_versions_are_counted(mut wharf: Wharf) {
    let (identity, account) = (rooms(&mut wharf).await, account());
    let alice = user(&identity, "alice").await;
    let root = Owner { account: &account, user: None };
    // The root has one already.
    identity.create_key(root, NOW).await.unwrap();
    let of_alice = Owner { account: &account, user: Some(&alice.id) };
    for _ in 0..2 {
        identity.create_key(of_alice, NOW).await.unwrap();
    }
    for owner in [root, of_alice] {
        let third = identity.create_key(owner, NOW).await;
        refused(third, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2");
        assert_eq!(identity.keys(owner).await.unwrap().len(), 2);
    }

    let mut policies = Vec::new();
    for number in 0..=limit::ATTACHED_POLICIES {
        let policy = identity
            .create_policy(&account, &named(&format!("p{number}")), &allow("ecr:*"), NOW)
            .await
            .unwrap();
        policies.push(policy.entity.arn());
    }
    for kind in [Kind::User, Kind::Group, Kind::Role] {
        create(&identity, kind, &named("holder")).await.unwrap();
        let (last, rest) = policies.split_last().unwrap();
        for arn in rest.iter().chain(rest) {
            identity.attach(&account, kind, "holder", arn).await.unwrap();
        }
        let sentence = format!("Cannot exceed quota for PoliciesPer{}: 10", kind.title());
        let over = identity.attach(&account, kind, "Holder", last).await;
        refused(over, "LimitExceeded", &sentence);
        let holder = identity.entity(&account, kind, "holder").await.unwrap();
        assert_eq!(identity.attached(&holder.id, "", 100).await.unwrap().len(), 10);
    }

    for number in 0..limit::GROUPS_OF_USER {
        let group = format!("g{number}");
        create(&identity, Kind::Group, &named(&group)).await.unwrap();
        identity.join(&account, &group, "ALICE").await.unwrap();
        identity.join(&account, &group, "alice").await.unwrap();
    }
    let over = identity.join(&account, "holder", "alice").await;
    refused(over, "LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10");
    assert_eq!(identity.groups_of(&alice, "", 100).await.unwrap().len(), 10);

    let arn = &policies[0];
    for _ in 1..limit::POLICY_VERSIONS {
        identity.create_version(&account, arn, &allow("ecr:*"), false, NOW).await.unwrap();
    }
    let sixth = identity.create_version(&account, arn, &allow("ecr:*"), true, NOW).await;
    refused(
        sixth,
        "LimitExceeded",
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
    );
    assert_eq!(identity.policy(&account, arn).await.unwrap().default_version, 1);
}

async fn documents_are_measured_without_white_space(mut wharf: Wharf) {
    let (identity, account) = (rooms(&mut wharf).await, account());
    for (kind, most) in [(Kind::User, 2048), (Kind::Group, 5120), (Kind::Role, 10_240)] {
        create(&identity, kind, &named("a")).await.unwrap();
        let put = async |policy: &str, length: usize| {
            identity.put_inline(&account, kind, "A", policy, &document(length)).await
        };
        put("one", most - 1000).await.unwrap();
        put("two", 1000).await.unwrap();
        // In its own place it may be as long as before.
        put("two", 1000).await.unwrap();
        let sentence = format!(
            "Maximum policy size of {most} bytes exceeded for {kind} a",
            kind = kind.as_str()
        );
        refused(put("two", 1001).await, "LimitExceeded", &sentence);
        refused(put("three", 120).await, "LimitExceeded", &sentence);
        let holder = identity.entity(&account, kind, "a").await.unwrap();
        assert_eq!(identity.inline(&holder, "two").await.unwrap(), document(1000));
        assert_eq!(identity.inline_names(&holder.id, "", 10).await.unwrap(), ["one", "two"]);
    }
    let make = async |name: &str, length: usize| {
        identity.create_policy(&account, &named(name), &document(length), NOW).await
    };
    let policy = make("fits", 6144).await.unwrap();
    let sentence = "Cannot exceed quota for PolicySize: 6144";
    refused(make("does-not", 6145).await, "LimitExceeded", sentence);
    let arn = policy.entity.arn();
    let version = identity.create_version(&account, &arn, &document(6145), true, NOW).await;
    refused(version, "LimitExceeded", sentence);

    let trust = |length: usize| {
        let empty = TRUST.replace("{}", "*");
        let sid =
            format!(r#"{{"Sid":"{}","#, "x".repeat(length - empty.len() - r#""Sid":"","#.len()));
        empty.replace(r#"{"Effect""#, &format!(r#"{sid} "Effect""#))
    };
    identity.create_role(&account, &named("fits"), &trust(2048), None, NOW).await.unwrap();
    let sentence = "Cannot exceed quota for ACLSizePerRole: 2048";
    let made = identity.create_role(&account, &named("does-not"), &trust(2049), None, NOW).await;
    refused(made, "LimitExceeded", sentence);
    let set = identity.set_trust(&account, "fits", &trust(2049)).await;
    refused(set, "LimitExceeded", sentence);
    assert_eq!(identity.role(&account, "fits").await.unwrap().trust_policy, trust(2048));
}

fn tags(numbers: std::ops::Range<usize>) -> Vec<Tag> {
    numbers.map(|n| Tag { key: format!("Key-{n}"), value: String::new() }).collect()
}

async fn tags_are_counted_and_checked(mut wharf: Wharf) {
    let (identity, account) = (rooms(&mut wharf).await, account());
    let alice = user(&identity, "alice").await;
    identity.tag(&alice, &tags(0..50)).await.unwrap();
    let over = identity.tag(&alice, &tags(50..51)).await;
    refused(over, "LimitExceeded", "Cannot exceed quota for TagsPerUser: 50");
    // The newest spelling is kept, and a key that is there needs no room.
    let shouted = Tag { key: "KEY-7".to_owned(), value: "new".to_owned() };
    identity.tag(&alice, std::slice::from_ref(&shouted)).await.unwrap();
    let all = identity.tags(&alice.id, "", 100).await.unwrap();
    assert_eq!(all.len(), 50);
    assert!(all.contains(&shouted) && all.iter().all(|tag| tag.key != "Key-7"));
    identity.untag(&alice, &["kEY-7".to_owned(), "none".to_owned()]).await.unwrap();
    assert_eq!(identity.tags(&alice.id, "", 100).await.unwrap().len(), 49);

    let twice = [&tags(0..1)[..], &[Tag { key: "key-0".into(), value: String::new() }]].concat();
    refused(
        identity.tag(&alice, &twice).await,
        "InvalidInput",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    );
    for key in ["", "a*b", "AWS:x", "aws:x"] {
        let tag = Tag { key: key.to_owned(), value: String::new() };
        let refused = identity.tag(&alice, &[tag]).await.unwrap_err();
        assert!(matches!(refused, Error::InvalidInput(_)), "{key}: {refused}");
    }

    let new = NewProvider {
        url: "https://issuer.example".to_owned(),
        tags: twice,
        ..NewProvider::default()
    };
    let provider = identity.create_provider(&account, &new, NOW).await.unwrap();
    let keys = identity.tags(&provider.entity.id, "", 100).await.unwrap();
    assert_eq!(keys.iter().map(|tag| &*tag.key).collect::<Vec<_>>(), ["Key-0", "key-0"]);
    let same = identity.tag(&provider.entity, &[tags(0..1), tags(0..1)].concat()).await;
    refused(same, "InvalidInput", "Duplicate tag keys found.");
}

async fn roles_and_providers_have_bounds(mut wharf: Wharf) {
    let (identity, account) = (rooms(&mut wharf).await, account());
    let trust = TRUST.replace("{}", "*");
    for (seconds, bound) in
        [(3599, "greater than or equal to 3600"), (43_201, "less than or equal to 43200")]
    {
        let sentence = format!(
            "1 validation error detected: Value at 'maxSessionDuration' failed to satisfy constraint: Member must have value {bound}"
        );
        let made = identity.create_role(&account, &named("r"), &trust, Some(seconds), NOW).await;
        refused(made, "ValidationError", &sentence);
    }
    providers_have_bounds(&identity).await;
}

async fn providers_have_bounds(identity: &Identity) {
    let account = account();
    let new = |clients: usize, thumbprints: usize| NewProvider {
        url: "https://issuer.example/a".to_owned(),
        client_ids: (0..clients).map(|n| format!("client-{n}")).collect(),
        thumbprints: (0..thumbprints).map(|n| format!("{n:040}")).collect(),
        ..NewProvider::default()
    };
    let many = "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100";
    let made = identity.create_provider(&account, &new(101, 0), NOW).await;
    refused(made, "LimitExceeded", many);
    let made = identity.create_provider(&account, &new(0, 6), NOW).await;
    refused(made, "InvalidInput", "Thumbprint list must contain fewer than 5 entries.");
    let made = identity.create_provider(&account, &new(100, 5), NOW).await.unwrap();
    let arn = made.entity.arn();
    assert_eq!(arn, format!("arn:aws:iam::{account}:oidc-provider/issuer.example/a"));
    identity.add_client_id(&account, &arn, "client-7").await.unwrap();
    refused(identity.add_client_id(&account, &arn, "more").await, "LimitExceeded", many);
    identity.remove_client_id(&account, &arn, "none").await.unwrap();
    identity.remove_client_id(&account, &arn, "client-7").await.unwrap();
    identity.add_client_id(&account, &arn, "more").await.unwrap();
    let short = identity.set_thumbprints(&account, &arn, &["abc".to_owned()]).await;
    refused(short, "InvalidInput", "Thumbprint must be exactly 40 characters.");
    identity.set_thumbprints(&account, &arn, &["ABCDE".repeat(8)]).await.unwrap();
    let now = identity.provider_of_issuer(&account, "https://issuer.example/a").await.unwrap();
    let now = now.unwrap();
    assert_eq!((now.thumbprints, now.client_ids.len()), (vec!["abcde".repeat(8)], 100));
    for other in ["https://issuer.example/A", "https://issuer.example/", "http://issuer.example/a"]
    {
        assert_eq!(identity.provider_of_issuer(&account, other).await.unwrap(), None, "{other}");
    }
    let again = identity.create_provider(&account, &new(0, 0), NOW).await;
    let sentence = "Provider with url https://issuer.example/a already exists.";
    refused(again, "EntityAlreadyExists", sentence);
    identity.delete_provider(&account, &arn).await.unwrap();
    let sentence = format!("OpenId connect Provider {arn} cannot be found.");
    refused(identity.delete_provider(&account, &arn).await, "NoSuchEntity", &sentence);
    let sentence = format!("OpenIDConnect Provider not found for arn {arn}");
    refused(identity.provider(&account, &arn).await, "NoSuchEntity", &sentence);
}

async fn an_account_has_the_quotas_of_its_operator(mut wharf: Wharf) {
    let two = limit::Quotas { users: 2, groups: 2, roles: 2, policies: 2, providers: 2 };
    let identity = rooms(&mut wharf).await.with_quotas(two);
    for (kind, name) in [
        (Kind::User, "UsersPerAccount"),
        (Kind::Group, "GroupsPerAccount"),
        (Kind::Role, "RolesPerAccount"),
        (Kind::Policy, "PoliciesPerAccount"),
    ] {
        for name in ["a", "b"] {
            create(&identity, kind, &named(name)).await.unwrap();
        }
        let sentence = format!("Cannot exceed quota for {name}: 2");
        refused(create(&identity, kind, &named("c")).await, "LimitExceeded", &sentence);
    }
    // Those of another account are not counted.
    let other = "999999999999".parse().unwrap();
    identity.create_account(&other, None, None, NOW).await.unwrap();
    identity.create_user(&other, &named("c"), NOW).await.unwrap();
}
