//! Tags that may be moved, and tags that may not: the four modes, at every way to set a tag.

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use wharf_testkit::http::whole;
use wharf_testkit::{ApiError, Image, V2, Wharf, on_both};

on_both![
    each_mode_fixes_what_it_says,
    a_fixed_tag_is_refused_at_every_way_to_set_it,
    a_fixed_tag_among_others_stops_the_whole_push,
    a_fixed_tag_that_was_deleted_can_be_set_again,
    of_many_racing_pushes_of_a_fixed_tag_one_wins,
    of_many_racing_pushes_of_a_free_tag_all_win,
];

fn fixed(tag: &str) -> String {
    format!(
        "The image tag '{tag}' already exists in the 'app' repository and cannot be overwritten \
         because the tag is immutable."
    )
}

async fn made(wharf: &Wharf, name: &str, mode: &str, filters: &[&str]) -> V2 {
    let mut input = json!({ "repositoryName": name, "imageTagMutability": mode });
    if !filters.is_empty() {
        let filters: Vec<Value> = filters
            .iter()
            .map(|filter| json!({ "filterType": "WILDCARD", "filter": filter }))
            .collect();
        input["imageTagMutabilityExclusionFilters"] = filters.into();
    }
    let made = wharf.api("CreateRepository", input.clone()).await.unwrap();
    assert_eq!(made["repository"]["imageTagMutability"], mode);
    let filters = "imageTagMutabilityExclusionFilters";
    assert_eq!(made["repository"].get(filters), input.get(filters));
    wharf.v2().await
}

async fn each_mode_fixes_what_it_says(wharf: Wharf) {
    let filters = &["dev-*", "*-rc*", "latest"][..];
    let matching = ["dev-", "dev-1", "1-rc", "1-rc.2", "latest"];
    let others = ["Dev-1", "v1", "latest1", "xlatest", "rc-", "devil"];
    let table = [
        ("MUTABLE", &[][..], false, false),
        ("IMMUTABLE", &[], true, true),
        ("MUTABLE_WITH_EXCLUSION", filters, true, false),
        ("IMMUTABLE_WITH_EXCLUSION", filters, false, true),
    ];
    let (one, two) = (Image::of("one"), Image::of("two"));
    for (n, (mode, filters, fixes_matching, fixes_others)) in table.into_iter().enumerate() {
        let name = format!("app{n}");
        let v2 = made(&wharf, &name, mode, filters).await;
        v2.push(&name, &one).await;
        v2.push(&name, &two).await;
        let tags = matching.map(|tag| (tag, fixes_matching)).into_iter();
        for (tag, is_fixed) in tags.chain(others.map(|tag| (tag, fixes_others))) {
            v2.push_manifest(&name, tag, &one.manifest).await;
            let moved = v2.put_manifest(&name, tag, &two.manifest).await;
            assert_eq!(moved.status, if is_fixed { 400 } else { 201 }, "{mode} {tag}");
            let there = if is_fixed { &one } else { &two };
            v2.expect(&name, tag, there).await;
        }
    }
}

async fn put_image(wharf: &Wharf, tag: Option<&str>, image: &Image) -> Result<Value, ApiError> {
    let mut input = json!({ "repositoryName": "app", "imageManifest": image.manifest.text() });
    if let Some(tag) = tag {
        input["imageTag"] = tag.into();
    }
    wharf.api("PutImage", input).await
}

