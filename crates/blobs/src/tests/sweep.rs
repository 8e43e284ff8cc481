//! Listing and removing.

use std::time::SystemTime;

use super::*;

on_both!(
    listings_show_what_is_there,
    removing_twice_is_removing_once,
    a_stray_is_found_and_removed,
    room_is_told_where_there_is_a_disk,
);

async fn listings_show_what_is_there(House { store, .. }: House) {
    let begun = SystemTime::now() - Duration::from_secs(5);
    let mut expected = Vec::new();
    for length in 1..20 {
        expected.push((push(&store, &content(length)).await, length as u64));
    }
    expected.push((place(&store, &content(77)).await.unwrap(), 77));
    expected.sort();
    let found = objects(&store).await;
    assert!(found.iter().all(|listed| listed.modified > begun));
    let mut found: Vec<_> = found.into_iter().map(|listed| (listed.name, listed.size)).collect();
    found.sort();
    assert_eq!(found, expected);
    // Enough that S3 has begun to send parts.
    let (session, progress) = begin(&store, &content(12 * MIB)).await;
    let found = uploads(&store).await;
    assert_eq!((found.len(), found[0].name), (1, session));
    assert!(found[0].modified > begun);
    store.discard(session, Some(&progress.parts)).await.unwrap();
    assert!(uploads(&store).await.is_empty());
}

async fn removing_twice_is_removing_once(House { store, .. }: House) {
    let object = push(&store, &content(10)).await;
    let other = push(&store, &content(10)).await;
    let (session, progress) = begin(&store, &content(10)).await;
    for _ in 0..2 {
        store.delete(&object).await.unwrap();
        assert!(!store.exists(&object, 10).await.unwrap());
        store.discard(session, Some(&progress.parts)).await.unwrap();
    }
    assert!(uploads(&store).await.is_empty());
    let left: Vec<_> = objects(&store).await.into_iter().map(|listed| listed.name).collect();
    assert_eq!(left, [other]);
}

async fn a_stray_is_found_and_removed(House { store, .. }: House) {
    let kept = push(&store, &content(12 * MIB)).await;
    let (session, _) = begin(&store, &content(12 * MIB)).await;
    for listed in uploads(&store).await {
        assert_eq!(listed.name, session);
        store.discard(listed.name, None).await.unwrap();
    }
    // Nor does it take what the session's upload has become.
    store.discard(kept.session(), None).await.unwrap();
    assert!(uploads(&store).await.is_empty());
    let left: Vec<_> = objects(&store).await.into_iter().map(|listed| listed.name).collect();
    assert_eq!(left, [kept]);
}

async fn room_is_told_where_there_is_a_disk(house: House) {
    match (house.store.free().unwrap(), &house.server) {
        (Some(space), None) => assert!(0 < space.free && space.free <= space.total),
        (None, Some(_)) => {}
        other => panic!("{:?}", other.0),
    }
    assert!(!house.store.failed());
}
