//! A running digest that can be put down and taken up again, by another process and after a restart:
//! a resumable upload saves it beside its offset. The saved form is a fixed binary layout of our own;
//! no general-purpose decoder ever sees those bytes.
//!
//! | bytes | content |
//! |---|---|
//! | 1 | version of this layout, now 1 |
//! | 1 | algorithm: 1 = sha256, 2 = sha512 |
//! | 8 | bytes hashed so far, big-endian |
//! | 104 or 208 | the state as sha2 0.11 serialises it |
//! | 8 | the first bytes of the SHA-256 of all the above |
//!
//! The checksum finds accidents, not forgery: who can write the row can write the checksum.

use sha2::{
    Digest as _, Sha256, Sha512,
    digest::common::hazmat::{SerializableState, SerializedState},
};

use crate::digest::{Algorithm, Digest};

/// A digest of bytes that arrive piece by piece.
#[derive(Clone, Debug)]
pub struct Hasher {
    state: State,
    length: u64,
}

#[derive(Clone, Debug)]
enum State {
    Sha256(Sha256),
    Sha512(Sha512),
}

/// Bytes that [`Hasher::save`] did not write, or that were damaged since.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidHasherState {
    /// Too short, too long, or the checksum does not match.
    #[error("the saved hash state is damaged")]
    Damaged,
    /// Intact, but written in a layout that this version does not read.
    #[error("the saved hash state has layout version {0}, this version reads only {VERSION}")]
    Version(u8),
}

/// To be raised whenever the layout changes; sha2 keeps its own part stable only within 0.11.
const VERSION: u8 = 1;
const HEAD: usize = 10;
const CHECKSUM: usize = 8;

impl Hasher {
    /// A hasher that has seen no bytes yet.
    pub fn new(algorithm: Algorithm) -> Hasher {
        let state = match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
        };
        Hasher { state, length: 0 }
    }

    /// Takes in the next bytes of the content.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
        // A slice is never longer than isize::MAX, and 2^64 bytes take centuries to hash.
        self.length += bytes.len() as u64;
    }

    /// The digest of all bytes taken in.
    pub fn finish(self) -> Digest {
        let algorithm = self.algorithm();
        match self.state {
            State::Sha256(state) => Digest::from_output(algorithm, &state.finalize()),
            State::Sha512(state) => Digest::from_output(algorithm, &state.finalize()),
        }
    }

    /// How many bytes were taken in so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The algorithm this hasher was made with.
    pub fn algorithm(&self) -> Algorithm {
        match self.state {
            State::Sha256(_) => Algorithm::Sha256,
            State::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// The state as bytes for [`Hasher::restore`]: 122 for sha256, 226 for sha512. They tell up to the
    /// last 127 bytes of the content, so they deserve the same protection as the content.
    pub fn save(&self) -> Vec<u8> {
        let mut saved = vec![VERSION, algorithm_code(self.algorithm())];
        saved.extend_from_slice(&self.length.to_be_bytes());
        match &self.state {
            State::Sha256(state) => saved.extend_from_slice(&state.serialize()),
            State::Sha512(state) => saved.extend_from_slice(&state.serialize()),
        }
        let checksum = checksum(&saved);
        saved.extend_from_slice(&checksum);
        saved
    }

    /// Takes up a hasher where [`Hasher::save`] put it down.
    ///
    /// # Errors
    /// [`InvalidHasherState`] when a single bit differs from what was saved, or when the layout is of
    /// another version. The caller then hashes the content again or ends the upload.
    pub fn restore(saved: &[u8]) -> Result<Hasher, InvalidHasherState> {
        let (content, found) =
            saved.split_last_chunk::<CHECKSUM>().ok_or(InvalidHasherState::Damaged)?;
        if checksum(content) != *found {
            return Err(InvalidHasherState::Damaged);
        }
        let (head, state) =
            content.split_first_chunk::<HEAD>().ok_or(InvalidHasherState::Damaged)?;
        let [version, algorithm, length @ ..] = *head;
        if version != VERSION {
            return Err(InvalidHasherState::Version(version));
        }
        let state = match algorithm {
            1 => State::Sha256(deserialize(state)?),
            2 => State::Sha512(deserialize(state)?),
            _ => return Err(InvalidHasherState::Damaged),
        };
        Ok(Hasher { state, length: u64::from_be_bytes(length) })
    }
}

fn algorithm_code(algorithm: Algorithm) -> u8 {
    match algorithm {
        Algorithm::Sha256 => 1,
        Algorithm::Sha512 => 2,
    }
}

fn deserialize<S: SerializableState>(bytes: &[u8]) -> Result<S, InvalidHasherState> {
    let state = SerializedState::<S>::try_from(bytes).map_err(|_| InvalidHasherState::Damaged)?;
    S::deserialize(&state).map_err(|_| InvalidHasherState::Damaged)
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let mut first = [0; CHECKSUM];
    first.copy_from_slice(&Sha256::digest(bytes)[..CHECKSUM]);
    first
}
