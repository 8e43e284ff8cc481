//! Strict JSON: refuses every document that two readers could understand differently. Reading the
//! values is left to serde afterwards; here is only the proof that there is one way to read them.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};

/// How deeply objects and arrays may be nested; the outermost counts as one.
pub const MAX_DEPTH: usize = 64;

/// The members that readers look for in an object, and what may stand there.
pub(crate) struct Shape(pub &'static [(&'static str, Place)]);

/// What may stand at some place of a document. Scalars are left to the typed reader, and everything
/// may be `null`.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// Any value; the keys of objects are their author's own.
    Any,
    /// No array: serde would read one as an object's members in the order of the struct.
    Object(&'static Shape),
    /// An array of such objects.
    Objects(&'static Shape),
}

/// Checks that `text` is one JSON value without duplicate keys at any depth, nested at most
/// [`MAX_DEPTH`] deep, without trailing data, with nothing but what its place allows, and without
/// another spelling (`Layers`) of a key that is known there: Go's reader takes those for the key
/// itself.
///
/// # Errors
/// serde_json's error with line and column. Its category is `Data` when `text` is JSON but
/// ambiguous or too deep.
pub(crate) fn check(text: &str, place: Place) -> Result<(), serde_json::Error> {
    let mut from = serde_json::Deserializer::from_str(text);
    Check { place, depth: 0 }.deserialize(&mut from)?;
    from.end()
}

/// Reads a list, and `null` as an empty one.
pub(crate) fn list_or_null<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Walks over one value that lies inside `depth` objects and arrays.
#[derive(Clone, Copy)]
struct Check {
    place: Place,
    depth: usize,
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl Check {
    fn within<E: Error>(self, place: Place) -> Result<Check, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom(format_args!("nested more than {MAX_DEPTH} levels deep")));
        }
        Ok(Check { place, depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Check {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Check {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        let inside = self.within(self.place.of_elements().map_err(A::Error::custom)?)?;
        while array.next_element_seed(inside)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(Key(key)) = object.next_key()? {
            let place = self.place.of_member(&key).map_err(A::Error::custom)?;
            if seen.contains(&key) {
                return Err(A::Error::custom(format_args!("duplicate key {key:?}")));
            }
            seen.insert(key);
            object.next_value_seed(self.within(place)?)?;
        }
        Ok(())
    }
}

impl Place {
    fn of_elements(self) -> Result<Place, &'static str> {
        match self {
            Place::Any => Ok(Place::Any),
            Place::Objects(shape) => Ok(Place::Object(shape)),
            Place::Object(_) => Err("an array stands in the place of an object"),
        }
    }

    fn of_member(self, key: &str) -> Result<Place, String> {
        match self {
            Place::Any => Ok(Place::Any),
            Place::Object(shape) => shape.of_member(key),
            Place::Objects(_) => Err("an object stands in the place of an array".to_owned()),
        }
    }
}

impl Shape {
    /// What may stand under `key`, or the complaint that `key` misspells a known one.
    fn of_member(&self, key: &str) -> Result<Place, String> {
        for (known, place) in self.0 {
            if *known == key {
                return Ok(*place);
            }
            if key.chars().map(fold).eq(known.chars().map(fold)) {
                return Err(format!("key {key:?} must be spelled {known:?}"));
            }
        }
        Ok(Place::Any)
    }
}

/// Go compares keys under Unicode simple folding, in which two signs beyond ASCII equal a letter.
fn fold(char: char) -> char {
    match char {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    }
}
