//! Names and listings: one name whatever its case, pages without gaps.

use wharf_identity::{Kind, New, Used, fold, fold_tag_key};
use wharf_testkit::{Wharf, on_both};

use super::*;

on_both![
    names_that_differ_by_case_are_one,
    names_and_paths_have_their_characters,
    pages_of_any_size_give_everything_once,
    policies_tell_what_uses_them,
];

const KINDS: [Kind; 4] = [Kind::User, Kind::Group, Kind::Role, Kind::Policy];

async fn names_that_differ_by_case_are_one(mut wharf: Wharf) {
    let (identity, account) = (rooms(&mut wharf).await, account());
    for kind in KINDS {
        create(&identity, kind, &named("My-Name")).await.unwrap();
        let sentence = |name: &str| match kind {
            Kind::Policy => {
                format!("A policy called {name} already exists. Duplicate names are not allowed.")
            }
            _ => format!("{} with name {name} already exists.", kind.title()),
        };
        for (name, path) in [("MY-NAME", "/"), ("my-name", "/elsewhere/")] {
            let new = New { path: Some(path.to_owned()), ..named(name) };
            let again = create(&identity, kind, &new).await;
            refused(again, "EntityAlreadyExists", &sentence(name));
        }
        let found = identity.entity(&account, kind, "mY-nAME").await.unwrap();
        assert_eq!(found.name, "My-Name");
        let absent = identity.entity(&account, kind, "Nobody").await;
        let sentence = format!("The {} with name Nobody cannot be found.", kind.as_str());
        refused(absent, "NoSuchEntity", &sentence);
    }
    // Two of one name but of different kinds, and of different accounts, are two.
    let other = "999999999999".parse().unwrap();
    identity.create_account(&other, None, None, NOW).await.unwrap();
    identity.create_user(&other, &named("my-name"), NOW).await.unwrap();

    create(&identity, Kind::User, &named("bob")).await.unwrap();
    let taken = identity.rename(&account, Kind::User, "bob", Some("MY-name"), None).await;
    refused(taken, "EntityAlreadyExists", "User with name MY-name already exists.");
    identity.rename(&account, Kind::User, "BOB", Some("Bob"), Some("/x/")).await.unwrap();
    let bob = identity.entity(&account, Kind::User, "bob").await.unwrap();
    assert_eq!(bob.arn(), format!("arn:aws:iam::{account}:user/x/Bob"));
}

async fn names_and_paths_have_their_characters(mut wharf: Wharf) {
    let identity = rooms(&mut wharf).await;
    for (kind, parameter) in KINDS.into_iter().zip(["user", "group", "role", "policy"]) {
        let sentence = format!(
            "The specified value for {parameter}Name is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
        );
        for name in ["", "a b", "ä", "a/b", "a*"] {
            refused(create(&identity, kind, &named(name)).await, "ValidationError", &sentence);
        }
        let sentence = "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.";
        for path in ["", "a", "/a", "a/", "/a b/", "//", "/ä/"] {
            let new = New { path: Some(path.to_owned()), ..named("a") };
            refused(create(&identity, kind, &new).await, "ValidationError", sentence);
        }
        let new = New { path: Some("/a!b/".to_owned()), ..named("+=,.@_-9") };
        assert_eq!(create(&identity, kind, &new).await.is_ok(), kind != Kind::Policy);
    }
}