async fn a_fixed_tag_is_refused_at_every_way_to_set_it(wharf: Wharf) {
    let v2 = made(&wharf, "app", "IMMUTABLE", &[]).await;
    let (one, two) = (Image::of("one"), Image::of("two"));
    v2.push_as("app", "v1", &one).await;
    v2.push_blobs("app", &two).await;
    for image in [&one, &two] {
        let refused = v2.put_manifest("app", "v1", &image.manifest).await;
        refused.refuses(400, "TAG_INVALID", &fixed("v1"));
        let path = format!("/v2/app/manifests/{}?tag=v1", image.digest());
        let headers = [("content-type", image.manifest.media_type.as_str())];
        let body = whole(image.manifest.bytes.clone());
        let refused = v2.send(Method::PUT, &path, &headers, body).await;
        refused.refuses(400, "TAG_INVALID", &fixed("v1"));
        let refused = put_image(&wharf, Some("v1"), image).await;
        let expected = ApiError::plain("ImageTagAlreadyExistsException", &fixed("v1"));
        assert_eq!(refused, Err(expected));
        v2.expect("app", "v1", &one).await;
    }
    assert_eq!(v2.manifest("app", &two.digest()).await.status, 404, "nothing half-done is left");
    // Without a tag nothing is overwritten.
    v2.push("app", &one).await;
    v2.push("app", &two).await;
    put_image(&wharf, Some("v2"), &two).await.unwrap();
}

async fn a_fixed_tag_among_others_stops_the_whole_push(wharf: Wharf) {
    let v2 = made(&wharf, "app", "IMMUTABLE", &[]).await;
    let (one, two) = (Image::of("one"), Image::of("two"));
    v2.push_as("app", "v1", &one).await;
    v2.push_blobs("app", &two).await;
    let path = format!("/v2/app/manifests/{}?tag=a&tag=v1&tag=z", two.digest());
    let headers = [("content-type", two.manifest.media_type.as_str())];
    let refused = v2.send(Method::PUT, &path, &headers, whole(two.manifest.bytes.clone())).await;
    refused.refuses(400, "TAG_INVALID", &fixed("v1"));
    assert_eq!(v2.get("/v2/app/tags/list").await.json()["tags"], json!(["v1"]));
}

async fn a_fixed_tag_that_was_deleted_can_be_set_again(wharf: Wharf) {
    let v2 = made(&wharf, "app", "IMMUTABLE", &[]).await;
    let (one, two) = (Image::of("one"), Image::of("two"));
    v2.push_as("app", "v1", &one).await;
    assert_eq!(v2.delete("/v2/app/manifests/v1").await.status, 202);
    v2.push_as("app", "v1", &two).await;
    v2.expect("app", "v1", &two).await;
}

async fn racing(wharf: &Wharf, mode: &str) -> (V2, Vec<Image>, Vec<u16>) {
    let v2 = made(wharf, "app", mode, &[]).await;
    let images: Vec<Image> = (0..20).map(|n| Image::of(&format!("racer {n}"))).collect();
    for image in &images {
        v2.push_blobs("app", image).await;
    }
    let pushes = images.iter().map(|image| v2.put_manifest("app", "v1", &image.manifest));
    let answers = join_all(pushes).await;
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.refuses(400, "TAG_INVALID", &fixed("v1"));
    }
    let statuses = answers.iter().map(|answer| answer.status).collect();
    (v2, images, statuses)
}

async fn of_many_racing_pushes_of_a_fixed_tag_one_wins(wharf: Wharf) {
    let (v2, images, statuses) = racing(&wharf, "IMMUTABLE").await;
    let winners: Vec<_> =
        images.iter().zip(&statuses).filter(|(_, status)| **status == 201).collect();
    assert_eq!(winners.len(), 1, "{statuses:?}");
    v2.expect("app", "v1", winners[0].0).await;
    let left = wharf.api("ListImages", json!({ "repositoryName": "app" })).await.unwrap();
    assert_eq!(left["imageIds"].as_array().unwrap().len(), 1, "the losers left nothing");
}

async fn of_many_racing_pushes_of_a_free_tag_all_win(wharf: Wharf) {
    let (v2, images, statuses) = racing(&wharf, "MUTABLE").await;
    assert_eq!(statuses, [201; 20]);
    let last = v2.manifest("app", "v1").await;
    assert!(images.iter().any(|image| image.manifest.bytes == last.body));
    let left = wharf.api("ListImages", json!({ "repositoryName": "app" })).await.unwrap();
    assert_eq!(left["imageIds"].as_array().unwrap().len(), 20);
}
