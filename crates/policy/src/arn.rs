//! ARNs and patterns of ARNs: six parts, each compared by itself, so that a star in one part cannot
//! swallow the next.

use std::borrow::Cow;

use crate::glob::{Glob, Piece};
use crate::template::{Lookup, Part, Template, fill};

/// An ARN taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Arn<'a> {
    text: &'a str,
    /// `arn`, partition, service, Region, account, resource. Only the last may hold colons.
    pub(crate) parts: [&'a str; 6],
}

impl<'a> Arn<'a> {
    /// The parts of `text`; `None` if it has fewer than six or does not begin with `arn:`.
    pub(crate) fn parse(text: &'a str) -> Option<Arn<'a>> {
        let mut parts = text.splitn(6, ':');
        let parts = [(); 6].map(|()| parts.next());
        let [Some("arn"), Some(partition), Some(service), Some(region), Some(account), Some(rest)] =
            parts
        else {
            return None;
        };
        Some(Arn { text, parts: ["arn", partition, service, region, account, rest] })
    }
}

/// A pattern in `Resource` and `NotResource`.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum ResourcePattern {
    /// `*`: also requests that have no resource of their own.
    All,
    /// Anything but an ARN and `*`.
    Nothing,
    /// Variables stand in the last part only. What precedes the first wildcard or variable is kept
    /// as `start`, since comparing it tells most resources apart at once.
    Arn { start: Box<str>, parts: Box<[Glob; 5]>, rest: Template },
}

impl ResourcePattern {
    pub(crate) fn parse(text: &str, variables: bool) -> ResourcePattern {
        if text == "*" {
            return ResourcePattern::All;
        }
        let mut parts = text.splitn(6, ':');
        let fixed = [(); 5].map(|()| parts.next());
        let ([Some(a), Some(b), Some(c), Some(d), Some(e)], Some(rest)) = (fixed, parts.next())
        else {
            return ResourcePattern::Nothing;
        };
        ResourcePattern::Arn {
            start: text.split(['*', '?', '$']).next().unwrap_or_default().into(),
            parts: Box::new([a, b, c, d, e].map(Glob::parse)),
            rest: Template::parse(rest, true, variables),
        }
    }

    /// Whether it matches; a request without a resource of its own has no ARN.
    pub(crate) fn matches<'s>(
        &'s self,
        arn: Option<&Arn<'_>>,
        lookup: &mut dyn Lookup<'s>,
    ) -> bool {
        match (self, arn) {
            (ResourcePattern::All, _) => true,
            (ResourcePattern::Nothing, _) | (_, None) => false,
            (ResourcePattern::Arn { start, parts, rest }, Some(arn)) => {
                let own = &arn.parts;
                arn.text.starts_with(&**start)
                    && parts.iter().zip(own).all(|(pattern, part)| pattern.matches(part))
                    && rest.resolve(own[5].len(), lookup).is_some_and(|glob| glob.matches(own[5]))
            }
        }
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &crate::Key> {
        let rest = match self {
            ResourcePattern::Arn { rest, .. } => Some(rest),
            _ => None,
        };
        rest.into_iter().flat_map(Template::keys)
    }
}

/// A pattern in the values of `ArnLike` and its kind.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum ArnPattern {
    Known(Option<Box<[Glob; 6]>>),
    /// A variable may be any part, or all of it, so it is taken apart with its value.
    Varying(Vec<Part>),
}

impl ArnPattern {
    pub(crate) fn parse(text: &str, variables: bool) -> ArnPattern {
        match Template::parse(text, true, variables) {
            Template::Known(_) => ArnPattern::Known(split(crate::glob::pieces(text))),
            Template::Varying(parts) => ArnPattern::Varying(parts),
        }
    }

    pub(crate) fn matches<'s>(&'s self, arn: &Arn<'_>, lookup: &mut dyn Lookup<'s>) -> bool {
        let globs = match self {
            ArnPattern::Known(globs) => globs.as_ref().map(Cow::Borrowed),
            ArnPattern::Varying(parts) => {
                fill(parts, arn.text.len(), lookup).and_then(split).map(Cow::Owned)
            }
        };
        globs
            .is_some_and(|globs| globs.iter().zip(arn.parts).all(|(glob, part)| glob.matches(part)))
    }

    /// Whether it is an ARN without wildcards and variables.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self, ArnPattern::Known(Some(globs)) if globs.iter().all(Glob::is_text))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &crate::Key> {
        let parts = match self {
            ArnPattern::Known(_) => [].as_slice(),
            ArnPattern::Varying(parts) => parts,
        };
        parts.iter().filter_map(|part| match part {
            Part::Variable { key, .. } => Some(key),
            Part::Piece(_) => None,
        })
    }
}

