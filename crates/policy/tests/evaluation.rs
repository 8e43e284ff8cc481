//! What the table of cases leaves out: roots and lock-outs, registries, trust, stored policies that
//! make no sense, the record, and what callers tell of themselves.
#![allow(clippy::unwrap_used)]

mod world;

use std::sync::Arc;

use serde_json::json;
use wharf_policy::{
    Caller, Decision, Document, Facts, Grammar, Layer, Outcome, Policies, Policy, Request,
    Resource, ResourcePolicies, Scope, evaluate, locks_out,
};
use world::*;

#[test]
fn a_root_keeps_the_keys_to_its_own_policies() {
    let lock = grant("Deny", &json!("*"), "ecr:*");
    let registry = json!({"Version": "2012-10-17", "Statement":
        {"Effect": "Deny", "Principal": "*", "Action": "ecr:*", "Resource": "*"}});
    let mut case =
        json!({"principal": ROOT, "resource": APP, "repository": lock, "registry": registry});
    for (action, expected) in [
        ("ecr:GetRepositoryPolicy", ALLOW),
        ("ecr:SetRepositoryPolicy", ALLOW),
        ("ecr:DeleteRepositoryPolicy", ALLOW),
        ("ecr:GetRegistryPolicy", ALLOW),
        ("ecr:PutRegistryPolicy", ALLOW),
        ("ecr:DeleteRegistryPolicy", ALLOW),
        ("ecr:PutImage", denied(Layer::Resource)),
        ("ecr:DeleteRepository", denied(Layer::Resource)),
    ] {
        case["action"] = action.into();
        case["principal"] = ROOT.into();
        assert_eq!(outcome(&case), expected, "{action}");
        for other in [ALICE, "arn:aws:iam::444455556666:root"] {
            case["principal"] = other.into();
            case["identity"] = json!([allow("*")]);
            assert_eq!(outcome(&case), denied(Layer::Resource), "{other} {action}");
        }
    }
}

#[test]
fn a_policy_that_locks_its_author_out_is_recognised() {
    let everything = [Arc::new(policy(&allow("*"), Grammar::Identity, "all"))];
    let context = Facts::default();
    for (who, new, expected) in [
        (ALICE, grant("Allow", &json!("*"), "ecr:BatchGetImage"), false),
        (ALICE, grant("Deny", &json!("*"), "ecr:DeleteRepository"), false),
        (ALICE, grant("Deny", &json!("*"), "ecr:*"), true),
        (ALICE, grant("Deny", &json!({"AWS": ALICE}), "ecr:SetRepositoryPolicy"), true),
        (ROOT, grant("Deny", &json!("*"), "ecr:*"), false),
    ] {
        let caller = caller(who);
        let new = policy(&new, Grammar::Repository, "team/app");
        let resource = Resource::Named { account: &caller.account, arn: APP };
        let request = Request {
            caller: &caller,
            action: "ecr:SetRepositoryPolicy",
            resource,
            context: &context,
        };
        let resource =
            ResourcePolicies::Ecr { repository: Some(&new), registry: None, scope: Scope::V2 };
        let policies = Policies { identity: &everything, resource, ..Policies::default() };
        assert_eq!(locks_out(&request, &policies), expected, "{who} {new:?}");
    }
}

