//! Byte ranges of blobs, for small ones that are answered from memory and large ones that are not.

use http::Method;
use std::ops::Range;
use wharf_testkit::http::whole;
use wharf_testkit::image::noise;
use wharf_testkit::{Wharf, on_both};

on_both![
    a_range_gives_exactly_its_bytes,
    a_range_outside_is_told_the_size,
    what_is_no_range_gives_the_whole
];

const SIZES: [usize; 3] = [10, 100_000, 5_000_000];

async fn a_range_gives_exactly_its_bytes(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    for size in SIZES {
        let bytes = noise(1, size);
        let path = format!("/v2/app/blobs/{}", v2.push_blob("app", bytes.clone()).await);
        let cases: [(String, Range<usize>); 8] = [
            ("bytes=0-0".to_owned(), 0..1),
            ("bytes=0-".to_owned(), 0..size),
            ("bytes=5-".to_owned(), 5..size),
            ("bytes=-3".to_owned(), size - 3..size),
            (format!("bytes=-{}", size + 9), 0..size),
            (format!("bytes=3-{}", size / 2), 3..size / 2 + 1),
            (format!("bytes={}-{}", size - 1, size * 2), size - 1..size),
            ("bytes=2-18446744073709551615".to_owned(), 2..size),
        ];
        for (range, expected) in cases {
            let part = v2.send(Method::GET, &path, &[("range", &range)], whole("")).await;
            assert_eq!(part.status, 206, "{range} of {size}");
            assert!(part.body == bytes.slice(expected.clone()), "{range} of {size}");
            let told = format!("bytes {}-{}/{size}", expected.start, expected.end - 1);
            assert_eq!(part.header("content-range"), told, "{range} of {size}");
            assert_eq!(part.header("content-length"), expected.len().to_string());
        }
    }
}

async fn a_range_outside_is_told_the_size(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    for size in SIZES {
        let path = format!("/v2/app/blobs/{}", v2.push_blob("app", noise(2, size)).await);
        for range in [format!("bytes={size}-"), "bytes=5-4".to_owned(), "bytes=-0".to_owned()] {
            let refused = v2.send(Method::GET, &path, &[("range", &range)], whole("")).await;
            refused.refuses_with(416, "SIZE_INVALID");
            assert_eq!(refused.header("content-range"), format!("bytes */{size}"), "{range}");
        }
    }
}

async fn what_is_no_range_gives_the_whole(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    let bytes = noise(3, 1000);
    let path = format!("/v2/app/blobs/{}", v2.push_blob("app", bytes.clone()).await);
    let many = (0..2000).map(|n| format!("{n}-{n}")).collect::<Vec<_>>().join(",");
    for range in ["bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "bytes", &format!("bytes={many}")] {
        let answer = v2.send(Method::GET, &path, &[("range", range)], whole("")).await;
        assert!(answer.status == 200 && answer.body == bytes, "{range:.30}: {}", answer.status);
        assert_eq!(answer.header("accept-ranges"), "bytes");
    }
}
