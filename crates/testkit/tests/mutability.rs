//! Tags that may be moved, and tags that may not: the four modes, at every way to set a tag.

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use wharf_testkit::http::whole;
use wharf_testkit::{ACCOUNT, ApiError, Engine, Image, V2, Wharf, on_both};

on_both![
    each_mode_fixes_what_it_says,
    a_fixed_tag_is_refused_at_every_way_to_set_it,
    a_fixed_tag_among_others_stops_the_whole_push,
    a_fixed_tag_that_was_deleted_can_be_set_again,
    of_many_racing_pushes_of_a_fixed_tag_one_wins,
    of_many_racing_pushes_of_a_free_tag_all_win,
    a_changed_mode_holds_for_later_pushes_and_moves_no_tag,
    a_mode_that_does_not_fit_its_filters_is_refused,
    once_a_mode_is_put_no_push_that_began_before_moves_a_tag,
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

/// Pushes of one tag at once, at one server or at two in turns.
async fn racing(wharf: &Wharf, mode: &str, other: Option<&V2>) -> (V2, Vec<Image>, Vec<u16>) {
    let v2 = made(wharf, "app", mode, &[]).await;
    let images: Vec<Image> = (0..20).map(|n| Image::of(&format!("racer {n}"))).collect();
    for image in &images {
        v2.push_blobs("app", image).await;
    }
    let doors = [&v2, other.unwrap_or(&v2)];
    let push = |(n, image): (usize, &Image)| {
        let (door, manifest) = (doors[n % 2], image.manifest.clone());
        async move { door.put_manifest("app", "v1", &manifest).await }
    };
    let pushes = images.iter().enumerate().map(push);
    let answers = join_all(pushes).await;
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.refuses(400, "TAG_INVALID", &fixed("v1"));
    }
    let statuses = answers.iter().map(|answer| answer.status).collect();
    (v2, images, statuses)
}

async fn of_many_racing_pushes_of_a_fixed_tag_one_wins(wharf: Wharf) {
    one_wins(&wharf, None).await;
}

#[test]
fn of_many_racing_pushes_of_a_fixed_tag_at_two_replicas_one_wins() {
    wharf_testkit::run(Engine::Postgres, async |wharf: Wharf| {
        let second = wharf.second().await;
        let other = V2::new(second.http.clone(), second.address, Some(wharf.token().await));
        one_wins(&wharf, Some(&other)).await;
    });
}

async fn one_wins(wharf: &Wharf, other: Option<&V2>) {
    let (v2, images, statuses) = racing(wharf, "IMMUTABLE", other).await;
    let winners: Vec<_> =
        images.iter().zip(&statuses).filter(|(_, status)| **status == 201).collect();
    assert_eq!(winners.len(), 1, "{statuses:?}");
    for door in [Some(&v2), other].into_iter().flatten() {
        door.expect("app", "v1", winners[0].0).await;
    }
    let left = wharf.api("ListImages", json!({ "repositoryName": "app" })).await.unwrap();
    assert_eq!(left["imageIds"].as_array().unwrap().len(), 1, "the losers left nothing");
}

async fn of_many_racing_pushes_of_a_free_tag_all_win(wharf: Wharf) {
    let (v2, images, statuses) = racing(&wharf, "MUTABLE", None).await;
    assert_eq!(statuses, [201; 20]);
    let last = v2.manifest("app", "v1").await;
    assert!(images.iter().any(|image| image.manifest.bytes == last.body));
    let left = wharf.api("ListImages", json!({ "repositoryName": "app" })).await.unwrap();
    assert_eq!(left["imageIds"].as_array().unwrap().len(), 20);
}

async fn put_mode(wharf: &Wharf, mode: &str, filters: Option<&[&str]>) -> Result<Value, ApiError> {
    let mut input = json!({ "repositoryName": "app", "imageTagMutability": mode });
    if let Some(filters) = filters {
        input["imageTagMutabilityExclusionFilters"] = filters
            .iter()
            .map(|filter| json!({ "filterType": "WILDCARD", "filter": filter }))
            .collect();
    }
    wharf.api("PutImageTagMutability", input).await
}

