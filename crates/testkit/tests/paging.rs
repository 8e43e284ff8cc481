//! Paging of the API: every page size gives everything once, and a token is good for its list only.

use serde_json::{Value, json};
use wharf_testkit::{ApiError, Image, Wharf, on_both};

on_both![
    every_page_size_gives_every_entry_once,
    a_page_holds_a_hundred_unless_told_otherwise,
    a_token_is_good_for_its_own_list_only,
    a_token_that_was_tampered_with_is_refused,
    names_and_pages_do_not_go_together,
    a_filter_filters_and_pages,
];

const INVALID: &str =
    "Invalid parameter at 'NextToken' failed to satisfy constraint: 'Invalid next token provided'";

/// A list of the API: operation, input, the list's member, what is one entry.
type Listed = (&'static str, Value, &'static str);

/// All pages of a list, with `size` entries each.
async fn walk(wharf: &Wharf, (operation, input, member): &Listed, size: usize) -> Vec<Vec<Value>> {
    let (mut pages, mut token) = (Vec::new(), Value::Null);
    loop {
        let mut input = input.clone();
        input["maxResults"] = size.into();
        if !token.is_null() {
            input["nextToken"] = token;
        }
        let page = wharf.api(operation, input).await.unwrap();
        pages.push(page[*member].as_array().unwrap().clone());
        token = page["nextToken"].clone();
        assert!(pages.len() < 1000, "the pages do not end");
        if token.is_null() {
            return pages;
        }
    }
}

/// Three images with 3, 1 and 0 tags, and four repositories.
async fn filled(wharf: &Wharf) -> Vec<Listed> {
    for name in ["app", "app-1", "app/a", "ap"] {
        wharf.repository(name).await;
    }
    let v2 = wharf.v2().await;
    for (name, tags) in [("one", vec!["a", "a-1", "a.1"]), ("two", vec!["b"]), ("three", vec![])] {
        let image = Image::of(name);
        v2.push("app", &image).await;
        for tag in tags {
            v2.push_manifest("app", tag, &image.manifest).await;
        }
    }
    let app = json!({ "repositoryName": "app" });
    vec![
        ("DescribeRepositories", json!({}), "repositories"),
        ("ListImages", app.clone(), "imageIds"),
        ("DescribeImages", app, "imageDetails"),
    ]
}

async fn every_page_size_gives_every_entry_once(wharf: Wharf) {
    for (list, count) in filled(&wharf).await.iter().zip([4, 5, 3]) {
        let whole = wharf.api(list.0, list.1.clone()).await.unwrap()[list.2].take();
        assert_eq!(whole.as_array().unwrap().len(), count, "{}", list.0);
        for size in 1..=count + 1 {
            let pages = walk(&wharf, list, size).await;
            assert_eq!(Value::Array(pages.concat()), whole, "{} by {size}", list.0);
            assert!(pages.iter().all(|page| page.len() <= size), "{} by {size}", list.0);
            assert_eq!(pages.len(), count.div_ceil(size), "{} by {size}", list.0);
        }
    }
}

async fn a_page_holds_a_hundred_unless_told_otherwise(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_blobs("app", &image).await;
    for hundred in 0..2 {
        let tags: Vec<String> = (0..51).map(|n| format!("tag=t{hundred}-{n}")).collect();
        let path = format!("/v2/app/manifests/{}?{}", image.digest(), tags.join("&"));
        let headers = [("content-type", image.manifest.media_type.as_str())];
        let body = wharf_testkit::http::whole(image.manifest.bytes.clone());
        assert_eq!(v2.send(http::Method::PUT, &path, &headers, body).await.status, 201);
    }
    let input = json!({ "repositoryName": "app" });
    let page = wharf.api("ListImages", input).await.unwrap();
    assert_eq!(page["imageIds"].as_array().unwrap().len(), 100);
    let input = json!({ "repositoryName": "app", "nextToken": page["nextToken"] });
    let rest = wharf.api("ListImages", input).await.unwrap();
    assert_eq!(rest["imageIds"].as_array().unwrap().len(), 2);
    assert!(rest.get("nextToken").is_none());
    let tags = v2.get("/v2/app/tags/list").await.json();
    assert_eq!(tags["tags"].as_array().unwrap().len(), 102);
}

