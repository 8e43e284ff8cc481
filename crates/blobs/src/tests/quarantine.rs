//! What is under suspicion: read from the store itself, put aside for good.

use std::fs;

use super::*;

async fn kept(store: &Store, bytes: &Bytes) -> Object {
    let digest = Digest::of(SHA256, bytes);
    let object = store.name(Uuid::new_v4(), &Parts::default(), &digest);
    store.place(&object, bytes.clone()).await.unwrap();
    object
}

#[tokio::test]
async fn what_is_remembered_of_an_object_does_not_hide_the_disk() {
    let house = House::of_files();
    let object = kept(&house.store, &content(1000)).await;
    assert_eq!(house.store.open(&object, 1000).await.unwrap().size, 1000);
    let path = house.folder.path().join("store/blobs").join(object.as_str());
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(400).unwrap();
    assert_eq!(house.store.open_anew(&object).await.unwrap().size, 400);
    fs::remove_file(&path).unwrap();
    assert!(matches!(house.store.open_anew(&object).await, Err(Error::Missing)));
}

#[tokio::test]
async fn what_is_put_aside_is_missing_and_stays() {
    for house in [House::of_files(), House::of_s3().await] {
        let store = &house.store;
        let bytes = content(1000);
        let (bad, good) = (kept(store, &bytes).await, kept(store, &bytes).await);
        for object in [&bad, &good] {
            assert!(store.exists(object, 1000).await.unwrap());
        }
        for _ in 0..2 {
            store.quarantine(&bad).await.unwrap();
            assert!(!store.exists(&bad, 1000).await.unwrap());
            assert!(matches!(store.open_anew(&bad).await, Err(Error::Missing)));
        }
        store.delete(&bad).await.unwrap();
        let listed: Vec<_> = store.objects().map(|listed| listed.unwrap().name).collect().await;
        assert_eq!(listed, [good]);
        if house.server.is_none() {
            let name = bad.as_str().replace('/', "-");
            let aside = house.folder.path().join("store/quarantine").join(name);
            assert_eq!(fs::read(aside).unwrap(), bytes);
        }
    }
}
