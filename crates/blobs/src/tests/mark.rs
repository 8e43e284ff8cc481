//! Whose bytes these are: said once, and never overwritten.

use std::fs;

use super::*;

on_both![the_first_mark_stays, a_mark_that_is_none_is_refused];

async fn the_first_mark_stays(house: House) {
    assert_eq!(house.store.installation().await.unwrap(), None);
    assert_eq!(house.store.mark("one").await.unwrap(), "one");
    let again = house.again().await;
    assert_eq!(again.mark("other").await.unwrap(), "one");
    assert_eq!(again.installation().await.unwrap().as_deref(), Some("one"));
    assert!(objects(&again).await.is_empty(), "the mark is listed");
    if house.server.is_none() {
        assert!(!house.folder.path().join("store/installation.new").exists());
    }
}

async fn a_mark_that_is_none_is_refused(house: House) {
    house.store.mark("one").await.unwrap();
    let path = match &house.server {
        Some(server) => server.path("some/where/installation"),
        None => house.folder.path().join("store/installation"),
    };
    for bad in [Vec::new(), b"\n".to_vec(), vec![b'x'; 300], vec![0xff, 0xfe]] {
        fs::write(&path, &bad).unwrap();
        let error = house.store.installation().await.unwrap_err();
        assert!(error.to_string().contains("cannot be read"), "{bad:?}: {error}");
        assert!(house.store.mark("one").await.is_err(), "{bad:?}");
    }
}

/// In files alone: the throw-away S3 looks and writes in two steps, where S3 itself takes one.
#[tokio::test]
async fn many_who_mark_at_once_agree() {
    let house = House::of_files();
    let marks = (0..8).map(|number| {
        let store = house.store.clone();
        async move { store.mark(&format!("installation {number}")).await.unwrap() }
    });
    let marks = futures_util::future::join_all(marks).await;
    let there = house.store.installation().await.unwrap().unwrap();
    assert!(marks.iter().all(|mark| *mark == there), "{marks:?}");
}

#[tokio::test]
async fn a_store_without_careful_puts_is_marked_too() {
    let house = House::of_s3().await;
    let refused = throwaway::Fault::Refuse(501, "NotImplemented");
    house.server().fail(throwaway::Kind::Put, refused, 1);
    assert_eq!(house.store.mark("one").await.unwrap(), "one");
}
