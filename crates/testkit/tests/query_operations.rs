//! What holds for every operation of IAM and STS, as loops over the tables: the next operation is
//! covered the moment it is in them.

use std::collections::BTreeSet;

use aws_sigv4::http_request::SigningSettings;
use serde_json::{Value, json};
use wharf_api::iam::{
    absent::*, access_keys::*, account::*, attachments::*, boundaries::*, groups::*,
    inline_policies::*, login_profiles::*, oidc::*, policies::*, roles::*, simulation::*, users::*,
};
use wharf_api::query::{Entry, IAM, Operation, STS};
use wharf_aws::Model;
use wharf_aws::model::Kind;
use wharf_testkit::api::signed_for;
use wharf_testkit::http::whole;
use wharf_testkit::violation::{Expected, violations};
use wharf_testkit::{ACCOUNT, Credentials, Wharf, on_both, oracle};

use crate::operations::passed_over;

on_both![
    each_operation_of_the_model_is_served_or_says_that_it_is_not,
    nobody_anonymous_and_nobody_unproven_calls_anything,
    a_signature_for_one_service_opens_no_other,
    who_may_nothing_is_refused_every_operation,
    each_constraint_broken_alone_is_refused_as_what_it_is,
    what_is_no_form_is_refused,
];

/// Every operation of IAM that is served, by its type. A test holds it against the table.
macro_rules! for_each_operation {
    ($each:ident) => {
        for_each_operation!($each:
            AddClientIDToOpenIDConnectProvider AddUserToGroup AttachGroupPolicy AttachRolePolicy
            AttachUserPolicy ChangePassword CreateAccessKey CreateAccountAlias CreateGroup
            CreateLoginProfile CreateOpenIDConnectProvider CreatePolicy CreatePolicyVersion
            CreateRole CreateUser DeleteAccessKey DeleteAccountAlias DeleteGroup DeleteGroupPolicy
            DeleteLoginProfile DeleteOpenIDConnectProvider DeletePolicy DeletePolicyVersion
            DeleteRole DeleteRolePermissionsBoundary DeleteRolePolicy DeleteUser
            DeleteUserPermissionsBoundary DeleteUserPolicy DetachGroupPolicy DetachRolePolicy
            DetachUserPolicy GenerateCredentialReport GetAccessKeyLastUsed
            GetAccountAuthorizationDetails GetAccountPasswordPolicy GetAccountSummary
            GetContextKeysForCustomPolicy GetContextKeysForPrincipalPolicy GetCredentialReport
            GetGroup GetGroupPolicy GetLoginProfile GetOpenIDConnectProvider GetPolicy
            GetPolicyVersion GetRole GetRolePolicy GetUser GetUserPolicy ListAccessKeys
            ListAccountAliases ListAttachedGroupPolicies ListAttachedRolePolicies
            ListAttachedUserPolicies ListEntitiesForPolicy ListGroupPolicies ListGroups
            ListGroupsForUser ListInstanceProfiles ListInstanceProfilesForRole ListMFADevices
            ListOpenIDConnectProviderTags ListOpenIDConnectProviders ListPolicies ListPolicyTags
            ListPolicyVersions ListRolePolicies ListRoleTags ListRoles ListSAMLProviders
            ListSSHPublicKeys ListServerCertificates ListServiceSpecificCredentials
            ListSigningCertificates ListUserPolicies ListUserTags ListUsers ListVirtualMFADevices
            PutGroupPolicy PutRolePermissionsBoundary PutRolePolicy PutUserPermissionsBoundary
            PutUserPolicy RemoveClientIDFromOpenIDConnectProvider RemoveUserFromGroup
            SetDefaultPolicyVersion SimulateCustomPolicy SimulatePrincipalPolicy
            TagOpenIDConnectProvider TagPolicy TagRole TagUser UntagOpenIDConnectProvider
            UntagPolicy UntagRole UntagUser UpdateAccessKey UpdateAssumeRolePolicy UpdateGroup
            UpdateLoginProfile UpdateOpenIDConnectProviderThumbprint UpdateRole
            UpdateRoleDescription UpdateUser
        )
    };
    ($each:ident: $($operation:ty)+) => { [$($each::<$operation>()),+] };
}

/// The services with what they serve.
fn services() -> [(&'static Model, &'static [Entry]); 2] {
    [(Model::iam(), IAM), (Model::sts(), STS)]
}

fn served(table: &[Entry]) -> BTreeSet<&'static str> {
    table.iter().map(|entry| entry.name).collect()
}

/// Whether credentials are needed.
fn is_signed(table: &[Entry], name: &str) -> bool {
    table.iter().all(|entry| entry.name != name || entry.action.is_some())
}

