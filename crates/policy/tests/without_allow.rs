//! Nothing is allowed that no policy allows: whatever denies, bounds or makes no sense stands in
//! whichever places, and whoever but a root asks for whatever.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use proptest::{prelude::*, strategy::ValueTree};
use serde_json::{Value as Json, json};
use wharf_policy::{
    AccountId, Caller, Document, Fact, Facts, Grammar, Outcome, Policies, Policy, Request,
    Resource, ResourcePolicies, Scope, Session, evaluate,
};

const OWN: &str = "111122223333";

/// Texts that mean something in a policy, the first of them most often, and any others.
fn text(known: &'static [&'static str]) -> impl Strategy<Value = Json> {
    prop_oneof![
        6 => Just(Json::from(known[0])),
        5 => prop::sample::select(known).prop_map(Json::from),
        1 => "\\PC{0,12}".prop_map(Json::from),
    ]
}

/// One, or a list of some, or of none.
fn texts(known: &'static [&'static str]) -> impl Strategy<Value = Json> {
    prop_oneof![
        2 => text(known),
        1 => prop::collection::vec(text(known), 0..4).prop_map(Json::from),
    ]
}

const ACTIONS: &[&str] = &["*", "ecr:*", "ecr:PutImage", "ecr:Get*", "iam:*", "sts:AssumeRole", ""];
const RESOURCES: &[&str] = &[
    "*",
    "arn:aws:ecr:*:*:repository/*",
    "arn:aws:ecr:us-east-1:111122223333:repository/team/app",
    "arn:aws:ecr:*:*:repository/${aws:username}",
    "arn:aws:iam::111122223333:role/*",
    "repository",
];
const PRINCIPALS: &[&str] = &[
    "*",
    OWN,
    "444455556666",
    "arn:aws:iam::111122223333:user/alice",
    "arn:aws:iam::111122223333:role/ci",
    "arn:aws:sts::111122223333:assumed-role/ci/build",
    "arn:aws:sts::111122223333:federated-user/tmp",
    "arn:aws:iam::111122223333:oidc-provider/ci.example",
    "AIDAALICE0000000000AA",
    "nobody",
];
const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringLike",
    "ForAllValues:StringEquals",
    "ForAnyValue:StringNotLike",
    "StringEqualsIfExists",
    "NumericLessThan",
    "DateNotEquals",
    "Bool",
    "Null",
    "NotIpAddress",
    "ArnLike",
    "BinaryEquals",
    "Nonsense",
];
const KEYS: &[&str] = &[
    "aws:username",
    "aws:PrincipalArn",
    "aws:PrincipalTag/team",
    "aws:TagKeys",
    "aws:SourceIp",
    "aws:SecureTransport",
    "ecr:ResourceTag/env",
    "none:such",
];
const VALUES: &[&str] =
    &["*", "alice", "prod", "true", "false", "10.0.0.0/8", "10", "2026-01-01", "${aws:username}"];

/// A statement of this effect, with elements that may be missing, negated, empty or wrong.
fn statement(effect: &'static str) -> impl Strategy<Value = Json> {
    let element = |name: &'static str, not: &'static str, known| {
        prop::option::weighted(
            0.9,
            (prop::sample::select(vec![name, name, name, name, not]), texts(known)),
        )
    };
    let kind = prop::sample::select(vec!["AWS", "AWS", "Federated", "Service"]);
    let principal = prop_oneof![
        1 => Just(json!("*")),
        3 => (kind, texts(PRINCIPALS)).prop_map(|(kind, names)| json!({kind: names})),
    ];
    let principal =
        (prop::sample::select(vec!["Principal", "Principal", "NotPrincipal"]), principal);
    let test = (text(OPERATORS), text(KEYS), texts(VALUES));
    let parts = (
        element("Action", "NotAction", ACTIONS),
        element("Resource", "NotResource", RESOURCES),
        prop::option::weighted(0.7, principal),
        prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(test, 1..3)],
    );
    parts.prop_map(move |(action, resource, principal, tests)| {
        let mut statement = json!({"Effect": effect});
        for (name, value) in [action, resource, principal].into_iter().flatten() {
            statement[name] = value;
        }
        for (operator, key, values) in tests {
            statement["Condition"][operator.as_str().unwrap()][key.as_str().unwrap()] = values;
        }
        statement
    })
}

