//! The date of a request: its three spellings, and how far it may lie from our clock.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, civil, tz::Offset};

use super::{Rejection, authorization::Authorization};

/// The moment that the request says it was signed at.
pub(super) fn read(authorization: &Authorization) -> Result<Timestamp, Rejection> {
    let text = &authorization.date;
    let extended = || {
        if authorization.presigned() { None } else { iso(text, b"dddd-dd-ddTdd:dd:ddZ") }
    };
    let rfc1123 = || {
        if authorization.date_header {
            jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp())
        } else {
            None
        }
    };
    iso(text, b"ddddddddTddddddZ").or_else(extended).or_else(rfc1123).ok_or_else(|| {
        Rejection::IncompleteSignature(format!(
            "Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ))
    })
}

/// Reads `text` when it follows `form`, in which `d` is a digit and all else stands for itself.
fn iso(text: &str, form: &[u8]) -> Option<Timestamp> {
    let text = text.as_bytes();
    let follows = |(byte, form): (&u8, &u8)| {
        if *form == b'd' { byte.is_ascii_digit() } else { byte == form }
    };
    if text.len() != form.len() || !text.iter().zip(form).all(follows) {
        return None;
    }
    let mut digits =
        text.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| i16::from(byte - b'0'));
    let mut number =
        |count: usize| digits.by_ref().take(count).fold(0, |number, digit| number * 10 + digit);
    let year = number(4);
    let [month, day, hour, minute, second] = [0; 5].map(|_| number(2) as i8);
    let time = civil::DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    Offset::UTC.to_timestamp(time).ok()
}

/// `yyyymmddThhmmssZ`, as in the string to sign.
pub(super) fn basic(time: Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Compares whole seconds, which is all that a request's date has.
pub(super) fn check(
    date: Timestamp,
    now: Timestamp,
    window: Duration,
    expires: Option<Duration>,
) -> Result<(), Rejection> {
    let validity = expires.map_or(window, |expires| expires.min(window));
    let age = SignedDuration::from_secs(now.as_second() - date.as_second());
    let (window, validity) = (signed(window), signed(validity));
    if age > validity {
        return Err(outside("expired", "now earlier", date, now, '-', validity));
    }
    if -age > window {
        return Err(outside("not yet current", "still later", date, now, '+', window));
    }
    Ok(())
}

fn outside(
    what: &str,
    compared: &str,
    date: Timestamp,
    now: Timestamp,
    sign: char,
    span: SignedDuration,
) -> Rejection {
    let bound = if sign == '-' { now.checked_sub(span) } else { now.checked_add(span) };
    Rejection::SignatureMismatch(format!(
        "Signature {what}: {} is {compared} than {} ({} {sign} {}.)",
        basic(date),
        basic(bound.unwrap_or(now)),
        basic(now),
        spoken(span),
    ))
}

fn spoken(span: SignedDuration) -> String {
    match span.as_secs() {
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} sec"),
    }
}

fn signed(span: Duration) -> SignedDuration {
    SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX)
}
