//! The JSON protocol in success and failure.
use serde_json::{Map, Value, json};

use super::{UnknownOperation, error_body, input, operation};
use crate::{Fault, Model};

#[test]
fn only_an_exact_target_names_an_operation() {
    let found = |target| operation(Model::ecr(), target).map(|operation| operation.name.as_str());
    assert_eq!(found(Some("AmazonEC2ContainerRegistry_V20150921.PutImage")), Ok("PutImage"));
    let wrong = [
        None,
        Some(""),
        Some("PutImage"),
        Some("AmazonEC2ContainerRegistry_V20150921.putImage"),
        Some("AmazonEC2ContainerRegistry_V20150921."),
        Some("DynamoDB_20120810.PutImage"),
        Some("x.AmazonEC2ContainerRegistry_V20150921.PutImage"),
    ];
    for target in wrong {
        assert_eq!(found(target), Err(UnknownOperation), "{target:?}");
    }
}

#[test]
fn bodies_are_json_and_an_empty_one_is_an_empty_object() {
    assert_eq!(input(b""), Ok(json!({})));
    assert_eq!(input(br#"{"a":1}"#), Ok(json!({"a": 1})));
    for broken in [&b"{"[..], b"{\"a\":\"\xff\"}", b"a=b"] {
        assert!(matches!(input(broken), Err(Fault::Serialization(_))));
    }
    let deep = "[".repeat(100_000);
    assert!(input(deep.as_bytes()).is_err());
}

#[test]
fn errors_carry_type_message_and_extra_members() {
    let extra = Map::from_iter([("lastValidByteReceived".to_owned(), json!(7))]);
    let body: Value =
        serde_json::from_slice(&error_body("InvalidLayerPartException", "a \"part\"", &extra))
            .unwrap();
    assert_eq!(
        body,
        json!({"__type": "InvalidLayerPartException", "message": "a \"part\"", "lastValidByteReceived": 7})
    );
}
