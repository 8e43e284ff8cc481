//! Lists under `/v2/`: tags and the catalog, in byte order, page by page, nothing twice, nothing
//! missed.

use serde_json::json;
use wharf_testkit::{Image, V2, Wharf, on_both};

on_both![
    every_page_size_gives_all_tags_in_order,
    every_page_size_gives_all_repositories_in_order,
    tags_set_while_paging_disturb_nobody,
    a_page_begins_behind_any_name,
    an_odd_page_size_is_capped_or_refused,
    a_repository_without_tags_has_an_empty_list,
];

/// Names that are prefixes of each other, and that no locale orders as their bytes do.
const TAGS: &[&str] = &[
    "0.1",
    "0.1.2",
    "0.1.20",
    "0.1.20-rc.1",
    "0.1.2_",
    "1",
    "10",
    "2",
    "A",
    "Z",
    "_",
    "__",
    "a",
    "a-",
    "a.",
    "aZ",
    "a_",
    "aa",
    "v1",
    "v1.0",
    "v10",
    "v9",
    "\u{7a}",
];

/// Follows the links from `first`; every page's names.
async fn walk(v2: &V2, first: String, member: &str) -> Vec<Vec<String>> {
    let (mut pages, mut next) = (Vec::new(), Some(first));
    while let Some(path) = next {
        let page = v2.get(&path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        pages.push(serde_json::from_value(page.json()[member].clone()).unwrap());
        next = link(page.header("link"));
        assert!(pages.len() < 1000, "the pages do not end");
    }
    pages
}

fn link(header: &str) -> Option<String> {
    let (path, rest) = header.strip_prefix('<')?.split_once('>')?;
    assert_eq!(rest, "; rel=\"next\"");
    Some(path.to_owned())
}

async fn tagged(wharf: &Wharf, tags: &[&str]) -> V2 {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_blobs("app", &image).await;
    for tag in tags {
        v2.push_manifest("app", tag, &image.manifest).await;
    }
    v2
}

async fn every_page_size_gives_all_tags_in_order(wharf: Wharf) {
    let v2 = tagged(&wharf, TAGS).await;
    let mut sorted = TAGS.to_vec();
    sorted.sort_unstable();
    for n in 1..=TAGS.len() + 1 {
        let pages = walk(&v2, format!("/v2/app/tags/list?n={n}"), "tags").await;
        assert_eq!(pages.concat(), sorted, "n={n}");
        assert!(pages.iter().all(|page| page.len() <= n && !page.is_empty()), "n={n}: {pages:?}");
    }
    let all = v2.get("/v2/app/tags/list").await;
    assert_eq!(all.json(), json!({ "name": "app", "tags": sorted }));
    assert_eq!(all.header("link"), "");
}

async fn every_page_size_gives_all_repositories_in_order(wharf: Wharf) {
    let mut names =
        ["ab", "ab-c", "ab.c", "ab/c", "ab/cd", "ab_c", "ab__c", "abc", "a1", "0b", "ab/c/d"];
    for name in names {
        wharf.repository(name).await;
    }
    names.sort_unstable();
    let v2 = wharf.v2().await;
    for n in 1..=names.len() + 1 {
        let pages = walk(&v2, format!("/v2/_catalog?n={n}"), "repositories").await;
        assert_eq!(pages.concat(), names, "n={n}");
    }
}

async fn tags_set_while_paging_disturb_nobody(wharf: Wharf) {
    let v2 = tagged(&wharf, TAGS).await;
    let manifest = Image::of("app").manifest;
    let (mut seen, mut next) = (Vec::new(), Some("/v2/app/tags/list?n=3".to_owned()));
    let mut round = 0;
    while let Some(path) = next {
        let page = v2.get(&path).await;
        let tags: Vec<String> = serde_json::from_value(page.json()["tags"].clone()).unwrap();
        seen.extend(tags);
        next = link(page.header("link"));
        round += 1;
        for name in [format!("0.0.{round}"), format!("a-{round}")] {
            v2.push_manifest("app", &name, &manifest).await;
        }
    }
    assert!(seen.is_sorted(), "{seen:?}");
    for tag in TAGS {
        assert_eq!(seen.iter().filter(|name| name == tag).count(), 1, "{tag} in {seen:?}");
    }
}

async fn a_page_begins_behind_any_name(wharf: Wharf) {
    let v2 = tagged(&wharf, &["a", "b", "c"]).await;
    let table = [("a", 2), ("b", 1), ("aa", 2), ("c", 0), ("zzz", 0), ("%27", 3), ("", 3)];
    for (last, count) in table {
        let page = v2.get(&format!("/v2/app/tags/list?last={last}")).await;
        assert_eq!(page.status, 200, "{last}: {}", page.text());
        assert_eq!(page.json()["tags"].as_array().unwrap().len(), count, "{last}");
    }
}

async fn an_odd_page_size_is_capped_or_refused(wharf: Wharf) {
    let v2 = tagged(&wharf, &["a", "b"]).await;
    for n in ["1000", "1001", "99999999999999999999"] {
        let page = v2.get(&format!("/v2/app/tags/list?n={n}")).await;
        assert_eq!(page.json()["tags"], json!(["a", "b"]), "{n}");
    }
    let none = v2.get("/v2/app/tags/list?n=0").await;
    assert_eq!((none.status, none.json()["tags"].clone()), (200, json!([])));
    for n in ["-1", "x", "", "1e3", "+1"] {
        for path in ["app/tags/list", "_catalog"] {
            v2.get(&format!("/v2/{path}?n={n}")).await.refuses_with(405, "UNSUPPORTED");
        }
    }
}

async fn a_repository_without_tags_has_an_empty_list(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    let empty = json!({ "name": "app", "tags": [] });
    assert_eq!(v2.get("/v2/app/tags/list").await.json(), empty);
    v2.push("app", &image).await;
    assert_eq!(v2.get("/v2/app/tags/list").await.json(), empty);
    v2.push_manifest("app", "v1", &image.manifest).await;
    v2.delete("/v2/app/manifests/v1").await;
    assert_eq!(v2.get("/v2/app/tags/list").await.json(), empty);
}
