//! As much ZeroMQ as a load generator needs: ZMTP 3.0 without security, as a DEALER.

use crate::Result;
use crate::wire::Answer;
use std::io::{Read, Write};

/// The greeting and the READY command of a DEALER, and the other side's taken in.
pub fn shake_hands(stream: &mut (impl Read + Write)) -> Result<()> {
    stream.write_all(&[&b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL"[..], &[0; 48]].concat())?;
    stream.read_exact(&mut [0; 64])?;
    let ready = b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER";
    stream.write_all(&[&[4, ready.len() as u8][..], ready].concat())?;
    let mut head = [0; 2];
    stream.read_exact(&mut head)?;
    stream.read_exact(&mut vec![0; head[1].into()])?;
    Ok(())
}

/// A message.
pub fn write(out: &mut Vec<u8>, frames: &[&[u8]]) {
    for (index, frame) in frames.iter().enumerate() {
        let more = u8::from(index + 1 < frames.len());
        match u8::try_from(frame.len()) {
            Ok(length) => out.extend_from_slice(&[more, length]),
            Err(_) => {
                out.push(2 | more);
                out.extend_from_slice(&(frame.len() as u64).to_be_bytes());
            }
        }
        out.extend_from_slice(frame);
    }
}

/// The answer in a message of four frames: empty, version, status, body.
pub fn parse(bytes: &[u8]) -> Result<Option<Answer>> {
    let (mut at, mut status) = (0, 0);
    for number in 0.. {
        let Some(&flags) = bytes.get(at) else { return Ok(None) };
        if flags & !3 != 0 {
            return Err("a frame that is no part of a message".into());
        }
        let head = if flags & 2 == 0 { 2 } else { 9 };
        let Some(length) = bytes.get(at + 1..at + head) else { return Ok(None) };
        let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let start = at + head;
        let Some(frame) = bytes.get(start..start + length) else { return Ok(None) };
        if number == 2 {
            status = std::str::from_utf8(frame)?.parse()?;
        }
        if flags & 1 == 0 {
            return Ok(Some(Answer { status, start, length, close: false }));
        }
        at = start + length;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_when_its_last_frame_is() {
        let body = "x".repeat(300);
        let mut bytes = Vec::new();
        write(&mut bytes, &[b"", b"1", b"200", body.as_bytes()]);
        for end in 0..bytes.len() {
            assert_eq!(parse(&bytes[..end]).unwrap(), None);
        }
        let answer = parse(&bytes).unwrap().unwrap();
        assert_eq!((answer.status, answer.start, answer.length), (200, bytes.len() - 300, 300));
    }
}
