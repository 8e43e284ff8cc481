//! Pushing one large blob after the other, none of which the server has seen.

use std::time::Instant;

use super::REPOSITORY;
use crate::bench::suite::client::Push;
use crate::bench::suite::image::Blob;
use crate::bench::suite::target::Target;

pub async fn work(way: Push, target: &Target, size: u64, until: Instant) -> anyhow::Result<u64> {
    let mut client = target.client().await?;
    let mut done = 0;
    loop {
        let blob = Blob::fresh(size);
        client.push_blob(REPOSITORY, &blob, way).await?;
        done += 1;
        if Instant::now() >= until {
            return Ok(done);
        }
    }
}
