//! A wire that fails on purpose: it passes connections on to another address, and some of them meet
//! a fault. It looks at no more of HTTP than where a head ends, since the store of the tests serves
//! one request per connection.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use crate::{Host, network::enter};

/// What happens to a connection.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The request is answered as S3 does when it has too much to do.
    SlowDown,
    /// Both ends are cut off after so many bytes of the request.
    CutRequest(u64),
    /// Both ends are cut off after so many bytes of the answer.
    CutAnswer(u64),
    /// The answer is never passed on, although the store has done what it was asked for.
    NoAnswer,
    /// Nothing moves for this long, then everything does.
    Late(Duration),
    /// The answer passes at no more than so many bytes a second.
    Slow(u64),
}

const SLOW_DOWN: &str = "HTTP/1.1 503 Slow Down\r\nConnection: close\r\n\
    Content-Type: application/xml\r\nContent-Length: 87\r\n\r\n\
    <Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";

/// The most that one copying step takes, in bytes.
const STEP: usize = 64 * 1024;

/// A running wire. Dropping it cuts every connection.
pub struct Wire {
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<()>>>,
}

#[derive(Default)]
struct State {
    /// The fault, and how many connections there are to each that meets it.
    plan: Mutex<Option<(Fault, u64)>>,
    connections: AtomicU64,
    met: AtomicU64,
    passed: AtomicU64,
}

impl Wire {
    /// A wire on the host from one address to the other, without a fault.
    ///
    /// # Errors
    /// When nothing can listen there.
    pub fn start(host: &Host, from: SocketAddr, to: SocketAddr) -> Result<Self> {
        let (network, state) = (host.network()?, Arc::<State>::default());
        let (stop, stopped) = oneshot::channel();
        let (listening, listens) = mpsc::channel();
        let shared = state.clone();
        let thread = thread::spawn(move || {
            enter(&network, async || {
                let listener = TcpListener::bind(from).await?;
                listening.send(()).context("the test has ended")?;
                tokio::select! {
                    relayed = relay(listener, to, shared) => relayed,
                    _ = stopped => Ok(()),
                }
            })
        });
        let mut wire = Self { state, stop: Some(stop), thread: Some(thread) };
        if listens.recv().is_err() {
            let ended = wire.thread.take().map(JoinHandle::join);
            anyhow::bail!("nothing listens at {from}: {ended:?}");
        }
        Ok(wire)
    }

    /// From now on, one in `every` connections meets the fault.
    pub fn fails(&self, fault: Fault, every: u64) {
        *self.state.lock() = Some((fault, every));
    }

    /// From now on, nothing fails.
    pub fn mends(&self) {
        *self.state.lock() = None;
    }

    /// Bytes that have passed so far, in both directions.
    pub fn passed(&self) -> u64 {
        self.state.passed.load(Ordering::Relaxed)
    }

    /// How many connections have met a fault: cuts count when they came.
    pub fn met(&self) -> u64 {
        self.state.met.load(Ordering::Relaxed)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Its failure has shown as the failure of whoever used the wire.
            let _ = thread.join();
        }
    }
}

impl State {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Fault, u64)>> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_fault(&self) -> Option<Fault> {
        let (fault, every) = (*self.lock())?;
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        (number % every == every - 1).then_some(fault)
    }

    fn meets(&self) {
        self.met.fetch_add(1, Ordering::Relaxed);
    }
}

async fn relay(listener: TcpListener, to: SocketAddr, state: Arc<State>) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let (fault, state) = (state.next_fault(), state.clone());
        // The end of a connection is nobody's failure: broken ones are what this is for.
        tokio::spawn(async move { pass(stream, to, fault, &state).await });
    }
}

async fn pass(
    mut client: TcpStream,
    to: SocketAddr,
    fault: Option<Fault>,
    state: &State,
) -> Result<()> {
    let (mut up, mut down, mut pace) = (u64::MAX, u64::MAX, Duration::ZERO);
    match fault {
        Some(Fault::SlowDown) => {
            state.meets();
            return slow_down(client).await;
        }
        Some(Fault::Late(time)) => {
            state.meets();
            tokio::time::sleep(time).await;
        }
        Some(Fault::CutRequest(bytes)) => up = bytes,
        Some(Fault::CutAnswer(bytes)) => down = bytes,
        Some(Fault::NoAnswer) => down = 0,
        Some(Fault::Slow(rate)) => pace = Duration::from_secs(1) * STEP as u32 / rate as u32,
        None => {}
    }
    let mut server = TcpStream::connect(to).await?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let upward = copy(&mut from_client, &mut to_server, (up, Duration::ZERO), state);
    let downward = copy(&mut from_server, &mut to_client, (down, pace), state);
    if either_is_cut(upward, downward).await {
        state.meets();
        // A reset, not an end: the client must not take what it has for the whole.
        client.set_zero_linger()?;
    }
    Ok(())
}

/// Waits until both directions have ended, or until one is cut off, which is true.
async fn either_is_cut(
    upward: impl Future<Output = bool>,
    downward: impl Future<Output = bool>,
) -> bool {
    tokio::pin!(upward, downward);
    tokio::select! {
        cut = &mut upward => cut || downward.await,
        // The store closes behind its answer, whether or not it has read the whole request.
        cut = &mut downward => cut,
    }
}

/// Copies to the end, or until so many bytes were copied and there is more, which is true. Waits for
/// `pace` after each step.
async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    (mut most, pace): (u64, Duration),
    state: &State,
) -> bool {
    let mut buffer = vec![0; STEP];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else {
            let _ = to.shutdown().await;
            return false;
        };
        let passed = (read as u64).min(most);
        most -= passed;
        if to.write_all(&buffer[..passed as usize]).await.is_err() {
            return false;
        }
        state.passed.fetch_add(passed, Ordering::Relaxed);
        if passed < read as u64 {
            return true;
        }
        tokio::time::sleep(pace).await;
    }
}

/// Answers behind the head, and reads on to the end, so that the answer is not lost.
async fn slow_down(mut client: TcpStream) -> Result<()> {
    let (mut head, mut buffer) = (Vec::new(), vec![0; STEP]);
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let read = client.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        head.extend_from_slice(&buffer[..read]);
    }
    client.write_all(SLOW_DOWN.as_bytes()).await?;
    client.shutdown().await?;
    while client.read(&mut buffer).await? > 0 {}
    Ok(())
}
