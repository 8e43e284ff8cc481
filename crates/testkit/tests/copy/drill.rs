//! The drill: back up under load, lose everything, restore, and pull what was acknowledged before.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use wharf_registry::{Registry, Settings};
use wharf_server::copy::Key;
use wharf_testkit::image::{digest, noise};
use wharf_testkit::{Engine, FakeClock, Image, V2, Wharf, eventually, on_both};

use super::{copied, empty, expect_all, furnish, try_copy};

on_both![
    what_was_acknowledged_before_the_backup_is_there_after_the_restore,
    the_sweep_spares_what_was_restored_for_a_grace,
    a_database_put_back_by_its_own_tools_is_spared_too,
    what_is_served_is_not_put_back,
    another_key_puts_nothing_back,
];

type Acknowledged = Arc<Mutex<Vec<Image>>>;

/// Pushes an image for each permit, some of them over the same layers, and deletes some again.
async fn push_on(v2: V2, pusher: u64, permits: Arc<Semaphore>, acknowledged: Acknowledged) {
    for round in 0.. {
        let Ok(permit) = permits.acquire().await else { return };
        permit.forget();
        let image = Image::recipe()
            .layer(noise(round % 7, 40_000))
            .layer(noise(1000 * pusher + round, 20_000))
            .config(format!("{{\"pusher\":{pusher},\"round\":{round}}}"))
            .build();
        v2.push("app", &image).await;
        if round % 5 == 4 {
            v2.delete(&format!("/v2/app/manifests/{}", image.digest())).await;
        } else {
            acknowledged.lock().unwrap().push(image);
        }
    }
}

async fn what_was_acknowledged_before_the_backup_is_there_after_the_restore(mut wharf: Wharf) {
    wharf.repository("app").await;
    let (permits, acknowledged) = (Arc::new(Semaphore::new(0)), Acknowledged::default());
    let mut pushers = Vec::new();
    for pusher in 1..=3 {
        let (v2, permits, acknowledged) = (wharf.v2().await, permits.clone(), acknowledged.clone());
        pushers.push(tokio::spawn(push_on(v2, pusher, permits, acknowledged)));
    }
    let backup = empty(Engine::Sqlite);
    let mut before = Vec::new();
    // The second one is incremental, while more and more comes in.
    for least in [5, 60] {
        permits.add_permits(100);
        let enough = async || (acknowledged.lock().unwrap().len() >= least).then_some(());
        eventually("the pushers push", enough).await;
        before = acknowledged.lock().unwrap().clone();
        assert_eq!(try_copy(&wharf, &backup, Key::Leave).await.unwrap().lost, []);
    }
    let after = acknowledged.lock().unwrap().len();
    permits.close();
    for pusher in pushers {
        pusher.await.unwrap();
    }
    assert!(after > before.len(), "nothing was pushed during the backup");

    wharf.stop().await;
    let key = std::fs::read(wharf.folder().join("installation.key")).unwrap();
    let engine = wharf.engine;
    drop(wharf);
    let mut restored = empty(engine);
    std::fs::create_dir_all(restored.folder()).unwrap();
    std::fs::write(restored.folder().join("installation.key"), key).unwrap();
    try_copy(&backup, &restored, Key::Bring).await.unwrap();
    restored.restart().await;
    let v2 = restored.v2().await;
    for image in &before {
        v2.expect("app", &image.digest(), image).await;
    }
    restored.stop().await;
}

/// Half a day is enough for everything here to be old.
const GRACE: Duration = Duration::from_secs(12 * 60 * 60);

/// Sweeps the stopped server's engines, at this time.
async fn sweep(wharf: &Wharf, clock: &FakeClock) -> u64 {
    let config = wharf.config(&[]);
    let db = match &config.database_url {
        Some(url) => wharf_db::Db::postgres(&url.0).await.unwrap(),
        None => wharf_db::Db::sqlite(&config.data.join("wharf.db")).await.unwrap(),
    };
    let store = wharf_blobs::Store::files(&config.data, wharf_blobs::Options::default()).unwrap();
    let settings = Settings { grace: GRACE, ..Settings::default() };
    let swept = Registry::new(db.clone(), store, clock.clock(), settings).sweep().await.unwrap();
    db.close().await;
    swept.links
}

