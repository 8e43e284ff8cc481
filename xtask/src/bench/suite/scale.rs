//! What it costs to hold much: 100,000 images in one repository and 10,000 repositories. PutImage
//! while they are put there, pages of every list at its start and at its end, starts of an empty
//! and of a full registry. Peers are not held against it.

mod fill;
mod pages;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::options::Options;
use super::report::{duration, holds_word};
use super::sample::{Sample, median};
use super::scenarios::{REPOSITORY, list};
use super::scratch;
use super::target::{Kind, Target};
use pages::Pages;

/// What is at most to grow, end against start.
const FLAT: f64 = 1.2;
/// PutImage in a second: a hundred times ECR's default quota.
const PUT_IMAGES: f64 = 1_000.0;
/// Every list is read in so many pages.
const PAGES: usize = 100;
/// Starts of each of the two registries; the median of them counts.
const STARTS: usize = 21;

/// One figure while there is little, and while there is much.
#[derive(Debug)]
pub struct Growth {
    /// Of what.
    pub name: String,
    /// Whose.
    pub kind: Kind,
    /// In what unit.
    pub unit: Unit,
    /// At the start.
    pub small: f64,
    /// At the end.
    pub large: f64,
    /// What is aimed at, if anything.
    pub bound: Option<Bound>,
}

/// The unit of a figure.
#[derive(Debug, Clone, Copy)]
pub enum Unit {
    /// Microseconds.
    Time,
    /// In a second.
    Rate,
}

/// What is aimed at.
#[derive(Debug, Clone, Copy)]
pub enum Bound {
    /// The end is at most so many times the start.
    Ratio(f64),
    /// Both are at least so much.
    Least(f64),
}

/// Whether there is a Wharf to fill. With `--engines` it takes minutes, and has to be asked for by
/// its name.
pub fn is_possible(options: &Options) -> bool {
    let asked = !options.engines || options.only.is_some();
    asked && options.share.is_none() && !options.peers_only
}

/// Fills one Wharf and measures it: on SQLite and files, or with `--engines` on PostgreSQL and S3,
/// there without its starts.
///
/// # Errors
/// Fails if the server does not start, or answers wrongly.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Growth>> {
    let kind = if options.engines { Kind::Scaled } else { Kind::Wharf };
    let sizes = options.sizes();
    let scratch = scratch()?;
    let target = Arc::new(Target::start(kind, scratch.path()).await?);
    eprintln!("scale: {kind}, {} repositories", sizes.names);
    target.create_repository(&mut target.client().await?, REPOSITORY).await?;
    list::create_repositories(&target, sizes.names - 1).await?;
    eprintln!("scale: {kind}, {} images", sizes.images);
    let mut growths = filling(kind, &fill::put_images(&target, sizes.images).await?);
    for pages in Pages::ALL {
        eprintln!("scale: {kind}, {}", pages.name());
        let total = if pages.are_of_images() { sizes.images } else { sizes.names };
        growths.push(depth(pages, &target, total, options.sample()).await?);
    }
    // With it goes the server, whose data are then free.
    drop(target);
    if kind == Kind::Wharf {
        eprintln!("scale: {kind}, starts");
        growths.extend(starts(scratch.path()).await?);
    }
    Ok(growths)
}

/// PutImage in the first and in the last tenth of the images.
fn filling(kind: Kind, tenths: &[Sample]) -> Vec<Growth> {
    let (Some(first), Some(last)) = (tenths.first(), tenths.last()) else { return Vec::new() };
    let growth = |what, unit, figure: fn(&Sample) -> f64, bound| Growth {
        name: format!("PutImage, {} clients, {what}", fill::CLIENTS),
        kind,
        unit,
        small: figure(first),
        large: figure(last),
        bound,
    };
    vec![
        growth("rate", Unit::Rate, Sample::rate, Some(Bound::Least(PUT_IMAGES))),
        growth("server CPU", Unit::Time, Sample::cpu_micros, None),
    ]
}

