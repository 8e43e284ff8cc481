//! The figures as a table for people (`bench.md`) and as JSON for programs (`bench.json`).

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::footprint::Measure;
use super::sample::{Sample, median};
use super::scale::Growth;
use super::scenarios::Goal;
use super::target::Kind;

/// All that was measured.
#[derive(Debug, Default)]
pub struct Report {
    /// Of the scenarios.
    pub outcomes: Vec<Outcome>,
    /// Of a registry that holds much.
    pub growths: Vec<Growth>,
    /// Beside CPU.
    pub measures: Vec<Measure>,
}

/// All samples of one scenario.
#[derive(Debug)]
pub struct Outcome {
    /// The scenario's name.
    pub name: &'static str,
    /// Its clients.
    pub clients: usize,
    /// Bytes an operation moves, where a byte rate says more than a rate.
    pub bytes: Option<u64>,
    /// Its goals.
    pub goals: Vec<Goal>,
    /// The samples of each server, in the order measured.
    pub samples: Vec<(Kind, Vec<Sample>)>,
}

/// The medians of one server in one scenario.
#[derive(Debug, Clone, Copy)]
struct Figures {
    kind: Kind,
    cpu: f64,
    rate: f64,
}

impl Figures {
    /// How many cores were at work, on average.
    fn cores(self) -> f64 {
        self.cpu * self.rate / 1e6
    }
}

impl Outcome {
    fn figures(&self) -> Vec<Figures> {
        let figures = |(kind, samples): &(Kind, Vec<Sample>)| Figures {
            kind: *kind,
            cpu: median(samples.iter().map(Sample::cpu_micros)),
            rate: median(samples.iter().map(Sample::rate)),
        };
        self.samples.iter().map(figures).collect()
    }

    fn of(&self, kind: Kind) -> Option<Figures> {
        self.figures().into_iter().find(|figures| figures.kind == kind)
    }

    /// One line of the table a server.
    fn lines(&self) -> String {
        let ours = self.of(Kind::Wharf);
        let mut lines = String::new();
        for theirs in self.figures() {
            let goal = self.goals.iter().find(|goal| goal.against == theirs.kind);
            let verdict = match (ours, goal) {
                (Some(ours), _) if theirs.kind != Kind::Wharf => verdict(ours, theirs, goal),
                (_, Some(goal)) => format!("| | {} | |", bounds(goal)),
                (_, None) => "| | | |".to_owned(),
            };
            let (cpu, rate) = (duration(theirs.cpu), self.rate(theirs.rate));
            let _ = writeln!(lines, "| {} | {} | {cpu} | {rate} {verdict}", self.name, theirs.kind);
        }
        lines
    }

    /// The line that holds two replicas against one, if both were measured.
    fn replicas(&self) -> Option<String> {
        let (one, two) = (self.of(Kind::Scaled)?, self.of(Kind::Replicas)?);
        let (ratio, word) = (two.rate / one.rate, holds_word(two.rate >= one.rate));
        let figures = |of: Figures| format!("{} | {:.2}", self.rate(of.rate), of.cores());
        let (one, two) = (figures(one), figures(two));
        Some(format!("| {} | {one} | {two} | {ratio:.2} | ≥ 1 | {word} |\n", self.name))
    }

    fn rate(&self, rate: f64) -> String {
        let plain = if rate < 100.0 { format!("{rate:.2}/s") } else { format!("{rate:.0}/s") };
        match self.bytes {
            Some(bytes) => {
                format!("{plain}, {:.2} GiB/s", rate * bytes as f64 / f64::from(1 << 30))
            }
            None => plain,
        }
    }