async fn a_token_is_good_for_its_own_list_only(wharf: Wharf) {
    let lists = filled(&wharf).await;
    let v2 = wharf.v2().await;
    for name in ["x", "y"] {
        v2.push_as("app-1", name, &Image::of(name)).await;
    }
    let token = async |(operation, input, _): &Listed| {
        let mut input = input.clone();
        input["maxResults"] = 1.into();
        wharf.api(operation, input).await.unwrap()["nextToken"].take()
    };
    let mut all = lists;
    for (operation, member) in [("ListImages", "imageIds"), ("DescribeImages", "imageDetails")] {
        let filtered = json!({ "repositoryName": "app", "filter": { "tagStatus": "TAGGED" } });
        all.push((operation, filtered, member));
        all.push((operation, json!({ "repositoryName": "app-1" }), member));
    }
    for (n, from) in all.iter().enumerate() {
        let token = token(from).await;
        assert!(token.is_string(), "{} has no second page", from.0);
        for (m, (operation, input, _)) in all.iter().enumerate() {
            let mut input = input.clone();
            input["nextToken"] = token.clone();
            let told = wharf.api(operation, input).await;
            if n == m {
                told.unwrap();
            } else {
                let refused = Err(ApiError::plain("InvalidParameterException", INVALID));
                assert_eq!(told, refused, "a token of list {n} for list {m}");
            }
        }
    }
}

async fn a_token_that_was_tampered_with_is_refused(wharf: Wharf) {
    filled(&wharf).await;
    let first = wharf.api("DescribeRepositories", json!({ "maxResults": 2 })).await.unwrap();
    let token = first["nextToken"].as_str().unwrap();
    let mut wrong: Vec<String> = (0..token.len())
        .map(|at| {
            let mut text = token.as_bytes().to_vec();
            text[at] = if text[at] == b'A' { b'Q' } else { b'A' };
            String::from_utf8(text).unwrap()
        })
        .filter(|text| text != token)
        .collect();
    let odd = ["", "x", "app", "\u{0}", "\u{e9}", &token[1..], &format!("{token}A")];
    wrong.extend(odd.map(str::to_owned));
    for wrong in wrong {
        let refused = wharf.api("DescribeRepositories", json!({ "nextToken": wrong })).await;
        assert_eq!(refused, Err(ApiError::plain("InvalidParameterException", INVALID)), "{wrong}");
    }
}

async fn names_and_pages_do_not_go_together(wharf: Wharf) {
    filled(&wharf).await;
    let mixed = [
        ("DescribeRepositories", json!({ "repositoryNames": ["app"], "maxResults": 5 })),
        (
            "DescribeImages",
            json!({ "repositoryName": "app", "imageIds": [{ "imageTag": "a" }],
            "maxResults": 5 }),
        ),
    ];
    for (operation, input) in mixed {
        let refused = wharf.api(operation, input).await.unwrap_err();
        assert_eq!(refused.code, "InvalidParameterException", "{operation}");
    }
    for (size, reason) in [
        (0, "Member must have value greater than or equal to 1"),
        (1001, "Member must have value less than or equal to 1000"),
    ] {
        let refused = wharf.api("DescribeRepositories", json!({ "maxResults": size })).await;
        let text =
            format!("Invalid parameter at 'maxResults' failed to satisfy constraint: '{reason}'");
        assert_eq!(refused, Err(ApiError::plain("InvalidParameterException", &text)));
    }
}

async fn a_filter_filters_and_pages(wharf: Wharf) {
    filled(&wharf).await;
    let table = [("TAGGED", 4, 2), ("UNTAGGED", 1, 1), ("ANY", 5, 3)];
    for (status, entries, images) in table {
        let input = json!({ "repositoryName": "app", "filter": { "tagStatus": status } });
        for (operation, member, count) in
            [("ListImages", "imageIds", entries), ("DescribeImages", "imageDetails", images)]
        {
            for size in 1..=3 {
                let pages = walk(&wharf, &(operation, input.clone(), member), size).await;
                assert_eq!(pages.concat().len(), count, "{operation} {status} by {size}");
            }
        }
    }
    let input = json!({ "repositoryName": "app", "filter": { "imageStatus": "ARCHIVED" } });
    let none = wharf.api("ListImages", input).await.unwrap();
    assert_eq!(none, json!({ "imageIds": [] }));
}
