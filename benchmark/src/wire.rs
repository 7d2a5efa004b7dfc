//! As much HTTP as a load generator needs: whole requests out, answers with a `Content-Length` in. ZeroMQ is in [`zmtp`].

use crate::{Result, zmtp};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

/// A keep-alive connection that never blocks.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    wire: Wire,
}

/// What is spoken over a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wire {
    /// HTTP/1.1.
    #[default]
    Http,
    /// ZeroMQ, as a DEALER.
    ZeroMq,
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Where the body begins in the buffer.
    pub start: usize,
    /// Bytes of the body.
    pub length: usize,
    /// The server closes the connection after it.
    pub close: bool,
}

impl Connection {
    /// Connects for HTTP.
    pub fn open(address: SocketAddr) -> Result<Self> {
        Self::open_for(Wire::Http, address)
    }

    /// Connects.
    pub fn open_for(wire: Wire, address: SocketAddr) -> Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        if wire == Wire::ZeroMq {
            zmtp::shake_hands(&mut stream)?;
        }
        stream.set_nonblocking(true)?;
        Ok(Self { stream, buffer: vec![0; 16 * 1024], filled: 0, wire })
    }

    /// Sends a request. It is small and the answer before it was read, so it always fits.
    pub fn send(&mut self, request: &[u8]) -> Result<()> {
        let written = self.stream.write(request)?;
        if written == request.len() { Ok(()) } else { Err("a request did not fit into the socket".into()) }
    }

    /// Reads what is there; the answer once it is complete.
    pub fn receive(&mut self) -> Result<Option<Answer>> {
        match self.stream.read(&mut self.buffer[self.filled..]) {
            Ok(0) => return Err("the server closed a connection".into()),
            Ok(count) => self.filled += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let answer = match self.wire {
            Wire::Http => parse(&self.buffer[..self.filled])?,
            Wire::ZeroMq => zmtp::parse(&self.buffer[..self.filled])?,
        };
        if let Some(answer) = answer {
            if self.filled != answer.start + answer.length {
                return Err("more came than was asked for".into());
            }
            self.filled = 0;
        }
        Ok(answer)
    }

    /// The body of the last answer.
    pub fn body(&self, answer: Answer) -> &[u8] {
        &self.buffer[answer.start..answer.start + answer.length]
    }

    /// One request, waited for.
    pub fn exchange(&mut self, request: &[u8]) -> Result<(Answer, &[u8])> {
        self.send(request)?;
        let answer = loop {
            if let Some(answer) = self.receive()? {
                break answer;
            }
            std::thread::yield_now();
        };
        Ok((answer, self.body(answer)))
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn parse(bytes: &[u8]) -> Result<Option<Answer>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let (head, start) = (&bytes[..end], end + 4);
    let status = head.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    let status = status.ok_or("an answer without a status")?;
    let field = |name: &[u8]| head.split(|byte| *byte == b'\n').find_map(|line| field(line, name));
    let length = field(b"content-length:").and_then(|value| value.parse().ok()).ok_or("an answer without a length")?;
    let close = field(b"connection:").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok((bytes.len() >= start + length).then_some(Answer { status, start, length, close }))
}

fn field<'a>(line: &'a [u8], wanted: &[u8]) -> Option<&'a str> {
    let (name, value) = line.split_at_checked(wanted.len())?;
    if !name.eq_ignore_ascii_case(wanted) {
        return None;
    }
    std::str::from_utf8(value).ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_when_its_body_is() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\ndate: x\r\n\r\nhello";
        for end in 0..text.len() {
            assert_eq!(parse(&text[..end]).unwrap(), None);
        }
        assert_eq!(parse(text).unwrap(), Some(Answer { status: 200, start: text.len() - 5, length: 5, close: false }));
    }
}
