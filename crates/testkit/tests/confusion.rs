//! Documents that two readers could understand differently, bodies that are not what they claim,
//! and requests that break off: refused, and nothing is left of them.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use wharf_oci::media_type::{DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};
use wharf_testkit::http::{break_off, exchange, streamed, whole};
use wharf_testkit::image::{digest, noise};
use wharf_testkit::{Image, Manifest, V2, Wharf, api, on_both};

on_both![
    an_ambiguous_document_is_refused_under_every_type,
    a_type_that_differs_from_the_document_is_refused,
    a_manifest_of_four_mebibytes_is_taken_and_one_byte_more_is_not,
    a_truncated_manifest_leaves_nothing,
    a_truncated_blob_leaves_nothing,
    a_body_longer_than_announced_is_not_stored,
    conflicting_framings_are_refused,
    a_request_with_both_framings_ends_its_connection,
    a_path_trick_reaches_nothing,
    a_nul_is_a_character_like_any_other,
];

/// Texts that are refused, whatever type they come under.
fn ambiguous(image: &Image) -> Vec<(&'static str, String)> {
    let text = image.manifest.text();
    let index = Manifest::index(&[&image.manifest]).text();
    let with = |member: &str| text.replacen('{', &format!("{{{member},"), 1);
    let layers: Value = serde_json::from_str::<Value>(&text).unwrap()["layers"].clone();
    let manifests: Value = serde_json::from_str::<Value>(&index).unwrap()["manifests"].clone();
    let deep = format!("\"x\":{}{}", "[".repeat(200), "]".repeat(200));
    vec![
        ("an image with manifests", with(&format!("\"manifests\":{manifests}"))),
        ("an image with empty manifests", with("\"manifests\":[]")),
        ("an image with null manifests", with("\"manifests\":null")),
        ("an index with layers", index.replacen('{', &format!("{{\"layers\":{layers},"), 1)),
        ("an index with a config", index.replacen('{', "{\"config\":{},", 1)),
        ("an image with fsLayers", with("\"fsLayers\":[]")),
        ("a key twice", with("\"schemaVersion\":2")),
        ("a key twice, escaped once", with("\"\\u0073chemaVersion\":2")),
        ("a key twice, deep inside", with("\"annotations\":{\"a\":\"1\",\"a\":\"2\"}")),
        ("another spelling of a key", with("\"Layers\":[]")),
        ("Go's other s", with("\"layer\u{17f}\":[]")),
        ("a byte order mark", format!("\u{feff}{text}")),
        ("trailing data", format!("{text}{{}}")),
        ("two documents", format!("{text}\n{text}")),
        ("a number as a string", text.replace("\"schemaVersion\":2", "\"schemaVersion\":\"2\"")),
        ("a size as a string", text.replace("\"size\":", "\"size\":\"1\",\"x\":")),
        ("a negative size", text.replace("\"size\":", "\"size\":-1,\"x\":")),
        ("deep nesting", with(&deep)),
        ("an array", format!("[{text}]")),
        ("nothing", String::new()),
        ("no JSON", "manifest".to_owned()),
        ("a broken document", text[..text.len() - 1].to_owned()),
        ("a comment", format!("{text}// ")),
        ("single quotes", text.replace('"', "'")),
    ]
}

async fn an_ambiguous_document_is_refused_under_every_type(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push("app", &image).await;
    for (what, text) in ambiguous(&image) {
        for media_type in [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, ""] {
            let (media_type, bytes) = (media_type.to_owned(), Bytes::from(text.clone()));
            let manifest = Manifest { media_type, bytes };
            let refused = v2.put_manifest("app", "v1", &manifest).await;
            assert_eq!(refused.status, 400, "{what}: {}", refused.text());
            refused.refuses_with(400, "MANIFEST_INVALID");
        }
        let input = json!({ "repositoryName": "app", "imageManifest": text, "imageTag": "v1" });
        let refused = wharf.api("PutImage", input).await.unwrap_err();
        assert_eq!(refused.code, "InvalidParameterException", "{what}");
    }
    assert_eq!(v2.manifest("app", "v1").await.status, 404);
    let bytes = Bytes::from_static(b"{\"schemaVersion\":2,\"x\":\"\xff\"}");
    let manifest = Manifest { media_type: OCI_MANIFEST.to_owned(), bytes };
    v2.put_manifest("app", "v1", &manifest).await.refuses_with(400, "MANIFEST_INVALID");
}

