//! What holds for every operation, as loops over the tables: the next operation is covered the
//! moment it is in them.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use wharf_api::ecr::{
    authorization::*, images::*, layers::*, policies::*, registry::*, repositories::*,
};
use wharf_api::{ECR, Operation};
use wharf_aws::Model;
use wharf_aws::model::Kind;
use wharf_testkit::violation::{Expected, violations};
use wharf_testkit::{ACCOUNT, ApiError, Credentials, REGION, Wharf, api, on_both};

on_both![
    each_operation_of_the_model_is_served_or_says_that_it_is_not,
    nobody_anonymous_and_nobody_unproven_calls_anything,
    another_account_that_grants_nothing_refuses_every_operation,
    each_constraint_broken_alone_is_refused_as_what_it_is,
    a_body_that_is_no_object_is_refused_by_every_operation,
    an_unknown_target_is_no_operation,
];

/// Every operation that is served, by its type. A test holds it against the table.
macro_rules! for_each_operation {
    ($each:ident) => {
        for_each_operation!($each:
            BatchCheckLayerAvailability BatchDeleteImage BatchGetImage CompleteLayerUpload
            CreateRepository DeleteRegistryPolicy DeleteRepository DeleteRepositoryPolicy
            DescribeImages DescribeRegistry DescribeRepositories GetAccountSetting
            GetAuthorizationToken GetDownloadUrlForLayer GetRegistryPolicy GetRepositoryPolicy
            InitiateLayerUpload ListImageReferrers ListImages ListTagsForResource PutAccountSetting
            PutImage PutImageTagMutability PutRegistryPolicy SetRepositoryPolicy TagResource
            UntagResource UploadLayerPart
        )
    };
    ($each:ident: $($operation:ty)+) => { [$($each::<$operation>()),+] };
}

/// Members that an operation reads past on purpose; its file says why.
const READ_PAST: &[(&str, &str)] = &[("BatchGetImage", "acceptedMediaTypes")];

fn served() -> BTreeSet<&'static str> {
    ECR.iter().map(|entry| entry.name).collect()
}

#[test]
fn the_table_names_operations_of_the_model_each_once() {
    assert_eq!(served().len(), ECR.len());
    for name in served() {
        assert!(Model::ecr().operation(name).is_some(), "{name}");
    }
    fn name<O: Operation>() -> &'static str {
        O::NAME
    }
    assert_eq!(for_each_operation!(name).into_iter().collect::<BTreeSet<_>>(), served());
    assert_eq!(Model::ecr().operations().count(), 62);
}

#[test]
fn the_book_says_what_is_served_and_what_is_not() {
    let book = include_str!("../../../docs/book/what-is-served.md");
    let tables = book.split("\nThe other ").collect::<Vec<_>>();
    let names = |text: &str| -> BTreeSet<String> {
        let rows = text.lines().skip_while(|line| !line.starts_with('|'));
        let rows = rows.take_while(|line| line.starts_with('|'));
        rows.flat_map(|row| row.split('`').skip(1).step_by(2).map(str::to_owned)).collect()
    };
    let all: BTreeSet<String> = Model::ecr().operations().map(|one| one.name.clone()).collect();
    let served: BTreeSet<String> = served().into_iter().map(str::to_owned).collect();
    let others: BTreeSet<String> = all.difference(&served).cloned().collect();
    assert_eq!((names(tables[0]), names(tables[1])), (served.clone(), others.clone()));
    assert!(book.contains(&format!("\n{} of the 62 operations", served.len())));
    assert!(tables[1].starts_with(&format!("{} answer", others.len())));
}

#[test]
fn every_member_of_an_input_is_read() {
    let lost: Vec<(&str, Vec<String>)> = for_each_operation!(unread).into_iter().collect();
    for (operation, mut members) in lost {
        members.retain(|member| !READ_PAST.contains(&(operation, member)));
        assert!(members.is_empty(), "{operation} does not read {members:?}");
    }
}

fn unread<O: Operation>() -> (&'static str, Vec<String>) {
    (O::NAME, passed_over::<O>(Model::ecr(), O::NAME))
}

/// The members of the model's example that the operation's own type passes over.
pub fn passed_over<O: DeserializeOwned>(model: &Model, name: &str) -> Vec<String> {
    let example = model.example_input(model.operation(name).unwrap());
    let mut unread = Vec::new();
    let read: Result<O, _> =
        serde_ignored::deserialize(&example, |path| unread.push(path.to_string()));
    assert!(read.is_ok(), "{name}: {}", read.err().unwrap());
    unread
}

#[test]
fn only_what_the_model_requires_is_required() {
    fn read<O: Operation>() {
        let least = least_input(O::NAME);
        let read = serde_json::from_value::<O>(least.clone());
        assert!(read.is_ok(), "{}({least}): {}", O::NAME, read.err().unwrap());
    }
    for_each_operation!(read);
}

/// The model's example without every member that may be missing.
fn least_input(operation: &str) -> Value {
    let operation = Model::ecr().operation(operation).unwrap();
    let mut input = Model::ecr().example_input(operation);
    if let Some(shape) = operation.input
        && let Kind::Structure { members, .. } = &Model::ecr().shape(shape).kind
    {
        for member in members.iter().filter(|member| !member.required) {
            input.as_object_mut().unwrap().remove(&member.name);
        }
    }
    input
}

async fn each_operation_of_the_model_is_served_or_says_that_it_is_not(wharf: Wharf) {
    for operation in Model::ecr().operations() {
        let name = operation.name.as_str();
        let told = wharf.api(name, least_input(name)).await;
        let message = format!(
            "{name} is an operation of Amazon ECR that this version of Wharf does not serve yet. \
             The page 'What is served' of the Wharf book lists those it serves"
        );
        let not_served = Err(ApiError::plain("UnknownOperationException", &message));
        assert_eq!(told == not_served, !served().contains(name), "{name}: {told:?}");
    }
}

