//! How long documents and lists may be.

/// The most values that one key of a condition is compared with. AWS states none; a policy of 10 KiB
/// rarely has so many.
pub const MOST_VALUES: usize = 100;

/// The length of a document as IAM's quotas count it: characters without white space.
#[must_use]
pub fn counted_length(text: &str) -> usize {
    text.chars().filter(|char| !matches!(char, ' ' | '\t' | '\n' | '\r')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_not_counted() {
        assert_eq!(counted_length("{ \"a\":\t1 }\r\n"), 7);
        assert_eq!(counted_length("é"), 1);
    }
}
