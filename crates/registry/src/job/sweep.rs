//! The job that sweeps. What a sweep does is in the room `sweep`.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::{Job, Kind, Next};
use crate::sweep::Swept;
use crate::{Error, Registry, Settings};

/// Sweeps once an hour, or four times within a grace shorter than that.
pub struct Sweep;

const RAREST: Duration = Duration::from_secs(60 * 60);
const MOST_OFTEN: Duration = Duration::from_secs(1);

impl Kind for Sweep {
    fn name(&self) -> &'static str {
        "sweep"
    }

    fn every(&self, settings: &Settings) -> Option<Duration> {
        Some((settings.grace / 4).clamp(MOST_OFTEN, RAREST))
    }

    fn run(&self, registry: Registry, _: Job) -> BoxFuture<'static, Result<Next, Error>> {
        async move {
            let swept = registry.sweep().await?;
            if swept != Swept::default() {
                tracing::info!(?swept, "swept");
            }
            Ok(Next::Done)
        }
        .boxed()
    }
}
