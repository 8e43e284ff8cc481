//! JSON as policies are read: members in their order, no key twice, nothing nested deeper than
//! [`MAX_DEPTH`]. What the members mean is told in [`crate::document`].

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

/// How deeply objects and arrays may be nested; the outermost counts as one. A policy needs six.
pub(crate) const MAX_DEPTH: usize = 20;

/// A value of JSON.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// A number with a fraction is the nearest double, as other readers of JSON have it.
    Number(Number),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Reads `text`, which is one value and nothing after it.
pub(crate) fn read(text: &str) -> Result<Json, serde_json::Error> {
    let mut from = serde_json::Deserializer::from_str(text);
    let value = Inside(0).deserialize(&mut from)?;
    from.end()?;
    Ok(value)
}

/// A value that lies inside so many objects and arrays.
#[derive(Clone, Copy)]
struct Inside(usize);

impl Inside {
    fn deeper<E: Error>(self) -> Result<Inside, E> {
        if self.0 == MAX_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {MAX_DEPTH}")));
        }
        Ok(Inside(self.0 + 1))
    }
}

impl<'de> DeserializeSeed<'de> for Inside {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Json, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Inside {
    type Value = Json;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Number::from_f64(value).map(Json::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let inside = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = from.next_element_seed(inside)? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let inside = self.deeper()?;
        let mut members: Vec<(String, Json)> = Vec::new();
        while let Some(key) = from.next_key::<String>()? {
            members.push((key, from.next_value_seed(inside)?));
        }
        match twice(&members) {
            Some(key) => Err(A::Error::custom(format_args!("the key {key:?} stands there twice"))),
            None => Ok(Json::Object(members)),
        }
    }
}

/// A key that stands there twice. Sorted, since a document may have thousands of keys.
fn twice(members: &[(String, Json)]) -> Option<&str> {
    let mut keys: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    keys.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    #[test]
    fn depth_is_bounded() {
        assert!(read(&nested(MAX_DEPTH)).is_ok());
        let refusal = read(&nested(MAX_DEPTH + 1)).unwrap_err().to_string();
        assert!(refusal.contains("nested deeper than 20"), "{refusal}");
        assert!(read(&nested(100_000)).is_err());
    }

    #[test]
    fn a_key_stands_once_at_every_depth() {
        assert!(read(r#"{"a":1,"b":1,"A":1}"#).is_ok());
        for text in
            [r#"{"a":1,"a":1}"#, r#"{"x":[{"a":1,"b":2,"a":3}]}"#, "{\"a\":1,\"\\u0061\":1}"]
        {
            let refusal = read(text).unwrap_err().to_string();
            assert!(refusal.contains(r#"the key "a" stands there twice"#), "{text}: {refusal}");
        }
    }

    #[test]
    fn what_is_not_one_value_is_refused() {
        for text in ["", " ", "{", "{} {}", "{}x", "nul", "'a'", "\"\\ud800\"", "1e999", "{\"a\"}"]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