#[test]
fn the_tables_name_operations_of_the_models_each_once() {
    for (model, table) in services() {
        assert_eq!(served(table).len(), table.len());
        for entry in table {
            let operation = model.operation(entry.name).unwrap_or_else(|| panic!("{}", entry.name));
            assert_eq!(operation.unsigned, entry.action.is_none(), "{}", entry.name);
            if let Some(action) = entry.action {
                let wanted = format!("{}:{}", model.signing_name(), entry.name);
                assert_eq!(action.as_str(), wanted);
            }
        }
    }
    fn name<O: Operation>() -> &'static str {
        O::NAME
    }
    assert_eq!(for_each_operation!(name).into_iter().collect::<BTreeSet<_>>(), served(IAM));
}

#[test]
fn the_book_says_what_is_served() {
    let book = include_str!("../../../docs/book/what-is-served.md");
    for (service, table) in [("IAM", IAM), ("STS", STS)] {
        let (_, rest) = book.split_once(&format!("| operations of {service} |")).unwrap();
        let (rows, _) = rest.split_once("\n\n").unwrap();
        let names: BTreeSet<&str> = rows.split('`').skip(1).step_by(2).collect();
        assert_eq!(names, served(table));
    }
    assert!(book.contains(&format!("\n{} operations; the page", IAM.len())));
}

#[test]
fn every_member_of_an_input_is_read() {
    for (operation, members) in for_each_operation!(unread) {
        assert!(members.is_empty(), "{operation} does not read {members:?}");
    }
}

fn unread<O: Operation>() -> (&'static str, Vec<String>) {
    (O::NAME, passed_over::<O>(Model::iam(), O::NAME))
}

#[test]
fn only_what_the_model_requires_is_required() {
    fn read<O: Operation>() {
        let least = least_input(Model::iam(), O::NAME);
        let read = serde_json::from_value::<O>(least.clone());
        assert!(read.is_ok(), "{}({least}): {}", O::NAME, read.err().unwrap());
    }
    for_each_operation!(read);
}

/// The model's example without every member that may be missing.
fn least_input(model: &Model, operation: &str) -> Value {
    let operation = model.operation(operation).unwrap();
    let mut input = model.example_input(operation);
    if let Some(shape) = operation.input
        && let Kind::Structure { members, .. } = &model.shape(shape).kind
    {
        for member in members.iter().filter(|member| !member.required) {
            input.as_object_mut().unwrap().remove(&member.name);
        }
    }
    input
}

async fn each_operation_of_the_model_is_served_or_says_that_it_is_not(wharf: Wharf) {
    for (model, table) in services() {
        for operation in model.operations() {
            let name = operation.name.as_str();
            let input = least_input(model, name);
            let told = oracle::call(&wharf, model, wharf.credentials(), name, &input).await;
            let message = format!("{name} is not served by this version of Wharf yet");
            let is_told = told.is_err_and(|told| {
                (told.code.as_str(), told.status, told.message) == ("InvalidAction", 400, message)
            });
            assert_eq!(is_told, !served(table).contains(name), "{name}");
        }
    }
    for form in ["Action=CreateUsers&Version=2010-05-08", "Action=CreateUser&Version=2010-05-09"] {
        let (action, version) = form.strip_prefix("Action=").unwrap().split_once('&').unwrap();
        let version = version.strip_prefix("Version=").unwrap();
        let told = oracle::post(&wharf, Model::iam(), wharf.credentials(), form.to_owned()).await;
        let message = format!("Could not find operation {action} for version {version}");
        assert_eq!(told.status, 400);
        assert!(told.text().contains("<Code>InvalidAction</Code>"), "{}", told.text());
        assert!(told.text().contains(&message), "{}", told.text());
    }
}

async fn nobody_anonymous_and_nobody_unproven_calls_anything(wharf: Wharf) {
    let own = wharf.credentials().clone();
    let unknown = Credentials { id: "AKIAABCDEFGHIJKLMNOP".to_owned(), ..own.clone() };
    let wrong = Credentials { secret: "another secret".to_owned(), ..own.clone() };
    for (model, table) in services() {
        for operation in model.operations().filter(|one| is_signed(table, &one.name)) {
            let name = operation.name.as_str();
            let input = least_input(model, name);
            let form = oracle::form(model, operation, &input);
            let told = wharf.http.send(oracle::request(&wharf, form).map(whole)).await.unwrap();
            let told = oracle::read(model, operation, &told).unwrap().unwrap_err();
            assert_eq!(
                (told.code.as_str(), told.status, told.message.as_str()),
                ("MissingAuthenticationToken", 403, "Request is missing Authentication Token"),
                "{name}"
            );
            for (credentials, code) in
                [(&unknown, "InvalidClientTokenId"), (&wrong, "SignatureDoesNotMatch")]
            {
                let told = oracle::call(&wharf, model, credentials, name, &input).await;
                let told = told.expect_err(name);
                assert_eq!((told.code.as_str(), told.status), (code, 403), "{name}");
            }
        }
    }
    let users = oracle::iam(&wharf, "ListUsers", json!({})).await.unwrap();
    assert_eq!(users, json!({ "Users": [], "IsTruncated": false }));
}

