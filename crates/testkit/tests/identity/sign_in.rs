//! Passwords and aliases.

use wharf_db::statement;
use wharf_identity::Kind;
use wharf_testkit::{Wharf, on_both};

use super::*;

on_both![a_password_opens_until_it_is_changed, an_alias_is_one_accounts];

statement! {
    STORED = "SELECT password FROM login_profiles";
}

async fn a_password_opens_until_it_is_changed(mut wharf: Wharf) {
    let [one, _] = wharf.replicas().await;
    let (identity, account) = (&one.identity, account());
    let alice = user(identity, "alice").await;
    let weak = identity.create_login_profile(&account, "alice", "password", true, NOW).await;
    assert_eq!(weak.unwrap_err().codes(), ("PasswordPolicyViolation", 400));
    identity.create_login_profile(&account, "ALICE", "Passw0rd-1", true, NOW).await.unwrap();
    let again = identity.create_login_profile(&account, "alice", "Passw0rd-2", true, NOW).await;
    refused(again, "EntityAlreadyExists", "Login Profile for user alice already exists.");
    let (stored,) = one.db.optional::<(String,)>(&STORED, ()).await.unwrap().unwrap();
    assert!(stored.starts_with("$argon2id$") && !stored.contains("Passw0rd"), "{stored}");

    let enter = async |user: &str, password: &str| {
        let entered = identity.sign_in(&account, user, password, NOW + 9).await.unwrap();
        entered.map(|entered| (entered.user.id, entered.reset_required))
    };
    for (user, password) in [("alice", "Passw0rd-2"), ("alice", ""), ("bob", "Passw0rd-1")] {
        assert_eq!(enter(user, password).await, None, "{user} {password}");
    }
    assert_eq!(identity.login_profile(&account, "alice").await.unwrap().last_used, None);
    assert_eq!(enter("alice", "Passw0rd-1").await, Some((alice.id.clone(), true)));
    assert_eq!(identity.login_profile(&account, "alice").await.unwrap().last_used, Some(NOW + 9));

    let wrong = identity.change_password(&alice.id, "Passw0rd-2", "Passw0rd-3").await;
    refused(wrong, "AccessDenied", "The old password was incorrect.");
    let weak = identity.change_password(&alice.id, "Passw0rd-1", "weak").await;
    assert_eq!(weak.unwrap_err().codes().0, "PasswordPolicyViolation");
    identity.change_password(&alice.id, "Passw0rd-1", "Passw0rd-3").await.unwrap();
    assert_eq!(enter("alice", "Passw0rd-1").await, None);
    assert_eq!(enter("alice", "Passw0rd-3").await, Some((alice.id.clone(), false)));

    identity.update_login_profile(&account, "alice", None, Some(true)).await.unwrap();
    assert_eq!(enter("alice", "Passw0rd-3").await, Some((alice.id.clone(), true)));
    identity.update_login_profile(&account, "alice", Some("Passw0rd-4"), None).await.unwrap();
    assert_eq!(enter("alice", "Passw0rd-4").await, Some((alice.id.clone(), true)));
    identity.delete_login_profile(&account, "alice").await.unwrap();
    assert_eq!(enter("alice", "Passw0rd-4").await, None);
    let gone = identity.update_login_profile(&account, "alice", None, Some(true)).await;
    refused(gone, "NoSuchEntity", "Login Profile for User alice cannot be found.");
    assert_eq!(identity.entity(&account, Kind::User, "alice").await.unwrap().id, alice.id);
}

async fn an_alias_is_one_accounts(mut wharf: Wharf) {
    let (identity, account) = (rooms(&mut wharf).await, account());
    let other: AccountId = "999999999999".parse().unwrap();
    identity.create_account(&other, None, None, NOW).await.unwrap();
    for alias in ["ab", "-abc", "abc-", "a--b", "ABC", "a_b", "123456789012", &"a".repeat(64)] {
        let refused = identity.set_alias(&account, alias).await.unwrap_err();
        assert_eq!(refused.codes(), ("ValidationError", 400), "{alias}");
    }
    identity.set_alias(&account, "our-team").await.unwrap();
    identity.set_alias(&account, "our-team").await.unwrap();
    let taken = identity.set_alias(&other, "our-team").await;
    refused(taken, "EntityAlreadyExists", "The account alias our-team already exists.");
    // A new one goes in the place of the old one.
    identity.set_alias(&account, "abc").await.unwrap();
    identity.set_alias(&other, "our-team").await.unwrap();
    assert_eq!(identity.alias(&account).await.unwrap().as_deref(), Some("abc"));
    let wrong = identity.delete_alias(&account, "our-team").await;
    refused(wrong, "NoSuchEntity", "The account alias our-team cannot be found.");
    identity.delete_alias(&account, "abc").await.unwrap();
    assert_eq!(identity.alias(&account).await.unwrap(), None);
    assert_eq!(identity.accounts().await.unwrap().len(), 2);
}
