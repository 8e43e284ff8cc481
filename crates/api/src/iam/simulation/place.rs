//! Where in a policy's text a statement stands, which simulations tell.

use serde::Serialize;

/// A place in a text, both numbers counted from one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Place {
    line: usize,
    column: usize,
}

/// Where the statement of this number begins and ends; None where the text has no such statement.
/// The text is JSON that was read before.
pub(super) fn of_statement(text: &str, index: usize) -> Option<(Place, Place)> {
    let (_, start) = Items::of(text, 0)?.find(|(key, _)| *key == Some("Statement"))?;
    let start = match text.as_bytes().get(start)? {
        b'[' => Items::of(text, start)?.nth(index)?.1,
        // It stands by itself instead of in a list.
        _ => start,
    };
    let end = end_of(text, start)?;
    Some((place(text, start)?, place(text, end)?))
}

/// The members of an object, or the items of an array: the key, and where the value begins.
struct Items<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Items<'a> {
    /// Those of what begins at `at`, or behind white space there.
    fn of(text: &'a str, at: usize) -> Option<Items<'a>> {
        let at = blanks(text, at);
        matches!(text.as_bytes().get(at)?, b'{' | b'[').then_some(Items { text, at: at + 1 })
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = (Option<&'a str>, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let mut start = blanks(self.text, self.at);
        if matches!(self.text.as_bytes().get(start)?, b'}' | b']') {
            return None;
        }
        let mut end = end_of(self.text, start)?;
        let behind = blanks(self.text, end);
        let mut key = None;
        if self.text.as_bytes().get(behind) == Some(&b':') {
            key = self.text.get(start + 1..end - 1);
            start = blanks(self.text, behind + 1);
            end = end_of(self.text, start)?;
        }
        let behind = blanks(self.text, end);
        self.at = behind + usize::from(self.text.as_bytes().get(behind) == Some(&b','));
        Some((key, start))
    }
}

/// The first place from `at` on that is no white space.
fn blanks(text: &str, at: usize) -> usize {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    at + text.as_bytes().iter().skip(at).take_while(|byte| blank(byte)).count()
}

/// Where the value that begins at `start` ends.
fn end_of(text: &str, start: usize) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate().skip(start) {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else {
            match byte {
                b'"' => in_string = true,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.checked_sub(1)?,
                b',' | b':' if depth == 0 => return Some(at),
                _ => {}
            }
        }
        if depth == 0 && !in_string && matches!(byte, b'"' | b'}' | b']') {
            return Some(at + 1);
        }
    }
    None
}

fn place(text: &str, at: usize) -> Option<Place> {
    let before = text.get(..at)?;
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    Some(Place { line, column: before[line_start..].chars().count() + 1 })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn statements_are_found_where_they_stand() {
        let text =
            "{\"Version\": \"2012-10-17\",\n \"Statement\": [\n  {\"é\": 1},\n  {\"b\":\n 2}]}";
        let places =
            |index| of_statement(text, index).map(|(a, b)| (a.line, a.column, b.line, b.column));
        assert_eq!(places(0), Some((3, 3, 3, 11)));
        assert_eq!(places(1), Some((4, 3, 5, 4)));
        assert_eq!(places(2), None);
        let alone = of_statement("{\"Statement\":{\"a\":1}}", 0).unwrap();
        assert_eq!(alone, (Place { line: 1, column: 14 }, Place { line: 1, column: 21 }));
        let tricky = r#"{"a": "\"}{,:[", "Statement" : [ {"x": "]\\"} , 7]}"#;
        let (start, end) = of_statement(tricky, 0).unwrap();
        assert_eq!(&tricky[start.column - 1..end.column - 1], r#"{"x": "]\\"}"#);
        for broken in ["", "{", "{\"Statement\"", "{\"Statement\":[", "[1]", "{\"Statement\":[{}"] {
            assert_eq!(of_statement(broken, 1), None, "{broken}");
        }
    }
}
