//! The keys that conditions and variables ask for, and who answers.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

/// Answers for the keys of a request. Asked only for keys that a policy names, so looking one up may
/// cost something; asked again for the same key by the next statement, so it should not cost much.
///
/// What is known of the caller (`aws:PrincipalArn`, `aws:PrincipalTag/…`, …) is answered by
/// [`crate::Caller`] before a context is asked.
pub trait Context {
    /// The value of `key` in this request; `None` if the request has none. An empty string or list
    /// is not the same as none.
    fn value(&self, key: &Key) -> Option<Value<'_>>;

    /// What is known of the caller, and when.
    fn caller_keys(&self) -> CallerKeys {
        CallerKeys::First
    }
}

/// When [`crate::Caller`] is asked for a key. Only simulations have another order than the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallerKeys {
    /// Before the context.
    First,
    /// After the context, which may say otherwise.
    Last,
    /// Not at all: nobody in particular calls.
    Hidden,
}

/// The name of a condition key. Compares without regard to case.
#[derive(Clone, Debug)]
pub struct Key {
    written: Box<str>,
    name: Box<str>,
    tag: Option<usize>,
}

/// What a key holds.
#[derive(Clone, PartialEq, Debug)]
pub enum Value<'a> {
    One(Cow<'a, str>),
    /// A multivalued key, such as `aws:TagKeys`.
    Many(Vec<Cow<'a, str>>),
}

impl Key {
    #[must_use]
    pub fn new(written: &str) -> Key {
        let tag = written.find('/').filter(|slash| {
            let name = &written[..*slash];
            name.contains(':') && name.to_ascii_lowercase().ends_with("tag")
        });
        let name = written[..tag.map_or(written.len(), |slash| slash)].to_ascii_lowercase();
        Key { written: written.into(), name: name.into(), tag: tag.map(|slash| slash + 1) }
    }

    /// As the policy writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// In lower case, and of a tag's key only what precedes the slash: `aws:resourcetag`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Of a tag's key (`aws:ResourceTag/Team`) the tag, as written.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.map(|start| &self.written[start..])
    }

    /// The value of the tag that this key names. Tags are found without regard to case; where two
    /// differ only by that, the one written the same is taken.
    pub fn tag_in<'a>(
        &self,
        tags: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Option<&'a str> {
        let wanted = self.tag()?;
        let mut found = None;
        for (tag, value) in tags {
            if tag == wanted {
                return Some(value);
            }
            if found.is_none() && tag.eq_ignore_ascii_case(wanted) {
                found = Some(value);
            }
        }
        found
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.written.eq_ignore_ascii_case(&other.written)
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.written.bytes().for_each(|byte| state.write_u8(byte.to_ascii_lowercase()));
    }
}

impl<'a> Value<'a> {
    /// A single value.
    pub fn one(text: impl Into<Cow<'a, str>>) -> Value<'a> {
        Value::One(text.into())
    }

    /// `true` or `false`.
    #[must_use]
    pub fn truth(truth: bool) -> Value<'a> {
        Value::one(if truth { "true" } else { "false" })
    }
}

/// A context that knows nothing.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Context for Nothing {
    fn value(&self, _: &Key) -> Option<Value<'_>> {
        None
    }
}

/// A context that is a list: for requests that are simulated, and for tests.
#[derive(Clone, Default, Debug)]
pub struct Facts(Vec<(String, Fact)>);

/// A value that [`Facts`] own.
#[derive(Clone, PartialEq, Debug)]
pub enum Fact {
    One(String),
    Many(Vec<String>),
}

impl Context for Facts {
    fn value(&self, key: &Key) -> Option<Value<'_>> {
        let same = |name: &String| **name == *key.written;
        let exact = self.0.iter().find(|(name, _)| same(name));
        let found = exact
            .or_else(|| self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(&key.written)));
        found.map(|(_, fact)| match fact {
            Fact::One(text) => Value::one(text.as_str()),
            Fact::Many(texts) => {
                Value::Many(texts.iter().map(|text| text.as_str().into()).collect())
            }
        })
    }
}

impl FromIterator<(String, Fact)> for Facts {
    fn from_iter<T: IntoIterator<Item = (String, Fact)>>(facts: T) -> Facts {
        Facts(facts.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_tags_are_told_from_names_with_a_slash() {
        let parts = |text| {
            let key = Key::new(text);
            (key.name().to_owned(), key.tag().map(str::to_owned))
        };
        assert_eq!(
            parts("AWS:ResourceTag/Team/A"),
            ("aws:resourcetag".into(), Some("Team/A".into()))
        );
        assert_eq!(parts("ecr:ResourceTag/"), ("ecr:resourcetag".into(), Some(String::new())));
        assert_eq!(parts("aws:SourceIp"), ("aws:sourceip".into(), None));
        assert_eq!(parts("ci.tag/team:sub"), ("ci.tag/team:sub".into(), None));
        assert_eq!(parts("gitlab.example/tag:sub"), ("gitlab.example/tag:sub".into(), None));
    }

    #[test]
    fn a_tag_written_the_same_goes_first() {
        let tags = [("ENV", "a"), ("env", "b"), ("Env", "c")];
        let value = |key| Key::new(key).tag_in(tags);
        assert_eq!(value("aws:ResourceTag/env"), Some("b"));
        assert_eq!(value("aws:ResourceTag/Env"), Some("c"));
        assert_eq!(value("aws:ResourceTag/eNV"), Some("a"));
        assert_eq!(value("aws:ResourceTag/other"), None);
        let facts: Facts = tags
            .map(|(tag, value)| (format!("aws:ResourceTag/{tag}"), Fact::One(value.to_owned())))
            .into_iter()
            .collect();
        assert_eq!(facts.value(&Key::new("aws:resourcetag/Env")), Some(Value::one("a")));
        assert_eq!(facts.value(&Key::new("aws:ResourceTag/Env")), Some(Value::one("c")));
    }
}