async fn pages_of_any_size_give_everything_once(mut wharf: Wharf) {
    let (identity, account) = (rooms(&mut wharf).await, account());
    let alice = user(&identity, "zz-alice").await;
    create(&identity, Kind::Group, &named("all")).await.unwrap();
    let mut expected = Vec::new();
    for number in 0..23_u32 {
        // In no order, and in both cases.
        let name = format!("{}{}", if number % 3 == 0 { "U" } else { "u" }, number * 7 % 23);
        let path = if number % 2 == 0 { "/even/" } else { "/odd/" };
        let new = New { path: Some(path.to_owned()), ..named(&name) };
        for kind in KINDS {
            create(&identity, kind, &new).await.unwrap();
        }
        identity.join(&account, "all", &name).await.unwrap();
        expected.push((fold(&name), path));
    }
    expected.sort_unstable();
    let group = identity.entity(&account, Kind::Group, "all").await.unwrap();
    for size in [1, 2, 7, 23, 24, 1000] {
        for path in ["/even/", "/odd/"] {
            let expected: Vec<&String> =
                expected.iter().filter(|(_, own)| *own == path).map(|(name, _)| name).collect();
            for kind in KINDS {
                let found = pages(size, async |after| {
                    let page = identity.entities(&account, kind, path, after, size).await.unwrap();
                    page.into_iter().map(|entity| fold(&entity.name)).collect()
                })
                .await;
                assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{kind:?} by {size}");
            }
            let roles = pages(size, async |after| {
                let page = identity.roles(&account, path, after, size).await.unwrap();
                page.into_iter().map(|role| fold(&role.entity.name)).collect()
            });
            assert_eq!(roles.await.iter().collect::<Vec<_>>(), expected);
            let policies = pages(size, async |after| {
                let page = identity.policies(&account, path, Used::default(), after, size).await;
                page.unwrap().into_iter().map(|policy| fold(&policy.entity.name)).collect()
            });
            assert_eq!(policies.await.iter().collect::<Vec<_>>(), expected);
        }
        let members = pages(size, async |after| {
            let page = identity.members(&group, after, size).await.unwrap();
            page.into_iter().map(|entity| fold(&entity.name)).collect()
        })
        .await;
        assert!(members.iter().eq(expected.iter().map(|(name, _)| name)), "by {size}");
    }
    let tags = ["b", "A", "c", "D"]
        .map(|key| wharf_identity::Tag { key: key.to_owned(), value: String::new() });
    identity.tag(&alice, &tags).await.unwrap();
    let keys = pages(3, async |after| {
        let page = identity.tags(&alice.id, after, 3).await.unwrap();
        page.into_iter().map(|tag| fold_tag_key(Kind::User, &tag.key)).collect()
    });
    assert_eq!(keys.await, ["a", "b", "c", "d"]);
}

/// All pages of `size`, each of which begins behind the last of the one before.
async fn pages(size: i64, page: impl AsyncFn(&str) -> Vec<String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    loop {
        let after = all.last().cloned().unwrap_or_default();
        let next = page(&after).await;
        let last = (next.len() as i64) < size;
        all.extend(next);
        if last {
            return all;
        }
    }
}

async fn policies_tell_what_uses_them(mut wharf: Wharf) {
    let (identity, account) = (rooms(&mut wharf).await, account());
    for name in ["none", "attached", "both", "bound"] {
        let new = New { path: Some("/p/".to_owned()), ..named(name) };
        create(&identity, Kind::Policy, &new).await.unwrap();
    }
    let arn = |name: &str| format!("arn:aws:iam::{account}:policy/p/{name}");
    create(&identity, Kind::Group, &named("g")).await.unwrap();
    user(&identity, "u").await;
    for name in ["attached", "both"] {
        identity.attach(&account, Kind::Group, "g", &arn(name)).await.unwrap();
    }
    identity.attach(&account, Kind::User, "u", PULL_ONLY).await.unwrap();
    create(&identity, Kind::Role, &named("r")).await.unwrap();
    identity.bound(&account, Kind::User, "u", Some(&arn("both"))).await.unwrap();
    identity.bound(&account, Kind::Role, "r", Some(&arn("bound"))).await.unwrap();

    let list = async |attached, as_boundary| {
        let used = Used { attached, as_boundary };
        let found = identity.policies(&account, "/", used, "", 100).await.unwrap();
        let told =
            found.into_iter().map(|p| format!("{} {} {}", p.entity.name, p.attachments, p.bounds));
        told.collect::<Vec<_>>()
    };
    let all = ["attached 1 0", "both 1 1", "bound 0 1", "none 0 0"];
    assert_eq!(list(false, false).await, all);
    assert_eq!(list(true, false).await, all[..2]);
    assert_eq!(list(false, true).await, all[1..3]);
    assert_eq!(list(true, true).await, all[1..2]);
    assert_eq!(identity.policy_uses(&account, PULL_ONLY).await.unwrap(), (1, 0));
    let both = identity.policy(&account, &arn("both")).await.unwrap();
    assert_eq!((both.attachments, both.bounds), (1, 1));
    let holders = async |as_boundary| {
        let found = identity.holders(&account, &arn("both"), as_boundary, "", 10).await.unwrap();
        found.into_iter().map(|holder| (holder.kind, holder.name)).collect::<Vec<_>>()
    };
    assert_eq!(holders(false).await, [(Kind::Group, "g".to_owned())]);
    assert_eq!(holders(true).await, [(Kind::User, "u".to_owned())]);
}
