//! The targets without libFuzzer: each seed as it is, and damaged seeds, as an ordinary test on any
//! toolchain. The test of each crate that has targets takes this file in by its path.

use std::{fmt, fs, panic, path::Path};

use proptest::{prelude::*, sample::Index, test_runner::TestRunner};

/// How many damaged seeds are tried. libFuzzer tries as many in less than a second; here they see
/// to it that a target stays one that can be fuzzed.
const CASES: u32 = 512;

/// Runs `target` on every file in `fuzz/seeds/<name>` and on damaged ones.
///
/// # Panics
/// If the target does, with the seed's name or the smallest damaged input that was found; if there
/// are no seeds.
pub fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(name);
    let mut paths: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "there are no seeds in {folder:?}");
    let seeds: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    for (path, seed) in paths.iter().zip(&seeds) {
        let tried = panic::catch_unwind(|| target(seed));
        assert!(tried.is_ok(), "the seed {path:?} fails");
    }
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) };
    let tried = TestRunner::new(config).run(&damaged(seeds), |input| {
        target(&input.0);
        Ok(())
    });
    tried.unwrap();
}

/// Bytes that are mostly text, and are shown so.
#[derive(Clone)]
struct Input(Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\"{}\"", self.0.escape_ascii())
    }
}

/// A seed with some damage; `Index` chooses places, whatever the length.
fn damaged(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Input> {
    let wounds = (any::<Index>(), any::<Index>(), any::<Index>(), any::<u8>(), 0..5_u8);
    (prop::sample::select(seeds.clone()), prop::collection::vec(wounds, 1..6)).prop_map(
        move |(mut bytes, wounds)| {
            for (one, other, seed, byte, kind) in wounds {
                let (one, other) = (one.index(bytes.len() + 1), other.index(bytes.len() + 1));
                let (from, to) = (one.min(other), one.max(other));
                let (range, piece) = match kind {
                    0 => (from..(from + 1).min(bytes.len()), vec![byte]),
                    1 => (from..from, vec![byte; 3]),
                    2 => (from..to.min(from + 8), vec![]),
                    3 => (to..to, bytes[from..to].to_vec()),
                    _ => {
                        let from_seed = &seeds[seed.index(seeds.len())];
                        (from..bytes.len(), from_seed[from.min(from_seed.len())..].to_vec())
                    }
                };
                drop(bytes.splice(range, piece));
            }
            Input(bytes)
        },
    )
}
