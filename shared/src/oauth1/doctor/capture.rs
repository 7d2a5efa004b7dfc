//! Reading a captured HTTP/1.1 request (RFC 9112), with patience for what editors and capture tools do to it.

use super::cause::Cause;
use crate::oauth1::base_url::{self, UrlError};

/// Why a text is no HTTP request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRead {
    /// The first line.
    #[error("the first line is not a request line such as `GET /users/me HTTP/1.1`")]
    RequestLine,
    /// An absolute-form target (RFC 9112 section 3.2.2).
    #[error("the URL in the request line: {0}")]
    Target(#[from] UrlError),
    /// A header line without a colon; its number is given.
    #[error("line {0} is not a header such as `Host: api.example.com`")]
    Header(usize),
}

/// A captured request.
pub(super) struct Capture {
    pub method: String,
    /// The authority of an absolute-form target.
    pub authority: Option<String>,
    pub path: String,
    pub query: Option<String>,
    headers: Vec<(String, Vec<u8>)>,
    /// Transfer-decoded, and cut to its `Content-Length`.
    pub body: Vec<u8>,
    /// What is odd about the capture itself.
    pub causes: Vec<Cause>,
}

impl Capture {
    pub(super) fn read(raw: &[u8]) -> Result<Self, NotRead> {
        let mut lines = Lines { rest: raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw), number: 0 };
        let first = lines.by_ref().find(|line| !line.is_empty()).ok_or(NotRead::RequestLine)?;
        let (method, target) = request_line(first).ok_or(NotRead::RequestLine)?;
        let (authority, path, query) = split_target(target)?;
        let mut capture = Self {
            method: method.into(),
            authority: authority.map(Into::into),
            path: path.into(),
            query: query.map(Into::into),
            headers: headers(&mut lines)?,
            body: Vec::new(),
            causes: Vec::new(),
        };
        capture.body = capture.framed(lines.rest);
        Ok(capture)
    }

    /// The values of a header field, by its name in lower case.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_slice())
    }

    /// The first value of a header field, if it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value).ok()
    }

    /// The body as the framing headers delimit it (RFC 9112 section 6).
    fn framed(&mut self, rest: &[u8]) -> Vec<u8> {
        let chunked =
            self.header("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
        if chunked {
            return dechunk(rest).unwrap_or_else(|| {
                self.causes.push(Cause::note(
                    "chunks_not_found",
                    "Transfer-Encoding says chunked, but no complete chunks follow: the body is taken as decoded already.",
                ));
                rest.to_vec()
            });
        }
        let length = self.header("content-length").and_then(|value| value.trim().parse::<usize>().ok());
        let body = rest.get(..length.unwrap_or(rest.len())).unwrap_or(rest);
        if let Some(length) = length {
            self.causes.extend(length_cause(length, rest));
        }
        body.to_vec()
    }
}

/// A newline that an editor put at the end of the file is no news.
fn length_cause(length: usize, rest: &[u8]) -> Option<Cause> {
    let cause = match rest.get(length..) {
        None => Cause::new(
            "body_incomplete",
            "The capture ends before the body does, so neither form nor body hash can be right here.",
        ),
        Some(extra) if extra.iter().all(|b| matches!(b, b'\r' | b'\n')) => return None,
        Some(_) => Cause::note(
            "body_too_long",
            "More was captured than Content-Length announces. The server reads only that much.",
        ),
    };
    Some(cause.found(bytes(rest.len())).expected(bytes(length)))
}

/// A length in words.
pub(super) fn bytes(count: usize) -> String {
    if count == 1 { "1 byte".into() } else { format!("{count} bytes") }
}

fn request_line(line: &[u8]) -> Option<(&str, &str)> {
    let (method, rest) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    let target = rest.rsplit_once(" HTTP/").map_or(rest, |(target, _)| target).trim();
    let token = method.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    (!method.is_empty() && token && !target.is_empty()).then_some((method, target))
}

type Target<'a> = (Option<&'a str>, &'a str, Option<&'a str>);

fn split_target(target: &str) -> Result<Target<'_>, UrlError> {
    if !target.starts_with('/') && target.contains("://") {
        let parts = base_url::split(target)?;
        return Ok((Some(parts.authority), parts.path, parts.query));
    }
    let target = target.split('#').next().unwrap_or(target);
    Ok(match target.split_once('?') {
        Some((path, query)) => (None, path, Some(query)),
        None => (None, target, None),
    })
}

