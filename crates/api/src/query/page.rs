//! Pages of a listing: `Marker` and `MaxItems` in, `Marker` and `IsTruncated` out. Every page but
//! the last is full.

use serde::Serialize;

use super::{Call, Error};
use crate::paging::{self, DEFAULT_PAGE, List};

/// Where a page begins and how long it is.
pub(crate) struct Page {
    /// The key of the last one before it; empty on the first page.
    pub(crate) after: String,
    limit: i64,
}

/// What a listing says about itself, to be flattened into its output.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Paged {
    is_truncated: bool,
    marker: Option<String>,
}

/// The listing that a marker belongs to: the operation with everything that shapes its result.
pub(crate) type Parts<'a> = &'a [&'a str];

impl Page {
    /// How many rows to ask for: one more than the page has tells that there is another page.
    pub(crate) fn rows(&self) -> i64 {
        self.limit + 1
    }
}

impl Call {
    /// Reads the marker of a listing.
    pub(crate) fn page(
        &self,
        parts: Parts<'_>,
        marker: Option<&str>,
        most: Option<i64>,
    ) -> Result<Page, Error> {
        let after = match marker {
            Some(marker) => self.listed(parts, |list| list.read(marker)).ok_or_else(|| {
                Error::Validation("Invalid Marker: it is none of this listing".to_owned())
            })?,
            None => String::new(),
        };
        Ok(Page { after, limit: most.unwrap_or(DEFAULT_PAGE) })
    }

    /// Cuts the row off that is beyond the page, and makes the marker from the last one's key.
    pub(crate) fn cut<T>(
        &self,
        parts: Parts<'_>,
        page: &Page,
        rows: &mut Vec<T>,
        key: impl FnOnce(&T) -> String,
    ) -> Paged {
        let is_truncated = paging::cut(rows, page.limit);
        let last = rows.last().filter(|_| is_truncated).map(key);
        let marker = last.map(|last| self.listed(parts, |list| list.token(&last)));
        Paged { is_truncated, marker }
    }

    /// A page of what is at hand as a whole, since there is little of it. The marker counts, for
    /// keys may be longer than a marker.
    pub(crate) fn slice<T>(
        &self,
        parts: Parts<'_>,
        marker: Option<&str>,
        most: Option<i64>,
        all: Vec<T>,
    ) -> Result<(Vec<T>, Paged), Error> {
        let page = self.page(parts, marker, most)?;
        let before: usize = page.after.parse().unwrap_or(0);
        let mut rows: Vec<T> = all.into_iter().skip(before).collect();
        let given = before + rows.len().min(usize::try_from(page.limit).unwrap_or(0));
        let paged = self.cut(parts, &page, &mut rows, |_| given.to_string());
        Ok((rows, paged))
    }

    /// The account is a part of every listing.
    fn listed<R>(&self, parts: Parts<'_>, with: impl FnOnce(List<'_>) -> R) -> R {
        let parts: Vec<&str> = [self.account().as_str()].iter().chain(parts).copied().collect();
        with(List { identity: self.identity(), parts: &parts })
    }
}
