//! IAM as its clients meet it: what is made, shown, refused and decided, through the door.

use serde_json::{Value, json};
use wharf_testkit::{ACCOUNT, ApiError, Credentials, Wharf, oracle};

mod documents;
mod errors;
mod gate;
mod keys;
mod pages;
mod shapes;
mod simulation;

/// Calls IAM as the root; it must work.
async fn done(wharf: &Wharf, operation: &str, input: Value) -> Value {
    let told = oracle::iam(wharf, operation, input.clone()).await;
    told.unwrap_or_else(|error| panic!("{operation}({input}): {error}"))
}

/// Calls IAM as somebody.
async fn by(
    wharf: &Wharf,
    who: &Credentials,
    operation: &str,
    input: Value,
) -> Result<Value, ApiError> {
    oracle::iam_as(wharf, who, operation, input).await
}

/// An identity policy of one statement, with a condition or without.
fn policy(effect: &str, action: &str, resource: &str, condition: Option<Value>) -> String {
    let mut statement =
        json!({ "Sid": "One", "Effect": effect, "Action": action, "Resource": resource });
    if let Some(condition) = condition {
        statement["Condition"] = condition;
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

fn allow(action: &str, resource: &str) -> String {
    policy("Allow", action, resource, None)
}

/// A trust policy that lets the account's own principals take a role.
fn trust() -> String {
    let principal = json!({ "AWS": format!("arn:aws:iam::{ACCOUNT}:root") });
    let statement =
        json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" });
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

/// Gives a user an inline policy.
async fn may(wharf: &Wharf, user: &str, name: &str, document: &str) {
    let input = json!({ "UserName": user, "PolicyName": name, "PolicyDocument": document });
    done(wharf, "PutUserPolicy", input).await;
}

fn arn(rest: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{rest}")
}
