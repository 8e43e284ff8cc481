//! What one evaluation costs: `cargo bench -p wharf-policy`. The callers have policies as teams
//! write them, and the statement that allows comes last.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use wharf_policy::{
    Caller, Document, Facts, Grammar, Outcome, Policies, Policy, Request, Resource,
    ResourcePolicies, Scope, evaluate,
};

/// Of so many batches the quickest counts: whatever else the machine does only slows down.
const BATCHES: usize = 400;
const ROUNDS: u32 = 250;

fn compiled(statements: &[String], grammar: Grammar) -> Arc<Policy> {
    let statements = statements.join(",");
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    let document = Document::accept(&text, grammar).unwrap();
    Arc::new(Policy::new(&document, grammar, "team"))
}

/// A statement about other repositories, with five actions.
fn stranger(index: usize) -> String {
    format!(
        r#"{{"Effect":"Allow","Action":["ecr:BatchCheckLayerAvailability","ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer","ecr:PutImage","ecr:Describe*"],
            "Resource":["arn:aws:ecr:eu-west-1:111122223333:repository/team-{index}/*",
                        "arn:aws:ecr:us-east-1:111122223333:repository/team-{index}/*"]}}"#
    )
}

fn conditioned(index: usize) -> String {
    format!(
        r#"{{"Effect":"Deny","Action":"ecr:*","Resource":"*","Condition":{{
            "StringEquals":{{"aws:ResourceTag/team":"team-{index}"}},
            "NotIpAddress":{{"aws:SourceIp":["10.0.0.0/8","192.168.0.0/16"]}}}}}}"#
    )
}

const LAST: &str = r#"{"Effect":"Allow","Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],
    "Resource":"arn:aws:ecr:eu-west-1:111122223333:repository/shared/*"}"#;

fn main() {
    let none: [Arc<Policy>; 0] = [];
    let last = || LAST.to_owned();
    let one = [compiled(&[last()], Grammar::Identity)];
    let twenty: Vec<_> = (0..4)
        .map(|policy| {
            let own =
                (policy * 5..policy * 5 + 5).map(|n| if n < 19 { stranger(n) } else { last() });
            compiled(&own.collect::<Vec<_>>(), Grammar::Identity)
        })
        .collect();
    let denies: Vec<_> = (0..4)
        .map(|policy| {
            let own =
                (policy * 5..policy * 5 + 5).map(|n| if n < 19 { conditioned(n) } else { last() });
            compiled(&own.collect::<Vec<_>>(), Grammar::Identity)
        })
        .collect();
    let hundred: Vec<_> = (0..10)
        .map(|policy| {
            let own =
                (policy * 10..policy * 10 + 10).map(|n| if n < 99 { stranger(n) } else { last() });
            compiled(&own.collect::<Vec<_>>(), Grammar::Identity)
        })
        .collect();
    let account: wharf_policy::AccountId = "111122223333".parse().unwrap();
    let root = Caller::root(account.clone(), "AKIA".to_owned());
    let alice = Caller::user(account, "arn:aws:iam::111122223333:user/alice", "AIDA", "AKIA");
    measure("root, no policies", &root, &none);
    measure("user, 1 statement", &alice, &one);
    measure("user, 20 statements", &alice, &twenty);
    measure("user, 20 statements, 19 with conditions", &alice, &denies);
    measure("user, 10 policies of 10 statements", &alice, &hundred);
}

fn measure(what: &str, caller: &Caller, identity: &[Arc<Policy>]) {
    let region = "eu-west-1".parse().unwrap();
    let one = |text: &str| wharf_policy::Fact::One(text.to_owned());
    let context: Facts = [
        ("aws:ResourceTag/team".to_owned(), one("shared")),
        ("aws:SourceIp".to_owned(), one("203.0.113.7")),
    ]
    .into_iter()
    .collect();
    let resource =
        Resource::Repository { account: &caller.account, region: &region, name: "shared/base" };
    let request = Request { caller, action: "ecr:BatchGetImage", resource, context: &context };
    let resource = ResourcePolicies::Ecr { repository: None, registry: None, scope: Scope::V2 };
    let policies = Policies { identity, resource, ..Policies::default() };
    let quickest = (0..BATCHES).map(|_| {
        let begin = Instant::now();
        for _ in 0..ROUNDS {
            let evaluated = evaluate(black_box(&request), black_box(&policies));
            assert_eq!(evaluated.outcome, Outcome::Allow);
        }
        begin.elapsed()
    });
    println!("{what}: {} ns", quickest.min().unwrap().as_nanos() / u128::from(ROUNDS));
}
