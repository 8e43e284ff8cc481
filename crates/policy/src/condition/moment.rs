//! Dates of conditions: ISO 8601 as the W3C's note profiles it, or seconds since 1970.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The instant that `text` names. Digits alone are seconds since 1970, never a year; a date without
/// a time is its first moment; a time without an offset is UTC.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let whole = text.strip_prefix('-').unwrap_or(text);
    if !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return Timestamp::from_second(text.parse().ok()?).ok();
    }
    if let Some(seconds) = with_fraction(text) {
        return Some(seconds);
    }
    let known = |byte: u8| byte.is_ascii_digit() || b"-:.+TZ".contains(&byte);
    // The reader knows more notations than the profile: names of time zones, spaces, lower case.
    if !text.bytes().all(known) || text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    if text.len() == "2026-01".len() {
        return first_moment(format!("{text}-01").parse().ok()?);
    }
    if !text.contains('T') {
        return first_moment(text.parse().ok()?);
    }
    text.parse().ok().or_else(|| utc(text.parse::<DateTime>().ok()?))
}

/// Seconds with a fraction, such as `1767225600.5`.
fn with_fraction(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(seconds) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let nanoseconds = format!("{fraction:0<9}").parse().ok()?;
    let duration = SignedDuration::new(seconds.parse().ok()?, nanoseconds);
    Timestamp::from_duration(duration).ok()
}

fn first_moment(date: Date) -> Option<Timestamp> {
    utc(date.to_datetime(jiff::civil::Time::midnight()))
}

fn utc(civil: DateTime) -> Option<Timestamp> {
    civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_instant_in_many_notations() {
        for text in [
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00Z",
            "2026-01-01T00:00:00.000Z",
            "2026-01-01T02:00:00+02:00",
            "2025-12-31T19:00:00-05:00",
            "2026-01-01T00:00:00",
            "2026-01-01",
            "2026-01",
            "1767225600",
            "1767225600.0",
        ] {
            assert_eq!(parse(text).map(Timestamp::as_second), Some(1_767_225_600), "{text}");
        }
        assert_eq!(parse("2026").map(Timestamp::as_second), Some(2026));
        assert_eq!(parse("-1").map(Timestamp::as_second), Some(-1));
        assert_eq!(parse("1.5").map(Timestamp::as_millisecond), Some(1500));
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "-",
            "now",
            "2026-13-01",
            "2026-02-30",
            "2026-01-01T25:00:00Z",
            "2026-01-01 00:00:00Z",
            "2026-01-01T00:00:00Z[UTC]",
            "2026-01-01T00:00:00z",
            "99999999999999999999",
            "1e9",
            "2026-01-01T",
            "01/01/2026",
            "2026-1",
            "T00:00Z",
            "1.2.3",
            "²",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
