//! What a call is about, as the decision sees it.

/// What the decision about a call is about.
#[derive(Clone, Debug)]
pub enum Subject<'a> {
    /// Nothing is decided before the operation runs: it needs no permission, or it decides by
    /// itself, since it knows more policies than the caller's.
    Undecided,
    /// The account as a whole: the resource is `*`.
    Account,
    /// What has this ARN.
    Arn(&'a str),
}
