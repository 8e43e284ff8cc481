//! Session tags: those that a request passes, and those that the calling session hands on.
//!
//! Source: "Pass session tags in AWS STS", IAM User Guide.

use std::collections::HashSet;

use wharf_identity::Tag;
use wharf_policy::Caller;

use crate::query::Error;

/// The most tags of a session, those that are handed on included.
const MOST: usize = 50;

/// The tags of a session that is to begin.
#[derive(Debug, Default)]
pub(super) struct SessionTags {
    pub(super) tags: Vec<(String, String)>,
    pub(super) transitive: Vec<String>,
}

impl SessionTags {
    /// Those that the caller's session hands on, and those of the request.
    ///
    /// # Errors
    /// Keys that are there twice, reserved or handed on already, and a transitive key without a tag.
    pub(super) fn of(
        caller: &Caller,
        requested: &[Tag],
        transitive: &[String],
    ) -> Result<SessionTags, Error> {
        SessionTags::added(SessionTags::inherited(caller), requested, transitive)
    }

    /// Those that an issuer of tokens gives.
    ///
    /// # Errors
    /// As for a request.
    pub(super) fn given(
        tags: Vec<(String, String)>,
        transitive: Vec<String>,
    ) -> Result<SessionTags, Error> {
        let pairs = tags.into_iter().map(|(key, value)| Tag { key, value }).collect::<Vec<_>>();
        SessionTags::added(SessionTags::default(), &pairs, &transitive)
    }

    fn added(
        mut all: SessionTags,
        requested: &[Tag],
        transitive: &[String],
    ) -> Result<SessionTags, Error> {
        check(requested)?;
        let is_among = |key: &String| requested.iter().any(|tag| same(&tag.key, key));
        if !transitive.iter().all(is_among) {
            return Err(invalid(
                "The specified transitive tag key must be included in the requested tags.",
            ));
        }
        if all.transitive.iter().any(is_among) {
            return Err(invalid(
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
            ));
        }
        let pairs = requested.iter().map(|tag| (tag.key.clone(), tag.value.clone()));
        all.tags.extend(pairs);
        all.transitive.extend(transitive.iter().cloned());
        match all.tags.len() > MOST {
            true => Err(invalid(
                "A session cannot have more than 50 tags, those that the calling session hands on included.",
            )),
            false => Ok(all),
        }
    }

    fn inherited(caller: &Caller) -> SessionTags {
        let Some(session) = caller.session.as_deref() else { return SessionTags::default() };
        let is_handed_on = |key: &str| session.transitive.iter().any(|own| same(own, key));
        let tags = caller.tags.iter().filter(|(key, _)| is_handed_on(key)).cloned().collect();
        SessionTags { tags, transitive: session.transitive.clone() }
    }
}

fn check(requested: &[Tag]) -> Result<(), Error> {
    let mut seen = HashSet::new();
    for Tag { key, .. } in requested {
        if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
            return Err(invalid(&format!(
                "The tag key '{key}' begins with 'aws:', which is reserved"
            )));
        }
        if !seen.insert(key.to_lowercase()) {
            return Err(invalid(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
    }
    Ok(())
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

fn invalid(message: &str) -> Error {
    Error::Declared { code: "InvalidParameterValue", status: 400, message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn caller(tags: &[(&str, &str)], transitive: &[&str]) -> Caller {
        let account = "123456789012".parse().unwrap();
        let arn = "arn:aws:iam::123456789012:role/ci";
        let caller = Caller::role_session(account, arn, "AROACI", "build", "ASIA");
        let session = wharf_policy::Session {
            transitive: transitive.iter().map(|key| (*key).to_owned()).collect(),
            ..wharf_policy::Session::default()
        };
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Caller { session: Some(session.into()), tags: tags.collect(), ..caller }
    }

    fn tags(keys: &[&str]) -> Vec<Tag> {
        keys.iter().map(|key| Tag { key: (*key).to_owned(), value: "new".to_owned() }).collect()
    }

    #[test]
    fn what_is_transitive_travels_and_cannot_be_changed() {
        let caller = caller(&[("Team", "red"), ("Stage", "prod")], &["Team"]);
        let transitive = ["Cost".to_owned()];
        let all = SessionTags::of(&caller, &tags(&["Cost", "Stage"]), &transitive).unwrap();
        let keys: Vec<&str> = all.tags.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["Team", "Cost", "Stage"]);
        assert_eq!(all.transitive, ["Team", "Cost"]);
    }

    #[test]
    fn what_is_refused() {
        let caller = caller(&[("Team", "red")], &["Team"]);
        let many: Vec<String> = (0..50).map(|number| format!("k{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (requested, transitive, told) in [
            (&["a", "A"][..], &[][..], "Duplicate tag keys"),
            (&["a"], &["b"], "must be included in the requested tags"),
            (&["team"], &[], "conflicts with a transitive tag key from the calling session"),
            (&["AWS:x"], &[], "reserved"),
            (&many, &[], "more than 50 tags"),
        ] {
            let transitive: Vec<String> =
                transitive.iter().map(|key: &&str| (*key).to_owned()).collect();
            let refused = SessionTags::of(&caller, &tags(requested), &transitive).unwrap_err();
            assert!(refused.to_string().contains(told), "{refused}");
        }
    }
}
