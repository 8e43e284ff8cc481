//! Moving the rows alone: source and target keep their bytes in the same store.

use wharf_server::copy::{self, Key};
use wharf_testkit::image::noise;
use wharf_testkit::{Engine, Image, Wharf};

use super::{Unwatched, expect_all, file_of, furnish, snapshot};
use crate::copy::rows::rows;
use crate::installation::name;

#[test]
fn the_objects_of_a_shared_bucket_stay_where_they_are() {
    wharf_testkit::run(Engine::Postgres, rows_alone);
}

#[test]
fn the_files_of_a_shared_folder_stay_where_they_are() {
    wharf_testkit::run(Engine::Sqlite, rows_alone);
}

/// Moves to the other engine, with the blobs of the source.
async fn rows_alone(mut from: Wharf) {
    let images = furnish(&from).await;
    let mut to = Wharf::beside(&from);
    let copied = async |from: &Wharf, to: &Wharf| {
        copy::copy(&from.config(&[]), &to.config(&[]), Key::Bring, 3, &Unwatched).await.unwrap()
    };
    let first = copied(&from, &to).await;
    assert!(first.bytes > 300_000, "the bytes were not compared: {first:?}");
    // An object that is lost and healed has another name.
    let layer = &images[0].1.layers[0];
    std::fs::remove_file(file_of(&from, layer)).unwrap();
    // What the server has open, or was told of, it still has.
    from.restart().await;
    let v2 = from.v2().await;
    v2.push_blob("app", layer.clone()).await;
    let late = Image::recipe().layer(noise(9, 70_000)).build();
    v2.push("app", &late).await;
    let before = from.blob_files().len();
    copied(&from, &to).await;
    assert_eq!(from.blob_files().len(), before, "bytes were copied");
    assert_eq!(rows(&mut snapshot(&to).await).await, rows(&mut snapshot(&from).await).await);
    from.stop().await;
    // The blobs say whose they are, so it is the same installation.
    assert_eq!(name(&to).await, name(&from).await);
    to.restart().await;
    let v2 = to.v2().await;
    expect_all(&v2, &images).await;
    v2.expect("app", &late.digest(), &late).await;
    to.stop().await;
}
