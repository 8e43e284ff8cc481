//! Many at once, on both replicas: limits hold, names are given once, and nobody fails for having met
//! another.

use std::future::Future;

use wharf_identity::{Error, Kind, Owner};
use wharf_testkit::{Replica, Wharf, on_both};

use super::*;

on_both![
    limits_hold_however_many_come_at_once,
    whoever_makes_different_things_is_in_nobodys_way,
    a_name_is_given_once,
    a_policy_is_either_attached_or_deleted,
];

const MANY: usize = 16;

/// Runs as many of them at once, half of them on each replica.
async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    replicas: &[Replica; 2],
    act: impl Fn(Identity, usize) -> F,
) -> Vec<T> {
    let running: Vec<_> = (0..MANY)
        .map(|number| tokio::spawn(act(replicas[number % 2].identity.clone(), number)))
        .collect();
    let mut done = Vec::new();
    for task in running {
        done.push(task.await.unwrap());
    }
    done
}

/// How many succeeded; the others must have been refused with this code.
#[track_caller]
fn succeeded<T>(results: Vec<Result<T, Error>>, code: &str) -> usize {
    let mut count = 0;
    for result in results {
        match result {
            Ok(_) => count += 1,
            Err(error) => assert_eq!(error.codes().0, code, "{error}"),
        }
    }
    count
}

async fn limits_hold_however_many_come_at_once(mut wharf: Wharf) {
    let replicas = wharf.replicas().await;
    let one = &replicas[0].identity;
    let alice = user(one, "alice").await;
    for number in 0..MANY {
        create(one, Kind::Policy, &named(&format!("p{number}"))).await.unwrap();
        create(one, Kind::Group, &named(&format!("g{number}"))).await.unwrap();
    }
    let keys = at_once(&replicas, |identity, _| {
        let id = alice.id.clone();
        async move {
            let account = account();
            identity.create_key(Owner { account: &account, user: Some(&id) }, NOW).await
        }
    });
    assert_eq!(succeeded(keys.await, "LimitExceeded"), 2);
    let attached = at_once(&replicas, |identity, number| async move {
        let arn = format!("arn:aws:iam::{ACCOUNT}:policy/p{number}");
        identity.attach(&account(), Kind::User, "alice", &arn).await
    });
    assert_eq!(succeeded(attached.await, "LimitExceeded"), 10);
    let joined = at_once(&replicas, |identity, number| async move {
        identity.join(&account(), &format!("g{number}"), "alice").await
    });
    assert_eq!(succeeded(joined.await, "LimitExceeded"), 10);
    let versions = at_once(&replicas, |identity, _| async move {
        let arn = format!("arn:aws:iam::{ACCOUNT}:policy/p0");
        identity.create_version(&account(), &arn, &allow("ecr:*"), false, NOW).await
    });
    assert_eq!(succeeded(versions.await, "LimitExceeded"), 4);
    let inline = at_once(&replicas, |identity, number| async move {
        let name = format!("i{number}");
        identity.put_inline(&account(), Kind::User, "alice", &name, &document(512)).await
    });
    assert_eq!(succeeded(inline.await, "LimitExceeded"), 4);
}

async fn whoever_makes_different_things_is_in_nobodys_way(mut wharf: Wharf) {
    let replicas = wharf.replicas().await;
    let made = at_once(&replicas, |identity, number| async move {
        let (account, name) = (account(), format!("u{number}"));
        let user = identity.create_user(&account, &named(&name), NOW).await?;
        identity.attach(&account, Kind::User, &name, PULL_ONLY).await?;
        identity.put_inline(&account, Kind::User, &name, "i", &allow("ecr:*")).await?;
        identity.create_key(Owner { account: &account, user: Some(&user.id) }, NOW).await
    });
    for made in made.await {
        let (key, _) = made.unwrap();
        for replica in &replicas {
            let found = replica.identity.access_key(&key.id).await.unwrap().unwrap();
            assert_eq!(found.principal.identity.len(), 2);
        }
    }
}

async fn a_name_is_given_once(mut wharf: Wharf) {
    let replicas = wharf.replicas().await;
    for kind in [Kind::User, Kind::Group, Kind::Role, Kind::Policy] {
        let made = at_once(&replicas, |identity, number| async move {
            let name = if number % 3 == 0 { "Name" } else { "name" };
            create(&identity, kind, &named(name)).await
        });
        assert_eq!(succeeded(made.await, "EntityAlreadyExists"), 1, "{kind:?}");
    }
}

async fn a_policy_is_either_attached_or_deleted(mut wharf: Wharf) {
    let replicas = wharf.replicas().await;
    let one = &replicas[0].identity;
    for round in 0..4 {
        let policy = format!("p{round}");
        create(one, Kind::Policy, &named(&policy)).await.unwrap();
        for number in 0..MANY {
            if round == 0 {
                create(one, Kind::Role, &named(&format!("r{number}"))).await.unwrap();
            }
        }
        let done = at_once(&replicas, |identity, number| {
            let arn = format!("arn:aws:iam::{ACCOUNT}:policy/{policy}");
            async move {
                let account = account();
                let role = format!("r{number}");
                match number {
                    5 => identity.delete_policy(&account, &arn).await,
                    n if n % 2 == 0 => identity.attach(&account, Kind::Role, &role, &arn).await,
                    _ => identity.bound(&account, Kind::Role, &role, Some(&arn)).await,
                }
            }
        });
        let deleted = done.await[5].is_ok();
        let there = one.entity(&account(), Kind::Policy, &policy).await.is_ok();
        assert_eq!(there, !deleted);
        // Whoever has it, has one that is there.
        for number in 0..MANY {
            let role = one.entity(&account(), Kind::Role, &format!("r{number}")).await.unwrap();
            replicas[1].identity.authority(&role.id).await.unwrap().unwrap();
        }
    }
}