async fn nobody_anonymous_and_nobody_unproven_calls_anything(wharf: Wharf) {
    let own = wharf.credentials().clone();
    let unknown = Credentials { id: "AKIAABCDEFGHIJKLMNOP".to_owned(), ..own.clone() };
    let wrong = Credentials { secret: "another secret".to_owned(), ..own.clone() };
    let invalid = "The security token included in the request is invalid.";
    let mismatch = "The request signature we calculated does not match the signature you provided. \
                    Check your AWS Secret Access Key and signing method. Consult the service \
                    documentation for details.";
    for operation in Model::ecr().operations() {
        let (name, input) = (operation.name.as_str(), least_input(&operation.name));
        let body = input.to_string().into_bytes();
        let unsigned = api::request(&wharf, name, body.clone()).map(wharf_testkit::http::whole);
        let told = wharf.http.send(unsigned).await.unwrap();
        let told = api::read(name, &told).unwrap().unwrap_err();
        let missing = "MissingAuthenticationTokenException";
        assert_eq!(told, ApiError::plain(missing, "Missing Authentication Token"), "{name}");
        let told = wharf.api_as(&unknown, name, input.clone()).await;
        let expected = ApiError::plain("UnrecognizedClientException", invalid);
        assert_eq!(told, Err(expected), "{name}");
        let told = wharf.api_as(&wrong, name, input).await;
        assert_eq!(told, Err(ApiError::plain("InvalidSignatureException", mismatch)), "{name}");
        let mut tampered = api::signed(api::request(&wharf, name, body), &own, &wharf.clock);
        tampered.body_mut().push(b' ');
        let told = wharf.http.send(tampered.map(wharf_testkit::http::whole)).await.unwrap();
        let told = api::read(name, &told).unwrap().unwrap_err();
        assert_eq!(told.code, "InvalidSignatureException", "{name}");
    }
    let all = wharf.api("DescribeRepositories", json!({})).await.unwrap();
    assert_eq!(all, json!({ "repositories": [] }));
}

async fn another_account_that_grants_nothing_refuses_every_operation(wharf: Wharf) {
    let mut asked = 0;
    for entry in ECR {
        let (name, action) = (entry.name, entry.action);
        let operation = Model::ecr().operation(name).unwrap();
        if Model::ecr().example_input(operation).get("registryId").is_none() {
            continue;
        }
        let mut input = least_input(name);
        input["registryId"] = "999999999999".into();
        let repository = input["repositoryName"].as_str().unwrap_or("*");
        let message = format!(
            "User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: {action} on \
             resource: arn:aws:ecr:{REGION}:999999999999:repository/{repository} because no \
             resource-based policy allows the {action} action"
        );
        let told = wharf.api(name, input.clone()).await;
        assert_eq!(told, Err(ApiError::plain("AccessDeniedException", &message)), "{name}");
        asked += 1;
    }
    assert!(asked > 10, "only {asked} operations name a registry");
}

async fn each_constraint_broken_alone_is_refused_as_what_it_is(wharf: Wharf) {
    let mut count = 0;
    for name in served() {
        for violation in violations(Model::ecr(), Model::ecr().operation(name).unwrap()) {
            let place = format!("{name} {}", violation.pointer);
            let told = wharf.api(name, violation.input).await.expect_err(&place);
            match violation.expected {
                Expected::Serialization => {
                    assert_eq!(told.code, "SerializationException", "{place}: {told}");
                }
                Expected::Parameter { path, reason } => {
                    assert_eq!(told.code, "InvalidParameterException", "{place}: {told}");
                    let sentence = format!(
                        "Invalid parameter at '{path}' failed to satisfy constraint: '{reason}"
                    );
                    let begins = told.message.get(..sentence.len()).unwrap_or_default();
                    assert!(begins.eq_ignore_ascii_case(&sentence), "{place}: {told}");
                }
            }
            count += 1;
        }
    }
    assert!(count > 200, "only {count} violations were tried");
}

async fn a_body_that_is_no_object_is_refused_by_every_operation(wharf: Wharf) {
    let own = wharf.credentials().clone();
    for name in served() {
        for body in ["[]", "1", "\"x\"", "{", "{}{}", "\u{feff}{}", "nul", "{\"a\":1,}"] {
            let told = api::post(&wharf, &own, name, body.as_bytes().to_vec()).await;
            let told = api::read(name, &told).unwrap().unwrap_err();
            assert_eq!(told.code, "SerializationException", "{name} {body}");
        }
        let deep = "[".repeat(100_000);
        let told = api::post(&wharf, &own, name, deep.into_bytes()).await;
        assert_eq!(told.status, 400, "{name}");
    }
    let empty = api::post(&wharf, &own, "DescribeRepositories", Vec::new()).await;
    assert_eq!(empty.status, 200, "an empty body is an empty object");
    let response_members = json!({ "repositoryName": "app", "registryId": ACCOUNT,
        "repositoryArn": "x", "createdAt": 1, "unknown": [{}] });
    wharf.api("CreateRepository", response_members).await.unwrap();
}

async fn an_unknown_target_is_no_operation(wharf: Wharf) {
    let own = wharf.credentials().clone();
    for target in ["NoSuchOperation", "putimage", "", "PutImage.PutImage"] {
        let told = api::post(&wharf, &own, target, b"{}".to_vec()).await;
        assert_eq!(
            (told.status, &told.json()["__type"]),
            (400, &json!("UnknownOperationException"))
        );
    }
}
