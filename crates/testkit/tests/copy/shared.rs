//! Moving the rows alone: source and target keep their bytes in the same store.

use wharf_testkit::image::{digest, noise};
use wharf_testkit::{Engine, Image, Wharf};

use super::{copied, expect_all, furnish, snapshot};
use crate::copy::rows::rows;

/// Both servers in one data folder, whose rows go from SQLite to PostgreSQL.
#[test]
fn the_bytes_of_a_shared_store_stay_where_they_are() {
    wharf_testkit::run(Engine::Sqlite, async |mut from: Wharf| {
        let images = furnish(&from).await;
        let mut to = Wharf::unbooted(Engine::Postgres, from.data());
        let before = from.blob_files();
        let first = copied(&from, &to).await;
        assert!(first.bytes > 300_000, "the bytes were not compared: {first:?}");
        // An object that is lost and healed has another name.
        let layer = &images[0].1.layers[0];
        let name = digest(layer).replace("sha256:", "");
        let of_layer = |path: &&std::path::PathBuf| path.to_string_lossy().contains(&name);
        std::fs::remove_file(before.iter().find(of_layer).unwrap()).unwrap();
        // What the server has open, it still has.
        from.restart().await;
        let v2 = from.v2().await;
        v2.push_blob("app", layer.clone()).await;
        let late = Image::recipe().layer(noise(9, 70_000)).build();
        v2.push("app", &late).await;
        copied(&from, &to).await;
        assert_eq!(from.blob_files().len(), before.len() + 1, "bytes were copied");
        assert_eq!(rows(&mut snapshot(&to).await).await, rows(&mut snapshot(&from).await).await);
        from.stop().await;
        to.restart().await;
        let v2 = to.v2().await;
        expect_all(&v2, &images).await;
        v2.expect("app", &late.digest(), &late).await;
        to.stop().await;
    });
}
