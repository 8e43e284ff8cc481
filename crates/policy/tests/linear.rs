//! What hostile policies cost: no more than their length times that of the request.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use serde_json::json;
use wharf_policy::{
    Caller, Document, Fact, Facts, Grammar, Nothing, Outcome, Policies, Policy, Request, Resource,
    evaluate,
};

/// Far more than what grows with the length takes, and far less than what grows with its square.
const BOUND: Duration = Duration::from_secs(2);

fn alice() -> Caller {
    let account = "111122223333".parse().unwrap();
    Caller::user(account, "arn:aws:iam::111122223333:user/alice", "AIDAALICE0000000000AA", "AKIA")
}

fn within_bound<T>(work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = work();
    assert!(begun.elapsed() < BOUND, "it took {:?}", begun.elapsed());
    done
}

#[test]
fn a_policy_that_asks_for_thousands_of_keys() {
    let keys = (0..9_000).map(|number| format!("{:?}:\"\"", format!("k{number}")));
    let keys = keys.collect::<Vec<_>>().join(",");
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"*",
            "Condition":{{"StringNotEquals":{{{keys}}}}}}}}}"#
    );
    let document = Document::accept(&text, Grammar::Identity).unwrap();
    assert_eq!(within_bound(|| document.context_keys()).len(), 9_000);

    let own = [Policy::new(&document, Grammar::Identity, "hostile").into()];
    let policies = Policies { identity: &own, ..Policies::default() };
    let caller = alice();
    let resource =
        Resource::Named { account: &caller.account, arn: "arn:aws:ecr:a:1:repository/b" };
    let request = Request { caller: &caller, action: "ecr:PutImage", resource, context: &Nothing };
    let evaluation = within_bound(|| evaluate(&request, &policies));
    assert_eq!((evaluation.outcome, evaluation.missing.len()), (Outcome::Allow, 9_000));
}

#[test]
fn variables_that_stand_for_long_values() {
    let long = "x".repeat(100_000);
    let variables = "${a:b}".repeat(20_000);
    let pattern = format!("arn:aws:ecr:*:*:repository/{variables}");
    for condition in ["StringLike", "StringEquals", "StringEqualsIgnoreCase", "ArnLike"] {
        let document = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": pattern},
            {"Effect": "Allow", "Action": "*", "Resource": "*",
             "Condition": {condition: {"aws:PrincipalArn": "${a:b}".repeat(100)}}},
        ]});
        let document = Document::parse(&document.to_string(), Grammar::Identity).unwrap();
        let own = [Policy::new(&document, Grammar::Identity, "hostile").into()];
        let policies = Policies { identity: &own, ..Policies::default() };
        let context: Facts = [("a:b".to_owned(), Fact::One(long.clone()))].into_iter().collect();
        let caller = alice();
        let arn = "arn:aws:ecr:us-east-1:111122223333:repository/b";
        let resource = Resource::Named { account: &caller.account, arn };
        let request =
            Request { caller: &caller, action: "ecr:PutImage", resource, context: &context };
        // Filled in, the pattern would have two thousand million characters.
        let evaluation = within_bound(|| evaluate(&request, &policies));
        assert_eq!(evaluation.outcome, Outcome::ImplicitDeny, "{condition}");
    }
}
