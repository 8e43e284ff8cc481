//! The input of a form held against the model, and the sentences about what does not fit. All that
//! is wrong is told at once, in AWS's words; STS quotes the values, IAM does not.

use serde_json::Value;
use wharf_aws::query::{Form, FormError};
use wharf_aws::{Fault, Operation as Shape};

use super::{Error, Service};
use crate::parameters;

const PATTERN: &str = "Member must satisfy regular expression pattern";

/// The input of the form.
pub(super) fn input(service: Service, shape: &Shape, form: &Form) -> Result<Value, Error> {
    let model = (service.model)();
    let input = form.input(model, shape)?;
    let unmet = model.unmet(shape, &input).map_err(|_| FormError::MalformedInput)?;
    let unmet: Vec<(String, String)> = unmet
        .into_iter()
        .filter_map(|fault| match fault {
            Fault::Parameter { path, reason } => Some((path, reason)),
            Fault::Serialization(_) => None,
        })
        .collect();
    match unmet.as_slice() {
        [] => Ok(input),
        unmet => Err(Error::Validation(sentence(service, &input, unmet))),
    }
}

fn sentence(service: Service, input: &Value, unmet: &[(String, String)]) -> String {
    let quotes = service.name == "sts";
    if !quotes && let Some(told) = unmet.iter().find_map(|(path, reason)| own_words(path, reason)) {
        return told;
    }
    let one = |(path, reason): &(String, String)| {
        let value = if quotes { format!(" {}", quoted(input, path)) } else { String::new() };
        let path = spelled(path);
        format!("Value{value} at '{path}' failed to satisfy constraint: {reason}")
    };
    let all: Vec<String> = unmet.iter().map(one).collect();
    let plural = if all.len() == 1 { "" } else { "s" };
    format!("{} validation error{plural} detected: {}", all.len(), all.join("; "))
}

/// What IAM says in words of its own: names and paths that have characters they cannot have.
fn own_words(path: &str, reason: &str) -> Option<String> {
    if !reason.starts_with(PATTERN) {
        return None;
    }
    let told = match path {
        "UserName"
        | "GroupName"
        | "RoleName"
        | "PolicyName"
        | "NewUserName"
        | "NewGroupName"
        | "InstanceProfileName" => {
            "It must contain only alphanumeric characters and/or the following: +=,.@_-"
        }
        "Path" | "NewPath" => {
            "It must begin and end with / and contain only alphanumeric characters and/or / characters."
        }
        "PathPrefix" => {
            "It must begin with the / character and contain only alphanumeric characters and/or / characters."
        }
        _ => return None,
    };
    Some(format!("The specified value for {} is invalid. {told}", spelled(path)))
}

/// `Tags.1.member.Key` is told as `tags.1.member.key`.
fn spelled(path: &str) -> String {
    let lower = |name: &str| {
        let mut letters = name.chars();
        let first = letters.next().map(|first| first.to_ascii_lowercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    path.split('.').map(lower).collect::<Vec<_>>().join(".")
}

/// The most characters of a value that are told.
const LONGEST: usize = 1024;

/// The value at a path, as it is told: `null` where there is none, `***` where it is secret. A list
/// is told as `[…]`.
fn quoted(input: &Value, path: &str) -> String {
    let name = path.rsplit('.').next().unwrap_or_default();
    if parameters::is_secret(name) {
        return "'***'".to_owned();
    }
    let mut value = Some(input);
    for step in path.split('.').filter(|step| *step != "member") {
        value = value.and_then(|value| match value {
            Value::Array(items) => {
                let position: usize = step.parse().ok()?;
                items.get(position.checked_sub(1)?)
            }
            other => other.get(step),
        });
    }
    match value {
        None | Some(Value::Null) => "null".to_owned(),
        Some(Value::String(text)) => match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("'{}...'", &text[..end]),
            None => format!("'{text}'"),
        },
        Some(other) => format!("'{other}'"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::SERVICES;
    use super::*;

    fn told(service: usize, form: &str) -> String {
        let form = Form::read(form.as_bytes()).unwrap();
        let shape = (SERVICES[service].model)().operation(form.action().unwrap()).unwrap();
        input(SERVICES[service], shape, &form)
            .map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn what_does_not_fit_is_told_as_aws_tells_it() {
        let name = "It must contain only alphanumeric characters and/or the following: +=,.@_-";
        let table = [
            (0, "Action=CreateUser&UserName=ok", String::new()),
            (
                0,
                "Action=CreateUser",
                "1 validation error detected: Value at 'userName' failed to satisfy constraint: Member must not be null".into(),
            ),
            (0, "Action=CreateUser&UserName=a%20b", format!("The specified value for userName is invalid. {name}")),
            (
                0,
                "Action=CreateUser&UserName=a&Path=x",
                "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.".into(),
            ),
            (
                0,
                "Action=TagUser&UserName=&Tags.member.1.Value=",
                "2 validation errors detected: Value at 'tags.1.member.key' failed to satisfy constraint: Member must not be null; Value at 'userName' failed to satisfy constraint: Member must have length greater than or equal to 1".into(),
            ),
            (
                0,
                "Action=ListUsers&MaxItems=1001",
                "1 validation error detected: Value at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 1000".into(),
            ),
            (0, "Action=ListUsers&MaxItems=99999999999", String::new()),
            (
                1,
                "Action=AssumeRole&RoleArn=arn:aws:iam::000000000000:role/a&RoleSessionName=bad%20name",
                "1 validation error detected: Value 'bad name' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*".into(),
            ),
            (
                1,
                "Action=GetAccessKeyInfo",
                "1 validation error detected: Value null at 'accessKeyId' failed to satisfy constraint: Member must not be null".into(),
            ),
        ];
        for (service, form, expected) in table {
            assert_eq!(told(service, form), expected, "{form}");
        }
    }
}
