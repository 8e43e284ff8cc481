//! The models that are shipped, read whole.
use serde_json::Value;

use super::{Kind, Model, ShapeRef};

fn models() -> [&'static Model; 3] {
    [Model::ecr(), Model::iam(), Model::sts()]
}

#[test]
fn every_pattern_compiles() {
    for shape in models().iter().flat_map(|model| &model.shapes) {
        if let Some(pattern) = &shape.pattern {
            pattern.compiled();
        }
    }
}

#[test]
fn the_models_are_those_of_the_three_services() {
    let [ecr, iam, sts] = models();
    assert_eq!(models().map(Model::signing_name), ["ecr", "iam", "sts"]);
    assert_eq!(
        models().map(|model| model.metadata.api_version.as_str()),
        ["2015-09-21", "2010-05-08", "2011-06-15"]
    );
    assert_eq!(ecr.metadata.target_prefix.as_deref(), Some("AmazonEC2ContainerRegistry_V20150921"));
    assert_eq!(
        sts.metadata.xml_namespace.as_deref(),
        Some("https://sts.amazonaws.com/doc/2011-06-15/")
    );
    assert!(
        ecr.operations().count() >= 62,
        "62 operations are served; a refresh must not lose one"
    );
    assert_eq!(ecr.operation("PutImage").unwrap().name, "PutImage");
    assert!(ecr.operation("putImage").is_none());
    let unsigned = sts.operations().filter(|operation| operation.unsigned);
    let unsigned: Vec<_> = unsigned.map(|operation| operation.name.as_str()).collect();
    assert_eq!(unsigned, ["AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"]);
    assert!(iam.operation("DeleteUser").unwrap().output.is_none());
}

#[test]
fn errors_have_the_code_and_status_that_the_model_gives() {
    let table = [
        (Model::ecr(), "RepositoryNotFoundException", "RepositoryNotFoundException", 400),
        (Model::ecr(), "ServerException", "ServerException", 500),
        (Model::iam(), "NoSuchEntityException", "NoSuchEntity", 404),
        (Model::sts(), "IDPCommunicationErrorException", "IDPCommunicationError", 400),
    ];
    for (model, shape, code, status) in table {
        let exception = model.exception(shape).unwrap();
        assert_eq!((exception.code.as_str(), exception.status), (code, status), "{shape}");
    }
    for model in models() {
        for error in model.operations().flat_map(|operation| &operation.errors) {
            assert!(model.exception(error).is_some(), "{error}");
        }
    }
}

#[test]
fn patterns_are_matched_whole_and_in_ascii() {
    let matches = |model: &Model, shape: &str, text: &str| {
        model.shape_named(shape).unwrap().pattern.as_ref().unwrap().matches(text)
    };
    let table = [
        (Model::ecr(), "RepositoryName", "team/app.v1__x---y", true),
        (Model::ecr(), "RepositoryName", "team/app\n", false),
        (Model::ecr(), "RepositoryName", "Team", false),
        (Model::ecr(), "LayerDigest", "sha256:00FF", true),
        (Model::ecr(), "LayerDigest", "sha256:xyz", false),
        (Model::ecr(), "KmsKeyForRepositoryCreationTemplate", "", true),
        (Model::iam(), "userNameType", "A.b+c=d,e@f-g_9", true),
        (Model::iam(), "userNameType", "ü", false),
        (Model::iam(), "accountAliasType", "my-alias", true),
        (Model::iam(), "accountAliasType", "my--alias", false),
        (Model::iam(), "authenticationCodeType", "\u{661}", false),
        (Model::iam(), "tagKeyType", "ключ é", true),
    ];
    for (model, shape, text, expected) in table {
        assert_eq!(matches(model, shape, text), expected, "{shape} {text:?}");
    }
}

/// Fails when a member is missing from `value`, at any depth.
fn assert_every_member(model: &Model, shape: ShapeRef, value: &Value, place: &str) {
    match &model.shape(shape).kind {
        Kind::Structure { members, union, .. } => {
            for member in members.iter().take(if *union { 1 } else { members.len() }) {
                let place = format!("{place}.{}", member.name);
                let value = value.get(&member.name).unwrap_or_else(|| panic!("{place} is missing"));
                assert_every_member(model, member.shape, value, &place);
            }
        }
        Kind::List { item, .. } => {
            let items = value.as_array().unwrap();
            assert!(!items.is_empty(), "{place} is empty");
            items.iter().for_each(|value| assert_every_member(model, *item, value, place));
        }
        Kind::Map { value: item, .. } => {
            let object = value.as_object().unwrap();
            assert!(!object.is_empty(), "{place} is empty");
            object.values().for_each(|value| assert_every_member(model, *item, value, place));
        }
        Kind::String => assert!(value.is_string(), "{place}"),
        _ => {}
    }
}

#[test]
fn examples_have_every_member_and_pass_the_checks() {
    for model in models() {
        for operation in model.operations() {
            let input = model.example_input(operation);
            assert_eq!(model.check_input(operation, &input), Ok(()), "{} {input}", operation.name);
            let output = model.example_output(operation);
            assert_eq!(
                model.check_output(operation, &output),
                Ok(()),
                "{} {output}",
                operation.name
            );
            for (shape, value) in [(operation.input, &input), (operation.output, &output)] {
                if let Some(shape) = shape {
                    assert_every_member(model, shape, value, &operation.name);
                }
            }
        }
    }
}

#[test]
fn a_model_with_a_flaw_is_not_read() {
    let with = |shapes: &str| {
        Model::parse(&format!(
            r#"{{"botocore":"1","metadata":{{"apiVersion":"1","protocol":"json","serviceId":"X"}},"operations":{{}},"shapes":{{{shapes}}}}}"#
        ))
        .map(|_| ())
        .map_err(|error| error.to_string())
    };
    let string = r#""S":{"type":"string"}"#;
    assert_eq!(with(string), Ok(()));
    assert_eq!(
        with(r#""L":{"type":"list","member":"S"}"#).unwrap_err(),
        "shape S is named but not there"
    );
    assert_eq!(with(r#""L":{"type":"list"}"#).unwrap_err(), "shape L: no shape of its parts");
    assert_eq!(with(r#""S":{"type":"document"}"#).unwrap_err(), "shape S: unknown type document");
    assert!(with(r#""S":{"type":"string","pattern":"["}"#).is_err());
    assert!(with(r#""S":{"type":"string","newTrait":1}"#).unwrap_err().contains("newTrait"));
    assert!(
        with(r#""S":{"type":"structure","required":["a"],"members":{}}"#)
            .unwrap_err()
            .contains("required member a")
    );
}
