//! The input of a call as the audit trail shows it: without secrets, and without content.

use serde_json::{Map, Value};

/// Members that are never shown, whatever they hold.
const SECRET: [&str; 9] = [
    "password",
    "oldpassword",
    "newpassword",
    "webidentitytoken",
    "samlassertion",
    "secretaccesskey",
    "sessiontoken",
    "credential",
    "tokencode",
];
/// Members that hold content: only their length is told.
const CONTENT: [&str; 2] = ["layerpartblob", "imagemanifest"];
/// The most characters of a text that are shown.
const LONGEST: usize = 2048;
/// The most elements of a list that are shown.
const MOST: usize = 100;

/// The input with `***` for secrets, the length of content, and long texts cut.
#[must_use]
pub fn shown(input: &Value) -> Value {
    match input {
        Value::Object(members) => {
            let shown = members.iter().map(|(name, value)| (name.clone(), member(name, value)));
            Value::Object(shown.collect::<Map<String, Value>>())
        }
        Value::Array(items) => items.iter().take(MOST).map(shown).collect(),
        Value::String(text) => match text.char_indices().nth(LONGEST) {
            Some((end, _)) => Value::String(format!("{}...", &text[..end])),
            None => input.clone(),
        },
        other => other.clone(),
    }
}

/// Whether the member of this name is never shown.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret))
}

fn member(name: &str, value: &Value) -> Value {
    if is_secret(name) {
        return Value::String("***".to_owned());
    }
    let folded = name.to_ascii_lowercase();
    match value {
        Value::String(text) if CONTENT.contains(&folded.as_str()) => {
            Value::String(format!("({} characters)", text.len()))
        }
        value => shown(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn neither_secrets_nor_content_are_shown() {
        let input = json!({
            "UserName": "alice",
            "Password": "correct horse",
            "nested": [{ "NewPassword": 7, "WebIdentityToken": "ey" }],
            "layerPartBlob": "AAAA",
            "imageManifest": "{}",
            "PolicyDocument": "x".repeat(3000),
            "imageIds": vec![1; 300],
        });
        let shown = shown(&input);
        assert_eq!(shown["UserName"], "alice");
        assert_eq!(shown["Password"], "***");
        assert_eq!(shown["nested"][0], json!({ "NewPassword": "***", "WebIdentityToken": "***" }));
        assert_eq!(shown["layerPartBlob"], "(4 characters)");
        assert_eq!(shown["imageManifest"], "(2 characters)");
        assert_eq!(shown["PolicyDocument"], "x".repeat(2048) + "...");
        assert_eq!(shown["imageIds"].as_array().map(Vec::len), Some(100));
    }
}
