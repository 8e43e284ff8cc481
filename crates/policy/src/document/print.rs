//! A document as text: compact, or as ECR prints repository policies again, in the style of
//! Jackson's default pretty printer. Elements come in AWS's order, keys and values as given.

use std::fmt::Write as _;

use super::{Document, Patterns, Principal, Scalar, Statement, Test, Texts, Values, Who};

impl Document {
    /// One line without white space.
    #[must_use]
    pub fn to_compact(&self) -> String {
        let mut out = Printer { text: String::new(), depth: 0, pretty: false };
        out.document(self);
        out.text
    }

    /// Indented by two spaces, ` : ` behind keys, lists of strings on one line: as ECR shows the
    /// policies of repositories.
    #[must_use]
    pub fn to_pretty(&self) -> String {
        let mut out = Printer { text: String::new(), depth: 0, pretty: true };
        out.document(self);
        out.text
    }
}

struct Printer {
    text: String,
    depth: usize,
    pretty: bool,
}

/// A member of an object: its key, and what prints its value.
type Member<'a> = (&'a str, Box<dyn Fn(&mut Printer) + 'a>);

fn member<'a>(key: &'a str, print: impl Fn(&mut Printer) + 'a) -> Member<'a> {
    (key, Box::new(print))
}

impl Printer {
    fn document(&mut self, document: &Document) {
        let version = document.version.iter().map(|text| ("Version", text));
        let id = document.id.iter().map(|text| ("Id", text));
        let texts = version.chain(id);
        let mut members: Vec<Member<'_>> =
            texts.map(|(key, text)| member(key, move |out| out.string(text))).collect();
        members.push(member("Statement", |out| {
            if document.alone && document.statements.len() == 1 {
                out.statement(&document.statements[0]);
            } else {
                out.list(&document.statements, Printer::statement);
            }
        }));
        self.object(members);
    }

    fn statement(&mut self, statement: &Statement) {
        let Statement { sid, effect, principal, action, resource, condition } = statement;
        let mut members = Vec::new();
        if let Some(sid) = sid {
            members.push(member("Sid", move |out| out.string(sid)));
        }
        members.push(member("Effect", |out| out.string(effect.as_str())));
        if let Some(principal) = principal {
            let key = if principal.not { "NotPrincipal" } else { "Principal" };
            members.push(member(key, |out| out.principal(principal)));
        }
        for (patterns, keys) in
            [(action, ["Action", "NotAction"]), (resource, ["Resource", "NotResource"])]
        {
            if let Some(Patterns { not, texts }) = patterns {
                members.push(member(keys[usize::from(*not)], move |out| out.texts(texts)));
            }
        }
        if let Some(condition) = condition {
            members.push(member("Condition", |out| out.condition(condition)));
        }
        self.object(members);
    }

    fn principal(&mut self, principal: &Principal) {
        match &principal.who {
            Who::Text(text) => self.string(text),
            Who::Kinds(kinds) => {
                let kinds = kinds.iter().map(|(kind, names)| member(kind, |out| out.texts(names)));
                self.object(kinds.collect());
            }
        }
    }

    fn condition(&mut self, condition: &[Test]) {
        let tests = condition.iter().map(|test| {
            member(&test.operator, |out| {
                let keys = test.keys.iter();
                out.object(keys.map(|(key, list)| member(key, |out| out.values(list))).collect());
            })
        });
        self.object(tests.collect());
    }

    fn texts(&mut self, texts: &Texts) {
        match texts.items.as_slice() {
            [one] if texts.alone => self.string(one),
            items => self.list(items, |out, text| out.string(text)),
        }
    }

    fn values(&mut self, values: &Values) {
        match values.items.as_slice() {
            [one] if values.alone => self.scalar(one),
            items => self.list(items, Printer::scalar),
        }
    }

    fn scalar(&mut self, scalar: &Scalar) {
        match scalar {
            Scalar::Text(text) => self.string(text),
            Scalar::Bare(text) => self.text.push_str(text),
        }
    }

    fn list<T>(&mut self, items: &[T], print: impl Fn(&mut Printer, &T)) {
        self.text.push('[');
        self.space();
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
                self.space();
            }
            print(self, item);
        }
        if !items.is_empty() {
            self.space();
        }
        self.text.push(']');
    }

    fn object(&mut self, members: Vec<Member<'_>>) {
        self.text.push('{');
        if members.is_empty() {
            self.space();
            self.text.push('}');
            return;
        }
        self.depth += 1;
        for (index, (key, print)) in members.into_iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self.line();
            self.string(key);
            self.text.push_str(if self.pretty { " : " } else { ":" });
            print(self);
        }
        self.depth -= 1;
        self.line();
        self.text.push('}');
    }

    fn space(&mut self) {
        if self.pretty {
            self.text.push(' ');
        }
    }

    fn line(&mut self) {
        if self.pretty {
            self.text.push('\n');
            self.text.extend(std::iter::repeat_n("  ", self.depth));
        }
    }

    /// A string of JSON, with the escapes that Jackson writes.
    fn string(&mut self, text: &str) {
        self.text.push('"');
        for char in text.chars() {
            match char {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                '\u{8}' => self.text.push_str("\\b"),
                '\u{c}' => self.text.push_str("\\f"),
                '\0'..='\u{1f}' => {
                    write!(self.text, "\\u{:04X}", u32::from(char)).expect("a String takes all");
                }
                other => self.text.push(other),
            }
        }
        self.text.push('"');
    }
}
