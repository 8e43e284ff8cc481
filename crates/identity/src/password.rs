//! Passwords: hashed with Argon2id, which is slow on purpose, on threads for what blocks, and only a
//! few at a time, since each takes 19 MiB of memory.
//!
//! Source: OWASP, "Password Storage Cheat Sheet".

use std::sync::{Arc, LazyLock};

use argon2::password_hash::Error as Fault;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _};
use aws_lc_rs::rand;
use tokio::sync::Semaphore;

use crate::Error;

/// How many are hashed at the same time.
const AT_ONCE: usize = 4;
/// In bytes; AWS counts at most 128 characters.
const LONGEST: usize = 128;
const SHORTEST: usize = 8;

static TURNS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(AT_ONCE)));

/// 19 MiB of memory, two passes, one lane.
fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).expect("these are within Argon2's bounds");
    Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, params)
}

/// The string to be stored.
pub(crate) async fn hash(password: &str) -> Result<String, Error> {
    let password = password.to_owned();
    slowly(move || {
        let mut salt = [0u8; 16];
        rand::fill(&mut salt).map_err(|_| Error::Random)?;
        hash_with(&password, &salt)
    })
    .await
}

/// Whether the password is the one of the stored string. Without one it takes as long, and is not.
pub(crate) async fn is_right(password: &str, stored: Option<&str>) -> Result<bool, Error> {
    let (password, stored) = (password.to_owned(), stored.map(str::to_owned));
    slowly(move || {
        let Some(stored) = stored else {
            return hash_with(&password, &[0; 16]).map(|_| false);
        };
        match argon2().verify_password(password.as_bytes(), stored.as_str()) {
            Ok(()) => Ok(true),
            Err(Fault::PasswordInvalid) => Ok(false),
            Err(fault) => Err(damaged(fault)),
        }
    })
    .await
}

fn hash_with(password: &str, salt: &[u8; 16]) -> Result<String, Error> {
    let hashed = argon2().hash_password_with_salt(password.as_bytes(), salt);
    hashed.map(|hash| hash.to_string()).map_err(damaged)
}

async fn slowly<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let turn = TURNS.clone().acquire_owned().await;
    let worked = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    });
    worked.await.map_err(|error| Error::Damaged(format!("hashing a password: {error}")))?
}

fn damaged(fault: Fault) -> Error {
    Error::Damaged(format!("a password: {fault}"))
}

/// What AWS asks of passwords where an account has no policy of its own: at least 8 characters, of
/// three of four kinds.
pub(crate) fn check(password: &str) -> Result<(), Error> {
    let length = password.chars().count();
    let has = |kind: fn(char) -> bool| usize::from(password.chars().any(kind));
    let kinds = has(|c| c.is_lowercase())
        + has(|c| c.is_uppercase())
        + has(|c| c.is_numeric())
        + has(|c| !c.is_alphanumeric());
    if length > LONGEST {
        return Err(Error::PasswordPolicy("Password should have at most 128 characters."));
    }
    if length < SHORTEST {
        return Err(Error::PasswordPolicy("Password should have a minimum length of 8"));
    }
    if kinds < 3 {
        return Err(Error::PasswordPolicy(
            "Password should have three of these: lower-case letters, upper-case letters, digits, other characters.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_password_needs() {
        for good in ["Passw0rd", "pass-w0rd", "PASS-w0rd", "Ä5ö-----"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", "Passw0r", "password", "passw0rd", "12345678", &"aA1".repeat(43)] {
            assert!(matches!(check(bad), Err(Error::PasswordPolicy(_))), "{bad}");
        }
    }

    #[tokio::test]
    async fn only_the_password_itself_is_right() {
        let stored = hash("Passw0rd-1").await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_ne!(stored, hash("Passw0rd-1").await.unwrap());
        assert!(is_right("Passw0rd-1", Some(&stored)).await.unwrap());
        for wrong in ["Passw0rd-2", "", "passw0rd-1"] {
            assert!(!is_right(wrong, Some(&stored)).await.unwrap());
        }
        assert!(!is_right("Passw0rd-1", None).await.unwrap());
        assert!(is_right("x", Some("no hash")).await.is_err());
    }
}