/// The six patterns between the first five colons; `None` if there are fewer.
fn split(pieces: Vec<Piece>) -> Option<Box<[Glob; 6]>> {
    let mut parts: Vec<Vec<Piece>> = vec![Vec::new()];
    for piece in pieces {
        let mut text = match piece {
            Piece::Text(text) => String::from(text),
            wildcard => {
                parts.last_mut()?.push(wildcard);
                continue;
            }
        };
        while parts.len() < 6
            && let Some(colon) = text.find(':')
        {
            let rest = text.split_off(colon + 1);
            text.pop();
            parts.last_mut()?.push(Piece::Text(text.into()));
            parts.push(Vec::new());
            text = rest;
        }
        parts.last_mut()?.push(Piece::Text(text.into()));
    }
    let globs: Vec<Glob> = parts.into_iter().map(Glob::from_pieces).collect();
    <Box<[Glob; 6]>>::try_from(globs.into_boxed_slice()).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Key, Value};

    struct Alice;

    impl<'p> Lookup<'p> for Alice {
        fn look_up(&mut self, key: &'p Key) -> Option<Value<'p>> {
            match key.name() {
                "aws:username" => Some(Value::one("alice")),
                "aws:principalarn" => Some(Value::one("arn:aws:iam::111122223333:user/a:b/alice")),
                _ => None,
            }
        }
    }

    #[test]
    fn resources() {
        const APP: &str = "arn:aws:ecr:us-east-1:111122223333:repository/team/app";
        for (pattern, resource, matches) in [
            ("*", APP, true),
            ("*", "*", true),
            ("arn:aws:ecr:*:*:*", "*", false),
            ("arn:aws:ecr:*:*:*", APP, true),
            ("arn:aws:ecr:us-east-1:111122223333:repository/team/*", APP, true),
            ("arn:aws:ecr:us-east-1:111122223333:repository/*app", APP, true),
            ("arn:aws:ecr:us-east-?:*:repository/*", APP, true),
            ("arn:*:ecr:*:*:repository/team/app", APP, true),
            ("arn:aws:ecr:us*:repository/team/app", APP, false),
            ("arn:aws:ecr:*:repository/team/app", APP, false),
            ("arn:aws:ecr:*", APP, false),
            ("arn:aws:*", APP, false),
            ("*:*", APP, false),
            ("**", APP, false),
            ("*:*:*:*:*:*", APP, true),
            ("", APP, false),
            (" *", APP, false),
            ("arn:aws:ecr:us-east-1:111122223333:repository/Team/app", APP, false),
            ("arn:aws:ecr:us-east-1:444455556666:repository/team/app", APP, false),
            (
                "arn:aws:ecr:us-east-1:111122223333:repository/*",
                "arn:aws:ecr:us-east-1:111122223333:repository/*",
                true,
            ),
            (
                "arn:aws:ecr:us-east-1:111122223333:repository/team/*",
                "arn:aws:ecr:us-east-1:111122223333:repository/*",
                false,
            ),
            ("arn:aws:iam::111122223333:user/*", "arn:aws:iam::111122223333:user/a:b", true),
            (
                "arn:aws:iam::111122223333:user/${aws:username}",
                "arn:aws:iam::111122223333:user/alice",
                true,
            ),
            (
                "arn:aws:iam::111122223333:user/${aws:none}",
                "arn:aws:iam::111122223333:user/",
                false,
            ),
            // Before the last part a variable is no variable.
            ("arn:aws:iam::${aws:username}:user/x", "arn:aws:iam::alice:user/x", false),
        ] {
            let compiled = ResourcePattern::parse(pattern, true);
            let arn = Arn::parse(resource);
            assert_eq!(compiled.matches(arn.as_ref(), &mut Alice), matches, "{pattern} {resource}");
        }
    }

    #[test]
    fn arns_of_conditions() {
        const USER: &str = "arn:aws:iam::111122223333:user/a:b/alice";
        for (pattern, matches) in [
            (USER, true),
            ("arn:aws:iam::111122223333:user/*", true),
            ("arn:aws:iam::111122223333:user/*alice", true),
            ("arn:aws:iam::*:*", true),
            ("arn:aws:iam*user/a:b/alice", false),
            ("arn:*", false),
            ("*", false),
            ("${aws:PrincipalArn}", true),
            ("arn:aws:iam::111122223333:user/a:b/${aws:username}", true),
            ("arn:aws:iam::111122223333:user/a:b/${aws:none}", false),
            ("${aws:username}", false),
        ] {
            let compiled = ArnPattern::parse(pattern, true);
            assert_eq!(
                compiled.matches(&Arn::parse(USER).unwrap(), &mut Alice),
                matches,
                "{pattern}"
            );
        }
        assert!(Arn::parse("arn:aws:iam::user").is_none());
        assert!(Arn::parse("ARN:aws:iam::1:user").is_none());
    }
}