/// A document as it may be stored: its structure is right, its sense is not asked for.
fn policy(effect: &'static str, grammar: Grammar) -> impl Strategy<Value = Arc<Policy>> {
    let version = prop::sample::select(vec!["2012-10-17", "2012-10-17", "2008-10-17"]);
    (version, prop::collection::vec(statement(effect), 1..4)).prop_map(
        move |(version, statements)| {
            let text = json!({"Version": version, "Statement": statements}).to_string();
            Policy::new(&Document::parse(&text, grammar).unwrap(), grammar, "random").into()
        },
    )
}

fn some(effect: &'static str) -> impl Strategy<Value = Vec<Arc<Policy>>> {
    prop::collection::vec(policy(effect, Grammar::Identity), 0..3)
}

/// Everybody but a root.
fn caller() -> impl Strategy<Value = Caller> {
    let kind = 0..4;
    let account = prop::sample::select(vec![OWN, OWN, OWN, "444455556666"]);
    let tags = prop::collection::vec(("team|env", "prod|a"), 0..2);
    (kind, account, tags, any::<bool>(), any::<bool>()).prop_map(
        |(kind, account, tags, session, worker)| {
            let owner: AccountId = account.parse().unwrap();
            let user = format!("arn:aws:iam::{account}:user/alice");
            let role = format!("arn:aws:iam::{account}:role/ci");
            let provider = format!("arn:aws:iam::{account}:oidc-provider/ci.example");
            let id = "AIDAALICE0000000000AA";
            let caller = match kind {
                0 => Caller::user(owner, &user, id, "AKIA"),
                1 => Caller::role_session(owner, &role, "AROACI000000000000AAA", "build", "ASIA"),
                2 => Caller::federated_user(owner, "tmp", &user, id, "ASIA"),
                _ => Caller::web_identity(owner, &provider),
            };
            Caller {
                tags: tags.into(),
                session: session.then(|| Arc::new(Session::default())),
                service: worker.then(|| "replication.ecr.amazonaws.com".into()),
                ..caller
            }
        },
    )
}

/// What is asked, but for who asks.
#[derive(Debug)]
struct Asked {
    action: String,
    owner: AccountId,
    resource: String,
    facts: Facts,
}