    fn json(&self) -> Value {
        let sample = |sample: &Sample| {
            json!({
                "operations": sample.operations,
                "cpu_us": sample.cpu.as_micros() as u64,
                "wall_us": sample.wall.as_micros() as u64,
            })
        };
        let ours = self.of(Kind::Wharf);
        let server = |figures: Figures| {
            let samples = self.samples.iter().find(|(kind, _)| *kind == figures.kind);
            let goal = self.goals.iter().find(|goal| goal.against == figures.kind);
            json!({
                "server": figures.kind.to_string(),
                "cpu_us_per_operation": figures.cpu,
                "operations_per_second": figures.rate,
                "samples": samples.map(|(_, all)| all.iter().map(sample).collect::<Vec<_>>()),
                "cpu_at_most": goal.and_then(|goal| goal.cpu),
                "rate_at_least": goal.and_then(|goal| goal.rate),
                "holds": goal.zip(ours).map(|(goal, ours)| holds(ours, figures, goal)),
            })
        };
        let servers: Vec<_> = self.figures().into_iter().map(server).collect();
        json!({ "scenario": self.name, "clients": self.clients, "bytes": self.bytes, "servers": servers })
    }
}

/// Ratio of CPU, ratio of rates, goal, whether it holds.
fn verdict(ours: Figures, theirs: Figures, goal: Option<&Goal>) -> String {
    let ratios = format!("{:.3} / {:.2}", ours.cpu / theirs.cpu, ours.rate / theirs.rate);
    match goal {
        Some(goal) => {
            let word = holds_word(holds(ours, theirs, goal));
            format!("| {ratios} | {} | {word} |", bounds(goal))
        }
        None => format!("| {ratios} | | |"),
    }
}

fn holds(ours: Figures, theirs: Figures, goal: &Goal) -> bool {
    goal.cpu.is_none_or(|most| ours.cpu <= most * theirs.cpu)
        && goal.rate.is_none_or(|least| ours.rate >= least * theirs.rate)
}

/// How a table says whether a goal holds.
pub fn holds_word(holds: bool) -> &'static str {
    if holds { "yes" } else { "**no**" }
}

