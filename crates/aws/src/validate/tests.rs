//! The wording case by case; that each constraint of each operation is enforced is in `violations`.

mod violations;

use serde_json::{Value, json};

use super::{Fault, blob::decoded_length};
use crate::Model;

fn refusal(operation: &str, input: &Value) -> String {
    let operation = Model::ecr().operation(operation).unwrap();
    Model::ecr().check_input(operation, input).unwrap_err().to_string()
}

#[test]
fn constraints_in_the_words_of_aws() {
    let repository_name =
        &Model::ecr().shape_named("RepositoryName").unwrap().pattern.as_ref().unwrap().source;
    let parameter = |path: &str, reason: &str| {
        format!("Invalid parameter at '{path}' failed to satisfy constraint: '{reason}'")
    };
    let too_long = "a".repeat(257);
    let many = vec![json!({"imageTag": "1"}); 101];
    let table = [
        (
            "CreateRepository",
            json!({"repositoryName": "Team"}),
            parameter(
                "repositoryName",
                &format!("must satisfy regular expression '{repository_name}'"),
            ),
        ),
        ("CreateRepository", json!({}), parameter("repositoryName", "Member must not be null")),
        (
            "CreateRepository",
            json!({"repositoryName": null}),
            parameter("repositoryName", "Member must not be null"),
        ),
        (
            "CreateRepository",
            json!({"repositoryName": too_long}),
            parameter("repositoryName", "Member must have length less than or equal to 256"),
        ),
        (
            "CreateRepository",
            json!({"repositoryName": "a"}),
            parameter("repositoryName", "Member must have length greater than or equal to 2"),
        ),
        (
            "DescribeRepositories",
            json!({"maxResults": 1001}),
            parameter("maxResults", "Member must have value less than or equal to 1000"),
        ),
        (
            "DescribeRepositories",
            json!({"repositoryNames": ["ok", "No"]}),
            parameter(
                "repositoryNames.2.member",
                &format!("must satisfy regular expression '{repository_name}'"),
            ),
        ),
        (
            "PutImageTagMutability",
            json!({"repositoryName": "aa", "imageTagMutability": "NO"}),
            parameter(
                "imageTagMutability",
                "Member must satisfy enum value set: [MUTABLE, IMMUTABLE, IMMUTABLE_WITH_EXCLUSION, MUTABLE_WITH_EXCLUSION]",
            ),
        ),
        (
            "BatchGetImage",
            json!({"repositoryName": "aa", "imageIds": [{"imageTag": ""}]}),
            parameter(
                "imageIds.1.member.imageTag",
                "Member must have length greater than or equal to 1",
            ),
        ),
        (
            "BatchGetImage",
            json!({"repositoryName": "aa", "imageIds": many}),
            parameter("imageIds", "Member must have length less than or equal to 100"),
        ),
        (
            "BatchGetImage",
            json!({"repositoryName": "aa", "imageIds": [null]}),
            parameter("imageIds.1.member", "Member must not be null"),
        ),
        ("DescribeRegistry", json!({"registryId": "x"}), String::new()),
        (
            "PutImage",
            json!({"repositoryName": "aa", "imageManifest": ""}),
            parameter("ImageManifest", "Member must have length greater than or equal to 1"),
        ),
        (
            "ListImages",
            json!({"repositoryName": "aa", "registryId": "12345678901"}),
            parameter("registryId", "Member must satisfy regular expression pattern: [0-9]{12}"),
        ),
    ];
    for (operation, input, expected) in table {
        if expected.is_empty() {
            let operation = Model::ecr().operation(operation).unwrap();
            assert_eq!(
                Model::ecr().check_input(operation, &input),
                Ok(()),
                "unknown members are ignored"
            );
            continue;
        }
        assert_eq!(refusal(operation, &input), expected);
    }
}

