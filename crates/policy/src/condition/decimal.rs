//! Decimal numbers, compared digit by digit: 0.1 is 0.10, and numbers that a double cannot tell
//! apart are different.

use std::cmp::Ordering;

/// A decimal number of any length: sign, digits, a point, digits. No exponent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Decimal {
    /// Never of zero.
    negative: bool,
    /// Without leading zeros.
    whole: Box<str>,
    /// Without trailing zeros.
    fraction: Box<str>,
}

impl Decimal {
    pub(crate) fn parse(text: &str) -> Option<Decimal> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() && fraction.is_empty() || !are_digits(whole) || !are_digits(fraction) {
            return None;
        }
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        let negative = negative && !(whole.is_empty() && fraction.is_empty());
        Some(Decimal { negative, whole: whole.into(), fraction: fraction.into() })
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        let size = || {
            let whole = self.whole.len().cmp(&other.whole.len());
            whole
                .then_with(|| self.whole.cmp(&other.whole))
                .then_with(|| self.fraction.cmp(&other.fraction))
        };
        match (self.negative, other.negative) {
            (false, false) => size(),
            (true, true) => size().reverse(),
            (negative, _) => {
                if negative {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn order(a: &str, b: &str) -> Ordering {
        Decimal::parse(a).unwrap().cmp(&Decimal::parse(b).unwrap())
    }

    #[test]
    fn numbers_compare_by_their_value() {
        for (a, b, expected) in [
            ("9", "10", Ordering::Less),
            ("0.1", "0.10", Ordering::Equal),
            ("007", "7.", Ordering::Equal),
            (".5", "0.5", Ordering::Equal),
            ("+1", "1", Ordering::Equal),
            ("-0", "0", Ordering::Equal),
            ("-0.0", "0", Ordering::Equal),
            ("-1", "-2", Ordering::Greater),
            ("-1", "0", Ordering::Less),
            ("0.09", "0.1", Ordering::Less),
            ("0.1", "0.11", Ordering::Less),
            // Doubles cannot tell these apart.
            ("9007199254740993", "9007199254740992", Ordering::Greater),
            ("0.30000000000000000001", "0.3", Ordering::Greater),
            ("123456789012345678901234567890", "123456789012345678901234567891", Ordering::Less),
        ] {
            assert_eq!(order(a, b), expected, "{a} {b}");
            assert_eq!(order(b, a), expected.reverse(), "{b} {a}");
        }
        for text in
            ["", ".", "-", "+", "1e3", "0x1", "1,5", "1.2.3", " 1", "--1", "-+1", "NaN", "inf", "١"]
        {
            assert_eq!(Decimal::parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whole_numbers_compare_as_integers(a: i64, b: i64) {
            prop_assert_eq!(order(&a.to_string(), &b.to_string()), a.cmp(&b));
        }

        #[test]
        fn hundredths_compare_as_integers(a in -100_000i64..100_000, b in -100_000i64..100_000) {
            let text = |n: i64| {
                let sign = if n < 0 { "-" } else { "" };
                format!("{sign}{}.{:02}", n.abs() / 100, n.abs() % 100)
            };
            prop_assert_eq!(order(&text(a), &text(b)), a.cmp(&b));
        }
    }
}
