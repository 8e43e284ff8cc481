//! Each operator with values that meet it, that do not, that are none of its type, and none at all.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::document::{Document, Grammar};
use crate::{Fact, Facts};

struct From(Facts);

impl<'p> Lookup<'p> for From {
    fn look_up(&mut self, key: &'p Key) -> Option<Value<'p>> {
        use crate::Context as _;
        self.0.value(key).map(|value| match value {
            Value::One(text) => Value::one(text.into_owned()),
            Value::Many(texts) => {
                Value::Many(texts.into_iter().map(|text| text.into_owned().into()).collect())
            }
        })
    }
}

/// What the condition `{operator: {"x:key": policy}}` says of a request with these facts.
fn holds(operator: &str, policy: &str, facts: Facts) -> Option<bool> {
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"*",
            "Condition":{{"{operator}":{{"x:key":{policy}}}}}}}}}"#
    );
    let document = Document::parse(&text, Grammar::Identity).unwrap();
    let conditions = Condition::of(&document.statements[0], true);
    conditions[0].holds(&mut From(facts))
}

fn one(value: &str) -> Facts {
    let user = ("aws:username".to_owned(), Fact::One("alice".to_owned()));
    [("x:key".to_owned(), Fact::One(value.to_owned())), user].into_iter().collect()
}

fn many(values: &[&str]) -> Facts {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    [("X:Key".to_owned(), Fact::Many(values))].into_iter().collect()
}

