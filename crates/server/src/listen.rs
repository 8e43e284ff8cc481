//! Accepting connections and speaking HTTP/1 and, under TLS, HTTP/2 on them, with the limits
//! that keep slow and hostile clients from holding the server. It serves any `tower` service;
//! what the requests mean, the certificates and the counting are elsewhere.

pub mod alarm;
mod connection;
mod heads;
pub mod sendfile;
mod socket;

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::shutdown::Stop;
use connection::Connection;
pub use sendfile::{FileBody, Sendfile};

/// The other end of the connection that a request came on, in the request's extensions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Peer {
    /// The address of the TCP peer: the client, or the proxy before us.
    pub address: SocketAddr,
    /// Whether the connection itself is TLS.
    pub tls: bool,
}

/// What a connection may take. [`Limits::default`] is what the manual promises.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Request line and all headers together, in bytes.
    pub head: usize,
    /// From the first byte of a request head to its last.
    pub head_time: Duration,
    /// How long a connection may wait for its next request.
    pub idle: Duration,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// How long a client may take no byte of an answer.
    pub stall: Duration,
    /// Connections at a time; more wait in the kernel's backlog.
    pub connections: usize,
    /// HTTP/2 streams of one connection at a time.
    pub streams: u32,
    /// How long a stop waits for running requests.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: 32 << 10,
            head_time: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            handshake: Duration::from_secs(10),
            stall: Duration::from_secs(60),
            connections: 10_000,
            streams: 100,
            grace: Duration::from_secs(300),
        }
    }
}

/// The number of connections open now.
#[derive(Clone, Default)]
pub struct Open(Arc<AtomicUsize>);

impl Open {
    /// The number of connections open now.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A place to listen: the socket, how to speak on it, and within which limits.
pub struct Listen {
    /// The bound socket.
    pub listener: TcpListener,
    /// TLS, or none for plain HTTP.
    pub tls: Option<TlsAcceptor>,
    /// The limits of each connection and of the whole.
    pub limits: Limits,
    /// Counts the connections.
    pub open: Open,
}

impl Listen {
    /// Accepts and serves until `stop`, then lets running requests finish for at most
    /// [`Limits::grace`]. Returns the number of connections that had to be cut off.
    ///
    /// Requests carry [`Peer`] and, where files can be sent without copying, [`Sendfile`] in their
    /// extensions.
    pub async fn serve<S, B>(self, service: S, mut stop: Stop) -> usize
    where
        S: tower::Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        let places = Arc::new(Semaphore::new(self.limits.connections));
        // Connections that are still there when the sender is dropped are cut off.
        let (_serving, served) = watch::channel(());
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.finishing() => break,
                accepted = self.accept(&places) => accepted,
            };
            let (stream, address, place) = accepted;
            let connection = Connection {
                peer: Peer { address, tls: self.tls.is_some() },
                tls: self.tls.clone(),
                limits: self.limits,
                stop: stop.clone(),
                served: served.clone(),
                service: service.clone(),
                _place: Place::take(place, &self.open),
            };
            tokio::spawn(connection.run(stream));
        }
        let limits = self.limits;
        drop(self.listener);
        finish(places, limits, stop).await
    }

    /// The next connection. A failed accept (too many files, an aborted handshake) is logged and
    /// tried again: it must never end the server.
    async fn accept(
        &self,
        places: &Arc<Semaphore>,
    ) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
        let place =
            Arc::clone(places).acquire_owned().await.expect("the semaphore is never closed");
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "TCP_NODELAY");
                    }
                    return (stream, address, place);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

/// Waits until every connection has given its place back, the grace is over, or a second signal.
async fn finish(places: Arc<Semaphore>, limits: Limits, mut stop: Stop) -> usize {
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    tokio::select! {
        biased;
        () = stop.ending() => {}
        () = tokio::time::sleep(limits.grace) => {}
        _ = places.acquire_many(all) => return 0,
    }
    let cut = limits.connections - places.available_permits();
    tracing::warn!(connections = cut, "connections were cut off before they had finished");
    cut
}

/// A taken place among the connections; dropping it gives it back.
struct Place {
    _permit: OwnedSemaphorePermit,
    open: Open,
}

impl Place {
    fn take(permit: OwnedSemaphorePermit, open: &Open) -> Self {
        open.0.fetch_add(1, Ordering::Relaxed);
        Self { _permit: permit, open: open.clone() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
