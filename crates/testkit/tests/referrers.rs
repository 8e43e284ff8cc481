//! Referrers: what was pushed about an image, by type, page by page, subject or no subject.

use serde_json::{Value, json};
use wharf_oci::media_type;
use wharf_testkit::image::{digest, noise};
use wharf_testkit::{Image, Manifest, V2, Wharf, on_both};

on_both![
    a_referrer_is_described_as_it_is,
    an_artifact_type_filters_and_says_so,
    a_subject_need_not_be_there,
    a_deleted_referrer_is_gone_and_a_deleted_subject_keeps_its_own,
    large_annotations_make_pages,
    a_malformed_digest_is_refused,
    the_api_lists_what_the_other_door_lists,
    the_api_gives_pages_of_twenty_and_filters,
];

async fn referrers(v2: &V2, subject: &str, query: &str) -> Vec<Value> {
    let answer = v2.get(&format!("/v2/app/referrers/{subject}{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), media_type::OCI_INDEX);
    let index = answer.json();
    assert_eq!(
        (&index["schemaVersion"], &index["mediaType"]),
        (&json!(2), &json!(media_type::OCI_INDEX))
    );
    index["manifests"].as_array().unwrap().clone()
}

fn about(subject: &Manifest, artifact_type: &str, text: &str) -> Image {
    Image::recipe()
        .member("artifactType", json!(artifact_type))
        .layer(text.to_owned())
        .subject(subject)
        .build()
}

async fn a_referrer_is_described_as_it_is(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("app", "v1", &image).await;
    let annotations = json!({ "org.example.key": "v\u{e9}lue", "other": "" });
    let signature = Image::recipe()
        .member("artifactType", json!("application/x.signature"))
        .member("annotations", annotations.clone())
        .layer("signature")
        .subject(&image.manifest)
        .build();
    let chart = Image::recipe()
        .typed_config("application/x.config", "{\"a\":1}")
        .layer("chart")
        .subject(&image.manifest)
        .build();
    let subject = json!({ "subject": {
        "mediaType": image.manifest.media_type,
        "digest": image.digest(),
        "size": image.manifest.bytes.len(),
    }, "artifactType": "application/x.index" });
    let index = Manifest::index_with(&[&image.manifest], subject);
    v2.push("app", &signature).await;
    v2.push("app", &chart).await;
    v2.push_manifest("app", &index.digest(), &index).await;
    let mut expected = [
        json!({ "mediaType": media_type::OCI_MANIFEST, "digest": signature.digest(),
            "size": signature.manifest.bytes.len(), "artifactType": "application/x.signature",
            "annotations": annotations }),
        json!({ "mediaType": media_type::OCI_MANIFEST, "digest": chart.digest(),
            "size": chart.manifest.bytes.len(), "artifactType": "application/x.config" }),
        json!({ "mediaType": media_type::OCI_INDEX, "digest": index.digest(),
            "size": index.bytes.len(), "artifactType": "application/x.index" }),
    ];
    expected.sort_by_key(|entry| entry["digest"].as_str().unwrap().to_owned());
    assert_eq!(referrers(&v2, &image.digest(), "").await, expected);
    assert_eq!(referrers(&v2, &signature.digest(), "").await, Vec::<Value>::new());
}

async fn an_artifact_type_filters_and_says_so(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("app", "v1", &image).await;
    for (kind, text) in [("a/sbom+json", "1"), ("a/sbom+json", "2"), ("a/signature", "3")] {
        v2.push("app", &about(&image.manifest, kind, text)).await;
    }
    let subject = image.digest();
    for (query, count) in [
        ("", 3),
        ("?artifactType=a/signature", 1),
        ("?artifactType=a%2Fsbom%2Bjson", 2),
        ("?artifactType=a/none", 0),
    ] {
        let answer = v2.get(&format!("/v2/app/referrers/{subject}{query}")).await;
        let applied = if query.is_empty() { "" } else { "artifactType" };
        assert_eq!(answer.header("oci-filters-applied"), applied, "{query}");
        assert_eq!(answer.json()["manifests"].as_array().unwrap().len(), count, "{query}");
    }
}

async fn a_subject_need_not_be_there(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    assert_eq!(referrers(&v2, &digest(b"never seen"), "").await, Vec::<Value>::new());
    let early = about(&image.manifest, "a/signature", "early");
    v2.push("app", &early).await;
    assert_eq!(referrers(&v2, &image.digest(), "").await[0]["digest"], early.digest());
    v2.push_as("app", "v1", &image).await;
    assert_eq!(referrers(&v2, &image.digest(), "").await.len(), 1);
    let ghost = v2.get(&format!("/v2/ghost/referrers/{}", image.digest())).await;
    ghost.refuses_with(404, "NAME_UNKNOWN");
}

async fn a_deleted_referrer_is_gone_and_a_deleted_subject_keeps_its_own(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("app", "v1", &image).await;
    let (one, two) = (about(&image.manifest, "a/x", "1"), about(&image.manifest, "a/x", "2"));
    v2.push("app", &one).await;
    v2.push("app", &two).await;
    assert_eq!(v2.delete(&format!("/v2/app/manifests/{}", one.digest())).await.status, 202);
    let left = referrers(&v2, &image.digest(), "").await;
    assert_eq!((left.len(), &left[0]["digest"]), (1, &json!(two.digest())));
    assert_eq!(v2.delete(&format!("/v2/app/manifests/{}", image.digest())).await.status, 202);
    assert_eq!(referrers(&v2, &image.digest(), "").await, left);
}

async fn large_annotations_make_pages(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    let mut pushed = Vec::new();
    for n in 0..7 {
        let text: String =
            noise(n, 700_000).iter().map(|byte| char::from(b'a' + byte % 26)).collect();
        let about = Image::recipe()
            .member("artifactType", json!("a/large"))
            .member("annotations", json!({ "text": text }))
            .layer("x")
            .subject(&image.manifest)
            .build();
        v2.push("app", &about).await;
        pushed.push(about.digest());
    }
    pushed.sort_unstable();
    for query in ["", "?artifactType=a/large"] {
        let (mut seen, mut pages) = (Vec::new(), 0);
        let mut next = format!("/v2/app/referrers/{}{query}", image.digest());
        while !next.is_empty() {
            let page = v2.get(&next).await;
            assert!(page.body.len() <= 4 * 1024 * 1024, "{} bytes", page.body.len());
            for entry in page.json()["manifests"].as_array().unwrap() {
                seen.push(entry["digest"].as_str().unwrap().to_owned());
            }
            let link = page.header("link").strip_prefix('<').and_then(|link| link.split_once('>'));
            next = link.map(|(path, _)| path.to_owned()).unwrap_or_default();
            pages += 1;
        }
        assert_eq!(seen, pushed, "{query}");
        assert!(pages > 1, "everything came on one page");
    }
}

async fn a_malformed_digest_is_refused(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    for bad in ["latest", "sha256:short", "md5:d41d8cd98f00b204e9800998ecf8427e"] {
        let refused = v2.get(&format!("/v2/app/referrers/{bad}")).await;
        refused.refuses_with(400, "DIGEST_INVALID");
    }
}

async fn listed(wharf: &Wharf, subject: &str, more: Value) -> Value {
    let mut input = json!({ "repositoryName": "app", "subjectId": { "imageDigest": subject } });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    wharf.api("ListImageReferrers", input).await.unwrap()
}

async fn the_api_lists_what_the_other_door_lists(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("app", "v1", &image).await;
    let signature = Image::recipe()
        .member("artifactType", json!("application/x.signature"))
        .member("annotations", json!({ "key": "value" }))
        .layer("signature")
        .subject(&image.manifest)
        .build();
    v2.push("app", &signature).await;
    v2.push("app", &about(&image.manifest, "a/sbom", "1")).await;
    let mut expected = referrers(&v2, &image.digest(), "").await;
    for entry in &mut expected {
        entry["artifactStatus"] = "ACTIVE".into();
    }
    let told = listed(&wharf, &image.digest(), json!({})).await;
    assert_eq!(told, json!({ "referrers": expected }));
    let none = json!({ "referrers": [] });
    assert_eq!(listed(&wharf, &digest(b"absent"), json!({})).await, none);
    for (status, count) in [("ACTIVE", 2), ("ANY", 2), ("ARCHIVED", 0), ("ACTIVATING", 0)] {
        let filter = json!({ "filter": { "artifactStatus": status } });
        let told = listed(&wharf, &image.digest(), filter).await;
        assert_eq!(told["referrers"].as_array().unwrap().len(), count, "{status}");
    }
    let input = json!({ "repositoryName": "app", "subjectId": { "imageDigest": "sha256:x" } });
    let told = wharf.api("ListImageReferrers", input).await.unwrap_err();
    assert_eq!(told.code, "InvalidParameterException", "{told}");
}

async fn the_api_gives_pages_of_twenty_and_filters(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("app", "v1", &image).await;
    for n in 0..45 {
        let kind = ["a/sbom", "a/signature", "a/other"][n % 3];
        v2.push("app", &about(&image.manifest, kind, &n.to_string())).await;
    }
    let subject = image.digest();
    let pages = async |filter: Value, size: Option<i64>| {
        let (mut lengths, mut all, mut token) = (Vec::new(), Vec::new(), Value::Null);
        loop {
            let more = json!({ "filter": filter, "nextToken": token, "maxResults": size });
            let page = listed(&wharf, &subject, more).await;
            let entries = page["referrers"].as_array().unwrap().clone();
            lengths.push(entries.len());
            all.extend(entries);
            token = page["nextToken"].clone();
            if token.is_null() {
                return (lengths, all);
            }
        }
    };
    let (lengths, all) = pages(json!({}), None).await;
    assert_eq!(lengths, [20, 20, 5]);
    assert_eq!(pages(json!({}), Some(50)).await.1, all);
    let two = json!({ "artifactTypes": ["a/sbom", "a/other"] });
    let (lengths, some) = pages(two, Some(15)).await;
    assert_eq!(lengths, [15, 15]);
    let wanted = |entry: &&Value| entry["artifactType"] != "a/signature";
    assert_eq!(some, all.iter().filter(wanted).cloned().collect::<Vec<_>>());
    assert_eq!(pages(json!({ "artifactTypes": [] }), None).await.1, all);
    assert_eq!(pages(json!({ "artifactTypes": ["nul\0"] }), None).await.1, Vec::<Value>::new());
    let first = listed(&wharf, &subject, json!({})).await;
    let other =
        json!({ "filter": { "artifactTypes": ["a/sbom"] }, "nextToken": first["nextToken"] });
    let mut input = json!({ "repositoryName": "app", "subjectId": { "imageDigest": subject } });
    input.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    let told = wharf.api("ListImageReferrers", input).await.unwrap_err();
    assert!(told.message.contains("Invalid next token provided"), "{told}");
}