#[test]
fn a_wrong_type_is_reported_before_any_constraint() {
    let table = [
        (json!({"repositoryName": 1}), "NUMBER_VALUE can not be converted to a String"),
        (json!({"repositoryName": ["a"]}), "Start of list found where not expected"),
        (json!({"repositoryName": {}}), "Start of structure or map found where not expected."),
        (json!({"imageIds": "a"}), "Expected list or null"),
        (json!({"imageIds": ["a"]}), "Expected structure or map or null"),
        (
            json!({"repositoryName": "", "registryId": true}),
            "TRUE_VALUE can not be converted to a String",
        ),
        (json!([]), "Expected structure or map or null"),
        (json!(null), "Expected structure or map or null"),
    ];
    for (input, message) in table {
        assert_eq!(refusal("BatchGetImage", &input), message, "{input}");
    }
    assert_eq!(
        refusal("ListImages", &json!({"maxResults": "1"})),
        "STRING_VALUE can not be converted to an Integer"
    );
    assert_eq!(
        refusal("ListImages", &json!({"maxResults": 1.5})),
        "DECIMAL_VALUE can not be converted to an Integer"
    );
    assert_eq!(
        refusal("ListImages", &json!({"maxResults": 1u64 << 40})),
        "NUMBER_VALUE can not be converted to an Integer"
    );
    assert_eq!(
        refusal("UploadLayerPart", &json!({"layerPartBlob": "a"})),
        "The value of a Blob is not valid base64"
    );
}

#[test]
fn lengths_count_characters() {
    let put = |tag: String| {
        let input = json!({"repositoryName": "aa", "imageManifest": "{}", "imageTag": tag});
        Model::ecr().check_input(Model::ecr().operation("PutImage").unwrap(), &input)
    };
    assert_eq!(put("\u{1F600}".repeat(300)), Ok(()));
    assert!(matches!(put("\u{1F600}".repeat(301)), Err(Fault::Parameter { .. })));
    let name = json!({"repositoryName": "é"});
    assert!(refusal("CreateRepository", &name).contains("length greater than or equal to 2"));
}

#[test]
fn the_length_of_a_blob_is_known_without_decoding_it() {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let candidates = [
        "", "YQ==", "YWI=", "YWJj", "YWJjZA==", "YR==", "YY==", "YWJ=", "YQ=", "YQ", "Y===",
        "====", "YQ==YQ==", "Y Q=", "é==",
    ];
    for text in candidates {
        assert_eq!(
            decoded_length(text),
            BASE64_STANDARD.decode(text).ok().map(|bytes| bytes.len()),
            "{text}"
        );
    }
}

#[test]
fn outputs_are_checked_strictly() {
    let model = Model::ecr();
    let operation = model.operation("DescribeRepositories").unwrap();
    let repository = |member: &str, value: Value| json!({"repositories": [{member: value}]});
    let table = [
        (
            repository("createdAt", json!("2026-01-01T00:00:00Z")),
            "repositories.1.member.createdAt: \"2026-01-01T00:00:00Z\" is not a CreationTimestamp",
        ),
        (
            repository("created", json!(1)),
            "repositories.1.member.created: not a member that the model knows",
        ),
        (
            repository("registryId", json!(null)),
            "repositories.1.member.registryId: null is not a RegistryId",
        ),
        (
            repository("imageTagMutability", json!("NO")),
            "repositories.1.member.imageTagMutability: NO is none of MUTABLE, IMMUTABLE, IMMUTABLE_WITH_EXCLUSION, MUTABLE_WITH_EXCLUSION",
        ),
        (
            repository("encryptionConfiguration", json!({})),
            "repositories.1.member.encryptionConfiguration.encryptionType: required, yet not there",
        ),
    ];
    for (output, difference) in table {
        assert_eq!(model.check_output(operation, &output), Err(difference.to_owned()));
    }
    assert_eq!(model.check_output(operation, &repository("createdAt", json!(1.5))), Ok(()));
    let silent = Model::iam().operation("DeleteUser").unwrap();
    assert_eq!(Model::iam().check_output(silent, &json!({})), Ok(()));
    assert!(Model::iam().check_output(silent, &json!({"a": 1})).is_err());
}
