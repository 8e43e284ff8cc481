//! Documents that must not pass as manifests: ambiguous, malformed, oversized, or random.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};
use wharf_oci::{
    InvalidManifest, MAX_CHILDREN, MAX_LAYERS, MAX_MANIFEST_BYTES, Manifest, media_type,
};

const BLOB: &str = r#"{"mediaType":"a/b","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}"#;

/// An image with `more` put before its last brace.
fn image(more: &str) -> String {
    format!(r#"{{"schemaVersion":2,"config":{BLOB},"layers":[{BLOB}]{more}}}"#)
}

fn refuse(document: &str, declared: Option<&str>) -> InvalidManifest {
    match Manifest::parse(document.as_bytes(), declared) {
        Err(refusal) => refusal,
        Ok(manifest) => panic!("accepted {document} as {manifest:?}"),
    }
}

#[test]
fn the_document_that_all_others_vary_is_accepted() {
    Manifest::parse(image("").as_bytes(), None).unwrap();
}

#[test]
fn ambiguous_documents() {
    let documents = [
        image(r#","manifests":[]"#),
        image(r#","manifests":null"#),
        image(r#","blobs":[]"#),
        image(r#","fsLayers":[]"#),
        format!(r#"{{"schemaVersion":2,"manifests":[],"config":{BLOB}}}"#),
        r#"{"schemaVersion":2,"manifests":[],"config":null}"#.to_owned(),
        r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#.to_owned(),
        // Duplicate keys: at the top, deeper, under escapes, and where nobody reads.
        image(r#","layers":[]"#),
        image(r#","l\u0061yers":[]"#),
        image(r#","schemaVersion":2"#),
        image(r#","annotations":{"a":"1","a":"1"}"#),
        image(r#","x":[[{"y":{"z":1,"z":2}}]]"#),
        image(&format!(r#","subject":{}"#, BLOB.replace("}", r#","size":3}"#))),
        // Other spellings that Go reads as the key.
        image(r#","Layers":[]"#),
        image(r#","MEDIATYPE":"a/b""#),
        image(r#","Manifests":[]"#),
        image(r#","manife\u017fts":[]"#),
        image(&format!(r#","subject":{}"#, BLOB.replace("}", r#","Size":3}"#))),
        image("").replacen("\"layers\"", "\"Layers\"", 1),
        // Arrays that a struct reader would take for objects, and the reverse.
        image("").replacen(BLOB, r#"["a/b","sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",2]"#, 1),
        image("").replacen(&format!("[{BLOB}]"), BLOB, 1),
        image(&format!(r#","x":{}1{}"#, "[".repeat(64), "]".repeat(64))),
    ];
    for document in documents {
        for declared in [None, Some(media_type::OCI_MANIFEST), Some(media_type::OCI_INDEX)] {
            let refusal = refuse(&document, declared);
            assert!(matches!(refusal, InvalidManifest::Ambiguous(_)), "{document}: {refusal:?}");
            assert!(!refusal.is_syntax());
        }
    }
}

#[test]
fn depth_up_to_the_limit() {
    let nested =
        |levels: usize| image(&format!(r#","x":{}{}"#, "[".repeat(levels), "]".repeat(levels)));
    Manifest::parse(nested(63).as_bytes(), None).unwrap();
    assert!(matches!(refuse(&nested(64), None), InvalidManifest::Ambiguous(_)));
    // Far beyond what a recursive reader could stand.
    let unbounded = "[".repeat(MAX_MANIFEST_BYTES);
    assert!(matches!(refuse(&unbounded, None), InvalidManifest::Ambiguous(_)));
}

#[test]
fn what_is_not_json() {
    let whole = image("");
    let mut documents = vec![
        String::new(),
        "null null".to_owned(),
        format!("\u{feff}{whole}"),
        format!("{whole}{whole}"),
        format!("{whole},"),
        format!("{whole}\0"),
        image(","),
        image(",'x':1"),
        image(",\"x\":01"),
        image(",\"x\":1e999"),
        image(",\"x\":NaN"),
        image(",\"x\":\"\\ud800\""),
        image(",\"x\":\"\n\""),
        whole.replace('{', "{/**/"),
    ];
    documents.extend((0..whole.len()).map(|end| whole[..end].to_owned()));
    for document in documents {
        let refusal = refuse(&document, None);
        assert!(refusal.is_syntax(), "{document:?}: {refusal:?}");
    }
    let refusal = Manifest::parse(b"{\"x\":\"\xff\"}", None).unwrap_err();
    assert!(refusal.is_syntax());
    Manifest::parse(format!(" \r\n\t{whole}\n").as_bytes(), None).unwrap();
}

#[test]
fn malformed_documents() {
    let digest_of = |digest: &str| {
        image("").replacen(
            "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            digest,
            1,
        )
    };
    let size = |size: &str| image("").replacen("\"size\":2", &format!("\"size\":{size}"), 1);
    let media_type = |given: &str| image("").replacen("\"a/b\"", given, 1);
    let documents = [
        "null".to_owned(),
        "[]".to_owned(),
        "[2]".to_owned(),
        "\"{}\"".to_owned(),
        image("").replace("\"schemaVersion\":2,", ""),
        image("").replace("\"schemaVersion\":2", "\"schemaVersion\":3"),
        image("").replace("\"schemaVersion\":2", "\"schemaVersion\":2.0"),
        image("").replace("\"schemaVersion\":2", "\"schemaVersion\":\"2\""),
        image("").replacen(BLOB, "null", 1),
        image("").replacen(BLOB, "\"\"", 1),
        image("").replacen(&format!("[{BLOB}]"), "[null]", 1),
        image("").replacen(&format!("[{BLOB}]"), "[1]", 1),
        image(r#","mediaType":1"#),
        image(r#","annotations":{"a":1}"#),
        image(r#","annotations":[]"#),
        image(r#","artifactType":"a\nb""#),
        image(r#","subject":{}"#),
        digest_of("sha256:44136FA355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
        digest_of("md5:99914b932bd37a50b983c5e7c90ae93b"),
        digest_of("../../etc/passwd"),
        size("\"2\""),
        size("-1"),
        size("2.0"),
        size("2e0"),
        size("null"),
        size("9223372036854775808"),
        size("18446744073709551616"),
        media_type("\"\""),
        media_type("null"),
        media_type("\"é/b\""),
        media_type("\"a\\u0000b\""),
        media_type(&format!("\"{}\"", "a".repeat(256))),
        image("").replace("\"size\":2", "\"size\":2,\"platform\":{\"os\":\"linux\"}"),
    ];
    for document in documents {
        let refusal = refuse(&document, Some(media_type::OCI_MANIFEST));
        assert!(matches!(refusal, InvalidManifest::Malformed(_)), "{document}: {refusal:?}");
        assert!(refusal.to_string().len() < 400);
    }
}

#[test]
fn members_that_the_declared_type_demands() {
    let cases = [
        (media_type::OCI_INDEX, json!({"schemaVersion": 2})),
        (media_type::OCI_MANIFEST, json!({"schemaVersion": 2})),
        (media_type::DOCKER_MANIFEST, json!({"schemaVersion": 2, "layers": []})),
        (media_type::DOCKER_MANIFEST_LIST, json!({"schemaVersion": 2, "subject": null})),
    ];
    for (declared, document) in cases {
        let refusal = refuse(&document.to_string(), Some(declared));
        assert!(matches!(refusal, InvalidManifest::Malformed(_)), "{refusal:?}");
    }
    let index = json!({"schemaVersion": 2, "manifests": []}).to_string();
    let refusal = refuse(&index, Some(media_type::OCI_MANIFEST));
    assert!(matches!(refusal, InvalidManifest::Ambiguous(_) | InvalidManifest::Malformed(_)));
    refuse(&image(""), Some(media_type::OCI_INDEX));
    refuse(&image(""), Some(media_type::OCI_ARTIFACT_MANIFEST));
}

#[test]
fn types_that_differ_or_are_unknown() {
    let typed = |it: &str| image(&format!(r#","mediaType":"{it}""#));
    assert_eq!(
        refuse(&typed(media_type::OCI_MANIFEST), Some(media_type::DOCKER_MANIFEST)).to_string(),
        "The manifest's media type \"application/vnd.oci.image.manifest.v1+json\" differs from the \
         \"application/vnd.docker.distribution.manifest.v2+json\" that it was sent as",
    );
    for (document, declared) in [
        (image(""), Some("application/json")),
        (typed(media_type::OCI_MANIFEST), Some("application/json")),
        (typed("application/json"), None),
        ("{}".to_owned(), Some("application/json; charset=utf-8")),
    ] {
        assert_eq!(
            refuse(&document, declared).to_string(),
            "Unsupported manifest type: \"application/json\"",
        );
    }
    let upper = media_type::OCI_MANIFEST.to_uppercase();
    assert!(matches!(refuse(&image(""), Some(&upper)), InvalidManifest::Unsupported(_)));
    assert!(matches!(refuse(&typed(""), None), InvalidManifest::Unsupported(_)));
    for untyped in ["{}", r#"{"schemaVersion":2,"layers":[]}"#, r#"{"blobs":[]}"#] {
        assert_eq!(refuse(untyped, None), InvalidManifest::Untyped);
    }
}

#[test]
fn schema_one() {
    let document =
        r#"{"schemaVersion":1,"name":"app","tag":"1","fsLayers":[],"history":[],"signatures":[]}"#;
    let declared = [
        None,
        Some(media_type::DOCKER_SCHEMA1),
        Some(media_type::DOCKER_SCHEMA1_SIGNED),
        Some(media_type::OCI_MANIFEST),
    ];
    for declared in declared {
        assert_eq!(refuse(document, declared), InvalidManifest::SchemaOne);
    }
}

#[test]
fn limits() {
    let padded = |bytes: usize| {
        let document = image("");
        let padding = " ".repeat(bytes - document.len());
        document + &padding
    };
    Manifest::parse(padded(MAX_MANIFEST_BYTES).as_bytes(), None).unwrap();
    let refusal = refuse(&padded(MAX_MANIFEST_BYTES + 1), None);
    assert_eq!(refusal, InvalidManifest::TooLarge(MAX_MANIFEST_BYTES + 1));

    let blobs = |count: usize| vec![BLOB; count].join(",");
    let image =
        format!(r#"{{"schemaVersion":2,"config":{BLOB},"layers":[{}]}}"#, blobs(MAX_LAYERS + 1));
    assert_eq!(
        refuse(&image, None).to_string(),
        "The manifest has 4097 layers, more than the 4096 allowed"
    );
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, blobs(MAX_CHILDREN + 1));
    assert_eq!(
        refuse(&index, None).to_string(),
        "The manifest has 1001 manifests, more than the 1000 allowed"
    );
}

fn blob() -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => Just(serde_json::from_str(BLOB).unwrap()),
        1 => Just(json!({"mediaType": "a/b", "size": 2})),
        1 => any::<i64>().prop_map(|size| json!({"size": size})),
        1 => Just(Value::Null),
    ]
}

/// Objects of a manifest's keys, each with something that may or may not suit it.
fn document() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "schemaVersion",
        "mediaType",
        "artifactType",
        "config",
        "layers",
        "manifests",
        "blobs",
        "subject",
        "annotations",
        "fsLayers",
        "Layers",
        "x",
    ]);
    let value = prop_oneof![
        blob(),
        prop::collection::vec(blob(), 0..3).prop_map(Value::from),
        prop::sample::select(vec![json!(2), json!("2"), json!(media_type::OCI_INDEX), json!({})]),
    ];
    prop::collection::btree_map(key, value, 0..6).prop_map(|members| {
        let mut document = json!({"schemaVersion": 2});
        members.into_iter().for_each(|(key, value)| document[key] = value);
        document
    })
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Manifest::parse(&bytes, None).is_err());
    }

    #[test]
    fn random_text_never_panics(text in "[\\[\\]{}\",:a\\\\u0-9 ]{0,40}") {
        prop_assert!(Manifest::parse(text.as_bytes(), None).is_err());
    }

    #[test]
    fn damaged_documents_never_panic(at in 0usize..300, byte in any::<u8>()) {
        let mut document = image("").into_bytes();
        let at = at % document.len();
        document[at] = byte;
        let _ = Manifest::parse(&document, None);
    }

    /// Whatever is accepted is one thing: it has blobs or children, never both, and is a JSON object
    /// with the members of its kind and no others.
    #[test]
    fn accepted_documents_are_one_thing(
        document in document(),
        declared in prop::sample::select(vec![None, Some(media_type::OCI_MANIFEST), Some(media_type::OCI_INDEX), Some(media_type::ORAS_ARTIFACT_MANIFEST)]),
    ) {
        if let Ok(manifest) = Manifest::parse(document.to_string().as_bytes(), declared) {
            let has = |key: &str| document.get(key).is_some();
            prop_assert!(!has("Layers") && !has("fsLayers"));
            match manifest.kind {
                wharf_oci::Kind::Index => {
                    prop_assert!(has("manifests") && !has("layers") && !has("config") && !has("blobs"));
                    prop_assert!(manifest.required_blobs().is_empty());
                }
                wharf_oci::Kind::Image => {
                    prop_assert!(!has("manifests") && has("config") == has("layers"));
                    prop_assert!(manifest.children().is_empty());
                }
            }
            if let Some(declared) = declared {
                prop_assert_eq!(manifest.media_type, declared);
            }
        }
    }
}
