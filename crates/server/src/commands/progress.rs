//! How far a long command is: a bar on a terminal, elsewhere a line now and then. All of it goes
//! to standard error.

use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use wharf_registry::copy::{Stage, Watch};

/// How often a line is printed where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);

/// The progress of one command.
pub(super) struct Progress {
    on_terminal: bool,
    under_way: Mutex<Option<UnderWay>>,
}

struct UnderWay {
    stage: Stage,
    bar: ProgressBar,
    told: Instant,
}

impl Progress {
    pub(super) fn new() -> Progress {
        Progress { on_terminal: std::io::stderr().is_terminal(), under_way: Mutex::default() }
    }

    /// Ends without a word, for who has a summary of its own.
    pub(super) fn clear(&self) {
        if let Some(ended) = self.with(Option::take) {
            ended.bar.finish_and_clear();
        }
    }

    /// Does something that prints, with the bar out of the way.
    pub(super) fn aside<T>(&self, act: impl FnOnce() -> T) -> T {
        match self.with(|under_way| under_way.as_ref().map(|under_way| under_way.bar.clone())) {
            Some(bar) => bar.suspend(act),
            None => act(),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Option<UnderWay>) -> T) -> T {
        act(&mut self.under_way.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Watch for Progress {
    fn begin(&self, stage: Stage, total: u64) {
        let bar = match self.on_terminal {
            true => ProgressBar::new(total).with_style(style(stage)),
            false => ProgressBar::hidden(),
        };
        bar.set_length(total);
        self.with(|under_way| *under_way = Some(UnderWay { stage, bar, told: Instant::now() }));
    }

    fn advance(&self, by: u64) {
        self.with(|under_way| {
            let Some(under_way) = under_way else { return };
            under_way.bar.inc(by);
            if !self.on_terminal && under_way.told.elapsed() >= EVERY {
                under_way.told = Instant::now();
                eprintln!("{}", line(under_way));
            }
        });
    }

    fn end(&self) {
        if let Some(ended) = self.with(Option::take) {
            ended.bar.finish_and_clear();
            eprintln!("{}", line(&ended));
        }
    }
}

fn line(under_way: &UnderWay) -> String {
    let (done, total) = (under_way.bar.position(), under_way.bar.length().unwrap_or_default());
    match under_way.stage {
        Stage::Blobs => format!("blobs: {} of {}", HumanBytes(done), HumanBytes(total)),
        Stage::Rows => format!("rows: {} of {}", HumanCount(done), HumanCount(total)),
    }
}

fn style(stage: Stage) -> ProgressStyle {
    let template = match stage {
        Stage::Blobs => "blobs {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
        Stage::Rows => "rows {wide_bar} {human_pos} of {human_len}, {eta} left",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