async fn a_changed_mode_holds_for_later_pushes_and_moves_no_tag(mut wharf: Wharf) {
    let v2 = made(&wharf, "app", "MUTABLE", &[]).await;
    let (one, two) = (Image::of("one"), Image::of("two"));
    v2.push_as("app", "v1", &one).await;
    v2.push_as("app", "dev", &one).await;
    v2.push_as("app", "v2", &two).await;
    let told = put_mode(&wharf, "IMMUTABLE_WITH_EXCLUSION", Some(&["dev*", "x"])).await.unwrap();
    let filters = json!([
        { "filterType": "WILDCARD", "filter": "dev*" },
        { "filterType": "WILDCARD", "filter": "x" },
    ]);
    let expected = json!({
        "registryId": ACCOUNT,
        "repositoryName": "app",
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": filters,
    });
    assert_eq!(told, expected);
    wharf.restart().await;
    let v2 = wharf.v2().await;
    let input = json!({ "repositoryNames": ["app"] });
    let found = wharf.api("DescribeRepositories", input).await.unwrap();
    for member in ["imageTagMutability", "imageTagMutabilityExclusionFilters"] {
        assert_eq!(found["repositories"][0][member], expected[member]);
    }
    v2.put_manifest("app", "v1", &two.manifest).await.refuses(400, "TAG_INVALID", &fixed("v1"));
    v2.push_manifest("app", "dev", &two.manifest).await;
    let told = put_mode(&wharf, "MUTABLE", None).await.unwrap();
    assert_eq!(told.get("imageTagMutabilityExclusionFilters"), None);
    v2.expect("app", "v1", &one).await;
    v2.push_manifest("app", "v1", &two.manifest).await;
    v2.expect("app", "v1", &two).await;
}

async fn a_mode_that_does_not_fit_its_filters_is_refused(wharf: Wharf) {
    made(&wharf, "app", "IMMUTABLE", &[]).await;
    let parameter = |text: &str| {
        let path = "imageTagMutabilityExclusionFilters";
        let message =
            format!("Invalid parameter at '{path}' failed to satisfy constraint: '{text}'");
        Err(ApiError::plain("InvalidParameterException", &message))
    };
    for mode in ["MUTABLE", "IMMUTABLE"] {
        let text = format!(
            "ImageTagMutabilityExclusionFilters are not allowed when imageTagMutability is set as \
             {mode}"
        );
        assert_eq!(put_mode(&wharf, mode, Some(&["v*"])).await, parameter(&text));
        let mode = format!("{mode}_WITH_EXCLUSION");
        let text = format!(
            "ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as \
             {mode}"
        );
        assert_eq!(put_mode(&wharf, &mode, None).await, parameter(&text));
        let told = put_mode(&wharf, &mode, Some(&["a*b*c*d"])).await;
        assert_eq!(told, parameter("The filter 'a*b*c*d' has more than two wildcards"));
    }
    let found = wharf.api("DescribeRepositories", json!({})).await.unwrap();
    assert_eq!(found["repositories"][0]["imageTagMutability"], "IMMUTABLE", "nothing was changed");
}

async fn once_a_mode_is_put_no_push_that_began_before_moves_a_tag(wharf: Wharf) {
    let v2 = wharf.v2().await;
    put_while_pushing(&wharf, [&v2, &v2]).await;
}

#[test]
fn once_a_mode_is_put_it_holds_at_every_replica() {
    wharf_testkit::run(Engine::Postgres, async |wharf: Wharf| {
        let second = wharf.second().await;
        let other = V2::new(second.http.clone(), second.address, Some(wharf.token().await));
        put_while_pushing(&wharf, [&wharf.v2().await, &other]).await;
    });
}

/// Pushes go on while the mode is put: where the tag is once the mode was told to be there is
/// where it stays.
async fn put_while_pushing(wharf: &Wharf, doors: [&V2; 2]) {
    made(wharf, "app", "MUTABLE", &[]).await;
    let images: Vec<Image> = (0..8).map(|n| Image::of(&format!("racer {n}"))).collect();
    for image in &images {
        doors[0].push_blobs("app", image).await;
    }
    for round in 0..10 {
        let tag = format!("v{round}");
        put_mode(wharf, "MUTABLE", None).await.unwrap();
        doors[0].push_manifest("app", &tag, &images[0].manifest).await;
        let pushes = images.iter().enumerate().map(|(n, image)| {
            let (door, tag) = (doors[n % 2], &tag);
            async move { door.put_manifest("app", tag, &image.manifest).await.status }
        });
        let put = async {
            put_mode(wharf, "IMMUTABLE", None).await.unwrap();
            doors[1].manifest("app", &tag).await.body
        };
        let (statuses, seen) = futures_util::join!(join_all(pushes), put);
        assert!(statuses.iter().all(|status| matches!(status, 201 | 400)), "{statuses:?}");
        for door in doors {
            let there = door.manifest("app", &tag).await.body;
            assert!(there == seen, "round {round}: the tag has moved");
        }
    }
}
