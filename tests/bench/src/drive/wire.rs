//! A connection that speaks HTTP/1.1, and no more of it than the load needs: what a client takes for
//! itself is taken from the servers that are measured, and from the fast ones most.

use anyhow::{Context, bail, ensure};
use httparse::Status;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The most headers of an answer.
const HEADERS_MAX: usize = 64;
/// How much is read at a time, at the least.
const READ: usize = 64 * 1024;

/// A connection on loopback.
pub(super) struct Wire {
    stream: TcpStream,
    /// What has come of the answer.
    came: Vec<u8>,
    /// Its body, where it came in chunks.
    joined: Vec<u8>,
}

/// An answer that came to its end.
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) body: &'a [u8],
}

/// How it is told where a body ends.
#[derive(Clone, Copy)]
enum Length {
    Told(usize),
    Chunks,
}

impl Wire {
    pub(super) async fn connect(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            came: Vec::new(),
            joined: Vec::new(),
        })
    }

    /// Sends a request, and reads the answer to its end.
    pub(super) async fn ask(&mut self, request: &[u8]) -> anyhow::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.came.clear();
        let (status, length, start) = loop {
            self.read().await?;
            if let Some(head) = head(&self.came)? {
                break head;
            }
        };
        match length {
            Length::Told(length) => {
                let end = start.saturating_add(length);
                while self.came.len() < end {
                    self.read().await?;
                }
                ensure!(self.came.len() == end, "more came than was asked for");
                let body = self.came.get(start..end).unwrap_or_default();
                Ok(Answer { status, body })
            }
            Length::Chunks => {
                while !join(self.came.get(start..).unwrap_or_default(), &mut self.joined)? {
                    self.read().await?;
                }
                let body = &self.joined;
                Ok(Answer { status, body })
            }
        }
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        self.came.reserve(READ);
        let read = self.stream.read_buf(&mut self.came).await?;
        ensure!(read > 0, "the connection was closed");
        Ok(())
    }
}

/// The status, where the body begins and how its end is told; `None` where not all of the head is there.
fn head(came: &[u8]) -> anyhow::Result<Option<(u16, Length, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let Status::Complete(start) = response.parse(came)? else {
        return Ok(None);
    };
    let status = response.code.context("an answer without a status")?;
    let named = |name: &str| {
        let mut headers = response.headers.iter();
        headers.find(|header| header.name.eq_ignore_ascii_case(name))
    };
    let length = if let Some(header) = named("content-length") {
        Length::Told(std::str::from_utf8(header.value)?.trim().parse()?)
    } else if named("transfer-encoding").is_some() {
        Length::Chunks
    } else {
        bail!("an answer that does not say where it ends");
    };
    Ok(Some((status, length, start)))
}

/// Joins the chunks, and says whether the last one is there.
fn join(mut rest: &[u8], joined: &mut Vec<u8>) -> anyhow::Result<bool> {
    joined.clear();
    loop {
        let size = httparse::parse_chunk_size(rest);
        let Status::Complete((head, size)) = size.map_err(|_| anyhow::anyhow!("a bad chunk"))?
        else {
            return Ok(false);
        };
        let chunk = rest.get(head..).unwrap_or_default();
        let Some((chunk, after)) = chunk.split_at_checked(usize::try_from(size)?) else {
            return Ok(false);
        };
        let Some(after) = after.strip_prefix(b"\r\n") else {
            ensure!(after.len() < 2, "a chunk without an end");
            return Ok(false);
        };
        if size == 0 {
            return Ok(true);
        }
        joined.extend_from_slice(chunk);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_when_the_last_one_is_there() {
        let whole = b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n";
        let mut joined = Vec::new();
        for cut in 0..whole.len() {
            assert!(!join(&whole[..cut], &mut joined).unwrap(), "{cut}");
        }
        assert!(join(whole, &mut joined).unwrap());
        assert_eq!(joined, b"abc0123456789");
        assert!(join(b"3\r\nabcdef", &mut joined).is_err());
        assert!(join(b"zz\r\n", &mut joined).is_err());
    }

    #[test]
    fn a_head_says_where_the_body_ends() {
        let told = head(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n").unwrap();
        assert!(matches!(told, Some((200, Length::Told(7), 38))));
        let chunks = head(b"HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
        assert!(matches!(chunks, Some((500, Length::Chunks, 47))));
        assert!(head(b"HTTP/1.1 200 OK\r\nContent-").unwrap().is_none());
        assert!(head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(head(b"hello\r\n\r\n").is_err());
    }
}
