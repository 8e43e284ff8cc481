//! The models' regular expressions. They are Java's, matched against the whole value; the two
//! engines differ only in `\w` and `\d`, which are ASCII in Java and are spelled out for ours.

use std::sync::OnceLock;

/// One pattern, compiled when it is first needed: a process uses few of the hundreds there are.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// As the model spells it, for the sentence in a refusal.
    pub(crate) source: String,
    anchored: String,
    compiled: OnceLock<fancy_regex::Regex>,
}

impl Pattern {
    /// # Errors
    /// When `source` is not a regular expression as far as can be told without compiling it.
    pub(super) fn new(source: &str) -> Result<Self, Box<fancy_regex::Error>> {
        let anchored = format!(r"\A(?:{})\z", ascii_classes(source));
        fancy_regex::Expr::parse_tree(&anchored).map_err(Box::new)?;
        Ok(Self { source: source.to_owned(), anchored, compiled: OnceLock::new() })
    }

    /// Whether all of `text` matches. A look-around whose search runs out of steps counts as no
    /// match.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.compiled().is_match(text).unwrap_or(false)
    }

    pub(super) fn compiled(&self) -> &fancy_regex::Regex {
        self.compiled.get_or_init(|| {
            fancy_regex::Regex::new(&self.anchored)
                .expect("the tests compile every pattern of the committed models")
        })
    }
}

/// `\w` and `\d` as ASCII classes, which may also stand inside another class.
fn ascii_classes(source: &str) -> String {
    let mut translated = String::with_capacity(source.len() + 16);
    let mut characters = source.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            translated.push(character);
            continue;
        }
        match characters.next() {
            Some('w') => translated.push_str("[0-9A-Za-z_]"),
            Some('d') => translated.push_str("[0-9]"),
            Some(escaped) => translated.extend(['\\', escaped]),
            None => translated.push('\\'),
        }
    }
    translated
}
