//! What the book says is served, which is what the tests with real clients must have called: its
//! page is read, so that an operation that moves there needs a test with each of them.

use std::{collections::BTreeSet, fs};

use anyhow::{Context as _, Result, ensure};

/// The page, as an operator reads it.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/book/what-is-served.md");

/// The operations of Amazon ECR that the book calls served.
///
/// # Errors
/// When the page does not have its table.
pub fn served() -> Result<BTreeSet<String>> {
    let page = fs::read_to_string(PAGE).context(PAGE)?;
    let (_, table) = page.split_once("| operations |").context("the page has lost its table")?;
    let (table, _) = table.split_once("\n\n").context("the table does not end")?;
    // Names stand between back-ticks: every second piece.
    let names: BTreeSet<_> = table.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    ensure!(names.contains("CreateRepository"), "no names of operations: {names:?}");
    Ok(names)
}
