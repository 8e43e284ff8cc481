//! Sharing of readings, step by step: a scripted source decides when a reading ends and how.
#![allow(clippy::unwrap_used)]

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::*;

/// Tells when a reading begins, and ends it as it is told.
struct Scripted {
    begun: mpsc::UnboundedSender<()>,
    told: mpsc::UnboundedReceiver<Result<Reading, Error>>,
}

impl Source for Scripted {
    async fn read(&mut self) -> Result<Reading, Error> {
        self.begun.send(()).unwrap();
        self.told.recv().await.unwrap()
    }
}

struct Script {
    moments: Moments,
    begun: mpsc::UnboundedReceiver<()>,
    tell: mpsc::UnboundedSender<Result<Reading, Error>>,
}

impl Script {
    fn new() -> Script {
        let (has_begun, begun) = mpsc::unbounded_channel();
        let (tell, told) = mpsc::unbounded_channel();
        let (moments, _) = Moments::of(Scripted { begun: has_begun, told });
        Script { moments, begun, tell }
    }

    fn tell(&self, connection: u64, text: &str) {
        self.tell.send(Ok(Reading { connection, text: text.to_owned() })).unwrap();
    }

    async fn moment(&self, connection: u64, text: &str) -> Option<Moment> {
        self.tell(connection, text);
        self.moments.now().await
    }
}

async fn is_pending<F: Future>(future: &mut std::pin::Pin<&mut F>) -> bool {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

#[tokio::test]
async fn who_asks_during_a_reading_gets_the_next_one() {
    let mut script = Script::new();
    let moments = script.moments.clone();
    let mut first = pin!(moments.now());
    assert!(is_pending(&mut first).await);
    script.begun.recv().await.unwrap();

    // The first reading is under way: what commits now, it may have missed.
    let (mut second, mut third) = (pin!(moments.now()), pin!(moments.now()));
    assert!(is_pending(&mut second).await && is_pending(&mut third).await);
    script.tell(1, "10:10:");
    let before = first.await.unwrap();
    assert!(is_pending(&mut second).await && is_pending(&mut third).await);
    script.begun.recv().await.unwrap();
    assert!(is_pending(&mut second).await && is_pending(&mut third).await);
    script.tell(1, "10:11:");
    let (second, third) = (second.await.unwrap(), third.await.unwrap());
    assert_ne!(before, second);
    assert_eq!(second, third, "both share one reading");
    assert!(script.begun.try_recv().is_err(), "two readings answer three");
}

#[tokio::test]
async fn a_moment_lasts_as_long_as_the_reading_is_the_same() {
    let script = Script::new();
    let first = script.moment(1, "10:10:").await.unwrap();
    assert_eq!(script.moment(1, "10:10:").await, Some(first));
    let second = script.moment(1, "10:12:10").await.unwrap();
    assert_ne!(first, second);
    // The same text over a new connection may be that of another server.
    let third = script.moment(2, "10:12:10").await.unwrap();
    assert!(third != second && third != first);
    assert_eq!(script.moment(2, "10:12:10").await, Some(third));
    // Nor is an old number given again, whatever the server says.
    let fourth = script.moment(2, "10:10:").await.unwrap();
    assert!(![first, second, third].contains(&fourth));
}

#[tokio::test]
async fn a_failure_gives_no_moment_and_the_next_question_asks_anew() {
    let script = Script::new();
    let first = script.moment(1, "10:10:").await.unwrap();
    script.tell.send(Err(Error::Full)).unwrap();
    assert_eq!(script.moments.now().await, None);
    assert_eq!(script.moment(1, "10:10:").await, Some(first));
}

#[tokio::test]
async fn a_request_asks_once_and_each_database_for_itself() {
    let mut one = Script::new();
    let mut other = Script::new();
    request::in_request(async {
        let first = one.moment(1, "10:10:").await.unwrap();
        assert_eq!(one.moments.now().await, Some(first));
        let of_other = other.moment(1, "10:10:").await.unwrap();
        assert_ne!(first, of_other);
    })
    .await;
    assert!(one.begun.recv().await.is_some() && one.begun.try_recv().is_err());
    assert!(other.begun.recv().await.is_some() && other.begun.try_recv().is_err());
    // The next request asks again, and a failure too is asked for once.
    request::in_request(async {
        one.tell.send(Err(Error::Full)).unwrap();
        assert_eq!(one.moments.now().await, None);
        assert_eq!(one.moments.now().await, None);
    })
    .await;
    assert!(one.begun.recv().await.is_some() && one.begun.try_recv().is_err());
}
