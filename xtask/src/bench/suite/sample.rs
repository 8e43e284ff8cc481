//! One sample: clients at work for a while, and what that cost the server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::task::JoinSet;

use super::options::Sizes;
use super::scenarios::{Scenario, Seed};
use super::target::Target;

/// Operations done, and what they took.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Operations that ended with the right answer; a wrong one ends the bench.
    pub operations: u64,
    /// CPU time of the server and its workers.
    pub cpu: Duration,
    /// Time on the clock.
    pub wall: Duration,
}

impl Sample {
    /// Microseconds of server CPU for one operation.
    pub fn cpu_micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.operations as f64
    }

    /// Operations in a second.
    pub fn rate(&self) -> f64 {
        self.operations as f64 / self.wall.as_secs_f64()
    }
}

/// Lets all clients of a scenario work for `time`; each ends what it began, and does at least one
/// operation.
///
/// # Errors
/// Fails at the first wrong answer of the server.
pub async fn sample(
    scenario: &Arc<Scenario>,
    target: &Arc<Target>,
    seed: &Arc<Seed>,
    sizes: Sizes,
    time: Duration,
) -> anyhow::Result<Sample> {
    let (begin, before) = (Instant::now(), target.process.cpu()?);
    let mut clients = JoinSet::new();
    for client in 0..scenario.clients {
        let (scenario, target, seed) = (Arc::clone(scenario), Arc::clone(target), Arc::clone(seed));
        clients.spawn(scenario.work(target, seed, client, sizes, begin + time));
    }
    let mut operations = 0;
    while let Some(done) = clients.join_next().await {
        operations += done?.with_context(|| format!("{} on {}", scenario.name, target.kind))?;
    }
    Ok(Sample {
        operations,
        cpu: target.process.cpu()?.saturating_sub(before),
        wall: begin.elapsed(),
    })
}

/// The middle one; of an even number, the mean of the two in the middle. NaN of none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        for (values, middle) in
            [(vec![3.0], 3.0), (vec![9.0, 1.0, 5.0], 5.0), (vec![4.0, 1.0], 2.5)]
        {
            assert!((median(values) - middle).abs() < f64::EPSILON);
        }
        assert!(median([]).is_nan());
    }
}
