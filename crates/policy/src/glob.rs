//! Patterns with `*` (any run of characters) and `?` (one character), matched without going back:
//! between two stars the leftmost place is as good as any other, so each character of the text is
//! looked at for each stretch of the pattern once at most.

/// One thing in a pattern.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Piece {
    Text(Box<str>),
    One,
    Any,
}

/// A compiled pattern.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Glob {
    /// A text that matches only itself.
    Text(Box<str>),
    /// No star: as long as it is.
    Fixed(Stretch),
    /// What the text begins with, what it goes on with in this order, what it ends with.
    Stars { first: Stretch, middle: Box<[Stretch]>, last: Stretch },
}

/// What stands between two stars: texts, and `None` for one character of any kind.
type Stretch = Box<[Option<Box<str>>]>;

impl Glob {
    /// The pattern that `text` is.
    pub(crate) fn parse(text: &str) -> Glob {
        Glob::from_pieces(pieces(text))
    }

    /// The pattern of these pieces; texts that follow each other count as one.
    pub(crate) fn from_pieces(pieces: impl IntoIterator<Item = Piece>) -> Glob {
        let mut stretches: Vec<Vec<Option<String>>> = vec![Vec::new()];
        for piece in pieces {
            let stretch = stretches.last_mut().expect("there is always one");
            match (piece, stretch.last_mut()) {
                (Piece::Any, _) => stretches.push(Vec::new()),
                (Piece::One, _) => stretch.push(None),
                (Piece::Text(text), _) if text.is_empty() => {}
                (Piece::Text(text), Some(Some(before))) => before.push_str(&text),
                (Piece::Text(text), _) => stretch.push(Some(text.into())),
            }
        }
        let seal = |stretch: Vec<Option<String>>| -> Stretch {
            stretch.into_iter().map(|text| text.map(String::into_boxed_str)).collect()
        };
        let mut stretches = stretches.into_iter();
        let first = seal(stretches.next().expect("there is always one"));
        let Some(last) = stretches.next_back() else {
            return match first.as_ref() {
                [] => Glob::Text("".into()),
                [Some(text)] => Glob::Text(text.clone()),
                _ => Glob::Fixed(first),
            };
        };
        let middle = stretches.filter(|stretch| !stretch.is_empty()).map(seal).collect();
        Glob::Stars { first, middle, last: seal(last) }
    }

    /// Whether the whole of `text` matches, character by character, case and all.
    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Glob::Text(own) => **own == *text,
            Glob::Fixed(stretch) => after(stretch, text) == Some(""),
            Glob::Stars { first, middle, last } => {
                let rest = after(first, text).and_then(|rest| before(last, rest));
                rest.is_some_and(|rest| {
                    middle.iter().try_fold(rest, |rest, stretch| find(stretch, rest)).is_some()
                })
            }
        }
    }

    /// The text that it is, if it has no wildcard.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Glob::Text(text) => Some(text),
            Glob::Fixed(_) | Glob::Stars { .. } => None,
        }
    }

    /// Whether it has no wildcard.
    pub(crate) fn is_text(&self) -> bool {
        self.as_text().is_some()
    }
}

/// The pieces of `text`, in which `*` and `?` are wildcards.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for part in text.split_inclusive(['*', '?']) {
        let plain = part.trim_end_matches(['*', '?']);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain.into()));
        }
        match &part[plain.len()..] {
            "*" => pieces.push(Piece::Any),
            "?" => pieces.push(Piece::One),
            _ => {}
        }
    }
    pieces
}

/// What follows the stretch at the beginning of `text`.
fn after<'a>(stretch: &[Option<Box<str>>], text: &'a str) -> Option<&'a str> {
    stretch.iter().try_fold(text, |rest, piece| match piece {
        Some(own) => rest.strip_prefix(&**own),
        None => {
            let mut chars = rest.chars();
            chars.next().map(|_| chars.as_str())
        }
    })
}

/// What precedes the stretch at the end of `text`.
fn before<'a>(stretch: &[Option<Box<str>>], text: &'a str) -> Option<&'a str> {
    stretch.iter().rev().try_fold(text, |rest, piece| match piece {
        Some(own) => rest.strip_suffix(&**own),
        None => {
            let mut chars = rest.chars();
            chars.next_back().map(|_| chars.as_str())
        }
    })
}

/// What follows the leftmost place of the stretch in `text`.
fn find<'a>(stretch: &[Option<Box<str>>], text: &'a str) -> Option<&'a str> {
    match stretch {
        [] => Some(text),
        [Some(own)] => text.find(&**own).map(|at| &text[at + own.len()..]),
        _ => text.char_indices().find_map(|(at, _)| after(stretch, &text[at..])),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, as slow as it is plain.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|at| naive(rest, &text[at..])),
            Some(('?', rest)) => !text.is_empty() && naive(rest, &text[1..]),
            Some((own, rest)) => text.first() == Some(own) && naive(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn it_equals_the_definition(pattern in "[ab*?é]{0,9}", text in "[abé]{0,9}") {
            let plain = naive(
                &pattern.chars().collect::<Vec<_>>(),
                &text.chars().collect::<Vec<_>>(),
            );
            prop_assert_eq!(Glob::parse(&pattern).matches(&text), plain);
        }

        #[test]
        fn a_pattern_without_wildcards_matches_only_itself(a in "[^*?]{0,8}", b in "\\PC{0,8}") {
            let glob = Glob::parse(&a);
            prop_assert!(glob.is_text() && glob.matches(&a));
            prop_assert_eq!(glob.matches(&b), a == b);
        }

        #[test]
        fn pieces_of_text_never_become_wildcards(text in "[a*?]{0,6}", other in "[a*?]{0,6}") {
            let glob = Glob::from_pieces([Piece::Text(text.as_str().into())]);
            prop_assert_eq!(glob.matches(&other), text == other);
        }
    }

    #[test]
    fn many_stars_cost_no_more_than_one_look_each() {
        let text = "a".repeat(4096);
        let hostile = [
            format!("{}b", "*a".repeat(5000)),
            "*a".repeat(5000),
            format!("{}b", "*a?".repeat(3400)),
        ];
        for pattern in hostile {
            let glob = Glob::parse(&pattern);
            // A matcher that went back would not come to an end.
            assert!(!glob.matches(&text), "the text is shorter than the pattern");
        }
    }
}