/// Header fields up to the blank line. A line that begins with a blank continues the one before it.
fn headers(lines: &mut Lines<'_>) -> Result<Vec<(String, Vec<u8>)>, NotRead> {
    let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
    while let Some(line) = lines.next().filter(|line| !line.is_empty()) {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            let (_, value) = headers.last_mut().ok_or(NotRead::Header(lines.number))?;
            value.push(b' ');
            value.extend_from_slice(line.trim_ascii());
            continue;
        }
        let colon = line.iter().position(|&b| b == b':').ok_or(NotRead::Header(lines.number))?;
        let (name, value) = line.split_at_checked(colon).unwrap_or((line, b""));
        let name = String::from_utf8_lossy(name).trim().to_ascii_lowercase();
        headers.push((name, value.get(1..).unwrap_or(b"").trim_ascii().to_vec()));
    }
    Ok(headers)
}

/// The chunks of a body (RFC 9112 section 7.1), if they are complete.
fn dechunk(rest: &[u8]) -> Option<Vec<u8>> {
    let mut lines = Lines { rest, number: 0 };
    let mut body = Vec::new();
    loop {
        let size = std::str::from_utf8(lines.next()?).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let (chunk, rest) = lines.rest.split_at_checked(size)?;
        body.extend_from_slice(chunk);
        lines.rest = rest;
        lines.next().filter(|line| line.is_empty())?;
    }
}

/// Lines that end with CRLF, LF, or the end of the input.
struct Lines<'a> {
    rest: &'a [u8],
    number: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        self.number += 1;
        let end = self.rest.iter().position(|&b| b == b'\n').unwrap_or(self.rest.len());
        let (line, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.get(1..).unwrap_or(b"");
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Capture {
        Capture::read(raw.as_bytes()).unwrap()
    }

    fn code(capture: &Capture) -> Option<&str> {
        capture.causes.first().map(|cause| cause.code.as_str())
    }

    #[test]
    fn line_ends_blank_lines_and_folded_headers_do_not_matter() {
        for raw in [
            "POST /a?b=c HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n  2\r\n\r\nbody",
            "\n\nPOST /a?b=c HTTP/1.1\nhost:h\nx-a:  1\n\t2 \n\nbody",
            "\u{feff}POST http://h/a?b=c#d HTTP/1.1\nHOST: h\nx-a: 1 2\nContent-Length: 4\n\nbody\n",
        ] {
            let capture = read(raw);
            assert_eq!((capture.method.as_str(), capture.path.as_str()), ("POST", "/a"), "{raw}");
            assert_eq!(capture.query.as_deref(), Some("b=c"), "{raw}");
            assert_eq!((capture.header("host"), capture.header("x-a")), (Some("h"), Some("1 2")), "{raw}");
            assert_eq!(capture.body, b"body", "{raw}");
            assert_eq!(code(&capture), None, "{raw}");
        }
        let bare = read("GET /");
        assert_eq!((bare.path.as_str(), bare.query, bare.body.len()), ("/", None, 0));
        assert_eq!(read("GET http://h HTTP/1.1\r\n").authority.as_deref(), Some("h"));
    }

    #[test]
    fn chunks_are_joined() {
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n";
        assert_eq!(read(&format!("{chunked}3;x=y\r\nabc\r\n02\r\nde\r\n0\r\n\r\n")).body, b"abcde");
        assert_eq!(read(&format!("{chunked}3\nabc\n0")).body, b"abc");
        for broken in ["{\"a\":1}", "3\r\nab", "3\r\nabcd\r\n0\r\n", "ffffffffffffffffff\r\n", ""] {
            let capture = read(&format!("{chunked}{broken}"));
            assert_eq!((capture.body.as_slice(), code(&capture)), (broken.as_bytes(), Some("chunks_not_found")));
        }
    }

    #[test]
    fn content_length_is_believed_and_checked() {
        let long = read("POST / HTTP/1.1\nContent-Length: 2\n\nabc");
        assert_eq!((long.body.as_slice(), code(&long)), (&b"ab"[..], Some("body_too_long")));
        let short = read("POST / HTTP/1.1\nContent-Length: 4\n\nabc");
        assert_eq!((short.body.as_slice(), code(&short)), (&b"abc"[..], Some("body_incomplete")));
    }

    #[test]
    fn what_is_no_request_is_said_so() {
        let error = |raw: &str| Capture::read(raw.as_bytes()).err();
        for raw in ["", "\n", "GET", "GET ", "{\"a\": 1}", " / HTTP/1.1", "\u{e9} / HTTP/1.1"] {
            assert_eq!(error(raw), Some(NotRead::RequestLine), "{raw}");
        }
        assert_eq!(error("GET / HTTP/1.1\nHost: h\nnonsense\n"), Some(NotRead::Header(3)));
        assert_eq!(error("GET / HTTP/1.1\n folded\n"), Some(NotRead::Header(2)));
        assert_eq!(error("GET http://u:p@h/ HTTP/1.1"), Some(NotRead::Target(UrlError::UserInfo)));
    }
}
