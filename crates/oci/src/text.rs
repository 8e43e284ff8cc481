//! What every checked text of this crate has in common: it is printed, compared with and carried in
//! JSON as the plain string it is. What makes a text valid is not here but in each type's `FromStr`.

/// The start of a refused text, short and harmless enough for an error message or a log line.
pub(crate) fn excerpt(given: &str) -> String {
    const SHOWN: usize = 80;
    let mut excerpt = String::new();
    for char in given.chars().take(SHOWN) {
        if char.is_control() {
            excerpt.extend(char.escape_default());
        } else {
            excerpt.push(char);
        }
    }
    if given.chars().nth(SHOWN).is_some() {
        excerpt.push('…');
    }
    excerpt
}

/// Gives a `struct T(Arc<str>)` that is `FromStr` its string face: `as_str`, `Display`, `AsRef<str>`,
/// `TryFrom<&str>`, `TryFrom<String>`, and serde as a string that is checked when it is read.
macro_rules! checked_text {
    ($name:ident) => {
        impl $name {
            /// The text exactly as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = <$name as std::str::FromStr>::Err;

            fn try_from(given: &str) -> Result<Self, Self::Error> {
                given.parse()
            }
        }

        impl TryFrom<String> for $name {
            type Error = <$name as std::str::FromStr>::Err;

            fn try_from(given: String) -> Result<Self, Self::Error> {
                given.parse()
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let given = String::deserialize(from)?;
                given.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use checked_text;