#[test]
fn tokens_come_from_the_holders_own_policies() {
    let registry = |effect: &str| {
        json!({"Version": "2012-10-17", "Statement":
            {"Effect": effect, "Principal": {"AWS": ALICE}, "Action": "ecr:*", "Resource": "*"}})
    };
    let mut case = json!({
        "principal": ALICE, "action": "ecr:GetAuthorizationToken", "resource": "*",
        "resource_account": "111122223333", "registry": registry("Allow"), "identity": [],
    });
    assert_eq!(outcome(&case), silent(Layer::Identity));
    case["identity"] = json!([allow("ecr:GetAuthorizationToken")]);
    assert_eq!(outcome(&case), ALLOW);
    case["registry"] = registry("Deny");
    assert_eq!(outcome(&case), denied(Layer::Resource));
    // Another right on `*` does come from the registry's policy.
    case["registry"] = registry("Allow");
    case["action"] = "ecr:DescribeRegistry".into();
    assert_eq!(outcome(&case), ALLOW);
    // An ARN is not `*`.
    case["action"] = "ecr:GetAuthorizationToken".into();
    case["identity"] = json!([{"Version": "2012-10-17", "Statement":
        {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:ecr:*:*:*"}}]);
    assert_eq!(outcome(&case), silent(Layer::Identity));
}

#[test]
fn the_scope_of_a_registrys_policy() {
    for (scope, action, expected) in [
        ("V1", "ecr:ReplicateImage", ALLOW),
        ("V1", "ecr:CreateRepository", ALLOW),
        ("V1", "ecr:BatchImportUpstreamImage", ALLOW),
        ("V1", "ecr:PutImage", silent(Layer::Resource)),
        ("V2", "ecr:PutImage", ALLOW),
    ] {
        let case = json!({
            "principal": "arn:aws:iam::444455556666:user/xena", "action": action, "resource": APP,
            "identity": [allow("*")], "registry_scope": scope,
            "registry": {"Version": "2012-10-17", "Statement":
                {"Effect": "Allow", "Principal": "*", "Action": "ecr:*", "Resource": "*"}},
        });
        assert_eq!(outcome(&case), expected, "{scope} {action}");
    }
}

#[test]
fn roles_trust() {
    const ROLE: &str = "arn:aws:iam::111122223333:role/deploy";
    let mut case = json!({"action": "sts:AssumeRole", "resource": ROLE, "identity": []});
    for (who, effect, principal, identity, expected) in [
        (ALICE, "Allow", json!({"AWS": ALICE}), false, ALLOW),
        (ALICE, "Allow", json!({"AWS": "111122223333"}), false, silent(Layer::Identity)),
        (ALICE, "Allow", json!({"AWS": "111122223333"}), true, ALLOW),
        (ALICE, "Allow", json!({"AWS": "444455556666"}), true, silent(Layer::Trust)),
        (ALICE, "Deny", json!({"AWS": ALICE}), true, denied(Layer::Trust)),
        (ROOT, "Allow", json!({"AWS": "444455556666"}), true, silent(Layer::Trust)),
        (
            "arn:aws:iam::444455556666:user/xena",
            "Allow",
            json!({"AWS": "*"}),
            false,
            silent(Layer::Identity),
        ),
        ("arn:aws:iam::444455556666:user/xena", "Allow", json!({"AWS": "*"}), true, ALLOW),
        (SESSION, "Allow", json!({"AWS": "arn:aws:iam::111122223333:role/ci"}), false, ALLOW),
    ] {
        case["principal"] = who.into();
        case["trust"] = grant(effect, &principal, "sts:AssumeRole");
        case["identity"] = if identity { json!([allow("*")]) } else { json!([]) };
        assert_eq!(outcome(&case), expected, "{who} {effect} {principal} {identity}");
    }
}

#[test]
fn tokens_of_providers() {
    const ROLE: &str = "arn:aws:iam::111122223333:role/deploy";
    const PROVIDER: &str = "arn:aws:iam::111122223333:oidc-provider/ci.example";
    let federated = json!({"Federated": PROVIDER});
    let web = "sts:AssumeRoleWithWebIdentity";
    let mut narrowed = grant("Allow", &federated, web);
    narrowed["Statement"]["Condition"] = json!({"StringLike": {"ci.example:sub": "repo:team/*"}});
    let account: wharf_policy::AccountId = "111122223333".parse().unwrap();
    for (trust, subject, expected) in [
        (Some(narrowed.clone()), "repo:team/app", Outcome::Allow),
        (Some(narrowed.clone()), "repo:other/app", Outcome::ImplicitDeny),
        (Some(grant("Allow", &json!({"AWS": "*"}), web)), "x", Outcome::ImplicitDeny),
        (Some(grant("Allow", &json!({"AWS": "111122223333"}), web)), "x", Outcome::ImplicitDeny),
        (Some(grant("Allow", &federated, "sts:AssumeRole")), "x", Outcome::ImplicitDeny),
        (Some(grant("Deny", &json!({"AWS": "*"}), web)), "x", Outcome::ExplicitDeny),
        (
            Some(grant(
                "Allow",
                &json!({"Federated": "arn:aws:iam::111122223333:oidc-provider/other"}),
                web,
            )),
            "x",
            Outcome::ImplicitDeny,
        ),
        (None, "x", Outcome::ImplicitDeny),
    ] {
        let caller = Caller::web_identity(account.clone(), PROVIDER);
        let context = world::context(&json!({"ci.example:sub": subject}));
        let resource = Resource::Named { account: &account, arn: ROLE };
        let request = Request { caller: &caller, action: web, resource, context: &context };
        let compiled = trust.as_ref().map(|trust| policy(trust, Grammar::Trust, "deploy"));
        let policies = Policies {
            resource: ResourcePolicies::Trust(compiled.as_ref()),
            ..Policies::default()
        };
        let evaluated = evaluate(&request, &policies);
        assert_eq!(evaluated.outcome, expected, "{trust:?} {subject}");
        assert_eq!(evaluated.layer, Some(Layer::Trust));
    }
    // Nothing else is ever open to the holder of a token.
    let caller = Caller::web_identity(account.clone(), PROVIDER);
    let context = Facts::default();
    let resource = Resource::Named { account: &account, arn: APP };
    let request = Request { caller: &caller, action: "ecr:PutImage", resource, context: &context };
    let all = [Arc::new(policy(&allow("*"), Grammar::Identity, "all"))];
    let policies = Policies { identity: &all, ..Policies::default() };
    assert_eq!(evaluate(&request, &policies).outcome, Outcome::ImplicitDeny);
}

#[test]
fn stored_policies_that_make_no_sense_fail_closed() {
    for statement in [
        json!({"Action": "*", "Resource": "*", "Condition": {"Nonsense": {"a:b": "c"}}}),
        json!({"Action": "*", "Resource": "*", "Condition": {"NumericEquals": {"aws:CurrentTime": "x"}}}),
        json!({"Resource": "*"}),
        json!({"Action": "*"}),
        json!({"NotAction": [], "Resource": "*"}),
        json!({"Action": "*", "NotResource": []}),
    ] {
        for effect in ["Allow", "Deny"] {
            let mut statement = statement.clone();
            statement["Effect"] = effect.into();
            let text = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
            let document = Document::parse(&text, Grammar::Identity).unwrap();
            let strange = Arc::new(Policy::new(&document, Grammar::Identity, "strange"));
            let all = Arc::new(policy(&allow("*"), Grammar::Identity, "all"));
            let identity = if effect == "Deny" { vec![all, strange] } else { vec![strange] };
            let caller = caller(ALICE);
            let context =
                world::context(&json!({"a:b": "c", "aws:CurrentTime": "2026-01-01T00:00:00Z"}));
            let resource = Resource::Named { account: &caller.account, arn: APP };
            let request =
                Request { caller: &caller, action: "ecr:PutImage", resource, context: &context };
            let policies = Policies { identity: &identity, ..Policies::default() };
            let expected =
                if effect == "Deny" { Outcome::ExplicitDeny } else { Outcome::ImplicitDeny };
            assert_eq!(evaluate(&request, &policies).outcome, expected, "{text}");
        }
    }
    // Empty lists match nothing, in a Deny too.
    for empty in [json!({"Action": [], "Resource": "*"}), json!({"Action": "*", "Resource": []})] {
        let mut statement = empty;
        statement["Effect"] = "Deny".into();
        let text = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
        let document = Document::parse(&text, Grammar::Identity).unwrap();
        let nothing = Arc::new(Policy::new(&document, Grammar::Identity, "nothing"));
        let all = Arc::new(policy(&allow("*"), Grammar::Identity, "all"));
        let (caller, context) = (caller(ALICE), Facts::default());
        let resource = Resource::Named { account: &caller.account, arn: APP };
        let request =
            Request { caller: &caller, action: "ecr:PutImage", resource, context: &context };
        let identity = [all, nothing];
        let policies = Policies { identity: &identity, ..Policies::default() };
        assert_eq!(evaluate(&request, &policies).outcome, Outcome::Allow, "{text}");
    }
}

#[test]
fn the_record_names_the_statement_and_the_missing_keys() {
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "One", "Effect": "Allow", "Action": "s3:*", "Resource": "*",
         "Condition": {"StringEquals": {"aws:NotAsked": "x"}}},
        {"Sid": "Two", "Effect": "Allow", "Action": "ecr:*", "Resource": "*",
         "Condition": {"StringEquals": {"aws:ResourceTag/env": "prod"}}},
        {"Effect": "Deny", "Action": "ecr:*", "Resource": "arn:aws:ecr:*:*:repository/${aws:SourceIdentity}",
         "Condition": {"Bool": {"AWS:resourcetag/env": "true"}}},
        {"Sid": "Four", "Effect": "Deny", "Action": "ecr:DeleteRepository", "Resource": "*"},
        {"Effect": "Deny", "Action": "ecr:PutImage", "Resource": "*", "Condition": {"Bool": {"aws:ResourceTag/ENV": "true"}}},
    ]});
    let identity = [Arc::new(
        policy(&document, Grammar::Identity, "team")
            .with_arn("arn:aws:iam::111122223333:policy/team"),
    )];
    let caller = caller(ALICE);
    let ask = |action, context: &Facts| {
        let resource = Resource::Named { account: &caller.account, arn: APP };
        let request = Request { caller: &caller, action, resource, context };
        let policies = Policies { identity: &identity, ..Policies::default() };
        let evaluated = evaluate(&request, &policies);
        let statement = evaluated.statement.map(|found| {
            (found.policy.name().to_owned(), found.index, found.sid.map(str::to_owned))
        });
        let missing: Vec<String> =
            evaluated.missing.iter().map(|key| key.as_str().to_owned()).collect();
        (statement, missing, evaluated.decision(&request))
    };
    let two = Some(("team".to_owned(), 1, Some("Two".to_owned())));
    let tagged = world::context(&json!({"aws:ResourceTag/env": "prod"}));
    assert_eq!(
        ask("ecr:PutImage", &tagged),
        (two, vec!["aws:SourceIdentity".to_owned()], Decision::Allow)
    );
    let (statement, missing, decision) = ask("ecr:PutImage", &Facts::default());
    assert_eq!(statement, None);
    assert_eq!(missing, ["aws:ResourceTag/env", "aws:SourceIdentity"]);
    let Decision::Deny(denial) = decision else { panic!("it is allowed") };
    assert_eq!(
        denial.to_string(),
        format!(
            "User: {ALICE} is not authorized to perform: ecr:PutImage on resource: {APP} because no \
         identity-based policy allows the ecr:PutImage action"
        )
    );
    let (statement, _, decision) = ask("ecr:DeleteRepository", &tagged);
    assert_eq!(statement, Some(("team".to_owned(), 3, Some("Four".to_owned()))));
    let Decision::Deny(denial) = decision else { panic!("it is allowed") };
    assert_eq!(
        denial.with_policy(),
        format!(
            "User: {ALICE} is not authorized to perform: ecr:DeleteRepository on resource: {APP} with an \
         explicit deny in an identity-based policy: arn:aws:iam::111122223333:policy/team"
        )
    );
}

