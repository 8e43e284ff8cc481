//! Repository names, tags and references: tables of the edges, and the hand-written matchers against
//! the published expressions.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use regex::Regex;
use wharf_oci::{InvalidReference, Reference, RepositoryName, Tag};

/// The pattern of `RepositoryName` in ECR's service model.
const NAME: &str = r"\A[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\z";
/// The pattern of `<reference>` as a tag in the distribution-spec.
const TAG: &str = r"\A[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}\z";

#[test]
fn repository_names() {
    let longest = "a".repeat(256);
    let accepted =
        ["ab", "a/b", "a.b", "a_b", "a__b", "a-b", "a---b", "0/1/2", "team/app-1.2__x/y", &longest];
    for name in accepted {
        assert_eq!(name.parse::<RepositoryName>().unwrap().as_str(), name);
    }
    let too_long = "a".repeat(257);
    let refused = [
        "", "a", "/a", "a/", "a//b", "..", "a..b", "a/../b", "./a", "a___b", "a._b", "a-_b", "-a",
        "a-", ".a", "a.", "_a", "a_", "A/b", "aB", "a b", "a:b", "a@b", "a%2fb", "a\\b", "a;b",
        "a\0b", "ab\n", "é", "aé", "a/-b", &too_long,
    ];
    for name in refused {
        let error = name.parse::<RepositoryName>().unwrap_err().to_string();
        assert!(error.contains("is not a repository name"), "{error}");
    }
}

#[test]
fn tags() {
    let longest = "t".repeat(128);
    for tag in ["a", "_", "0", "A.b-c_d", "v1.2.3", "1--..__", &longest] {
        assert_eq!(tag.parse::<Tag>().unwrap().as_str(), tag);
    }
    let too_long = "t".repeat(129);
    for tag in ["", ".", "-a", ".a", "a:b", "a/b", "a+b", "a b", "a\n", "é", "a\0", &too_long] {
        let error = tag.parse::<Tag>().unwrap_err().to_string();
        assert!(error.contains("is not a tag"), "{error}");
    }
}

#[test]
fn references_split_at_the_colon() {
    let digest = format!("sha256:{}", "0".repeat(64));
    assert!(matches!("latest".parse(), Ok(Reference::Tag(tag)) if tag.as_str() == "latest"));
    assert!(matches!(digest.parse(), Ok(Reference::Digest(it)) if it.as_str() == digest));
    for (given, is_digest) in [("sha256:ab", true), (":", true), ("", false), ("a/b", false)] {
        match given.parse::<Reference>().unwrap_err() {
            InvalidReference::Digest(_) => assert!(is_digest, "{given:?}"),
            InvalidReference::Tag(_) => assert!(!is_digest, "{given:?}"),
        }
    }
}

#[test]
fn names_in_json_are_checked_strings() {
    let name: RepositoryName = serde_json::from_str("\"team/app\"").unwrap();
    assert_eq!(serde_json::to_string(&name).unwrap(), "\"team/app\"");
    assert!(serde_json::from_str::<RepositoryName>("\"Team\"").is_err());
    let tag: Tag = serde_json::from_str("\"v1\"").unwrap();
    assert_eq!(serde_json::to_string(&tag).unwrap(), "\"v1\"");
    assert!(serde_json::from_str::<Tag>("\"-v1\"").is_err());
}

/// Every text of up to six signs over the alphabet that matters, which covers all pairs of
/// separators.
#[test]
fn short_names_follow_the_regex() {
    let regex = Regex::new(NAME).unwrap();
    let mut texts = vec![String::new()];
    for _ in 0..6 {
        let longer = texts
            .iter()
            .flat_map(|text| "a._-/A".chars().map(move |char| format!("{text}{char}")))
            .collect::<Vec<_>>();
        for text in &longer {
            let expected = text.len() >= 2 && regex.is_match(text);
            assert_eq!(text.parse::<RepositoryName>().is_ok(), expected, "{text:?}");
        }
        texts = longer;
    }
}

proptest! {
    #[test]
    fn names_follow_the_regex(text in "[a0._/-]{0,20}|[a-b0._/-]{250,260}|a(--b|__b|\\.b|/b){80,90}") {
        let expected = (2..=256).contains(&text.len()) && Regex::new(NAME).unwrap().is_match(&text);
        let parsed = text.parse::<RepositoryName>();
        prop_assert_eq!(parsed.is_ok(), expected);
        if let Ok(name) = parsed {
            prop_assert_eq!(name.to_string(), text);
        }
    }

    #[test]
    fn tags_follow_the_regex(text in "[aZ0._:/+-]{0,6}|[aZ0_][aZ0._-]{120,130}") {
        prop_assert_eq!(text.parse::<Tag>().is_ok(), Regex::new(TAG).unwrap().is_match(&text));
    }

    #[test]
    fn references_print_what_they_parsed(text in "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}|sha256:[0-9a-f]{64}") {
        let reference: Reference = text.parse().unwrap();
        prop_assert_eq!(reference.to_string(), text);
    }

    #[test]
    fn nothing_panics(text in any::<String>()) {
        let _ = text.parse::<RepositoryName>();
        let _ = text.parse::<Reference>();
    }
}
