//! Policies that cannot be read. Until they are set anew they let nobody do anything, and the doors
//! say so as a fault.

use wharf_db::statement;
use wharf_policy::Grammar;

use super::{Check, Flaw};
use crate::Error;
use crate::policies::{read, registry};

/// Policies that are read at once.
const BATCH: i64 = 500;

statement! {
    OF_REPOSITORIES = "SELECT r.id, r.account_id, r.region, r.name, p.document
                       FROM repository_policies p JOIN repositories r ON r.id = p.repository_id
                       WHERE ($1 = '' OR r.id = $1) AND p.repository_id > $2
                       ORDER BY p.repository_id LIMIT $3";
    OF_REGISTRIES = "SELECT account_id, region, document FROM registry_policies
                     WHERE (account_id, region) > ($1, $2) ORDER BY account_id, region LIMIT $3";
}

impl Check<'_> {
    pub(super) async fn policies(&mut self) -> Result<(), Error> {
        self.repository_policies().await?;
        if self.repository.is_empty() { self.registry_policies().await } else { Ok(()) }
    }

    async fn repository_policies(&mut self) -> Result<(), Error> {
        type Row = (String, String, String, String, String);
        let mut after = String::new();
        loop {
            let values = (self.repository.as_str(), after.as_str(), BATCH);
            let rows = self.registry.db.all::<Row>(&OF_REPOSITORIES, values).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.0.clone();
            for (_, account, region, name, text) in rows {
                if let Err(damaged) = read(&text, Grammar::Repository, &name) {
                    let detail = format!("in {account}/{region}: {damaged}");
                    self.found(Flaw::PolicyDamaged, &name, detail, false);
                }
            }
        }
    }

    async fn registry_policies(&mut self) -> Result<(), Error> {
        type Row = (String, String, String);
        let (mut account, mut region) = (String::new(), String::new());
        loop {
            let values = (account.as_str(), region.as_str(), BATCH);
            let rows = self.registry.db.all::<Row>(&OF_REGISTRIES, values).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            (account, region) = (last.0.clone(), last.1.clone());
            for (account, region, text) in rows {
                let of = format!("{account}/{region}");
                if let Err(damaged) = read(&text, registry::STORED, &of) {
                    self.found(Flaw::PolicyDamaged, &account, damaged.to_string(), false);
                }
            }
        }
    }
}