#[test]
fn what_callers_tell_of_themselves() {
    let session = wharf_policy::Session {
        issued: "2026-06-01T12:00:00Z".parse().unwrap(),
        second_factor: true,
        source_identity: Some("bob".to_owned()),
        ..wharf_policy::Session::default()
    };
    let tags: Arc<[(String, String)]> = [("Team".to_owned(), "red".to_owned())].into();
    let session = Caller { session: Some(session.into()), tags, ..caller(SESSION) };
    for (who, key, expected) in [
        (caller(ROOT), "aws:PrincipalType", Some("Account")),
        (caller(ROOT), "aws:userid", Some("111122223333")),
        (caller(ROOT), "aws:username", None),
        (caller(ALICE), "aws:PrincipalArn", Some(ALICE)),
        (caller(ALICE), "aws:PrincipalType", Some("User")),
        (caller(ALICE), "aws:userid", Some("AIDAALICE0000000000AA")),
        (caller("arn:aws:iam::111122223333:user/eng/bob"), "aws:username", Some("bob")),
        (caller(ALICE), "aws:TokenIssueTime", None),
        (caller(ALICE), "aws:MultiFactorAuthPresent", None),
        (caller(ALICE), "aws:PrincipalTag/team", None),
        (caller(ALICE), "aws:ViaAWSService", Some("false")),
        (caller(ALICE), "aws:PrincipalIsAWSService", Some("false")),
        (session.clone(), "aws:PrincipalArn", Some("arn:aws:iam::111122223333:role/ci")),
        (session.clone(), "aws:PrincipalAccount", Some("111122223333")),
        (session.clone(), "aws:PrincipalType", Some("AssumedRole")),
        (session.clone(), "aws:userid", Some("AROACI000000000000AAA:build-7")),
        (session.clone(), "aws:username", None),
        (session.clone(), "aws:TokenIssueTime", Some("2026-06-01T12:00:00Z")),
        (session.clone(), "aws:MultiFactorAuthPresent", Some("true")),
        (session.clone(), "aws:SourceIdentity", Some("bob")),
        (session.clone(), "aws:FederatedProvider", None),
        (session.clone(), "AWS:principaltag/team", Some("red")),
        (caller(FEDERATED), "aws:PrincipalArn", Some(FEDERATED)),
        (caller(FEDERATED), "aws:PrincipalType", Some("FederatedUser")),
        (caller(FEDERATED), "aws:userid", Some("111122223333:tmp")),
    ] {
        // The context must not be asked for what the caller is.
        let context =
            world::context(&json!({"aws:PrincipalArn": "forged", "aws:userid": "forged"}));
        let (operator, value) = match expected {
            Some(value) => ("StringEquals", value),
            None => ("Null", "true"),
        };
        let document = json!({"Version": "2012-10-17", "Statement":
            {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {operator: {key: value}}}});
        let boundary = policy(&document, Grammar::Identity, "key");
        let session = [Arc::new(boundary)];
        let resource = Resource::Named { account: &who.account, arn: APP };
        let request = Request { caller: &who, action: "ecr:PutImage", resource, context: &context };
        let policies = Policies { session: Some(&session), ..Policies::default() };
        assert_eq!(
            evaluate(&request, &policies).outcome,
            Outcome::ExplicitDeny,
            "{} {key}",
            who.arn
        );
    }
}