async fn a_type_that_differs_from_the_document_is_refused(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push("app", &image).await;
    for wrong in [OCI_INDEX, DOCKER_MANIFEST, "application/json", "text/plain"] {
        let manifest = Manifest { media_type: wrong.to_owned(), ..image.manifest.clone() };
        let refused = v2.put_manifest("app", "v1", &manifest).await;
        refused.refuses_with(400, "MANIFEST_INVALID");
    }
    let with_parameter = format!("{OCI_MANIFEST}; charset=utf-8");
    let manifest = Manifest { media_type: with_parameter, ..image.manifest.clone() };
    v2.push_manifest("app", "v1", &manifest).await;
    assert_eq!(v2.manifest("app", "v1").await.header("content-type"), OCI_MANIFEST);
}

/// The image's manifest, filled up with blanks to `length` bytes.
fn padded(image: &Image, length: usize) -> Manifest {
    let mut bytes = image.manifest.bytes.to_vec();
    bytes.resize(length, b' ');
    Manifest { bytes: bytes.into(), ..image.manifest.clone() }
}

async fn a_manifest_of_four_mebibytes_is_taken_and_one_byte_more_is_not(wharf: Wharf) {
    const MOST: usize = 4 * 1024 * 1024;
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_blobs("app", &image).await;
    let (most, more) = (padded(&image, MOST), padded(&image, MOST + 1));
    v2.push_manifest("app", "most", &most).await;
    assert!(v2.manifest("app", "most").await.body == most.bytes);
    v2.put_manifest("app", "more", &more).await.refuses_with(413, "SIZE_INVALID");
    let headers = [("content-type", OCI_MANIFEST)];
    let pieces = vec![more.bytes.slice(..MOST), more.bytes.slice(MOST..)];
    let path = "/v2/app/manifests/more";
    let refused = v2.send(Method::PUT, path, &headers, streamed(pieces)).await;
    refused.refuses_with(413, "SIZE_INVALID");
    assert_eq!(v2.manifest("app", "more").await.status, 404);
    let input = |manifest: &Manifest| json!({ "repositoryName": "app", "imageManifest": manifest.text(), "imageTag": "api" });
    wharf.api("PutImage", input(&most)).await.unwrap();
    let refused = wharf.api("PutImage", input(&more)).await.unwrap_err();
    assert_eq!(
        refused.message,
        "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Member must have \
         length less than or equal to 4194304'"
    );
}

/// A request's head, with this body framing.
fn head(wharf: &Wharf, v2: &V2, method: &str, path: &str, headers: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: {}\r\n{headers}\r\n\r\n",
        wharf.address,
        v2.authorization()
    )
}

async fn a_truncated_manifest_leaves_nothing(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_blobs("app", &image).await;
    let bytes = &image.manifest.bytes;
    for sent in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        let framing = format!("content-type: {OCI_MANIFEST}\r\ncontent-length: {}", bytes.len());
        let head = head(&wharf, &v2, "PUT", "/v2/app/manifests/v1", &framing);
        let answer = break_off(wharf.address, &[head.as_bytes(), &bytes[..sent]].concat()).await;
        assert!(!answer.starts_with("HTTP/1.1 2"), "{sent}: {answer}");
        assert_eq!(v2.manifest("app", "v1").await.status, 404, "{sent}");
    }
}