fn asked() -> impl Strategy<Value = Asked> {
    let action = prop_oneof![
        4 => prop::sample::select(vec![
            "ecr:PutImage", "ecr:GetAuthorizationToken", "ecr:SetRepositoryPolicy", "iam:GetUser",
            "sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "ecr:ReplicateImage", "ecr:CreateRepository",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,20}",
    ];
    let resource = prop_oneof![
        3 => Just("arn:aws:ecr:us-east-1:111122223333:repository/team/app".to_owned()),
        1 => Just("arn:aws:iam::111122223333:role/ci".to_owned()),
        1 => Just("*".to_owned()),
        1 => "\\PC{0,20}",
    ];
    let one = text(VALUES).prop_map(|value| Fact::One(value.as_str().unwrap().to_owned()));
    let many = prop::collection::vec("[a-z]{0,4}", 0..3).prop_map(Fact::Many);
    let fact = (text(KEYS), prop_oneof![one, many]);
    let facts = prop::collection::vec(fact, 0..5);
    (action, prop::sample::select(vec![OWN, OWN, OWN, "444455556666"]), resource, facts).prop_map(
        |(action, owner, resource, facts)| {
            let facts =
                facts.into_iter().map(|(key, fact)| (key.as_str().unwrap().to_owned(), fact));
            Asked { action, owner: owner.parse().unwrap(), resource, facts: facts.collect() }
        },
    )
}

/// The policies of a resource, and which kind of place they stand in.
#[derive(Debug)]
struct Owners {
    repository: Option<Arc<Policy>>,
    registry: Option<Arc<Policy>>,
    trust: Option<Arc<Policy>>,
    place: u8,
}

impl Owners {
    fn policies(&self) -> ResourcePolicies<'_> {
        let (repository, registry) = (self.repository.as_deref(), self.registry.as_deref());
        match self.place {
            0 => ResourcePolicies::None,
            1 => ResourcePolicies::Trust(self.trust.as_deref()),
            2 => ResourcePolicies::Ecr { repository, registry, scope: Scope::V1 },
            _ => ResourcePolicies::Ecr { repository, registry, scope: Scope::V2 },
        }
    }
}

fn owners(effect: &'static str) -> impl Strategy<Value = Owners> {
    let parts = (
        prop::option::of(policy(effect, Grammar::Repository)),
        prop::option::of(policy(effect, Grammar::Registry(Scope::V2))),
        prop::option::of(policy(effect, Grammar::Trust)),
        0..4_u8,
    );
    parts.prop_map(|(repository, registry, trust, place)| Owners {
        repository,
        registry,
        trust,
        place,
    })
}

/// What caps the caller: boundary, session policies, a token's.
type Ceilings = (Option<Arc<Policy>>, Option<Vec<Arc<Policy>>>, Option<Vec<Arc<Policy>>>);

fn ceilings(effect: &'static str) -> impl Strategy<Value = Ceilings> {
    (
        prop::option::weighted(0.3, policy(effect, Grammar::Identity)),
        prop::option::weighted(0.3, some(effect)),
        prop::option::weighted(0.3, some(effect)),
    )
}

fn decide(
    caller: &Caller,
    asked: &Asked,
    identity: &[Arc<Policy>],
    (boundary, session, token): &Ceilings,
    owners: &Owners,
) -> Outcome {
    let resource = Resource::Named { account: &asked.owner, arn: &asked.resource };
    let request = Request { caller, action: &asked.action, resource, context: &asked.facts };
    let policies = Policies {
        identity,
        boundary: boundary.as_deref(),
        session: session.as_deref(),
        token: token.as_deref(),
        resource: owners.policies(),
    };
    evaluate(&request, &policies).outcome
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn no_set_of_policies_without_an_allow_allows(
        caller in caller(),
        asked in asked(),
        identity in some("Deny"),
        ceilings in ceilings("Deny"),
        owners in owners("Deny"),
    ) {
        prop_assert_ne!(decide(&caller, &asked, &identity, &ceilings, &owners), Outcome::Allow);
    }

    #[test]
    fn a_ceiling_full_of_allows_grants_nothing(
        caller in caller(),
        asked in asked(),
        identity in some("Deny"),
        ceilings in ceilings("Allow"),
        owners in owners("Deny"),
    ) {
        prop_assert_ne!(decide(&caller, &asked, &identity, &ceilings, &owners), Outcome::Allow);
    }

    #[test]
    fn nobody_enters_another_account_that_grants_nothing(
        caller in caller(),
        mut asked in asked(),
        identity in some("Allow"),
        ceilings in ceilings("Allow"),
        owners in owners("Deny"),
    ) {
        asked.owner = "777788889999".parse().unwrap();
        prop_assert_ne!(decide(&caller, &asked, &identity, &ceilings, &owners), Outcome::Allow);
    }
}

/// The strategies do make policies that allow: otherwise the properties above would say nothing.
#[test]
fn with_allows_much_is_allowed() {
    let everything = (caller(), asked(), some("Allow"), ceilings("Allow"), owners("Allow"));
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let allowed = (0..2_000).filter(|_| {
        let tree = everything.new_tree(&mut runner).unwrap();
        let (caller, asked, identity, ceilings, owners) = tree.current();
        decide(&caller, &asked, &identity, &ceilings, &owners) == Outcome::Allow
    });
    let allowed = allowed.count();
    assert!(allowed > 40, "{allowed} of 2000");
}