/// The cost of a page of a list at its start and at its end, in turns for `time`.
async fn depth(
    pages: Pages,
    target: &Arc<Target>,
    total: usize,
    time: Duration,
) -> anyhow::Result<Growth> {
    let length = total / PAGES.min(total);
    let (small, large) = pages.start_and_end(target, total, length, time).await?;
    let what = if pages::in_cpu(target) { "server CPU" } else { "time" };
    let name = format!("{}, page of {length} of {total}, {what}", pages.name());
    let bound = Some(Bound::Ratio(FLAT));
    Ok(Growth { name, kind: target.kind, unit: Unit::Time, small, large, bound })
}

/// The first answer of Wharf on `full`, the folder of a stopped server, against one that holds
/// nothing, in turns: when it comes, and what the server has spent by then.
async fn starts(full: &Path) -> anyhow::Result<[Growth; 2]> {
    let empty = scratch()?;
    // The first start of an empty one makes what the others find.
    drop(Target::start(Kind::Wharf, empty.path()).await?);
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        for (dir, starts) in [(empty.path(), &mut small), (full, &mut large)] {
            let target = Target::start(Kind::Wharf, dir).await?;
            starts.push((target.started_in, target.started_with));
        }
    }
    type Start = (Duration, Duration);
    let growth = |what, part: fn(&Start) -> Duration| {
        let middle = |starts: &[Start]| median(starts.iter().map(|one| micros(part(one))));
        Growth {
            name: format!("start to first answer, empty and full, {what}"),
            kind: Kind::Wharf,
            unit: Unit::Time,
            small: middle(&small),
            large: middle(&large),
            bound: Some(Bound::Ratio(FLAT)),
        }
    };
    Ok([growth("time", |start| start.0), growth("server CPU", |start| start.1)])
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

impl Growth {
    fn ratio(&self) -> f64 {
        self.large / self.small
    }

    fn holds(&self) -> Option<bool> {
        Some(match self.bound? {
            Bound::Ratio(most) => self.ratio() <= most,
            Bound::Least(least) => self.small >= least && self.large >= least,
        })
    }

    /// Its line of the table.
    pub fn line(&self) -> String {
        let figure = |value: f64| match self.unit {
            Unit::Time => duration(value),
            Unit::Rate => format!("{value:.0}/s"),
        };
        let (small, large) = (figure(self.small), figure(self.large));
        let bound = match self.bound {
            Some(Bound::Ratio(most)) => format!("≤ {most}×"),
            Some(Bound::Least(least)) => format!("≥ {}", figure(least)),
            None => String::new(),
        };
        let (ratio, word) = (self.ratio(), self.holds().map_or("", holds_word));
        let Self { name, kind, .. } = self;
        format!("| {name} | {kind} | {small} | {large} | {ratio:.2} | {bound} | {word} |\n")
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        json!({
            "name": self.name,
            "server": self.kind.to_string(),
            "unit": match self.unit { Unit::Time => "µs", Unit::Rate => "1/s" },
            "at_the_start": self.small,
            "at_the_end": self.large,
            "ratio": self.ratio(),
            "holds": self.holds(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_on_the_ratio_or_on_both() {
        let least = Some(Bound::Least(1_000.0));
        let ratio = Some(Bound::Ratio(1.2));
        for (small, large, bound, holds) in [
            (1_000.0, 1_000.0, least, Some(true)),
            (999.0, 5_000.0, least, Some(false)),
            (5_000.0, 999.0, least, Some(false)),
            (10.0, 12.0, ratio, Some(true)),
            (10.0, 12.1, ratio, Some(false)),
            (10.0, 1.0, ratio, Some(true)),
            (1.0, 9.0, None, None),
        ] {
            let (name, kind) = (String::new(), Kind::Wharf);
            let growth = Growth { name, kind, unit: Unit::Rate, small, large, bound };
            assert_eq!(growth.holds(), holds, "{growth:?}");
        }
    }
}
