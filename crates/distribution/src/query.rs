//! Query parameters, decoded. Unknown ones are ignored.

use percent_encoding::percent_decode_str;

/// The first value of `name`, decoded; None when it is absent or not UTF-8. A NUL, which
/// PostgreSQL cannot take, becomes the character for what cannot be shown: no name contains either.
pub(crate) fn value(query: Option<&str>, name: &str) -> Option<String> {
    values(query, name).next().map(|value| value.replace('\0', "\u{fffd}"))
}

/// `last`: behind which entry the page begins; empty without one. Cut at a NUL, behind which the
/// same entries follow.
pub(crate) fn last(query: Option<&str>) -> String {
    let last = values(query, "last").next().unwrap_or_default();
    last.split('\0').next().unwrap_or_default().to_owned()
}

/// Every value of `name`, in order, decoded.
pub(crate) fn values<'q>(
    query: Option<&'q str>,
    name: &'q str,
) -> impl Iterator<Item = String> + 'q {
    query.unwrap_or("").split('&').filter_map(move |pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = || percent_decode_str(value).decode_utf8().ok();
        (key == name).then(decoded).flatten().map(|value| value.into_owned())
    })
}

/// The most entries of one page.
const MAX_PAGE: i64 = 1000;

/// `n`: how many entries a page may have. Absent, it is the most; more than the most is cut; what
/// is no number is refused.
pub(crate) fn page(query: Option<&str>) -> Result<i64, wharf_registry::Error> {
    let Some(text) = value(query, "n") else { return Ok(MAX_PAGE) };
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        let reason = "Member must be a number of entries, such as 100".to_owned();
        return Err(wharf_registry::Error::Parameter { path: "n", reason });
    }
    Ok(text.parse().map_or(MAX_PAGE, |n: i64| n.min(MAX_PAGE)))
}