async fn a_truncated_blob_leaves_nothing(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, step) = (wharf.v2().await, 64 * 1024);
    for length in [5_000, 600_000] {
        let bytes = noise(1, length);
        let digest = digest(&bytes);
        let path = format!("/v2/app/blobs/uploads/?digest={digest}");
        for sent in (0..length).step_by(step).chain([length - 1]) {
            let framing = format!("content-length: {length}");
            let head = head(&wharf, &v2, "POST", &path, &framing);
            let answer =
                break_off(wharf.address, &[head.as_bytes(), &bytes[..sent]].concat()).await;
            assert!(!answer.starts_with("HTTP/1.1 2"), "{sent} of {length}: {answer}");
            assert_eq!(v2.blob("app", &digest).await.status, 404, "{sent} of {length}");
            // In chunked coding, whose end never comes.
            let head = self::head(&wharf, &v2, "POST", &path, "transfer-encoding: chunked");
            let chunk = format!("{sent:x}\r\n");
            let body = [chunk.as_bytes(), &bytes[..sent], b"\r\n"].concat();
            if sent > 0 {
                let answer = break_off(wharf.address, &[head.as_bytes(), &body].concat()).await;
                assert!(!answer.starts_with("HTTP/1.1 2"), "{sent} of {length}: {answer}");
                assert_eq!(v2.blob("app", &digest).await.status, 404, "{sent} of {length}");
            }
        }
        assert_eq!(wharf.blob_files().len(), 0);
        v2.push_blob("app", bytes).await;
        v2.delete(&format!("/v2/app/blobs/{digest}")).await;
        if length > 100_000 {
            assert_eq!(wharf.upload_files().len(), 0, "an upload of one request is not resumed");
        }
    }
}

async fn a_body_longer_than_announced_is_not_stored(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    let bytes = noise(2, 1000);
    let whole_digest = digest(&bytes);
    let path = format!("/v2/app/blobs/uploads/?digest={whole_digest}");
    let head = head(&wharf, &v2, "POST", &path, "content-length: 900\r\nconnection: close");
    let answer = exchange(wharf.address, &[head.as_bytes(), &bytes].concat()).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(v2.blob("app", &whole_digest).await.status, 404);
    assert_eq!(v2.blob("app", &digest(&bytes[..900])).await.status, 404);
}

