//! Checking what is stored: every byte that a client can get against its digest, rows against the
//! store, and rows against each other. What can be wrong is the table of [`Flaw`]s; how each is
//! found and repaired is in the rooms below. When this runs by itself is the job `scrub`'s business.
//!
//! All of it bears a registry at work: what changes meanwhile is looked at once more before it is
//! called wrong, and each repair names in its statement the state that it repairs.

mod blobs;
mod flaw;
mod images;
mod pace;
mod policies;
mod rows;
mod strays;

use wharf_db::statement;

pub(crate) use blobs::Position as BlobPosition;
pub use flaw::{Finding, Flaw, Severity};
pub(crate) use images::Position as ImagePosition;
use pace::Pace;

use crate::{Error, Registry, RegistryId};

/// What is to be checked, and how.
#[derive(Clone, Default, Debug)]
pub struct Options {
    /// Only what this repository holds, by its registry and name. Strays are then not looked for.
    pub repository: Option<(RegistryId, String)>,
    /// At most so many bytes are read in a second; None for no bound.
    pub rate: Option<u64>,
    /// Whether to repair what can be repaired and to put aside what is damaged.
    pub repair: bool,
}

/// What a check came to.
#[derive(Default, Debug, serde::Serialize)]
pub struct Report {
    /// Blobs that were hashed.
    pub blobs: u64,
    /// Manifests that were hashed and compared with what they name.
    pub images: u64,
    /// Bytes of these blobs.
    pub bytes: u64,
    pub findings: Vec<Finding>,
}

/// What a check tells on its way.
pub enum Progress<'a> {
    /// How many bytes there are to hash; told once, at the beginning.
    Total(u64),
    /// So many more were hashed.
    Hashed(u64),
    Found(&'a Finding),
}

/// A check under way.
pub(crate) struct Check<'a> {
    registry: &'a Registry,
    /// The id of the only repository that is looked at; empty for all.
    repository: String,
    repair: bool,
    pace: Pace,
    observe: &'a (dyn Fn(Progress<'_>) + Send + Sync),
    pub(crate) report: Report,
}

statement! {
    pub(crate) TOTAL = "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM blobs WHERE condemned_at IS NULL";
    TOTAL_OF = "SELECT CAST(COALESCE(SUM(b.size), 0) AS BIGINT) FROM blob_links l
                JOIN blobs b ON b.id = l.blob_id WHERE l.repository_id = $1";
}

impl Registry {
    /// Checks everything that `options` name.
    ///
    /// # Errors
    /// When the check itself cannot go on; what it finds is in the report.
    pub async fn check(
        &self,
        options: &Options,
        observe: &(dyn Fn(Progress<'_>) + Send + Sync),
    ) -> Result<Report, Error> {
        let mut check = Check::new(self, options.rate, options.repair, observe);
        if let Some((id, name)) = &options.repository {
            let known = self.find_repository(id, name).await?;
            let known = known.ok_or_else(|| crate::repository::not_found(id, name))?;
            check.repository = known.row.id.to_string();
        }
        observe(Progress::Total(check.total().await?));
        let (mut blobs, mut images) = (BlobPosition::default(), ImagePosition::default());
        while check.some_blobs(&mut blobs).await? {}
        while check.some_images(&mut images).await? {}
        check.rows().await?;
        check.policies().await?;
        if options.repository.is_none() {
            check.strays().await?;
        }
        Ok(check.report)
    }
}

impl<'a> Check<'a> {
    pub(crate) fn new(
        registry: &'a Registry,
        rate: Option<u64>,
        repair: bool,
        observe: &'a (dyn Fn(Progress<'_>) + Send + Sync),
    ) -> Check<'a> {
        let (repository, report) = (String::new(), Report::default());
        Check { registry, repository, repair, pace: Pace::new(rate), observe, report }
    }

    async fn total(&self) -> Result<u64, Error> {
        let db = &self.registry.db;
        let total = match self.repository.as_str() {
            "" => db.optional::<(i64,)>(&TOTAL, ()).await?,
            id => db.optional::<(i64,)>(&TOTAL_OF, (id,)).await?,
        };
        Ok(total.map_or(0, |(bytes,)| bytes as u64))
    }

    fn found(&mut self, flaw: Flaw, subject: &str, detail: String, repaired: bool) {
        let finding = Finding { repaired, ..Finding::new(flaw, subject.to_owned(), detail) };
        (self.observe)(Progress::Found(&finding));
        self.report.findings.push(finding);
    }
}
