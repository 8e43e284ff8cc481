//! Manifests that are accepted, and what is read from them.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use wharf_oci::{
    Algorithm, Descriptor, Digest, Kind, MAX_CHILDREN, MAX_LAYERS, Manifest, media_type,
};

fn descriptor(media_type: &str, content: &str) -> Value {
    json!({
        "mediaType": media_type,
        "digest": Digest::of(Algorithm::Sha256, content.as_bytes()),
        "size": content.len(),
    })
}

fn image(layers: &[Value]) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": descriptor(media_type::OCI_CONFIG, "config"),
        "layers": layers,
    })
}

fn layer(content: &str) -> Value {
    descriptor("application/vnd.oci.image.layer.v1.tar+gzip", content)
}

fn parse(document: &Value, declared: Option<&str>) -> Manifest {
    Manifest::parse(document.to_string().as_bytes(), declared).unwrap()
}

fn without(mut document: Value, key: &str) -> Value {
    document.as_object_mut().unwrap().remove(key);
    document
}

fn with(mut document: Value, key: &str, value: Value) -> Value {
    document[key] = value;
    document
}

#[test]
fn media_type_is_declared_or_written_or_inferred() {
    let image = image(&[layer("one")]);
    let untyped = without(image.clone(), "mediaType");
    let parameters = format!("{} ; charset=utf-8", media_type::OCI_MANIFEST);
    let cases = [
        (&image, None, media_type::OCI_MANIFEST),
        (&image, Some(""), media_type::OCI_MANIFEST),
        (&image, Some(media_type::OCI_MANIFEST), media_type::OCI_MANIFEST),
        (&image, Some(parameters.as_str()), media_type::OCI_MANIFEST),
        (&untyped, None, media_type::OCI_MANIFEST),
        (&untyped, Some(media_type::DOCKER_MANIFEST), media_type::DOCKER_MANIFEST),
    ];
    for (document, declared, expected) in cases {
        let manifest = parse(document, declared);
        assert_eq!(manifest.media_type, expected, "{declared:?}");
        assert_eq!(manifest.kind, Kind::Image);
    }
    let index = json!({"schemaVersion": 2, "manifests": []});
    let manifest = parse(&index, None);
    assert_eq!(manifest.media_type, media_type::OCI_INDEX);
    assert_eq!(manifest.kind, Kind::Index);
}

#[test]
fn image_gives_its_blobs_once_and_without_foreign_layers() {
    let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    let nondistributable = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    let manifest = parse(
        &image(&[
            layer("one"),
            descriptor(foreign, "windows"),
            descriptor(nondistributable, "two"),
            layer("two"),
            layer("one"),
        ]),
        None,
    );
    let required: Vec<&Digest> = manifest.required_blobs().iter().map(|it| &it.digest).collect();
    let expected = ["config", "one", "two"].map(|it| Digest::of(Algorithm::Sha256, it.as_bytes()));
    assert_eq!(required, expected.iter().collect::<Vec<_>>());
    assert_eq!(manifest.layers.len(), 5);
    assert_eq!(manifest.content_size(), 6 + 3 + 7 + 3 + 3 + 3);
    assert!(manifest.children().is_empty());
}

#[test]
fn content_size_does_not_overflow() {
    let huge = with(layer("one"), "size", json!(i64::MAX));
    let manifest = parse(&image(&[huge.clone(), huge.clone(), huge]), None);
    assert_eq!(manifest.content_size(), u64::MAX);
}

#[test]
fn image_without_layers() {
    for layers in [json!([]), Value::Null] {
        let manifest = parse(&with(image(&[]), "layers", layers), None);
        assert!(manifest.layers.is_empty());
        assert_eq!(manifest.required_blobs().len(), 1);
    }
}

#[test]
fn index_gives_its_children_with_platforms() {
    let platform = json!({
        "os": "windows", "architecture": "arm64", "variant": "v8",
        "os.version": "10.0.1", "os.features": ["win32k"],
    });
    let child = with(descriptor(media_type::OCI_MANIFEST, "child"), "platform", platform);
    for media_type in [media_type::OCI_INDEX, media_type::DOCKER_MANIFEST_LIST] {
        let document = json!({
            "schemaVersion": 2, "mediaType": media_type, "manifests": [child],
            "annotations": {"Layers": "an author's own key", "": ""},
        });
        let manifest = parse(&document, Some(media_type));
        assert_eq!(manifest.kind, Kind::Index);
        assert_eq!(manifest.annotations.as_ref().unwrap().len(), 2);
        assert!(manifest.required_blobs().is_empty());
        assert_eq!(manifest.artifact_media_type(), None);
        assert_eq!(manifest.referrer_artifact_type(), None);
        let [child] = manifest.children() else { panic!("one child") };
        let platform = child.platform.as_ref().unwrap();
        assert_eq!(platform.to_string(), "windows/arm64/v8");
        assert_eq!(platform.os_version.as_deref(), Some("10.0.1"));
        assert_eq!(platform.os_features, ["win32k"]);
    }
}

