//! Forms in and XML out, over every operation of IAM and STS.
mod round_trip;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Form, FormError, LIMIT, error, invalid_action, response};
use crate::Model;
use round_trip::parsed;

fn input(model: &Model, operation: &str, form: &str) -> Result<Value, FormError> {
    Form::read(form.as_bytes())?.input(model, model.operation(operation).unwrap())
}

#[test]
fn forms_become_what_the_model_describes() {
    let table = [
        (
            "CreateUser",
            "Action=CreateUser&Version=2010-05-08&UserName=a+b%2Bc&Unknown=1",
            json!({"UserName": "a b+c"}),
        ),
        ("CreateUser", "UserName=first&UserName=last", json!({"UserName": "last"})),
        (
            "TagUser",
            "UserName=u&Tags.member.2.Key=k2&Tags.member.2.Value=&Tags.member.10.Key=k10&Tags.member.1.Key=k1&Tags.member.x.Key=no",
            json!({"UserName": "u", "Tags": [{"Key": "k1"}, {"Key": "k2", "Value": ""}, {"Key": "k10"}]}),
        ),
        ("TagUser", "Tags=", json!({"Tags": []})),
        ("ListUsers", "MaxItems=7&Marker=", json!({"MaxItems": 7, "Marker": ""})),
        ("CreatePolicyVersion", "SetAsDefault=true", json!({"SetAsDefault": true})),
        ("ListUsers", "", json!({})),
        ("ListUsers", "&&=&MaxItems=1&", json!({"MaxItems": 1})),
    ];
    for (operation, form, expected) in table {
        assert_eq!(input(Model::iam(), operation, form), Ok(expected), "{form}");
    }
    let assume = input(Model::sts(), "AssumeRole", "PolicyArns.member.1.arn=a&DurationSeconds=900");
    assert_eq!(assume, Ok(json!({"PolicyArns": [{"arn": "a"}], "DurationSeconds": 900})));
    let form = Form::read(b"Action=CreateUser&Version=2010-05-08").unwrap();
    assert_eq!((form.action(), form.version()), (Some("CreateUser"), Some("2010-05-08")));
}

#[test]
fn forms_that_cannot_be_read_are_refused() {
    let malformed = |text: &str| FormError::MalformedQueryString(text.to_owned());
    let table = [
        ("MaxItems=abc", FormError::MalformedInput),
        ("MaxItems=", FormError::MalformedInput),
        ("Marker=%ff", FormError::MalformedInput),
        ("Marker=%f", malformed("Incomplete trailing escape % sequence")),
        ("Marker=%fx", malformed("Illegal hex character in escape % pattern: %fx")),
    ];
    for (form, expected) in table {
        assert_eq!(input(Model::iam(), "ListUsers", form), Err(expected), "{form}");
    }
    assert_eq!(
        input(Model::iam(), "CreatePolicyVersion", "SetAsDefault=yes"),
        Err(FormError::MalformedInput)
    );
    assert_eq!(Form::read(b"\xff").unwrap_err(), FormError::MalformedInput);
    assert!(Form::read(&vec![b'a'; LIMIT]).is_ok());
    assert_eq!(Form::read(&vec![b'a'; LIMIT + 1]).unwrap_err(), FormError::TooLarge);
}

#[test]
fn documents_in_full() {
    let sts = Model::sts();
    let identity =
        json!({"Account": "000000000000", "Arn": "arn:aws:iam::000000000000:root", "UserId": null});
    assert_eq!(
        response(sts, sts.operation("GetCallerIdentity").unwrap(), &identity, "id"),
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Account>000000000000</Account><Arn>arn:aws:iam::000000000000:root</Arn></GetCallerIdentityResult>\
         <ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    );
    assert_eq!(
        error(Model::iam(), "NoSuchEntity", 404, "a <b> & \"c\"\r\u{1}", "id"),
        "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type>\
         <Code>NoSuchEntity</Code><Message>a &lt;b&gt; &amp; &quot;c&quot;&#xD;\u{FFFD}</Message></Error>\
         <RequestId>id</RequestId></ErrorResponse>"
    );
    assert!(error(Model::iam(), "ServiceFailure", 500, "", "id").contains("<Type>Receiver</Type>"));
    let unknown = invalid_action("Fly", "2010-05-08", "id");
    assert!(unknown.contains("xmlns=\"http://webservices.amazon.com/AWSFault/2005-15-09\""));
    assert!(
        unknown.contains("<Message>Could not find operation Fly for version 2010-05-08</Message>")
    );
}

proptest! {
    #[test]
    fn any_text_survives_the_document(text in "[^\u{0}-\u{8}\u{B}\u{C}\u{E}-\u{1F}\u{FFFE}\u{FFFF}]*") {
        let sts = Model::sts();
        let operation = sts.operation("GetCallerIdentity").unwrap();
        let output = json!({"Arn": text});
        prop_assert_eq!(parsed(sts, operation, &response(sts, operation, &output, "id")), output);
    }

    #[test]
    fn no_form_makes_the_reader_panic(form in "([A-Za-z.%+=&0-9\u{80}-\u{90}]|Tags\\.member\\.|MaxItems=|&){0,60}") {
        for operation in Model::iam().operations() {
            let _ = input(Model::iam(), &operation.name, &form);
        }
    }
}
