//! The names of operators. They are exact: AWS documents no other case.

/// What an operator does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Operator {
    pub(crate) set: Set,
    pub(crate) comparison: Comparison,
    pub(crate) negated: bool,
    /// Holds where the key is missing.
    pub(crate) if_exists: bool,
}

/// How the values of a multivalued key are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Set {
    None,
    All,
    Any,
}

/// How one value of the request is compared with one of the policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Comparison {
    Equals,
    EqualsIgnoreCase,
    Like,
    Number(Order),
    Date(Order),
    Bool,
    Binary,
    Ip,
    Arn,
    Null,
}

/// How the request's value lies to the policy's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The operators without prefix and suffix, and whether they are negated.
const OPERATORS: &[(&str, Comparison, bool)] = &[
    ("StringEquals", Comparison::Equals, false),
    ("StringNotEquals", Comparison::Equals, true),
    ("StringEqualsIgnoreCase", Comparison::EqualsIgnoreCase, false),
    ("StringNotEqualsIgnoreCase", Comparison::EqualsIgnoreCase, true),
    ("StringLike", Comparison::Like, false),
    ("StringNotLike", Comparison::Like, true),
    ("NumericEquals", Comparison::Number(Order::Equal), false),
    ("NumericNotEquals", Comparison::Number(Order::Equal), true),
    ("NumericLessThan", Comparison::Number(Order::Less), false),
    ("NumericLessThanEquals", Comparison::Number(Order::LessOrEqual), false),
    ("NumericGreaterThan", Comparison::Number(Order::Greater), false),
    ("NumericGreaterThanEquals", Comparison::Number(Order::GreaterOrEqual), false),
    ("DateEquals", Comparison::Date(Order::Equal), false),
    ("DateNotEquals", Comparison::Date(Order::Equal), true),
    ("DateLessThan", Comparison::Date(Order::Less), false),
    ("DateLessThanEquals", Comparison::Date(Order::LessOrEqual), false),
    ("DateGreaterThan", Comparison::Date(Order::Greater), false),
    ("DateGreaterThanEquals", Comparison::Date(Order::GreaterOrEqual), false),
    ("Bool", Comparison::Bool, false),
    ("BinaryEquals", Comparison::Binary, false),
    ("IpAddress", Comparison::Ip, false),
    ("NotIpAddress", Comparison::Ip, true),
    ("ArnEquals", Comparison::Arn, false),
    ("ArnNotEquals", Comparison::Arn, true),
    ("ArnLike", Comparison::Arn, false),
    ("ArnNotLike", Comparison::Arn, true),
    ("Null", Comparison::Null, false),
];

impl Operator {
    /// The operator of this name, if there is one.
    pub(crate) fn parse(name: &str) -> Option<Operator> {
        let (set, rest) = if let Some(rest) = name.strip_prefix("ForAllValues:") {
            (Set::All, rest)
        } else if let Some(rest) = name.strip_prefix("ForAnyValue:") {
            (Set::Any, rest)
        } else {
            (Set::None, name)
        };
        let (if_exists, rest) = match rest.strip_suffix("IfExists") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let (_, comparison, negated) = *OPERATORS.iter().find(|(known, ..)| *known == rest)?;
        let plain = set == Set::None && !if_exists;
        (comparison != Comparison::Null || plain).then_some(Operator {
            set,
            comparison,
            negated,
            if_exists,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_names_and_nothing_else() {
        for (name, comparison, negated) in OPERATORS {
            for (prefix, set) in
                [("", Set::None), ("ForAllValues:", Set::All), ("ForAnyValue:", Set::Any)]
            {
                for (suffix, if_exists) in [("", false), ("IfExists", true)] {
                    let full = format!("{prefix}{name}{suffix}");
                    let expected =
                        Operator { set, comparison: *comparison, negated: *negated, if_exists };
                    let null = *name == "Null" && full != "Null";
                    assert_eq!(Operator::parse(&full), (!null).then_some(expected), "{full}");
                }
            }
        }
        for name in [
            "",
            "stringEquals",
            "STRINGEQUALS",
            "StringEquals ",
            "StringEqual",
            "IfExists",
            "BoolNotEquals",
            "BinaryNotEquals",
            "NotNull",
            "ForAllValues:",
            "ForAllValues:ForAnyValue:StringEquals",
            "ForSomeValues:StringEquals",
            "StringEqualsIfExistsIfExists",
            "NumericLike",
            "DateLike",
        ] {
            assert_eq!(Operator::parse(name), None, "{name}");
        }
    }
}
