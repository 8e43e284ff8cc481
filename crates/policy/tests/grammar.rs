//! Documents that must be refused, with AWS's sentence for each, and documents that must not.
#![allow(clippy::unwrap_used)]

use wharf_policy::document::Wrong;
use wharf_policy::{Document, Fault, Grammar, Scope};

fn refused(text: &str, grammar: Grammar) -> Fault {
    match Document::accept(text, grammar) {
        Err(fault) => fault,
        Ok(_) => panic!("{grammar:?} accepted {text}"),
    }
}

/// A document of one statement with these members.
fn statement(members: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{{{members}}}]}}"#)
}

/// A statement that identity policies accept, with `with` in place of its condition.
fn allow(with: &str) -> String {
    statement(&format!(r#""Effect":"Allow","Action":"ecr:PutImage","Resource":"*"{with}"#))
}

fn condition(condition: &str) -> String {
    allow(&format!(r#","Condition":{{{condition}}}"#))
}

const SYNTAX: &str = "Syntax errors in policy.";
const LEGACY: &str = "The policy failed legacy parsing";
const PATHS: &str = "IAM resource path must either be \"*\", root, or start with user/, \
    federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, \
    sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.";

#[test]
fn identity_policies() {
    let with_actions = |actions: &str| {
        statement(&format!(r#""Effect":"Allow","Action":{actions},"Resource":"*""#))
    };
    let with_resources = |resources: &str| {
        statement(&format!(r#""Effect":"Allow","Action":"ecr:*","Resource":{resources}"#))
    };
    let two = |a: &str, b: &str| {
        let one =
            |sid| format!(r#"{{"Sid":"{sid}","Effect":"Allow","Action":"*","Resource":"*"}}"#);
        format!(r#"{{"Version":"2012-10-17","Statement":[{},{}]}}"#, one(a), one(b))
    };
    let versioned = |version: &str| allow("").replace(r#""2012-10-17""#, version);
    let table: Vec<(String, &str)> = vec![
        (String::new(), SYNTAX),
        ("[]".into(), SYNTAX),
        ("{".into(), SYNTAX),
        ("{}".into(), SYNTAX),
        (r#"{"Version":"2012-10-17"}"#.into(), SYNTAX),
        (r#"{"Version":"2012-10-17","Statement":[]}"#.into(), SYNTAX),
        (r#"{"Version":"2012-10-17","Statement":["x"]}"#.into(), SYNTAX),
        (r#"{"Version":"2012-10-17","Statement":null}"#.into(), SYNTAX),
        (allow("").replace("Version", "version"), SYNTAX),
        (allow("").replace(r#""Statement""#, r#""Version":"2012-10-17","Statement""#), SYNTAX),
        (allow(r#","Effect":"Allow""#), SYNTAX),
        (allow(r#","Comment":"x""#), SYNTAX),
        (allow(r#","NotAction":"*""#), SYNTAX),
        (allow(r#","NotResource":"*""#), SYNTAX),
        (allow("").replace("Allow", "allow"), SYNTAX),
        (statement(r#""Action":"*","Resource":"*""#), SYNTAX),
        (allow(r#","Sid":1"#), SYNTAX),
        (with_actions("1"), SYNTAX),
        (with_actions("[[]]"), SYNTAX),
        (condition(r#""StringEqual":{"a:b":"c"}"#), SYNTAX),
        (condition(r#""stringEquals":{"a:b":"c"}"#), SYNTAX),
        (condition(r#""BoolNotEquals":{"a:b":"true"}"#), SYNTAX),
        (condition(r#""NullIfExists":{"a:b":"true"}"#), SYNTAX),
        (condition(r#""StringEquals":"c""#), SYNTAX),
        (condition(r#""StringEquals":{"a:b":null}"#), SYNTAX),
        (condition(r#""StringEquals":{"a:b":{}}"#), SYNTAX),
        (condition(r#""StringEquals":{"a:b":"c","a:b":"d"}"#), SYNTAX),
        (condition(r#""NumericEquals":{"a:b":"one"}"#), SYNTAX),
        (condition(r#""Bool":{"a:b":"yes"}"#), SYNTAX),
        (condition(r#""IpAddress":{"a:b":"10.0.0.0/33"}"#), SYNTAX),
        (condition(r#""BinaryEquals":{"a:b":"%"}"#), SYNTAX),
        (condition(&format!(r#""StringEquals":{{"a:b":[{}]}}"#, ["1"; 101].join(","))), SYNTAX),
        (versioned(r#""2008-10-17""#), "Policy document must be version 2012-10-17 or greater."),
        (versioned(r#""2012-10-18""#), "Policy document must be version 2012-10-17 or greater."),
        (versioned(r#""""#), "Policy document must be version 2012-10-17 or greater."),
        (
            allow("").replace(r#""Version":"2012-10-17","#, ""),
            "Policy document must be version 2012-10-17 or greater.",
        ),
        (condition(r#""DateLessThan":{"a:b":"soon"}"#), LEGACY),
        (with_resources(r#""arn:aws:ecr:us-east-1""#), LEGACY),
        (
            allow(r#","Sid":"a b""#),
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
        ),
        (two("a", "a"), "Statement IDs (SID) in a single policy must be unique."),
        (statement(r#""Effect":"Allow","Resource":"*""#), "Policy statement must contain actions."),
        (with_actions("[]"), "Policy statement must contain actions."),
        (statement(r#""Effect":"Allow","Action":"*""#), "Policy statement must contain resources."),
        (with_resources("[]"), "Policy statement must contain resources."),
        (
            with_resources(r#""repository/x""#),
            r#"Resource repository/x must be in ARN format or "*"."#,
        ),
        (with_resources(r#""""#), r#"Resource  must be in ARN format or "*"."#),
        (
            with_resources(r#"["*","a:b:c:d:e:f"]"#),
            r#"Resource a:b:c:d:e:f must be in ARN format or "*"."#,
        ),
        (
            with_resources(r#""arn:aws-cn:ecr:x:1:y""#),
            r#"Partition "aws-cn" is not valid for resource "arn:aws-cn:ecr:x:1:y"."#,
        ),
        (
            with_resources(r#""arn:aws:iam:eu-west-1:1:user/a""#),
            "IAM resource arn:aws:iam:eu-west-1:1:user/a cannot contain region information.",
        ),
        (with_resources(r#""arn:aws:iam::1:bucket""#), PATHS),
        (
            with_actions(r#""PutImage""#),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (
            with_actions(r#""""#),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (
            with_actions(r#"":PutImage""#),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (with_actions(r#""ecr:Put:Image""#), "Actions/Condition can contain only one colon."),
        (with_actions(r#""e r:PutImage""#), "Vendor e r is not valid"),
        (with_actions(r#""e*:PutImage""#), "Vendor e* is not valid"),
        (allow(r#","Principal":"*""#), "Policy document should not specify a principal."),
        (
            allow(r#","NotPrincipal":{"AWS":"*"}"#),
            "Policy document should not specify a principal.",
        ),
    ];
    for (text, sentence) in table {
        assert_eq!(refused(&text, Grammar::Identity).to_string(), sentence, "{text}");
    }
}

#[test]
fn the_first_fault_is_told_in_the_order_of_the_checks() {
    // Everything at once; each repair brings the next sentence.
    let mut text = r#"{"Version":"2008-10-17","Statement":[
        {"Sid":"a b","Effect":"Allow","Action":"x","Resource":"y","Principal":"*",
         "Condition":{"DateEquals":{"a":"soon"},"Nonsense":{}}}]}"#
        .to_owned();
    for (sentence, wrong, right) in [
        (SYNTAX, r#","Nonsense":{}"#, ""),
        ("Policy document must be version 2012-10-17 or greater.", "2008-10-17", "2012-10-17"),
        (LEGACY, "soon", "2026-01-01"),
        (
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
            "a b",
            "ab",
        ),
        (r#"Resource y must be in ARN format or "*"."#, r#""y""#, r#""*""#),
        (
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
            r#""x""#,
            r#""x:y""#,
        ),
        ("Policy document should not specify a principal.", r#""Principal":"*","#, ""),
    ] {
        assert_eq!(refused(&text, Grammar::Identity).to_string(), sentence);
        text = text.replace(wrong, right);
    }
    Document::accept(&text, Grammar::Identity).unwrap();
}

#[test]
fn trust_policies() {
    let trust = |members: &str| {
        statement(&format!(
            r#""Effect":"Allow","Principal":{{"AWS":"*"}},"Action":"sts:AssumeRole"{members}"#
        ))
    };
    let of = |principal: &str| {
        statement(&format!(r#""Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole""#))
    };
    let doing = |action: &str| {
        statement(&format!(r#""Effect":"Allow","Principal":{{"AWS":"*"}},"Action":{action}"#))
    };
    let only_sts = "AssumeRole policy may only specify STS AssumeRole actions.";
    let table: Vec<(String, &str)> = vec![
        (String::new(), "This policy contains invalid Json"),
        ("[]".into(), "This policy contains invalid Json"),
        (trust(r#","Effect":"Deny""#), "This policy contains invalid Json"),
        (trust("").replace("2012-10-17", "2012"), "The policy must contain a valid version string"),
        (
            r#"{"Version":"2012-10-17","Statement":[]}"#.into(),
            "Could not parse the policy: Statement is empty!",
        ),
        (r#"{"Version":"2012-10-17"}"#.into(), "Could not parse the policy: Statement is empty!"),
        (
            trust("")
                .replace(r#"[{"#, r#"[{"Sid":"a","#)
                .replace(r#"}]}"#, r#"},{"Sid":"a","Effect":"Deny"}]}"#),
            "The Statement Ids in the policy are not unique",
        ),
        (
            statement(r#""Principal":{"AWS":"*"},"Action":"sts:AssumeRole""#),
            "Missing required field Effect",
        ),
        (trust("").replace("Allow", "allow"), "Invalid effect: allow"),
        (
            statement(r#""Effect":"Allow","Action":"sts:AssumeRole""#),
            "Missing required field Principal",
        ),
        (of("{}"), "Missing required field Principal cannot be empty!"),
        (of(r#"{"AWS":[]}"#), "Missing required field Principal cannot be empty!"),
        (statement(r#""Effect":"Allow","Principal":{"AWS":"*"}"#), "Missing required field Action"),
        (doing("[]"), "Missing required field Action"),
        (doing(r#""*""#), only_sts),
        (doing(r#""ecr:PutImage""#), only_sts),
        (doing(r#"["sts:AssumeRole","iam:*"]"#), only_sts),
        (doing(r#""sts:Assume:Role""#), only_sts),
        (doing(r#""sts:*""#).replace("Action", "NotAction"), only_sts),
        (trust(r#","Resource":"*""#), "Has prohibited field Resource"),
        (trust(r#","NotResource":"*""#), "AssumeRole policy must not contain resources."),
        (trust(r#","Colour":"red""#), "Has prohibited field Colour"),
        (trust("").replace("Principal", "NotPrincipal"), "Allow with NotPrincipal is not allowed."),
        (
            trust("").replace("Principal", "NotPrincipal").replace("Allow", "Deny"),
            "AssumeRole policy must not contain NotPrincipal field.",
        ),
        (of(r#""*""#), r#"AssumeRolepolicy contained an invalid principal: "STAR":"*"."#),
        (
            of(r#""arn:aws:iam::111122223333:root""#),
            r#"Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:root""#,
        ),
        (
            of(r#"{"AWS":"arn:aws:iam::111122223333:user/*"}"#),
            r#"Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:user/*""#,
        ),
        (of(r#"{"Service":"ec2"}"#), r#"Invalid principal in policy: "SERVICE":"ec2""#),
        (of(r#"{"CanonicalUser":"x"}"#), r#"Invalid principal in policy: "CANONICALUSER":"x""#),
        (trust(r#","Condition":{"StringEqual":{}}"#), SYNTAX),
    ];
    for (text, sentence) in table {
        assert_eq!(refused(&text, Grammar::Trust).to_string(), sentence, "{text}");
    }
}

#[test]
fn a_shared_issuer_is_narrowed_to_a_tenant() {
    let trust = |issuer: &str, condition: &str| {
        statement(&format!(
            r#""Effect":"Allow","Principal":{{"Federated":"arn:aws:iam::111122223333:oidc-provider/{issuer}"}},
               "Action":"sts:AssumeRoleWithWebIdentity"{condition}"#
        ))
    };
    let github = "token.actions.githubusercontent.com";
    let when = |operator: &str, claim: &str, value: &str| {
        trust(github, &format!(r#","Condition":{{"{operator}":{{"{github}:{claim}":{value}}}}}"#))
    };
    for text in [
        trust(github, ""),
        when("StringEquals", "aud", r#""sts.amazonaws.com""#),
        when("StringLike", "sub", r#""*""#),
        when("StringLike", "sub", r#"["repo:me/*","**"]"#),
        when("StringEquals", "sub", "[]"),
        when("StringNotEquals", "sub", r#""repo:me/x""#),
        when("StringLikeIfExists", "sub", r#""repo:me/*""#),
        when("ForAllValues:StringLike", "sub", r#""repo:me/*""#),
    ] {
        let fault = refused(&text, Grammar::Trust);
        assert_eq!(fault.wrong, Wrong::SharedIssuer { issuer: github, claim: "sub" }, "{text}");
    }
    for text in [
        when("StringLike", "sub", r#""repo:me/*""#),
        when("StringEquals", "SUB", r#"["repo:me/x:ref:refs/heads/main"]"#),
        when("ForAnyValue:StringEquals", "sub", r#""repo:me/x""#),
        trust(github, "").replace("Allow", "Deny"),
        trust("ci.example", ""),
    ] {
        Document::accept(&text, Grammar::Trust)
            .unwrap_or_else(|fault| panic!("{}: {text}", fault.detail()));
    }
}

#[test]
fn repository_and_registry_policies() {
    let policy =
        |members: &str| statement(&format!(r#""Effect":"Allow","Principal":"*"{members}"#));
    for (text, detail) in [
        ("", "it is not JSON as policies are read"),
        (r#"{"Version":"2012-10-17","Statement":[]}"#, "there is no statement"),
        (&policy(""), "statement 1: there is no action"),
        (&statement(r#""Effect":"Allow","Action":"ecr:*""#), "statement 1: Principal is missing"),
        (
            &policy(r#","Action":"s3:GetObject""#),
            r#"statement 1: action "s3:GetObject" is not for this kind"#,
        ),
        (&policy(r#","Action":"ecr:""#), r#"statement 1: action "ecr:" is not for this kind"#),
        (&policy(r#","Action":"ecr:*","Resource":"x""#), r#"statement 1: resource "x" is neither"#),
        (&policy(r#","Action":"ecr:*","Resource":[]"#), "statement 1: there is no resource"),
        (&policy(r#","Action":"ecr:*","NotResource":"arn:aws-cn:ecr:::x""#), "is in the partition"),
        (
            &policy(r#","Action":"ecr:*","Comment":"x""#),
            r#"statement 1: there is no element "Comment" here"#,
        ),
        (
            &policy(r#","Action":"ecr:*","Condition":{"Like":{}}"#),
            r#"statement 1: there is no operator "Like""#,
        ),
        (
            &policy(r#","Action":"ecr:*""#).replace("Principal", "NotPrincipal"),
            "statement 1: NotPrincipal is not for Allow",
        ),
        (
            &policy(r#","Action":"ecr:*""#)
                .replace(r#""*","#, r#"{"AWS":"arn:aws-cn:iam::111122223333:root"},"#),
            "of kind AWS is not valid",
        ),
        (
            &policy(r#","Action":"ecr:*""#)
                .replace(r#""*","#, r#"{"Federated":"accounts.google.com"},"#),
            "of kind Federated is not valid",
        ),
        (
            &policy(r#","Action":"ecr:*""#).replace("2012-10-17", "2011-10-17"),
            "the version must be 2012-10-17 or 2008-10-17",
        ),
        (
            &policy(&format!(r#","Action":"ecr:{}""#, "x".repeat(10_240))),
            "it is longer than 10240 characters",
        ),
    ] {
        for (grammar, sentence) in [
            (Grammar::Repository, "Invalid repository policy provided"),
            (Grammar::Registry(Scope::V2), "Invalid registry policy provided"),
        ] {
            let fault = refused(text, grammar);
            assert!(fault.detail().contains(detail), "{}: {text}", fault.detail());
            assert_eq!(fault.to_string(), sentence);
        }
    }
    let plain = policy(r#","Action":["ecr:*","ECR:putimage"],"Sid":"new statement""#);
    Document::accept(&plain, Grammar::Repository).unwrap();
    let fault = refused(&plain, Grammar::Registry(Scope::V2));
    assert_eq!(fault.wrong, Wrong::NoResource);
    for (action, first) in
        [(r#""ecr:ReplicateImage""#, true), (r#""ecr:PutImage""#, false), (r#""ecr:*""#, false)]
    {
        let text = policy(&format!(
            r#","Action":{action},"Resource":"arn:aws:ecr:us-east-1:111122223333:repository/*""#
        ));
        assert_eq!(
            Document::accept(&text, Grammar::Registry(Scope::V1)).is_ok(),
            first,
            "{action}"
        );
        Document::accept(&text, Grammar::Registry(Scope::V2)).unwrap();
    }
}

#[test]
fn what_is_unusual_and_right() {
    for text in [
        allow("").replace(['[', ']'], ""),
        allow("").replace(r#""Statement""#, r#""Id":"any text at all","Statement""#),
        allow("").replace("ecr:PutImage", "nobody:KnowsThis"),
        allow("").replace("ecr:PutImage", "*"),
        allow(r#","Sid":"""#),
        r#"{"Version":"2012-10-17","Statement":[
            {"Sid":"","Effect":"Allow","Action":"ecr:*","Resource":"*"},
            {"Sid":"","Effect":"Deny","Action":"ecr:*","Resource":"*"}]}"#
            .to_owned(),
        condition(""),
        condition(r#""StringEquals":{}"#),
        condition(r#""StringEquals":{"a:b":[]}"#),
        condition(r#""Bool":{"aws:SecureTransport":true},"NumericLessThan":{"a:b":3.5}"#),
        condition(r#""ArnLike":{"aws:PrincipalArn":"*"}"#),
        condition(r#""DateGreaterThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"},"DateLessThan":{"aws:EpochTime":1767225600}"#),
        allow("").replace(r#""*""#, r#"["arn:aws:iam::1:root","arn:aws:iam::1:*","arn:*:s3:::x","arn:aws:iam::1:role/${aws:username}"]"#),
    ] {
        Document::accept(&text, Grammar::Identity).unwrap_or_else(|fault| panic!("{}: {text}", fault.detail()));
    }
}

#[test]
fn stored_documents_are_read_whatever_the_grammar_says_today() {
    let text = condition(r#""Nonsense":{"a:b":"c"}"#).replace("2012-10-17", "1999");
    Document::accept(&text, Grammar::Identity).unwrap_err();
    Document::parse(&text, Grammar::Identity).unwrap();
}

#[test]
fn principals_are_renamed_in_their_places() {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"AWS":["arn:aws:iam::111122223333:user/alice","*"],"Service":"ecs.amazonaws.com"},"Action":"ecr:*"}]}"#;
    let mut document = Document::accept(text, Grammar::Repository).unwrap();
    let renamed = document.rename_principals(|kind, name| match (kind, name) {
        ("AWS", "arn:aws:iam::111122223333:user/alice") => Ok(Some("AIDAALICE0000000000AA".into())),
        ("AWS", "*") | ("Service", _) => Ok(None),
        (kind, name) => Err(Fault::unknown_principal(Grammar::Repository, kind, name)),
    });
    renamed.unwrap();
    assert_eq!(
        document.to_compact(),
        text.replace("arn:aws:iam::111122223333:user/alice", "AIDAALICE0000000000AA")
    );
    let fault = document
        .rename_principals(|kind, name| Err(Fault::unknown_principal(Grammar::Trust, kind, name)));
    assert_eq!(
        fault.unwrap_err().to_string(),
        r#"Invalid principal in policy: "AWS":"AIDAALICE0000000000AA""#
    );
}

#[test]
fn keys_that_a_document_asks_for() {
    let text = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"*","Resource":"arn:aws:ecr:*:*:repository/${aws:username}/${aws:PrincipalTag/Team, 'x'}",
         "Condition":{"StringEquals":{"aws:ResourceTag/Team":"${aws:PrincipalTag/team}"},"Bool":{"aws:SecureTransport":"true"}}},
        {"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"AWS:securetransport":"false"}}}]}"#;
    let document = Document::accept(text, Grammar::Identity).unwrap();
    assert_eq!(
        document.context_keys(),
        ["aws:PrincipalTag/Team", "aws:ResourceTag/Team", "aws:SecureTransport", "aws:username"]
    );
}

#[test]
fn length_is_counted_in_characters() {
    let of = |length: usize, with: &str| {
        let empty = statement(r#""Effect":"Allow","Principal":"*","Action":"ecr:*","Sid":"""#);
        let fill = with.repeat(length - empty.chars().count());
        empty.replace(r#""Sid":"""#, &format!(r#""Sid":"{fill}""#))
    };
    for with in ["x", "é"] {
        Document::accept(&of(10_240, with), Grammar::Repository).unwrap();
        let fault = refused(&of(10_241, with), Grammar::Repository);
        assert_eq!(fault.wrong, Wrong::TooLong { most: 10_240 });
    }
}
