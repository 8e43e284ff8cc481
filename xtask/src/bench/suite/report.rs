//! The figures as a table for people (`bench.md`) and as JSON for programs (`bench.json`).

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::footprint::Measure;
use super::sample::{Sample, median};
use super::scenarios::Goal;
use super::target::Kind;

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

impl Outcome {
    fn figures(&self) -> Vec<Figures> {
        let figures = |(kind, samples): &(Kind, Vec<Sample>)| Figures {
            kind: *kind,
            cpu: median(samples.iter().map(Sample::cpu_micros)),
            rate: median(samples.iter().map(Sample::rate)),
        };
        self.samples.iter().map(figures).collect()
    }

    fn ours(&self) -> Option<Figures> {
        self.figures().into_iter().find(|figures| figures.kind == Kind::Wharf)
    }

    /// One line of the table a server.
    fn lines(&self) -> String {
        let ours = self.ours();
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
        let ours = self.ours();
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
            let word = if holds(ours, theirs, goal) { "yes" } else { "**no**" };
            format!("| {ratios} | {} | {word} |", bounds(goal))
        }
        None => format!("| {ratios} | | |"),
    }
}

fn holds(ours: Figures, theirs: Figures, goal: &Goal) -> bool {
    goal.cpu.is_none_or(|most| ours.cpu <= most * theirs.cpu)
        && goal.rate.is_none_or(|least| ours.rate >= least * theirs.rate)
}

fn bounds(goal: &Goal) -> String {
    let cpu = goal.cpu.map(|most| format!("CPU ≤ {most}×"));
    let rate = goal.rate.map(|least| format!("rate ≥ {least}×"));
    [cpu, rate].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn duration(micros: f64) -> String {
    match micros {
        ..10.0 => format!("{micros:.2} µs"),
        ..10_000.0 => format!("{micros:.0} µs"),
        _ => format!("{:.1} ms", micros / 1e3),
    }
}

/// The table as Markdown.
pub fn markdown(outcomes: &[Outcome], measures: &[Measure]) -> String {
    let mut text = String::new();
    if !outcomes.is_empty() {
        text += "| scenario | server | server CPU/op | rate | wharf's CPU ratio / rate ratio | goal | holds |\n";
        text += "|---|---|---:|---:|---:|---|---|\n";
        text.extend(outcomes.iter().map(Outcome::lines));
    }
    if !measures.is_empty() {
        text +=
            "\n| footprint | server | figure | goal for wharf | holds |\n|---|---|---:|---:|---|\n";
        text.extend(measures.iter().map(footprint));
    }
    text
}

fn footprint(measure: &Measure) -> String {
    let Measure { name, kind, value, at_most } = measure;
    let word = match kind {
        Kind::Wharf if value <= at_most => "yes",
        Kind::Wharf => "**no**",
        _ => "",
    };
    format!("| {name} | {kind} | {value:.1} | ≤ {at_most} | {word} |\n")
}

/// Everything measured, sample by sample.
pub fn json(outcomes: &[Outcome], measures: &[Measure]) -> Value {
    let footprint = |measure: &Measure| {
        json!({
            "name": measure.name,
            "server": measure.kind.to_string(),
            "value": measure.value,
            "at_most": measure.at_most,
        })
    };
    json!({
        "scenarios": outcomes.iter().map(Outcome::json).collect::<Vec<_>>(),
        "footprint": measures.iter().map(footprint).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

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
            let text = markdown(&[outcome(cpu, wall)], &[]);
            assert!(
                text.trim_end().ends_with(&format!("| CPU ≤ 0.5×, rate ≥ 2× | {word} |")),
                "{text}"
            );
            let holds = &json(&[outcome(cpu, wall)], &[])["scenarios"][0]["servers"][1]["holds"];
            assert_eq!(holds.as_bool(), Some(word == "yes"));
        }
    }

    #[test]
    fn every_line_has_the_same_columns() {
        let measure = Measure { name: "memory", kind: Kind::Wharf, value: 31.0, at_most: 30.0 };
        let text = markdown(&[outcome(1, 1)], &[measure]);
        let columns = |line: &str| line.matches('|').count();
        let (table, footprint) = text.split_once("\n\n").expect("two tables");
        assert!(table.lines().all(|line| columns(line) == 8), "{table}");
        assert!(footprint.lines().all(|line| columns(line) == 6), "{footprint}");
        assert!(footprint.contains("**no**"));
    }
}