fn bounds(goal: &Goal) -> String {
    let cpu = goal.cpu.map(|most| format!("CPU ≤ {most}×"));
    let rate = goal.rate.map(|least| format!("rate ≥ {least}×"));
    [cpu, rate].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A time with its unit.
pub fn duration(micros: f64) -> String {
    match micros {
        ..10.0 => format!("{micros:.2} µs"),
        ..10_000.0 => format!("{micros:.0} µs"),
        _ => format!("{:.1} ms", micros / 1e3),
    }
}

impl Report {
    /// The tables as Markdown.
    pub fn markdown(&self) -> String {
        let replicas: Vec<_> = self.outcomes.iter().filter_map(Outcome::replicas).collect();
        let tables = [
            table(
                "| scenario | server | server CPU/op | rate | wharf's CPU ratio / rate ratio | goal | holds |",
                "|---|---|---:|---:|---:|---|---|",
                self.outcomes.iter().map(Outcome::lines),
            ),
            table(
                "| scenario | one replica | cores | two replicas | cores | two / one | goal | holds |",
                "|---|---:|---:|---:|---:|---:|---|---|",
                replicas,
            ),
            table(
                "| scale | server | at the start | at the end | ratio | goal | holds |",
                "|---|---|---:|---:|---:|---|---|",
                self.growths.iter().map(Growth::line),
            ),
            table(
                "| footprint | server | figure | goal for wharf | holds |",
                "|---|---|---:|---|---|",
                self.measures.iter().map(footprint),
            ),
        ];
        tables.into_iter().flatten().collect::<Vec<_>>().join("\n")
    }

    /// Everything measured, sample by sample.
    pub fn json(&self) -> Value {
        let footprint = |measure: &Measure| {
            json!({
                "name": measure.name,
                "server": measure.kind.to_string(),
                "value": measure.value,
                "at_most": measure.at_most,
            })
        };
        json!({
            "scenarios": self.outcomes.iter().map(Outcome::json).collect::<Vec<_>>(),
            "scale": self.growths.iter().map(Growth::json).collect::<Vec<_>>(),
            "footprint": self.measures.iter().map(footprint).collect::<Vec<_>>(),
        })
    }
}

/// A table, if it has lines.
fn table(head: &str, alignment: &str, lines: impl IntoIterator<Item = String>) -> Option<String> {
    let lines: String = lines.into_iter().collect();
    (!lines.is_empty()).then(|| format!("{head}\n{alignment}\n{lines}"))
}

fn footprint(measure: &Measure) -> String {
    let Measure { name, kind, value, at_most } = measure;
    let word = match kind {
        Kind::Wharf => holds_word(value <= at_most),
        _ => "",
    };
    format!("| {name} | {kind} | {value:.1} | ≤ {at_most} | {word} |\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;
    use crate::bench::suite::scale::{Bound, Unit};

    fn outcome(our_cpu: u64, our_wall: u64) -> Outcome {
        let sample = |cpu, wall| Sample {
            operations: 100,
            cpu: Duration::from_millis(cpu),
            wall: Duration::from_millis(wall),
        };
        Outcome {
            name: "made-up",
            clients: 1,
            bytes: None,
            goals: vec![Goal { against: Kind::Bare, cpu: Some(0.5), rate: Some(2.0) }],
            samples: vec![
                (Kind::Wharf, vec![sample(our_cpu, our_wall)]),
                (Kind::Bare, vec![sample(900, 1), sample(10, 1_000), sample(10, 1_000)]),
            ],
        }
    }

    #[test]
    fn both_bounds_must_hold_against_the_medians() {
        for (cpu, wall, word) in [(5, 500, "yes"), (6, 500, "**no**"), (5, 501, "**no**")] {
            let report = Report { outcomes: vec![outcome(cpu, wall)], ..Report::default() };
            let text = report.markdown();
            assert!(
                text.trim_end().ends_with(&format!("| CPU ≤ 0.5×, rate ≥ 2× | {word} |")),
                "{text}"
            );
            let holds = &report.json()["scenarios"][0]["servers"][1]["holds"];
            assert_eq!(holds.as_bool(), Some(word == "yes"));
        }
    }

    #[test]
    fn two_replicas_are_held_against_one() {
        let mut outcome = outcome(1, 1);
        for (kind, other) in outcome.samples.iter_mut().zip([Kind::Scaled, Kind::Replicas]) {
            kind.0 = other;
        }
        outcome.samples[1].1 = outcome.samples[0].1.clone();
        assert!(outcome.replicas().unwrap().ends_with("| 1.00 | ≥ 1 | yes |\n"));
        outcome.samples[1].1[0].wall *= 2;
        assert!(outcome.replicas().unwrap().ends_with("| 0.50 | ≥ 1 | **no** |\n"));
        outcome.samples.pop();
        assert_eq!(outcome.replicas(), None);
    }

    #[test]
    fn every_table_has_as_many_columns_in_each_line() {
        let mut replicas = outcome(1, 1);
        let samples = replicas.samples[0].1.clone();
        replicas.samples.push((Kind::Scaled, samples.clone()));
        replicas.samples.push((Kind::Replicas, samples));
        let measure = Measure { name: "memory", kind: Kind::Wharf, value: 31.0, at_most: 30.0 };
        let growth = |bound| Growth {
            name: "pages".to_owned(),
            kind: Kind::Wharf,
            unit: Unit::Time,
            small: 1.0,
            large: 2.0,
            bound,
        };
        let report = Report {
            outcomes: vec![replicas],
            growths: vec![growth(None), growth(Some(Bound::Ratio(1.2)))],
            measures: vec![measure],
        };
        let text = report.markdown();
        let columns = |line: &str| line.matches('|').count();
        let tables: Vec<_> = text.split("\n\n").collect();
        assert_eq!(tables.len(), 4);
        for table in tables {
            let widths: Vec<_> = table.lines().map(columns).collect();
            assert!(widths.len() > 2 && widths.iter().all(|width| *width == widths[0]), "{table}");
        }
        assert_eq!(text.matches("**no**").count(), 2, "{text}");
    }
}
