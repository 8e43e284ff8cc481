//! A connection that reads at the least cost to the machine: requests are text made beforehand, and
//! the kernel discards the bodies unread, so that the server has the CPU. HTTP/1.1 with a
//! Content-Length only, which is what every server measured here sends for manifests and blobs.

use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;

use anyhow::{Context as _, bail, ensure};
use nix::sys::socket::{MsgFlags, recv};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::TcpStream;

const HEAD: usize = 16 << 10;
const DISCARD: usize = 4 << 20;

/// A keep-alive connection.
#[derive(Debug)]
pub struct Reader {
    stream: TcpStream,
    head: Vec<u8>,
    /// Where discarded bytes would go: with MSG_TRUNC the kernel takes only its length.
    discarded: Vec<u8>,
}

/// What an answer's head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Bytes of the head itself.
    head: usize,
    /// The Content-Length.
    body: u64,
}

impl Reader {
    /// Connects.
    ///
    /// # Errors
    /// Fails if nobody listens there.
    pub async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, head: vec![0; HEAD], discarded: vec![0; DISCARD] })
    }

    /// Sends a request and reads its answer, which must have this status and Content-Length.
    ///
    /// # Errors
    /// Fails if the answer differs or the connection breaks.
    pub async fn exchange(&mut self, request: &Request) -> anyhow::Result<()> {
        self.stream.write_all(request.text.as_bytes()).await?;
        let (head, read) = self.read_head().await?;
        let expected = (request.status, request.length);
        ensure!(
            (head.status, head.body) == expected,
            "{:?} answered {head:?}",
            request.text.lines().next()
        );
        let body = if request.text.starts_with("HEAD ") { 0 } else { head.body };
        let early = (read - head.head) as u64;
        ensure!(early <= body, "the server sent more than it announced");
        self.discard(body - early).await
    }

    /// Reads until the head is whole, and says how many bytes were read in all.
    async fn read_head(&mut self) -> anyhow::Result<(Head, usize)> {
        let mut read = 0;
        loop {
            let more = self.stream.read(&mut self.head[read..]).await?;
            ensure!(more > 0, "the connection ended, or the head is longer than {HEAD} bytes");
            read += more;
            if let Some(head) = parse(&self.head[..read])? {
                return Ok((head, read));
            }
        }
    }

    async fn discard(&mut self, mut left: u64) -> anyhow::Result<()> {
        while left > 0 {
            self.stream.readable().await?;
            let most = left.min(DISCARD as u64) as usize;
            let into = &mut self.discarded[..most];
            let fd = self.stream.as_raw_fd();
            let got =
                self.stream.try_io(Interest::READABLE, || Ok(recv(fd, into, MsgFlags::MSG_TRUNC)?));
            match got {
                Ok(0) => bail!("the connection ended {left} bytes early"),
                Ok(more) => left -= more as u64,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// A request as text, and what its answer has to be.
#[derive(Debug, Clone)]
pub struct Request {
    /// The head, with the empty line.
    pub text: String,
    /// The status to be answered.
    pub status: u16,
    /// The Content-Length to be answered.
    pub length: u64,
}

fn parse(bytes: &[u8]) -> anyhow::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else { return Ok(None) };
    let length = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .context("an answer without Content-Length")?;
    let body = std::str::from_utf8(length.value)?.parse()?;
    Ok(Some(Head { status: response.code.context("an answer without a status")?, head, body }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let answer = b"HTTP/1.1 206 Partial Content\r\ncontent-LENGTH: 7\r\n\r\nabc";
        let whole = answer.len() - 3;
        assert!((0..whole).all(|end| parse(&answer[..end]).unwrap().is_none()));
        assert_eq!(parse(answer).unwrap().unwrap(), Head { status: 206, head: whole, body: 7 });
        assert!(parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
        assert!(parse(b"SSH-2.0-OpenSSH_9.2\r\n").is_err());
    }
}
