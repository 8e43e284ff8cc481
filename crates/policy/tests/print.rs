//! How documents are printed again: as ECR shows repository policies, and in one line.
#![allow(clippy::unwrap_used)]

use wharf_policy::{Document, Grammar};

fn pretty(text: &str) -> String {
    Document::parse(text, Grammar::Repository).unwrap().to_pretty()
}

#[test]
fn as_ecr_shows_repository_policies() {
    let text = r#"{"Statement":[{"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],
        "Principal":{"AWS":["arn:aws:iam::111122223333:root","444455556666"]},"Effect":"Allow","Sid":"pull"},
        {"Condition":{"Bool":{"aws:SecureTransport":false},"NumericLessThan":{"x:y":[1,"2"]}},"NotResource":["*"],
        "NotAction":"ecr:*","NotPrincipal":{"AWS":"*"},"Effect":"Deny"}],"Id":"a \"b\"\n\u0001\/é","Version":"2008-10-17"}"#;
    let expected = r#"{
  "Version" : "2008-10-17",
  "Id" : "a \"b\"\n\u0001/é",
  "Statement" : [ {
    "Sid" : "pull",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : [ "arn:aws:iam::111122223333:root", "444455556666" ]
    },
    "Action" : [ "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer" ]
  }, {
    "Effect" : "Deny",
    "NotPrincipal" : {
      "AWS" : "*"
    },
    "NotAction" : "ecr:*",
    "NotResource" : [ "*" ],
    "Condition" : {
      "Bool" : {
        "aws:SecureTransport" : false
      },
      "NumericLessThan" : {
        "x:y" : [ 1, "2" ]
      }
    }
  } ]
}"#;
    assert_eq!(pretty(text), expected);
    assert_eq!(pretty(expected), expected);
}

#[test]
fn small_and_empty_things() {
    assert_eq!(
        pretty(
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"ecr:*","Condition":{}}}"#
        ),
        "{\n  \"Version\" : \"2012-10-17\",\n  \"Statement\" : {\n    \"Effect\" : \"Allow\",\n    \
         \"Principal\" : \"*\",\n    \"Action\" : \"ecr:*\",\n    \"Condition\" : { }\n  }\n}"
    );
    assert_eq!(pretty("{}"), "{\n  \"Statement\" : [ ]\n}");
    let text = r#"{"Statement":[{"Effect":"Allow","Principal":{},"Action":[]}]}"#;
    assert_eq!(Document::parse(text, Grammar::Repository).unwrap().to_compact(), text);
}
