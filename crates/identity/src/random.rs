//! Random ids and secrets in the shapes that AWS's have.

use aws_lc_rs::rand;
use wharf_policy::AccountId;

use crate::Error;

/// The alphabet of ids: that of Base32.
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// `AKIA` and 16 letters of Base32, the shape that secret scanners know. As in AWS's, the letters
/// hold the number of the account: it is 40 of the first 48 bits, behind the first; 39 are random.
pub(crate) fn access_key_id(account: &AccountId) -> Result<String, Error> {
    key_id("AKIA", account)
}

/// The same for any prefix, such as `ASIA`.
pub(crate) fn key_id(prefix: &str, account: &AccountId) -> Result<String, Error> {
    let mut bytes = [0u8; 10];
    rand::fill(&mut bytes).map_err(|_| Error::Random)?;
    let number: u64 = account.as_str().parse().expect("an account id is twelve digits");
    let low = u64::from(bytes[5]) & 0x7f;
    let first = (1 << 47) | (number << 7) | low;
    bytes[..6].copy_from_slice(&first.to_be_bytes()[2..]);
    Ok(format!("{prefix}{}", base32(&bytes)))
}

/// The account in the letters of an access key id; None where they hold none.
#[must_use]
pub fn account_of_key(id: &str) -> Option<AccountId> {
    let letters = id.get(4..20)?;
    let mut bits = 0u64;
    // Ten letters are 50 bits, of which the first 48 are wanted.
    for letter in letters.bytes().take(10) {
        let value = LETTERS.iter().position(|known| *known == letter)?;
        bits = (bits << 5) | value as u64;
    }
    let number = ((bits >> 2) & 0x7fff_ffff_ff80) >> 7;
    format!("{number:012}").parse().ok()
}

/// The prefix of the kind and 17 letters of Base32.
pub(crate) fn entity_id(prefix: &str) -> Result<String, Error> {
    Ok(format!("{prefix}{}", text(17, LETTERS)?))
}

/// 40 characters of the Base64 alphabet: 240 random bits.
pub(crate) fn secret() -> Result<String, Error> {
    text(40, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
}

/// `alphabet` must have 32 or 64 letters, so that every letter is equally likely.
fn text(length: usize, alphabet: &[u8]) -> Result<String, Error> {
    let mut bytes = vec![0u8; length];
    rand::fill(&mut bytes).map_err(|_| Error::Random)?;
    Ok(bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect())
}

/// Ten bytes as sixteen letters.
fn base32(bytes: &[u8; 10]) -> String {
    let letters = |five: &[u8]| {
        let bits = five.iter().fold(0u64, |bits, byte| (bits << 8) | u64::from(*byte));
        (0..8).rev().map(move |place| char::from(LETTERS[(bits >> (place * 5)) as usize & 31]))
    };
    letters(&bytes[..5]).chain(letters(&bytes[5..])).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_key_id_tells_its_account() {
        for account in ["000000000000", "123456789012", "999999999999"] {
            let account: AccountId = account.parse().unwrap();
            for prefix in ["AKIA", "ASIA"] {
                let id = key_id(prefix, &account).unwrap();
                assert_eq!(id.len(), 20, "{id}");
                assert_eq!(account_of_key(&id), Some(account.clone()), "{id}");
                assert_ne!(id, key_id(prefix, &account).unwrap());
            }
        }
        // An example of AWS's own: the published work on it reads this account from this key.
        let known = account_of_key("ASIAY34FZKBOKMUTVV7A").map(|account| account.to_string());
        assert_eq!(known.as_deref(), Some("609629065308"));
        for none in ["", "AKIA", "AKIA0000000000000000", "AKIAé"] {
            assert_eq!(account_of_key(none), None, "{none}");
        }
    }
}
