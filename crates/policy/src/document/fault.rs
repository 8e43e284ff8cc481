//! What is wrong with a document, where, and the sentence in which AWS says so. The code
//! (`MalformedPolicyDocument`, `InvalidParameterException`) is the caller's.

use std::fmt;

use super::Grammar;

/// A refused document. Its `Display` is AWS's sentence for this kind of policy, where AWS has one;
/// [`Fault::detail`] says in our words what is wrong, and in which statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    pub grammar: Grammar,
    /// The statement, counted from zero; none if it is the document as a whole.
    pub statement: Option<usize>,
    pub wrong: Wrong,
}

/// What is wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Wrong {
    #[error("it is longer than {most} characters")]
    TooLong { most: usize },
    #[error("it is not JSON as policies are read: {0}")]
    Json(String),
    #[error("it is not an object")]
    NoObject,
    #[error("there is no element {0:?} here")]
    Unknown(String),
    #[error("the element {0:?} must not stand here")]
    Forbidden(&'static str),
    #[error("{0} holds a value of the wrong type")]
    Type(&'static str),
    #[error("{0} and Not{0} exclude each other")]
    Both(&'static str),
    #[error("there is no statement")]
    NoStatement,
    #[error("Effect is missing")]
    NoEffect,
    #[error("Effect is {0:?}, not Allow or Deny")]
    Effect(String),
    #[error("the version must be 2012-10-17{}", if *.older { " or 2008-10-17" } else { "" })]
    Version { older: bool },
    #[error("Sid {0:?} has other characters than letters and digits")]
    Sid(String),
    #[error("Sid {0:?} stands there twice")]
    SidTwice(String),
    #[error("there is no action")]
    NoAction,
    #[error("action {0:?} does not begin with a service")]
    NoVendor(String),
    #[error("action {0:?} has more than one colon")]
    Colons(String),
    #[error("action {action:?}: {vendor:?} is not the name of a service")]
    Vendor { vendor: String, action: String },
    #[error("action {0:?} is not for this kind of policy")]
    Action(String),
    #[error("there is no resource")]
    NoResource,
    #[error("resource {0:?} is neither an ARN nor \"*\"")]
    Resource(String),
    #[error("resource {0:?} has too few parts for an ARN")]
    ShortArn(String),
    #[error("resource {arn:?} is in the partition {partition:?}")]
    Partition { partition: String, arn: String },
    #[error("resource {0:?} of IAM names a Region")]
    IamRegion(String),
    #[error("resource {0:?} is nothing that IAM has")]
    IamPath(String),
    #[error("a principal is named")]
    Principal,
    #[error("Principal is missing")]
    NoPrincipal,
    #[error("Principal names nobody")]
    EmptyPrincipal,
    #[error("NotPrincipal is not for {}", if *.0 { "Allow" } else { "this kind of policy" })]
    NotPrincipal(bool),
    #[error("principal {name:?} of kind {kind} is not valid")]
    InvalidPrincipal { kind: String, name: String },
    #[error("there is no operator {0:?}")]
    Operator(String),
    #[error("{operator} cannot compare {key} with {value:?}")]
    Value { operator: String, key: String, value: String },
    #[error("{operator} compares {key} with more than {most} values")]
    TooManyValues { operator: String, key: String, most: usize },
    #[error(
        "everybody may have tokens of {issuer}: the statement must say by a positive condition \
         which {issuer}:{claim} it trusts"
    )]
    SharedIssuer { issuer: &'static str, claim: &'static str },
}

/// A fault, and where; the kind of policy is added at the end.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) statement: Option<usize>,
    pub(super) wrong: Wrong,
}

impl Found {
    pub(super) fn document(wrong: Wrong) -> Found {
        Found { statement: None, wrong }
    }

    pub(super) fn under(self, grammar: Grammar) -> Fault {
        Fault { grammar, statement: self.statement, wrong: self.wrong }
    }
}

impl Wrong {
    /// Whether it is a date that is none. IAM finds these in what it calls legacy parsing, after the
    /// version.
    pub(super) fn is_of_date(&self) -> bool {
        matches!(self, Wrong::Value { operator, .. } if operator.contains("Date"))
    }
}

impl Fault {
    /// The fault of a principal that does not exist: only who knows the users and roles of an
    /// account can find it.
    #[must_use]
    pub fn unknown_principal(grammar: Grammar, kind: &str, name: &str) -> Fault {
        let wrong = Wrong::InvalidPrincipal { kind: kind.to_owned(), name: name.to_owned() };
        Fault { grammar, statement: None, wrong }
    }

