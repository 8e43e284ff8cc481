//! A disk that fails: each call of each scenario, one after the other, with each kind of refusal.

use rustix::io::Errno;

use super::*;
use crate::Call;

/// What a client does to bring a blob, through every writing call of the store.
async fn push_in_parts(store: &Store, session: Uuid, bytes: &Bytes) -> Result<Object, Error> {
    let half = bytes.len() / 2;
    append(store, session, Progress::new(SHA256), bytes).await?;
    let mut progress = Progress::new(SHA256);
    progress.hasher.update(&bytes[..half]);
    progress.received = half as u64;
    let progress = append(store, session, progress, &bytes.slice(half..)).await?;
    store.sync(session).await?;
    promote(store, session, &progress).await
}

async fn place_as(store: &Store, session: Uuid, bytes: &Bytes) -> Result<Object, Error> {
    let object = store.name(session, &Parts::default(), &digest(bytes));
    store.place(&object, bytes.clone()).await.map(|()| object)
}

/// Runs `scenario` with its first call failing, then its second, and so on until none fails. Each time: the error is
/// right, nothing is visible, nothing stays behind, and reading goes on. Returns how many calls there were.
async fn walk<Outcome>(errno: Errno, scenario: impl Fn(Store, Uuid, Bytes) -> Outcome) -> u64
where
    Outcome: Future<Output = Result<Object, Error>>,
{
    let (folder, mut store) = fresh();
    let bytes = content(1_300_000);
    let bytes = bytes.slice(..bytes.len().min(crate::SMALL_BLOB as usize));
    let earlier = push(&store, &content(1_000)).await;
    for nth in 1.. {
        let id = Uuid::now_v7();
        store.faults().fail(None, nth, errno.raw_os_error());
        let outcome = scenario(store.clone(), id, bytes.clone()).await;
        let fired = !store.faults().clear();
        if !fired {
            let object = outcome.unwrap();
            assert!(holds(&store, &object, &bytes).await);
            return nth - 1;
        }
        let error = outcome.expect_err("a failed call is not success");
        assert_eq!(store.failed(), matches!(error, Error::Failed(_)), "call {nth}: {error}");
        match errno {
            Errno::IO | Errno::ROFS => {
                assert!(matches!(error, Error::Failed(_)), "call {nth}: {error}")
            }
            Errno::NOSPC | Errno::DQUOT => {
                assert!(matches!(error, Error::Full), "call {nth}: {error}")
            }
            _ => assert!(matches!(error, Error::Io(_) | Error::Failed(_)), "call {nth}: {error}"),
        }
        assert!(holds(&store, &earlier, &content(1_000)).await);
        if store.failed() {
            refuses_writes(&store, id, &earlier).await;
            store = reopened(&folder);
        }
        let visible: Vec<_> = objects(&store).await.into_iter().map(|listed| listed.name).collect();
        assert!(visible.iter().eq([&earlier]), "call {nth}: {visible:?}");
        store.discard(id, None).await.unwrap();
        assert!(uploads(&store).await.is_empty(), "call {nth}");
    }
    unreachable!("the loop ends when no call fails")
}

async fn refuses_writes(store: &Store, id: Uuid, object: &Object) {
    let bytes = content(10);
    let refused = [
        append(store, id, Progress::new(SHA256), &bytes).await.err(),
        store.sync(id).await.err(),
        promote(store, id, &Progress::new(SHA256)).await.err(),
        place(store, &bytes).await.err(),
        store.discard(id, None).await.err(),
        store.delete(object).await.err(),
    ];
    for error in refused {
        assert!(matches!(error, Some(Error::Failed(_))), "{error:?}");
    }
}

#[tokio::test]
async fn whichever_call_fails_nothing_half_done_is_seen() {
    for errno in [Errno::IO, Errno::ROFS, Errno::NOSPC, Errno::DQUOT, Errno::MFILE] {
        let calls =
            walk(errno, |store, id, bytes| async move { push_in_parts(&store, id, &bytes).await })
                .await;
        assert!(calls >= 12, "only {calls} calls can fail");
        let calls =
            walk(errno, |store, id, bytes| async move { place_as(&store, id, &bytes).await }).await;
        assert!(calls >= 5, "only {calls} calls can fail");
    }
}

#[tokio::test]
async fn interrupted_calls_are_repeated() {
    let (_folder, store) = fresh();
    let bytes = content(700_000);
    for nth in 1.. {
        store.faults().fail(None, nth, Errno::INTR.raw_os_error());
        let object = push_in_parts(&store, Uuid::now_v7(), &bytes).await.unwrap();
        assert!(holds(&store, &object, &bytes).await);
        if store.faults().clear() {
            return;
        }
    }
}

#[tokio::test]
async fn a_full_disk_takes_nothing_and_goes_on_when_there_is_room() {
    let (_folder, store) = fresh();
    let bytes = content(2_000_000);
    let (id, progress) = begin(&store, &bytes.slice(..100_000)).await;
    for nth in 1..4 {
        store.faults().fail(Some(Call::Write), nth, Errno::NOSPC.raw_os_error());
        let full =
            append(&store, id, progress.clone(), &bytes.slice(100_000..)).await.err().unwrap();
        assert!(matches!(full, Error::Full), "{full}");
        assert_eq!(uploads(&store).await[0].size, 100_000, "the room is given back");
        assert!(!store.failed());
    }
    let progress = append(&store, id, progress, &bytes.slice(100_000..)).await.unwrap();
    let object = promote(&store, id, &progress).await.unwrap();
    assert!(holds(&store, &object, &bytes).await);
}

#[tokio::test]
async fn a_failed_flush_is_never_tried_again() {
    for call in [Call::Sync, Call::SyncFolder] {
        for errno in [Errno::IO, Errno::NOSPC] {
            let (folder, store) = fresh();
            let (part, _) = begin(&store, &content(1_000)).await;
            store.faults().fail(Some(call), 1, errno.raw_os_error());
            store.sync(part).await.unwrap_err();
            let store = reopened(&folder);
            let (id, progress) = begin(&store, &content(1_000)).await;
            store.faults().fail(Some(call), 1, errno.raw_os_error());
            promote(&store, id, &progress).await.unwrap_err();
            // Even a store opened anew must not find bytes whose flush failed.
            let store = reopened(&folder);
            for id in [part, id] {
                let again = promote(&store, id, &progress).await.unwrap_err();
                assert!(matches!(again, Error::Missing), "{again}");
            }
            assert!(objects(&store).await.is_empty());
        }
    }
}

#[tokio::test]
async fn a_failed_removal_can_be_repeated() {
    let (_folder, store) = fresh();
    let object = push(&store, &content(10)).await;
    store.faults().fail(Some(Call::Remove), 1, Errno::PERM.raw_os_error());
    assert!(matches!(store.delete(&object).await, Err(Error::Io(_))));
    store.delete(&object).await.unwrap();
    assert!(objects(&store).await.is_empty());
}
