//! What may and may not be in a line, and what becomes of lines nobody takes.
#![allow(clippy::unwrap_used)]

use std::sync::mpsc;

use proptest::prelude::*;

use super::*;

#[test]
fn of_a_query_only_harmless_values_are_shown() {
    let table = [
        ("n=100&last=a", "n=100&last=a"),
        ("digest=sha256:ab&mount=x&from=y/z", "digest=sha256:ab&mount=x&from=y/z"),
        ("X-Amz-Signature=feed&n=1", "X-Amz-Signature=***&n=1"),
        (
            "X-Amz-Credential=A%2Fb&X-Amz-Security-Token=t",
            "X-Amz-Credential=***&X-Amz-Security-Token=***",
        ),
        ("token", "***"),
        ("eyJhbGciOi=", "***"),
        ("", "***"),
    ];
    for (query, expected) in table {
        assert_eq!(harmless(query), expected);
    }
}

proptest! {
    #[test]
    fn quoted_text_is_json(text in ".*") {
        let mut line = String::new();
        quoted(&mut line, &text).unwrap();
        prop_assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
    }
}

/// A log reader that takes nothing until it is told to.
struct Blocked {
    gate: mpsc::Receiver<()>,
    taken: mpsc::Sender<Vec<u8>>,
}

impl Write for Blocked {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        // A closed gate is an open one.
        let _ = self.gate.recv();
        self.taken.send(lines.to_vec()).unwrap();
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_slow_reader_loses_lines_that_are_counted_and_never_more_is_kept() {
    let (open, gate) = mpsc::channel();
    let (taken, lines) = mpsc::channel();
    let dropped = Dropped::default();
    let log = AccessLog::to(Box::new(Blocked { gate, taken }), LogFormat::Json, dropped.clone());
    let log = log.unwrap();
    let line = vec![b'x'; 1 << 10];
    let pushed = 3 * CAPACITY / line.len();
    (0..pushed).for_each(|_| log.lines.push(&line));
    assert!(log.lines.waiting() <= CAPACITY);
    drop(open);
    drop(log);
    let written: usize = lines.iter().map(|lines| lines.len()).sum();
    assert!(dropped.count() > 0);
    assert_eq!(written / line.len() + dropped.count() as usize, pushed);
}

#[test]
fn a_rotated_file_is_opened_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let mut log = Appended::open(path.clone()).unwrap();
    log.write_all(b"one\n").unwrap();
    std::fs::rename(&path, folder.path().join("access.log.1")).unwrap();
    log.write_all(b"two\n").unwrap();
    log.write_all(b"three\n").unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\nthree\n");
}