async fn the_sweep_spares_what_was_restored_for_a_grace(wharf: Wharf) {
    let images = furnish(&wharf).await;
    let mut restored = empty(wharf.engine);
    copied(&wharf, &restored).await;
    restored.clock.advance(GRACE * 3);
    restored.restart_with(&[("blob_grace", "12h")]).await;
    let v2 = restored.v2().await;
    let loose = format!("/v2/app/blobs/{}", digest(&noise(2, 50_000)));
    assert_eq!(v2.get(&loose).await.status, 200);
    restored.stop().await;
    restored.clock.advance(GRACE - Duration::from_millis(1));
    assert_eq!(sweep(&restored, &restored.clock).await, 0);
    restored.clock.advance(Duration::from_millis(1));
    assert_eq!(sweep(&restored, &restored.clock).await, 1);
    restored.restart().await;
    expect_all(&restored.v2().await, &images).await;
    restored.stop().await;
}

async fn a_database_put_back_by_its_own_tools_is_spared_too(mut wharf: Wharf) {
    let images = furnish(&wharf).await;
    wharf.stop().await;
    let config = wharf.config(&[("blob_grace", "12h")]);
    assert_eq!(wharf_server::copy::restored(&config).await.unwrap(), 1);
    // The command goes by the system's clock.
    let clock = FakeClock::default();
    clock.advance(std::time::SystemTime::now().duration_since(clock.time()).unwrap());
    assert_eq!(sweep(&wharf, &clock).await, 0);
    clock.advance(GRACE * 2);
    assert_eq!(sweep(&wharf, &clock).await, 1);
    wharf.restart().await;
    expect_all(&wharf.v2().await, &images).await;
    wharf.stop().await;
}

async fn refused_in_place(wharf: &Wharf) -> String {
    format!("{:#}", wharf_server::copy::restored(&wharf.config(&[])).await.err().unwrap())
}

async fn what_is_served_is_not_put_back(mut wharf: Wharf) {
    let path = {
        wharf.repository("app").await;
        let v2 = wharf.v2().await;
        let path = v2.begin("app").await;
        v2.patch(&path, noise(3, 1000)).await;
        path
    };
    let told = refused_in_place(&wharf).await;
    let expected = match wharf.engine {
        Engine::Sqlite => "another process serves the blobs",
        Engine::Postgres => "others are at this PostgreSQL database: wharf on this machine",
    };
    assert!(told.contains(expected), "{told}");
    assert_eq!(wharf.v2().await.get(&path).await.status, 204, "the upload is gone");
    wharf.stop().await;
    assert_eq!(wharf_server::copy::restored(&wharf.config(&[])).await.unwrap(), 1);
}

/// While it is put back nobody begins to serve it.
#[tokio::test]
async fn whoever_is_alone_with_postgres_stays_so() {
    let url = wharf_testkit::postgres::new_database();
    let alone = wharf_db::Db::postgres_alone(&url).await.unwrap();
    alone.ping().await.unwrap();
    let told = wharf_db::Db::postgres(&url).await.err().unwrap().to_string();
    assert!(told.contains("is being restored"), "{told}");
    alone.close().await;
    drop(alone);
    let opened = async || wharf_db::Db::postgres(&url).await.ok();
    let one = eventually("the lock is gone with its holder", opened).await;
    let told = wharf_db::Db::postgres_alone(&url).await.err().unwrap().to_string();
    assert!(told.contains("others are at"), "{told}");
    // As when it is killed: nothing is closed, the connections end.
    std::mem::drop(one);
    let opened = async || wharf_db::Db::postgres_alone(&url).await.ok();
    eventually("what is killed leaves nothing behind", opened).await;
}

async fn another_key_puts_nothing_back(mut wharf: Wharf) {
    furnish(&wharf).await;
    wharf.stop().await;
    let key = wharf.folder().join("installation.key");
    let right = std::fs::read(&key).unwrap();
    std::fs::write(&key, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let told = refused_in_place(&wharf).await;
    assert!(told.contains("does not open the secrets in this database"), "{told}");
    std::fs::write(&key, right).unwrap();
    assert_eq!(wharf_server::copy::restored(&wharf.config(&[])).await.unwrap(), 1);
}