async fn conflicting_framings_are_refused(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    let digest = digest(b"hello");
    let path = format!("/v2/app/blobs/uploads/?digest={digest}");
    let cases = [
        ("content-length: 5\r\ncontent-length: 4", "hello"),
        ("content-length: -5", "hello"),
        ("content-length: 5x", "hello"),
        ("transfer-encoding: chunked", "ffffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
        ("transfer-encoding: chunked", "-5\r\nhello\r\n0\r\n\r\n"),
        ("transfer-encoding: gzip", "hello"),
    ];
    for (framing, body) in cases {
        let head = head(&wharf, &v2, "POST", &path, &format!("{framing}\r\nconnection: close"));
        let answer = exchange(wharf.address, format!("{head}{body}").as_bytes()).await;
        assert!(!answer.starts_with("HTTP/1.1 2"), "{framing}: {answer}");
        assert_eq!(v2.blob("app", &digest).await.status, 404, "{framing}");
    }
    assert_eq!(v2.get("/v2/").await.status, 200);
}

/// RFC 9112, section 6.3: the chunks count, if it is answered at all, and nothing that follows on
/// the connection does, since a proxy before us may have counted otherwise.
async fn a_request_with_both_framings_ends_its_connection(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    let path = format!("/v2/app/blobs/uploads/?digest={}", digest(b"hello"));
    let framing = "content-length: 5\r\ntransfer-encoding: chunked";
    let smuggled = head(&wharf, &v2, "GET", "/v2/_catalog", "connection: close");
    let head = head(&wharf, &v2, "POST", &path, framing);
    let text = format!("{head}5\r\nhello\r\n0\r\n\r\n{smuggled}");
    let answer = exchange(wharf.address, text.as_bytes()).await;
    assert!(!answer.contains("repositories"), "{answer}");
    let stored = v2.blob("app", &digest(b"hello")).await;
    assert!(stored.status == 404 || stored.text() == "hello", "{stored:?}");
}

/// PostgreSQL cannot store one in a text, which is no reason to call it a fault of ours.
async fn a_nul_is_a_character_like_any_other(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("app", "v1", &image).await;
    let layer = digest(&image.layers[0]);
    let requests = [
        ("GET", "/v2/_catalog?last=%00".to_owned()),
        ("GET", "/v2/app/tags/list?last=%00".to_owned()),
        ("GET", format!("/v2/app/referrers/{}?last=%00", image.digest())),
        ("GET", format!("/v2/app/referrers/{}?artifactType=%00", image.digest())),
        ("POST", format!("/v2/app/blobs/uploads/?mount={layer}&from=%00")),
        ("PUT", "/v2/app/manifests/v1?tag=%00".to_owned()),
    ];
    let mut faults = Vec::new();
    for (method, path) in requests {
        let head = head(&wharf, &v2, method, &path, "content-length: 0\r\nconnection: close");
        let answer = exchange(wharf.address, head.as_bytes()).await;
        if answer.starts_with("HTTP/1.1 5") {
            faults.push(format!("{method} {path}"));
        }
    }
    let own = wharf.credentials().clone();
    for (key, value) in [("a\u{0}b", "v"), ("k", "\u{0}")] {
        let tags = json!([{ "Key": key, "Value": value }]);
        let input = json!({ "repositoryName": "tagged", "tags": tags }).to_string();
        let request = api::request(&wharf, "CreateRepository", input.into_bytes());
        let request = api::signed(request, &own, &wharf.clock);
        let mut text = "POST / HTTP/1.1\r\nconnection: close\r\n".to_owned();
        for (name, value) in request.headers() {
            text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
        }
        text.push_str(&format!("content-length: {}\r\n\r\n", request.body().len()));
        let answer = exchange(wharf.address, &[text.as_bytes(), request.body()].concat()).await;
        if answer.starts_with("HTTP/1.1 5") {
            faults.push(format!("CreateRepository with the tag {key:?}: {value:?}"));
        }
    }
    assert!(faults.is_empty(), "told as our fault: {faults:#?}");
}

async fn a_path_trick_reaches_nothing(wharf: Wharf) {
    wharf.repository("app").await;
    wharf.repository("team/app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("team/app", "v1", &image).await;
    let tricks = [
        "/v2/team/../team/app/manifests/v1",
        "/v2/./team/app/manifests/v1",
        "/v2/team//app/manifests/v1",
        "/v2//team/app/manifests/v1",
        "//v2/team/app/manifests/v1",
        "/v2/team%2Fapp/manifests/v1",
        "/v2/team/app/manifests/v1/",
        "/v2/team/app/manifests/v1%00",
        "/v2/team/app/manifests/%76%31",
        "/v2/Team/app/manifests/v1",
        "/v2/team/app;x/manifests/v1",
        "/v2/team\\app/manifests/v1",
        "/v2/team/app/manifests/v1/../v1",
        "/v2/app/../team/app/manifests/v1",
        "/v2/team/app/blobs/../manifests/v1",
        "/v2/app/blobs/sha256:..%2f..%2f..%2finstallation.key",
        "/V2/team/app/manifests/v1",
        "/v2/team/app/manifests/\u{fffd}",
    ];
    for path in tricks {
        let head = head(&wharf, &v2, "GET", path, "connection: close");
        let answer = exchange(wharf.address, head.as_bytes()).await;
        let status = answer.get(9..12).unwrap_or("none");
        assert!(matches!(status, "400" | "404"), "{path}: {answer}");
    }
    let put = v2.send(Method::PUT, "/v2/team/../app/manifests/v1", &[], whole("{}")).await;
    assert!(matches!(put.status, 400 | 404), "{put:?}");
    v2.expect("team/app", "v1", &image).await;
}