#[test]
fn artifact_manifests_have_blobs_and_no_version() {
    for media_type in [media_type::OCI_ARTIFACT_MANIFEST, media_type::ORAS_ARTIFACT_MANIFEST] {
        let document = json!({
            "mediaType": media_type,
            "artifactType": "application/spdx+json",
            "blobs": [layer("sbom")],
            "subject": descriptor(media_type::OCI_MANIFEST, "subject"),
        });
        let manifest = parse(&document, None);
        assert_eq!(manifest.kind, Kind::Image);
        assert_eq!(manifest.config, None);
        assert_eq!(manifest.required_blobs().len(), 1);
        assert_eq!(manifest.referrer_artifact_type(), Some("application/spdx+json"));
        assert!(manifest.subject.is_some());
        assert!(parse(&without(document, "blobs"), None).layers.is_empty());
    }
}

#[test]
fn artifact_type_comes_before_the_config() {
    let plain = image(&[]);
    let cases = [
        (plain.clone(), media_type::OCI_CONFIG),
        (with(plain.clone(), "artifactType", json!("")), media_type::OCI_CONFIG),
        (with(plain.clone(), "artifactType", Value::Null), media_type::OCI_CONFIG),
        (with(plain, "artifactType", json!("application/x")), "application/x"),
    ];
    for (document, expected) in cases {
        let manifest = parse(&document, None);
        assert_eq!(manifest.artifact_media_type(), Some(expected));
        assert_eq!(manifest.referrer_artifact_type(), Some(expected));
    }
}

#[test]
fn counts_up_to_the_limits() {
    let layers = vec![layer("one"); MAX_LAYERS];
    assert_eq!(parse(&image(&layers), None).layers.len(), MAX_LAYERS);
    let children = vec![descriptor(media_type::OCI_MANIFEST, "child"); MAX_CHILDREN];
    let index = json!({"schemaVersion": 2, "manifests": children});
    assert_eq!(parse(&index, None).children().len(), MAX_CHILDREN);
}

#[test]
fn descriptor_is_written_as_it_was_read() {
    let small = layer("one");
    let full = json!({
        "mediaType": "application/x", "digest": Digest::of(Algorithm::Sha512, b"x"), "size": 0,
        "artifactType": "application/y", "annotations": {"a": "b"},
        "platform": {"os": "linux", "architecture": "amd64"},
        "urls": ["https://example.com/x"], "data": "not base64, and nobody minds",
    });
    for document in [small.clone(), full] {
        let descriptor: Descriptor = serde_json::from_value(document.clone()).unwrap();
        assert_eq!(serde_json::to_value(&descriptor).unwrap(), document);
    }
    let nulls = json!({"annotations": null, "platform": null, "urls": null, "data": null});
    let mut padded = small.clone();
    padded.as_object_mut().unwrap().extend(nulls.as_object().unwrap().clone());
    let descriptor: Descriptor = serde_json::from_value(padded).unwrap();
    assert_eq!(serde_json::to_value(&descriptor).unwrap(), small);
}

#[test]
fn what_names_of_media_types_tell() {
    assert!(media_type::is_index(media_type::OCI_INDEX));
    assert!(media_type::is_index(media_type::DOCKER_MANIFEST_LIST));
    assert!(!media_type::is_index(media_type::OCI_MANIFEST));
    assert!(!media_type::is_foreign("application/vnd.oci.image.layer.v1.tar"));
    for (given, expected) in [
        ("a/b", "a/b"),
        (" a/b ", "a/b"),
        ("a/b;charset=utf-8", "a/b"),
        ("a/b ; x=y; z", "a/b"),
        (";", ""),
        ("", ""),
    ] {
        assert_eq!(media_type::strip_parameters(given), expected);
    }
}