/// Operator, policy's values as JSON, request's value, whether the positive operator holds.
const TABLE: &[(&str, &str, &str, bool)] = &[
    ("StringEquals", r#""a""#, "a", true),
    ("StringEquals", r#""a""#, "A", false),
    ("StringEquals", r#"["b","a"]"#, "a", true),
    ("StringEquals", r#""a*""#, "ab", false),
    ("StringEquals", r#""a*""#, "a*", true),
    ("StringEquals", r#""""#, "", true),
    ("StringEquals", r#""${aws:username}""#, "alice", true),
    ("StringEquals", r#""${aws:username}""#, "${aws:username}", false),
    ("StringEquals", r#""${x:none}""#, "", false),
    ("StringEquals", r#""${x:none, 'a'}""#, "a", true),
    ("StringEquals", "true", "true", true),
    ("StringEquals", "1", "1", true),
    ("StringEquals", "[]", "", false),
    ("StringEqualsIgnoreCase", r#""aÄ""#, "Aä", true),
    ("StringEqualsIgnoreCase", r#""a*""#, "ab", false),
    ("StringEqualsIgnoreCase", r#""${aws:username}""#, "ALICE", true),
    ("StringEqualsIgnoreCase", r#""a""#, "b", false),
    ("StringLike", r#""a*c?""#, "abbcd", true),
    ("StringLike", r#""a*c?""#, "abbc", false),
    ("StringLike", r#""A*""#, "ab", false),
    ("StringLike", r#""${*}""#, "x", false),
    ("StringLike", r#""*/${aws:username}""#, "home/alice", true),
    ("NumericEquals", r#""1.50""#, "1.5", true),
    ("NumericEquals", "1.5", "1.50", true),
    ("NumericEquals", r#""1""#, "one", false),
    ("NumericLessThan", r#""10""#, "9", true),
    ("NumericLessThan", r#""10""#, "10", false),
    ("NumericLessThan", r#""10""#, "nine", false),
    ("NumericLessThanEquals", r#""10""#, "10", true),
    ("NumericLessThanEquals", r#""10""#, "11", false),
    ("NumericGreaterThan", r#""10""#, "10.01", true),
    ("NumericGreaterThan", r#""10""#, "10", false),
    ("NumericGreaterThanEquals", r#""-1""#, "-1", true),
    ("NumericGreaterThanEquals", r#""-1""#, "-1.1", false),
    ("DateEquals", r#""2026-01-01T00:00:00Z""#, "2026-01-01T01:00:00+01:00", true),
    ("DateEquals", r#""2026-01-01""#, "1767225600", true),
    ("DateEquals", "1767225600", "2026-01-01T00:00:00Z", true),
    ("DateEquals", r#""2026-01-01""#, "soon", false),
    ("DateLessThan", r#""2026-01-01T00:00:00Z""#, "2025-12-31T23:59:59Z", true),
    ("DateLessThan", r#""2026-01-01T00:00:00Z""#, "2026-01-01T00:00:00Z", false),
    ("DateLessThanEquals", r#""2026-01-01T00:00:00Z""#, "2026-01-01T00:00:00Z", true),
    ("DateLessThanEquals", r#""2026-01-01T00:00:00Z""#, "2026-01-01T00:00:00.001Z", false),
    ("DateGreaterThan", r#""2026-01-01T00:00:00Z""#, "2026-01-01T00:00:01Z", true),
    ("DateGreaterThan", r#""2026-01-01T00:00:00Z""#, "2026-01-01T00:00:00Z", false),
    ("DateGreaterThanEquals", r#""2026-01-01T00:00:00Z""#, "2026-01-01T00:00:00Z", true),
    ("DateGreaterThanEquals", r#""2026-01-01T00:00:00Z""#, "2025-12-31T00:00:00Z", false),
    ("Bool", r#""true""#, "true", true),
    ("Bool", "true", "TRUE", true),
    ("Bool", r#""False""#, "false", true),
    ("Bool", r#""false""#, "true", false),
    ("Bool", r#""false""#, "no", false),
    ("BinaryEquals", r#""AQID""#, "AQID", true),
    ("BinaryEquals", r#""AQID""#, "AQIE", false),
    ("BinaryEquals", r#""AQID""#, "AQI", false),
    ("IpAddress", r#""203.0.113.0/24""#, "203.0.113.255", true),
    ("IpAddress", r#""203.0.113.77/24""#, "203.0.113.1", true),
    ("IpAddress", r#""203.0.113.0/24""#, "203.0.114.0", false),
    ("IpAddress", r#""203.0.113.7""#, "203.0.113.7", true),
    ("IpAddress", r#""203.0.113.7""#, "203.0.113.8", false),
    ("IpAddress", r#""2001:db8::/32""#, "2001:DB8:1::2", true),
    ("IpAddress", r#""2001:db8::1""#, "2001:db8::1", true),
    ("IpAddress", r#""2001:db8::/32""#, "203.0.113.7", false),
    ("IpAddress", r#""0.0.0.0/0""#, "2001:db8::1", false),
    ("IpAddress", r#""::/0""#, "203.0.113.7", false),
    ("IpAddress", r#""203.0.113.0/24""#, "::ffff:203.0.113.7", true),
    ("IpAddress", r#""::ffff:203.0.113.0/120""#, "203.0.113.7", true),
    ("IpAddress", r#""::ffff:0.0.0.0/96""#, "203.0.113.7", true),
    ("IpAddress", r#""203.0.113.0/24""#, "203.0.113", false),
    ("IpAddress", r#"["198.51.100.0/24","203.0.113.0/24"]"#, "203.0.113.7", true),
    ("ArnEquals", r#""arn:aws:iam::1:user/*""#, "arn:aws:iam::1:user/a/b", true),
    ("ArnLike", r#""arn:aws:iam::1:user/?""#, "arn:aws:iam::1:user/a", true),
    ("ArnLike", r#""arn:aws:iam::1:user/?""#, "arn:aws:iam::1:user/ab", false),
    ("ArnLike", r#""arn:aws:iam*user/a""#, "arn:aws:iam::1:user/a", false),
    ("ArnLike", r#""*""#, "arn:aws:iam::1:user/a", false),
    ("ArnLike", r#""arn:aws:iam::1:user/*""#, "user/a", false),
    ("ArnLike", r#""arn:aws:iam::1:user/${aws:username}""#, "arn:aws:iam::1:user/alice", true),
];

/// The name of the negated operator, if there is one.
fn negated(operator: &str) -> Option<String> {
    let negated = match operator {
        "IpAddress" => "NotIpAddress".to_owned(),
        "Bool" | "BinaryEquals" => return None,
        _ if operator.contains("Than") => return None,
        _ => operator.replacen("Equals", "NotEquals", 1).replacen("Like", "NotLike", 1),
    };
    Some(negated)
}

#[test]
fn each_operator_its_negation_and_its_variants() {
    for (operator, policy, request, expected) in TABLE {
        let check = |operator: &str, expected: bool| {
            let found = holds(operator, policy, one(request));
            assert_eq!(found, Some(expected), "{operator} {policy} {request}");
        };
        for (operator, expected) in
            [(Some((*operator).to_owned()), *expected), (negated(operator), !*expected)]
        {
            let Some(operator) = operator else { continue };
            check(&operator, expected);
            check(&format!("{operator}IfExists"), expected);
            check(&format!("ForAllValues:{operator}"), expected);
            check(&format!("ForAnyValue:{operator}"), expected);
        }
    }
}

#[test]
fn a_missing_key() {
    for (operator, policy, ..) in TABLE {
        let missing = |operator: &str| holds(operator, policy, Facts::default());
        assert_eq!(missing(operator), Some(false), "{operator}");
        assert_eq!(missing(&format!("{operator}IfExists")), Some(true), "{operator}");
        assert_eq!(missing(&format!("ForAllValues:{operator}")), Some(true), "{operator}");
        assert_eq!(missing(&format!("ForAnyValue:{operator}")), Some(false), "{operator}");
        if let Some(negated) = negated(operator) {
            assert_eq!(missing(&negated), Some(true), "{negated}");
            assert_eq!(missing(&format!("{negated}IfExists")), Some(true), "{negated}");
            assert_eq!(missing(&format!("ForAllValues:{negated}")), Some(true), "{negated}");
            assert_eq!(missing(&format!("ForAnyValue:{negated}")), Some(false), "{negated}");
        }
    }
}

#[test]
fn null_asks_whether_the_key_is_there() {
    for (policy, present, missing) in [
        (r#""true""#, false, true),
        (r#""false""#, true, false),
        ("true", false, true),
        ("false", true, false),
        (r#"["true","false"]"#, true, true),
    ] {
        assert_eq!(holds("Null", policy, one("x")), Some(present), "{policy}");
        assert_eq!(holds("Null", policy, one("")), Some(present), "{policy}: empty is there");
        assert_eq!(holds("Null", policy, many(&[])), Some(present), "{policy}: empty is there");
        assert_eq!(holds("Null", policy, Facts::default()), Some(missing), "{policy}");
    }
}

#[test]
fn several_values() {
    let policy = r#"["a","b"]"#;
    for (operator, values, expected) in [
        ("ForAllValues:StringEquals", &["a"][..], true),
        ("ForAllValues:StringEquals", &["a", "b"], true),
        ("ForAllValues:StringEquals", &["a", "c"], false),
        ("ForAllValues:StringEquals", &[], true),
        ("ForAllValues:StringNotEquals", &["c", "d"], true),
        ("ForAllValues:StringNotEquals", &["c", "a"], false),
        ("ForAllValues:StringNotEquals", &[], true),
        ("ForAnyValue:StringEquals", &["c", "a"], true),
        ("ForAnyValue:StringEquals", &["c"], false),
        ("ForAnyValue:StringEquals", &[], false),
        ("ForAnyValue:StringNotEquals", &["a", "c"], true),
        ("ForAnyValue:StringNotEquals", &["a", "b"], false),
        ("ForAnyValue:StringNotEquals", &[], false),
        // Without a word on how to take them.
        ("StringEquals", &["a"], false),
        ("StringNotEquals", &["c"], true),
    ] {
        assert_eq!(holds(operator, policy, many(values)), Some(expected), "{operator} {values:?}");
    }
}

#[test]
fn what_makes_no_sense_is_neither_true_nor_false() {
    for (operator, policy, request) in [
        ("StringEqual", r#""a""#, "a"),
        ("stringequals", r#""a""#, "a"),
        ("NullIfExists", r#""true""#, "a"),
        ("NumericEquals", r#""one""#, "1"),
        ("NumericNotEquals", r#""one""#, "1"),
        ("NumericNotEquals", r#"["2","one"]"#, "1"),
        ("DateLessThan", r#""soon""#, "2026-01-01"),
        ("Bool", r#""yes""#, "true"),
        ("Bool", r#""${aws:username}""#, "true"),
        ("BinaryEquals", r#""%""#, "AQID"),
        ("IpAddress", r#""203.0.113.0/33""#, "203.0.113.1"),
        ("NotIpAddress", r#""everywhere""#, "203.0.113.1"),
        ("ForAnyValue:NumericEquals", r#""one""#, "1"),
        ("ForAllValues:NumericEquals", r#""one""#, "1"),
    ] {
        assert_eq!(holds(operator, policy, one(request)), None, "{operator} {policy}");
    }
    // What another value decides is decided.
    assert_eq!(holds("NumericEquals", r#"["one","1"]"#, one("1")), Some(true));
    assert_eq!(holds("NumericNotEquals", r#"["one","1"]"#, one("1")), Some(false));
}

#[test]
fn only_plain_names_in_positive_conditions_name_principals() {
    const ARN: &str = r#""arn:aws:iam::111122223333:role/ci""#;
    for (operator, key, values, expected) in [
        ("ArnEquals", "aws:PrincipalArn", ARN, true),
        ("ArnLike", "AWS:principalarn", ARN, true),
        ("StringEquals", "aws:PrincipalArn", ARN, true),
        ("StringLike", "aws:PrincipalArn", ARN, true),
        ("ArnLike", "aws:PrincipalArn", r#""arn:aws:iam::111122223333:role/*""#, false),
        ("StringLike", "aws:PrincipalArn", r#""*""#, false),
        ("ArnEquals", "aws:PrincipalArn", r#""${aws:PrincipalArn}""#, false),
        ("ArnNotEquals", "aws:PrincipalArn", ARN, false),
        ("ArnEqualsIfExists", "aws:PrincipalArn", ARN, false),
        ("ForAllValues:ArnEquals", "aws:PrincipalArn", ARN, false),
        ("StringEquals", "aws:PrincipalAccount", r#""111122223333""#, false),
    ] {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"*",
                "Condition":{{"{operator}":{{"{key}":{values}}}}}}}}}"#
        );
        let document = Document::parse(&text, Grammar::Identity).unwrap();
        let condition = &Condition::of(&document.statements[0], true)[0];
        assert_eq!(condition.names_principals(), expected, "{operator} {key} {values}");
    }
}
