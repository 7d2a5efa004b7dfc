//! Frames: the envelope that leads back to the sender, an empty frame, and then version, authorization, command, body.

use crate::doors::message::{Answer, Request};
use omq_tokio::Message;
use shared::error::Refusal;

/// The version of this protocol.
const VERSION: &[u8] = b"1";
/// Frames that proxies and correlating clients may put before the empty one.
const ENVELOPE: usize = 8;
/// Bytes of a command's name.
const NAME_BYTES: usize = 64;

fn frames(message: &Message) -> impl Iterator<Item = &[u8]> {
    (0..message.len()).filter_map(|index| message.part_slice(index))
}

/// What goes before the answer: the frames up to the empty one, as they came.
pub(super) fn envelope(message: &Message) -> Vec<&[u8]> {
    match frames(message).take(ENVELOPE + 1).position(<[u8]>::is_empty) {
        Some(end) => frames(message).take(end + 1).collect(),
        None => vec![&[]],
    }
}

/// The request in a message.
pub(super) fn read(message: &Message) -> Result<Request<'_>, Refusal> {
    let frames: Vec<&[u8]> = frames(message).take(ENVELOPE + 6).collect();
    let Some(end) = frames.iter().take(ENVELOPE + 1).position(|frame| frame.is_empty()) else {
        return Err(malformed("frames", "there is no empty frame before the version: a DEALER must send one"));
    };
    let Some(&[version, authorization, command, body]) = frames.get(end + 1..) else {
        let detail = "after the empty frame there must be four: version, authorization, command, body";
        return Err(malformed("frames", detail));
    };
    if version != VERSION {
        return Err(Refusal::invalid("version", "unknown", "this door speaks version 1"));
    }
    let command = name(command).ok_or_else(|| malformed("command", "not the name of a command such as user.get"))?;
    Ok(Request { authorization, command, body })
}

/// An answer as a message.
pub(super) fn write(envelope: Vec<&[u8]>, answer: Answer) -> Message {
    let mut frames: Vec<Vec<u8>> = envelope.into_iter().map(<[u8]>::to_vec).collect();
    frames.extend([VERSION.to_vec(), answer.status.to_string().into_bytes(), answer.body]);
    Message::multipart(frames)
}

/// Names are signed and logged as they come, so only what can be a name is taken for one.
fn name(frame: &[u8]) -> Option<&str> {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_');
    let fits = (1..=NAME_BYTES).contains(&frame.len()) && frame.iter().all(plain);
    std::str::from_utf8(frame).ok().filter(|_| fits)
}

fn malformed(field: &str, detail: &str) -> Refusal {
    Refusal::invalid(field, "malformed", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(frames: &[&[u8]]) -> Message {
        Message::multipart(frames.iter().map(|frame| frame.to_vec()).collect::<Vec<_>>())
    }

    #[test]
    fn four_frames_follow_the_empty_one() {
        let plain = message(&[b"", b"1", b"OAuth x", b"user.get", b"{}"]);
        let request = read(&plain).unwrap();
        assert_eq!((request.authorization, request.command, request.body), (&b"OAuth x"[..], "user.get", &b"{}"[..]));
        assert_eq!(envelope(&plain), [b""]);
        let proxied = message(&[b"who", b"\0id", b"", b"1", b"", b"echo", b""]);
        assert!(read(&proxied).is_ok());
        assert_eq!(envelope(&proxied), [&b"who"[..], b"\0id", b""]);
    }

    #[test]
    fn what_is_no_request_is_said() {
        let many = [&b""[..]; 500];
        let late = [&b"x"[..], b"x", b"x", b"x", b"x", b"x", b"x", b"x", b"x", b"", b"1", b"", b"echo", b""];
        for (frames, field) in [
            (&[&b"1"[..], b"OAuth", b"echo", b"{}"][..], "frames"),
            (&[b"", b"1", b"", b"echo"], "frames"),
            (&[b"", b"1", b"", b"echo", b"", b""], "frames"),
            (&[b""], "frames"),
            (&many, "frames"),
            (&late, "frames"),
            (&[b"", b"2", b"", b"echo", b""], "version"),
            (&[b"", b"1", b"", b"Echo", b""], "command"),
            (&[b"", b"1", b"", b"a/../b", b""], "command"),
            (&[b"", b"1", b"", b"\xff\xfe", b""], "command"),
            (&[b"", b"1", b"", b"", b""], "command"),
        ] {
            let refusal = read(&message(frames)).unwrap_err();
            assert_eq!(refusal.facts.unwrap().errors[0].field, field, "{frames:?}");
            assert!(envelope(&message(frames)).len() <= ENVELOPE + 1);
        }
    }

    #[test]
    fn an_answer_goes_back_through_its_envelope() {
        let answer = Answer { status: 204, body: vec![] };
        assert_eq!(write(vec![b"a", b""], answer), message(&[b"a", b"", b"1", b"204", b""]));
    }
}