    /// In our words, with the statement counted from one: for a console, a log, a linter.
    #[must_use]
    pub fn detail(&self) -> String {
        match self.statement {
            Some(index) => format!("statement {}: {}", index + 1, self.wrong),
            None => self.wrong.to_string(),
        }
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.grammar {
            Grammar::Identity => identity(&self.wrong, out),
            Grammar::Trust => trust(&self.wrong, out),
            Grammar::Repository => out.write_str("Invalid repository policy provided"),
            Grammar::Registry(_) => out.write_str("Invalid registry policy provided"),
        }
    }
}

/// What the resource of an IAM ARN begins with.
pub(super) const IAM_PATHS: [&str; 13] = [
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];

/// The sentences of CreatePolicy, PutUserPolicy and their kind.
fn identity(wrong: &Wrong, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    match wrong {
        Wrong::Version { .. } => {
            out.write_str("Policy document must be version 2012-10-17 or greater.")
        }
        Wrong::Sid(_) => out.write_str(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the \
             regular expression [0-9A-Za-z]*",
        ),
        Wrong::SidTwice(_) => {
            out.write_str("Statement IDs (SID) in a single policy must be unique.")
        }
        Wrong::NoAction => out.write_str("Policy statement must contain actions."),
        Wrong::NoVendor(_) => out.write_str(
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        Wrong::Colons(_) => out.write_str("Actions/Condition can contain only one colon."),
        Wrong::Vendor { vendor, .. } => write!(out, "Vendor {vendor} is not valid"),
        Wrong::NoResource => out.write_str("Policy statement must contain resources."),
        Wrong::Resource(text) => write!(out, "Resource {text} must be in ARN format or \"*\"."),
        Wrong::Partition { partition, arn } => {
            write!(out, "Partition \"{partition}\" is not valid for resource \"{arn}\".")
        }
        Wrong::IamRegion(arn) => {
            write!(out, "IAM resource {arn} cannot contain region information.")
        }
        Wrong::IamPath(_) => write!(
            out,
            "IAM resource path must either be \"*\", root, or start with {}.",
            IAM_PATHS.join(", ")
        ),
        Wrong::Principal => out.write_str("Policy document should not specify a principal."),
        Wrong::ShortArn(_) => out.write_str("The policy failed legacy parsing"),
        _ if wrong.is_of_date() => out.write_str("The policy failed legacy parsing"),
        _ => out.write_str("Syntax errors in policy."),
    }
}

/// The sentences of CreateRole and UpdateAssumeRolePolicy.
fn trust(wrong: &Wrong, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    match wrong {
        Wrong::TooLong { .. } | Wrong::Json(_) | Wrong::NoObject | Wrong::Type(_) => {
            out.write_str("This policy contains invalid Json")
        }
        Wrong::Version { .. } => out.write_str("The policy must contain a valid version string"),
        Wrong::NoStatement => out.write_str("Could not parse the policy: Statement is empty!"),
        Wrong::SidTwice(_) => out.write_str("The Statement Ids in the policy are not unique"),
        Wrong::NoEffect => out.write_str("Missing required field Effect"),
        Wrong::Effect(text) => write!(out, "Invalid effect: {text}"),
        Wrong::NoPrincipal => out.write_str("Missing required field Principal"),
        Wrong::EmptyPrincipal => out.write_str("Missing required field Principal cannot be empty!"),
        Wrong::NoAction => out.write_str("Missing required field Action"),
        Wrong::Action(_) => {
            out.write_str("AssumeRole policy may only specify STS AssumeRole actions.")
        }
        Wrong::Forbidden("NotResource") => {
            out.write_str("AssumeRole policy must not contain resources.")
        }
        Wrong::Forbidden(name) => write!(out, "Has prohibited field {name}"),
        Wrong::Unknown(name) => write!(out, "Has prohibited field {name}"),
        Wrong::NotPrincipal(true) => out.write_str("Allow with NotPrincipal is not allowed."),
        Wrong::NotPrincipal(false) => {
            out.write_str("AssumeRole policy must not contain NotPrincipal field.")
        }
        Wrong::InvalidPrincipal { kind, name } if kind == "STAR" => {
            write!(out, "AssumeRolepolicy contained an invalid principal: \"{kind}\":\"{name}\".")
        }
        Wrong::InvalidPrincipal { kind, name } => {
            write!(out, "Invalid principal in policy: \"{}\":\"{name}\"", kind.to_uppercase())
        }
        Wrong::SharedIssuer { .. } => {
            write!(out, "The policy is not valid: {wrong}")
        }
        _ => out.write_str("Syntax errors in policy."),
    }
}
