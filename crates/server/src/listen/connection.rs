//! One connection from its first byte to its last: the TLS handshake, the choice of the HTTP
//! version, and the graceful end. Accepting and counting connections is in `listen.rs`.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;
use tower::util::Oneshot;

use super::heads::HeadTimer;
use super::socket::Socket;
use super::{Limits, Peer, Place, Sendfile};
use crate::shutdown::Stop;

type Failure = Box<dyn Error + Send + Sync>;

/// The most that one connection reads ahead of the application, in bytes.
const READ_AHEAD: usize = 128 << 10;

/// A connection that was accepted and takes one of the places.
pub(super) struct Connection<S> {
    pub peer: Peer,
    pub tls: Option<TlsAcceptor>,
    pub limits: Limits,
    pub stop: Stop,
    /// Ends the connection when its sender is gone.
    pub served: watch::Receiver<()>,
    pub service: S,
    pub _place: Place,
}

impl<S, B> Connection<S>
where
    S: tower::Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes, Error: Into<Failure>> + Send + 'static,
{
    /// Serves the connection until either side is done or the server ends.
    pub async fn run(self, stream: TcpStream) {
        let peer = self.peer;
        let mut served = self.served.clone();
        let ended = tokio::select! {
            biased;
            ended = self.speak(stream) => ended,
            _ = served.changed() => return,
        };
        // A client that hangs up or stalls is everyday business, not an error of ours.
        if let Err(error) = ended {
            tracing::debug!(peer = %peer.address, error = &*error, "connection ended");
        }
    }

    async fn speak(self, stream: TcpStream) -> Result<(), Failure> {
        let Some(tls) = self.tls.clone() else {
            let socket = Socket::new(stream, self.limits.stall);
            let received = socket.received();
            let sendfile = Some(socket.sendfile());
            return Ok(self.http1(socket, received, sendfile).await?);
        };
        let handshake = self.limits.handshake;
        let Some(stream) = timeout(handshake, refuse_plain(stream)).await?? else {
            return Ok(());
        };
        let socket = Socket::new(stream, self.limits.stall);
        let received = socket.received();
        let stream = timeout(handshake, tls.accept(socket)).await??;
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            Ok(self.http2(stream).await?)
        } else {
            Ok(self.http1(stream, received, None).await?)
        }
    }

    async fn http1<T>(
        mut self,
        io: T,
        received: Arc<AtomicU64>,
        sendfile: Option<Sendfile>,
    ) -> hyper::Result<()>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Limits { head, head_time, idle, .. } = self.limits;
        let connection = http1::Builder::new()
            .timer(HeadTimer::new(head_time, idle, received))
            .header_read_timeout(head_time)
            .max_header_size(head)
            // Many large pushes at a time: what each has read ahead adds up.
            .max_buf_size(READ_AHEAD)
            .serve_connection(TokioIo::new(io), self.addressed(sendfile));
        let mut connection = pin!(connection);
        tokio::select! {
            biased;
            ended = connection.as_mut() => return ended,
            () = self.stop.finishing() => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    }

    async fn http2<T>(mut self, io: T) -> hyper::Result<()>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let head = u32::try_from(self.limits.head).unwrap_or(u32::MAX);
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.limits.streams)
            .max_header_list_size(head)
            .initial_stream_window_size(256 << 10)
            .initial_connection_window_size(1 << 20)
            .max_send_buf_size(256 << 10)
            .max_pending_accept_reset_streams(20)
            .max_local_error_reset_streams(200)
            .keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(20))
            .serve_connection(TokioIo::new(io), self.addressed(None));
        let mut connection = pin!(connection);
        tokio::select! {
            biased;
            ended = connection.as_mut() => return ended,
            () = self.stop.finishing() => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    }

    fn addressed(&self, sendfile: Option<Sendfile>) -> Addressed<S> {
        Addressed { service: self.service.clone(), peer: self.peer, sendfile }
    }
}

/// The first byte of a TLS handshake record.
const HANDSHAKE: u8 = 0x16;

/// Answers a client that speaks plain HTTP on the TLS port in its own language; such a client
/// could make nothing of a TLS alert. Gives the stream back when TLS begins.
async fn refuse_plain(mut stream: TcpStream) -> io::Result<Option<TcpStream>> {
    let mut first = [0];
    match stream.peek(&mut first).await? {
        0 => Ok(None),
        _ if first[0] == HANDSHAKE => Ok(Some(stream)),
        _ => {
            let answer: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\
                Content-Length: 41\r\nConnection: close\r\n\r\nThis port speaks HTTPS: use https:// here";
            stream.write_all(answer).await?;
            Socket::new(stream, Duration::from_secs(2)).shutdown().await?;
            Ok(None)
        }
    }
}

/// The service as one connection sees it: its requests know where they came from.
struct Addressed<S> {
    service: S,
    peer: Peer,
    sendfile: Option<Sendfile>,
}

impl<S> hyper::service::Service<Request<Incoming>> for Addressed<S>
where
    S: tower::Service<Request<Incoming>> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Oneshot<S, Request<Incoming>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        if let Some(sendfile) = &self.sendfile {
            request.extensions_mut().insert(sendfile.clone());
        }
        self.service.clone().oneshot(request)
    }
}