async fn a_signature_for_one_service_opens_no_other(wharf: Wharf) {
    let pairs = [(Model::iam(), "ListUsers", "sts"), (Model::sts(), "GetCallerIdentity", "iam")];
    for (model, name, other) in pairs {
        let operation = model.operation(name).unwrap();
        let request = oracle::request(&wharf, oracle::form(model, operation, &json!({})));
        let request = signed_for(
            other,
            SigningSettings::default(),
            request,
            wharf.credentials(),
            &wharf.clock,
        );
        let told = wharf.http.send(request.map(whole)).await.unwrap();
        let told = oracle::read(model, operation, &told).unwrap().unwrap_err();
        assert_eq!((told.code.as_str(), told.status), ("SignatureDoesNotMatch", 403));
        let wanted =
            format!("Credential should be scoped to correct service: '{}'.", model.signing_name());
        assert_eq!(told.message, wanted);
    }
}

async fn who_may_nothing_is_refused_every_operation(wharf: Wharf) {
    let nobody = wharf.user("nobody").await;
    for entry in IAM {
        let input = least_input(Model::iam(), entry.name);
        let action = entry.action.unwrap();
        let told = oracle::iam_as(&wharf, &nobody, entry.name, input).await.expect_err(entry.name);
        assert_eq!((told.code.as_str(), told.status), ("AccessDenied", 403), "{told}");
        let begin = format!(
            "User: arn:aws:iam::{ACCOUNT}:user/nobody is not authorized to perform: {action} on \
             resource: "
        );
        let end = format!(" because no identity-based policy allows the {action} action");
        let resource = told.message.strip_prefix(&begin).and_then(|rest| rest.strip_suffix(&end));
        let resource = resource.unwrap_or_else(|| panic!("{told}"));
        assert!(resource == "*" || resource.len() > 2, "{told}");
    }
}

async fn each_constraint_broken_alone_is_refused_as_what_it_is(wharf: Wharf) {
    let mut count = 0;
    for (model, table) in services() {
        for entry in table {
            let operation = model.operation(entry.name).unwrap();
            for violation in violations(model, operation) {
                let place = format!("{} {}", entry.name, violation.pointer);
                let before = model.example_input(operation);
                let own = wharf.credentials();
                let told = oracle::call(&wharf, model, own, entry.name, &violation.input).await;
                match violation.expected {
                    // In a form everything is text: only numbers can be of a wrong type.
                    Expected::Serialization
                        if before.pointer(&violation.pointer).is_some_and(Value::is_number) =>
                    {
                        let told = told.expect_err(&place);
                        assert_eq!((told.code.as_str(), told.status), ("MalformedInput", 400));
                        assert_eq!(told.message, "", "{place}");
                    }
                    Expected::Serialization => continue,
                    Expected::Parameter { path, reason } => {
                        let told = told.expect_err(&place);
                        assert_eq!((told.code.as_str(), told.status), ("ValidationError", 400));
                        let sentence =
                            format!(" at '{path}' failed to satisfy constraint: {reason}");
                        let message = told.message.to_lowercase();
                        assert!(message.contains(&sentence.to_lowercase()), "{place}: {told}");
                    }
                }
                count += 1;
            }
        }
    }
    assert!(count > 300, "only {count} violations were tried");
}

async fn what_is_no_form_is_refused(wharf: Wharf) {
    for (body, code) in [
        ("Action=%zz", "MalformedQueryString"),
        ("Action=ListUsers&Marker=%ff", "MalformedInput"),
        ("Action=ListUsers&Version=2010-05-08&MaxItems=many", "MalformedInput"),
    ] {
        let told = oracle::post(&wharf, Model::iam(), wharf.credentials(), body.to_owned()).await;
        assert_eq!(told.status, 400, "{body}");
        assert!(told.text().contains(&format!("<Code>{code}</Code>")), "{}", told.text());
    }
    let get = wharf
        .fetch(&format!("http://{}/?Action=ListUsers&Version=2010-05-08", wharf.address))
        .await;
    assert!(get.text().contains("<Code>MissingAuthenticationToken</Code>"), "{}", get.text());
}
