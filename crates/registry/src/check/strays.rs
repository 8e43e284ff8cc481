//! Objects that no row knows. They are left to the sweep, which knows when they may go.

use std::pin::pin;

use futures_util::StreamExt as _;

use super::{Check, Flaw};
use crate::Error;

impl Check<'_> {
    pub(super) async fn strays(&mut self) -> Result<(), Error> {
        let registry = self.registry;
        let before = registry.now() - registry.settings.grace.as_millis() as i64;
        let mut objects = pin!(registry.store.objects());
        while let Some(listed) = objects.next().await {
            let listed = listed.map_err(Error::fault)?;
            if registry.is_stray(&listed, before).await? {
                let detail = format!("{} bytes", listed.size);
                self.found(Flaw::Stray, listed.name.as_str(), detail, false);
            }
        }
        Ok(())
    }
}
