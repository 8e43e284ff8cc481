//! Texts of a policy in which variables stand: `${aws:username}`, `${key, 'default'}`, and
//! `${*}`, `${?}`, `${$}` for the characters themselves.
//!
//! Values are put in after the pattern was taken apart, so a value that holds `*` or `${` means just
//! these characters. Source: the IAM User Guide, "Variables and tags".

use std::borrow::Cow;

use crate::glob::{Glob, Piece, pieces};
use crate::{Key, Value};

/// A pattern that is known only when a request is.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Template {
    Known(Glob),
    Varying(Vec<Part>),
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Part {
    Piece(Piece),
    Variable { key: Key, default: Option<Box<str>> },
}

/// Looks a key up and notes if it is missing.
pub(crate) trait Lookup<'p> {
    fn look_up(&mut self, key: &'p Key) -> Option<Value<'p>>;
}

impl Template {
    /// The template that `text` is; `wildcards` says whether `*` and `?` are more than characters,
    /// `variables` whether `${…}` is.
    pub(crate) fn parse(text: &str, wildcards: bool, variables: bool) -> Template {
        let plain = |text: &str| -> Vec<Part> {
            let pieces = if wildcards { pieces(text) } else { vec![Piece::Text(text.into())] };
            pieces.into_iter().map(Part::Piece).collect()
        };
        let (mut parts, mut rest) = (Vec::new(), text);
        while variables && let Some(start) = rest.find("${") {
            let Some(length) = rest[start..].find('}') else { break };
            parts.extend(plain(&rest[..start]));
            parts.push(variable(&rest[start + 2..start + length]));
            rest = &rest[start + length + 1..];
        }
        parts.extend(plain(rest));
        if parts.iter().any(|part| matches!(part, Part::Variable { .. })) {
            return Template::Varying(parts);
        }
        Template::Known(Glob::from_pieces(parts.into_iter().filter_map(|part| match part {
            Part::Piece(piece) => Some(piece),
            Part::Variable { .. } => None,
        })))
    }

    /// The pattern for this request, if it can match a text of so many bytes; `None` if a variable
    /// has no value, and then nothing matches.
    pub(crate) fn resolve<'s>(
        &'s self,
        bytes: usize,
        lookup: &mut dyn Lookup<'s>,
    ) -> Option<Cow<'s, Glob>> {
        match self {
            Template::Known(glob) => Some(Cow::Borrowed(glob)),
            Template::Varying(parts) => {
                fill(parts, bytes, lookup).map(|pieces| Cow::Owned(Glob::from_pieces(pieces)))
            }
        }
    }

    /// The keys that its variables name.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        let parts = match self {
            Template::Known(_) => [].as_slice(),
            Template::Varying(parts) => parts,
        };
        parts.iter().filter_map(|part| match part {
            Part::Variable { key, .. } => Some(key),
            Part::Piece(_) => None,
        })
    }
}

/// The pieces that `parts` are in this request; `None` if one has no value, or if their texts have
/// more than so many bytes. A few variables can stand for a text that fills the memory, and the text
/// to compare with is never that long.
pub(crate) fn fill<'s>(
    parts: &'s [Part],
    bytes: usize,
    lookup: &mut dyn Lookup<'s>,
) -> Option<Vec<Piece>> {
    let mut left = bytes;
    let mut within = |text: Cow<'_, str>| {
        left = left.checked_sub(text.len())?;
        Some(Piece::Text(text.into()))
    };
    let pieces = parts.iter().map(|part| match part {
        Part::Piece(Piece::Text(text)) => within(Cow::Borrowed(text)),
        Part::Piece(wildcard) => Some(wildcard.clone()),
        Part::Variable { key, default } => match (lookup.look_up(key), default) {
            (Some(Value::One(text)), _) => within(text),
            (None, Some(default)) => within(Cow::Borrowed(default)),
            // A multivalued key has no place in a text, not even with a default.
            (Some(Value::Many(_)) | None, _) => None,
        },
    });
    pieces.collect()
}

/// What stands between `${` and `}`.
fn variable(inside: &str) -> Part {
    if let "*" | "?" | "$" = inside {
        return Part::Piece(Piece::Text(inside.into()));
    }
    let (key, default) = match inside.split_once(',') {
        Some((key, default)) => (key, quoted(default.trim())),
        None => (inside, None),
    };
    match default {
        None => Part::Variable { key: Key::new(inside.trim()), default: None },
        Some(default) => {
            Part::Variable { key: Key::new(key.trim()), default: Some(default.into()) }
        }
    }
}

fn quoted(text: &str) -> Option<&str> {
    text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    struct Only(&'static [(&'static str, &'static str)]);

    impl<'p> Lookup<'p> for Only {
        fn look_up(&mut self, key: &'p Key) -> Option<Value<'p>> {
            let found = self.0.iter().find(|(name, _)| Key::new(name) == *key)?;
            match found.1 {
                "[]" => Some(Value::Many(Vec::new())),
                text => Some(Value::one(text)),
            }
        }
    }

    const KNOWN: Only = Only(&[
        ("aws:username", "alice"),
        ("x:star", "*"),
        ("x:dollar", "${aws:username}"),
        ("x:many", "[]"),
    ]);

    #[test]
    fn variables_stand_for_values_and_values_for_themselves() {
        for (template, text, matches) in [
            ("home/${aws:username}/*", "home/alice/x", true),
            ("home/${AWS:UserName}", "home/alice", true),
            ("home/${aws:username}", "home/bob", false),
            ("${aws:username}${aws:username}", "alicealice", true),
            ("${x:none}", "", false),
            ("${x:none}", "${x:none}", false),
            ("${x:none, 'guest'}", "guest", true),
            ("${x:none,'a, b'}", "a, b", true),
            ("${aws:username, 'guest'}", "alice", true),
            ("${x:none, guest}", "guest", false),
            ("${x:many}", "", false),
            ("${x:many, 'guest'}", "guest", false),
            ("${x:star}", "*", true),
            ("${x:star}", "anything", false),
            ("${x:dollar}", "${aws:username}", true),
            ("${x:dollar}", "alice", false),
            ("${*}${?}${$}", "*?$", true),
            ("${*}", "x", false),
            ("${$}{aws:username}", "${aws:username}", true),
            ("${aws:username", "${aws:username", true),
            ("a}b", "a}b", true),
            ("${}", "", false),
        ] {
            let compiled = Template::parse(template, true, true);
            let glob = compiled.resolve(usize::MAX, &mut { KNOWN });
            assert_eq!(glob.is_some_and(|glob| glob.matches(text)), matches, "{template} {text}");
        }
    }

    #[test]
    fn what_is_longer_than_the_text_is_not_filled_in() {
        let compiled = Template::parse("*a${aws:username}?", true, true);
        assert!(compiled.resolve(6, &mut { KNOWN }).unwrap().matches("aalicex"));
        assert!(compiled.resolve(5, &mut { KNOWN }).is_none());
    }

    #[test]
    fn without_wildcards_and_variables_a_text_is_a_text() {
        let compiled = Template::parse("*${aws:username}?", false, false);
        let glob = compiled.resolve(usize::MAX, &mut { KNOWN }).unwrap();
        assert!(glob.is_text() && glob.matches("*${aws:username}?"));
        let compiled = Template::parse("${x*}", true, false);
        assert!(compiled.resolve(7, &mut { KNOWN }).unwrap().matches("${xyz}"));
    }
}
