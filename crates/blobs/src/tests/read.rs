//! Opening and reading.

use std::io::ErrorKind;

use proptest::{prelude::*, strategy::ValueTree};

use super::*;

on_both!(a_range_is_the_slice, a_range_beyond_the_object_is_an_error, what_is_not_there_says_so,);

async fn a_range_is_the_slice(House { store, .. }: House) {
    let bytes = content(700_000);
    let content = store.open(&push(&store, &bytes).await, 700_000).await.unwrap();
    let mut ranges = vec![0..700_000, 0..0, 700_000..700_000, 0..1, 699_999..700_000];
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..40 {
        let pair = (0u64..=700_000, 0u64..=700_000).new_tree(&mut runner).unwrap().current();
        ranges.push(pair.0.min(pair.1)..pair.0.max(pair.1));
    }
    for range in ranges {
        let read = read(&content, range.clone()).await.unwrap();
        assert!(read == bytes[range.start as usize..range.end as usize], "{range:?}");
    }
}

#[allow(clippy::reversed_empty_ranges)]
async fn a_range_beyond_the_object_is_an_error(House { store, .. }: House) {
    let content = store.open(&push(&store, &content(100)).await, 100).await.unwrap();
    for range in [0..101, 100..101, 101..101, u64::MAX - 1..u64::MAX, 7..3] {
        assert_eq!(read(&content, range).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert!(read(&content, 100..100).await.unwrap().is_empty());
}

async fn what_is_not_there_says_so(House { store, .. }: House) {
    let absent = store.name(Uuid::new_v4(), &Parts::default(), &digest(b"x"));
    assert!(!store.exists(&absent, 10).await.unwrap());
    for size in [0, 1] {
        match store.open(&absent, size).await {
            Err(error) => assert!(matches!(error, Error::Missing), "{error}"),
            Ok(content) => {
                let error = read(&content, 0..size).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            }
        }
    }
}
