//! Each form of a principal against each kind of caller.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::document::{Document, Grammar};

const ACCOUNT: &str = "111122223333";
const ROLE: &str = "arn:aws:iam::111122223333:role/teams/ci";
const PROVIDER: &str = "arn:aws:iam::111122223333:oidc-provider/ci.example/x";

fn account() -> AccountId {
    ACCOUNT.parse().unwrap()
}

fn root() -> Caller {
    Caller::root(account(), "AKIA".to_owned())
}

fn alice() -> Caller {
    Caller::user(
        account(),
        "arn:aws:iam::111122223333:user/eng/alice",
        "AIDAALICE0000000000AA",
        "AKIA",
    )
}

fn session() -> Caller {
    Caller::role_session(account(), ROLE, "AROACI000000000000AAA", "build-7", "ASIA")
}

fn federated() -> Caller {
    Caller::federated_user(account(), "tmp", &alice().arn, &alice().unique_id, "ASIA")
}

fn token() -> Caller {
    Caller::web_identity(account(), PROVIDER)
}

fn worker() -> Caller {
    let service = "replication.ecr.amazonaws.com".into();
    Caller { service: Some(service), ..session() }
}

fn audience(member: &str, principal: &str) -> Audience {
    let text =
        format!(r#"{{"Statement":{{"Effect":"Deny","Action":"*","{member}":{principal}}}}}"#);
    let document = Document::parse(&text, Grammar::Repository).unwrap();
    Audience::of(document.statements[0].principal.as_ref().unwrap())
}

/// What naming `principal` grants to root, user, role session, federated user, holder of a token.
fn grants(principal: &str) -> [Grant; 5] {
    let audience = audience("Principal", principal);
    [root(), alice(), session(), federated(), token()].map(|caller| audience.grant(&caller))
}

#[test]
fn each_form_for_each_kind_of_caller() {
    use Grant::{Capped, Delegated, Full, None};
    for (principal, expected) in [
        (r#""*""#, [Full, Full, Capped, Capped, None]),
        (r#"{"AWS":"*"}"#, [Full, Full, Capped, Capped, None]),
        (r#"{"AWS":"111122223333"}"#, [Delegated, Delegated, Delegated, Delegated, None]),
        (
            r#"{"AWS":"arn:aws:iam::111122223333:root"}"#,
            [Delegated, Delegated, Delegated, Delegated, None],
        ),
        (r#"{"AWS":"444455556666"}"#, [None; 5]),
        (r#"{"AWS":"arn:aws-cn:iam::111122223333:root"}"#, [None; 5]),
        (r#"{"AWS":"arn:aws:iam::111122223333:user/eng/alice"}"#, [None, Full, None, Capped, None]),
        (r#"{"AWS":"arn:aws:iam::111122223333:user/eng/Alice"}"#, [None; 5]),
        (r#"{"AWS":"arn:aws:iam::111122223333:user/alice"}"#, [None; 5]),
        (r#"{"AWS":"arn:aws:iam::444455556666:user/eng/alice"}"#, [None; 5]),
        (r#"{"AWS":"arn:aws:iam::111122223333:user/*"}"#, [None; 5]),
        (r#"{"AWS":"arn:aws:iam::111122223333:group/eng"}"#, [None; 5]),
        (r#"{"AWS":"arn:aws:iam::111122223333:role/teams/ci"}"#, [None, None, Capped, None, None]),
        (r#"{"AWS":"arn:aws:iam::111122223333:role/ci"}"#, [None; 5]),
        (
            r#"{"AWS":"arn:aws:sts::111122223333:assumed-role/ci/build-7"}"#,
            [None, None, Full, None, None],
        ),
        (r#"{"AWS":"arn:aws:sts::111122223333:assumed-role/ci/build-8"}"#, [None; 5]),
        (
            r#"{"AWS":"arn:aws:sts::111122223333:federated-user/tmp"}"#,
            [None, None, None, Full, None],
        ),
        (r#"{"AWS":"AIDAALICE0000000000AA"}"#, [None, Full, None, Capped, None]),
        (r#"{"AWS":"AROACI000000000000AAA"}"#, [None, None, Capped, None, None]),
        (r#"{"AWS":"AIDAOTHER0000000000AA"}"#, [None; 5]),
        (
            r#"{"Federated":"arn:aws:iam::111122223333:oidc-provider/ci.example/x"}"#,
            [None, None, None, None, Full],
        ),
        (r#"{"Federated":"arn:aws:iam::111122223333:oidc-provider/ci.example"}"#, [None; 5]),
        (r#"{"Service":"replication.ecr.amazonaws.com"}"#, [None; 5]),
        (r#"{"CanonicalUser":"*"}"#, [None; 5]),
        (r#"{"AWS":[]}"#, [None; 5]),
        (
            r#"{"AWS":["444455556666","AROACI000000000000AAA"],"Service":"x.amazonaws.com"}"#,
            [None, None, Capped, None, None],
        ),
        // The strongest of several names counts.
        (
            r#"{"AWS":["111122223333","arn:aws:iam::111122223333:user/eng/alice"]}"#,
            [Delegated, Full, Delegated, Capped, None],
        ),
    ] {
        assert_eq!(grants(principal), expected, "{principal}");
    }
    let service = audience("Principal", r#"{"Service":"replication.ecr.amazonaws.com"}"#);
    assert_eq!(service.grant(&worker()), Grant::Capped);
    assert!(service.denies(&worker()) && !service.denies(&session()));
}

#[test]
fn a_deny_for_everyone_reaches_everyone() {
    for caller in [root(), alice(), session(), federated(), token(), worker()] {
        assert!(audience("Principal", r#""*""#).denies(&caller), "{}", caller.arn);
        let account = audience("Principal", r#"{"AWS":"111122223333"}"#);
        assert_eq!(account.denies(&caller), caller.kind != Kind::WebIdentity, "{}", caller.arn);
    }
}

#[test]
fn not_principal_exempts_only_whom_it_names_wholly() {
    const ALICE: &str = r#""arn:aws:iam::111122223333:user/eng/alice""#;
    const ROOT: &str = r#""arn:aws:iam::111122223333:root""#;
    const CI: &str = r#""arn:aws:iam::111122223333:role/teams/ci""#;
    const BUILD: &str = r#""arn:aws:sts::111122223333:assumed-role/ci/build-7""#;
    const TMP: &str = r#""arn:aws:sts::111122223333:federated-user/tmp""#;
    let denied = |names: &[&str]| {
        let audience = audience("NotPrincipal", &format!(r#"{{"AWS":[{}]}}"#, names.join(",")));
        assert_eq!(audience.grant(&alice()), Grant::None, "it is for Deny only");
        [root(), alice(), session(), federated(), token()].map(|caller| audience.denies(&caller))
    };
    assert_eq!(denied(&[]), [true; 5]);
    assert_eq!(denied(&[ROOT]), [false, true, true, true, true]);
    assert_eq!(denied(&[r#""111122223333""#]), [false, true, true, true, true]);
    assert_eq!(denied(&[ALICE]), [true; 5]);
    assert_eq!(denied(&[ALICE, ROOT]), [false, false, true, true, true]);
    assert_eq!(denied(&[r#""AIDAALICE0000000000AA""#, ROOT]), [false, false, true, true, true]);
    assert_eq!(denied(&[CI, ROOT]), [false, true, true, true, true]);
    assert_eq!(denied(&[BUILD, CI, ROOT]), [false, true, false, true, true]);
    assert_eq!(denied(&[BUILD, CI]), [true; 5]);
    assert_eq!(denied(&[TMP, ROOT]), [false, true, true, true, true]);
    assert_eq!(denied(&[TMP, ALICE, ROOT]), [false, false, true, false, true]);
    assert_eq!(denied(&[r#""*""#]), [false; 5]);
    let provider = format!(r#"{{"Federated":"{PROVIDER}"}}"#);
    assert!(!audience("NotPrincipal", &provider).denies(&token()));
    let service = r#"{"Service":"replication.ecr.amazonaws.com"}"#;
    assert!(!audience("NotPrincipal", service).denies(&worker()));
}

#[test]
fn valid_names() {
    for (kind, name) in [
        ("AWS", "*"),
        ("AWS", "111122223333"),
        ("AWS", "arn:aws:iam::111122223333:root"),
        ("AWS", "arn:aws:iam::111122223333:user/a/b/c"),
        ("AWS", "arn:aws:iam::111122223333:role/aws-service-role/x"),
        ("AWS", "arn:aws:sts::111122223333:assumed-role/a/b"),
        ("AWS", "arn:aws:sts::111122223333:federated-user/a"),
        ("AWS", "AIDAALICE0000000000AA"),
        ("Federated", "accounts.google.com"),
        ("Federated", PROVIDER),
        ("Service", "ec2.amazonaws.com"),
        ("Service", "replication.ecr.amazonaws.com"),
    ] {
        assert!(Name::parse(kind, name).is_some(), "{kind} {name}");
    }
    for (kind, name) in [
        ("AWS", ""),
        ("AWS", "alice"),
        ("AWS", "11112222333"),
        ("AWS", "arn:aws:iam::111122223333:user/"),
        ("AWS", "arn:aws:iam::111122223333:user/*"),
        ("AWS", "arn:aws:iam::111122223333:role/a?"),
        ("AWS", "arn:aws:iam::111122223333:*"),
        ("AWS", "arn:aws:iam::*:root"),
        ("AWS", "arn:aws:iam:us-east-1:111122223333:root"),
        ("AWS", "arn:aws:iam::111122223333:group/a"),
        ("AWS", "arn:aws:iam::111122223333:instance-profile/a"),
        ("AWS", "arn:aws-us-gov:iam::111122223333:root"),
        ("AWS", "arn:aws:sts::111122223333:assumed-role/a"),
        ("AWS", "arn:aws:sts::111122223333:assumed-role/p/a/b"),
        ("AWS", "AKIAALICE0000000000AA"),
        ("AWS", "AIDA"),
        ("aws", "*"),
        ("Federated", "*"),
        ("Federated", "example.com"),
        ("Federated", "arn:aws:iam::111122223333:oidc-provider/"),
        ("Federated", "arn:aws:iam::111122223333:role/x"),
        ("Service", "*"),
        ("Service", "ec2"),
        ("Service", ".amazonaws.com"),
        ("Service", "*.amazonaws.com"),
        ("CanonicalUser", "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"),
    ] {
        assert!(Name::parse(kind, name).is_none(), "{kind} {name}");
    }
}
