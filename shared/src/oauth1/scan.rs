//! What is asked of every byte of every request: sixteen of them at a time, without a branch for each.
//!
//! The functions on sixteen bytes are written so that the compiler makes a few vector instructions of each.

/// The index of the first `byte`.
#[inline(always)]
pub(super) fn find(byte: u8, bytes: &[u8]) -> Option<usize> {
    first(bytes, !byte, |other| other == byte)
}

/// How many bytes at the beginning are unreserved: `A-Z a-z 0-9 - . _ ~`, what percent-encoding leaves alone (RFC 3986
/// section 2.3).
#[inline(always)]
pub(super) fn unreserved_prefix(bytes: &[u8]) -> usize {
    first(bytes, b'-', is_strange).unwrap_or(bytes.len())
}

/// True if every byte is unreserved.
#[inline(always)]
pub(super) fn all_unreserved(bytes: &[u8]) -> bool {
    first(bytes, b'-', is_strange).is_none()
}

/// True for a byte that is not unreserved, told without a table.
#[inline(always)]
fn is_strange(byte: u8) -> bool {
    let within = |byte: u8, low: u8, count: u8| byte.wrapping_sub(low) < count;
    let fine = within(byte | 0x20, b'a', 26) | within(byte, b'0', 10) | within(byte, b'-', 2);
    !(fine | (byte == b'_') | (byte == b'~'))
}

/// A byte of ones for each byte that is of a kind.
#[inline(always)]
fn mark(sixteen: &[u8; 16], kind: impl Fn(u8) -> bool) -> u128 {
    let mut marks = [0; 16];
    for (mark, byte) in marks.iter_mut().zip(sixteen) {
        *mark = if kind(*byte) { 0xff } else { 0 };
    }
    u128::from_le_bytes(marks)
}

/// The index of the first byte that is of a kind. `other` is a byte that is not.
#[inline(always)]
fn first(bytes: &[u8], other: u8, kind: impl Fn(u8) -> bool) -> Option<usize> {
    let found = |marks: u128, before: usize| (marks != 0).then(|| before + marks.trailing_zeros() as usize / 8);
    let (chunks, rest) = bytes.as_chunks::<16>();
    for (index, sixteen) in chunks.iter().enumerate() {
        let marks = mark(sixteen, &kind);
        if marks != 0 {
            return found(marks, index * 16);
        }
    }
    if rest.is_empty() {
        return None;
    }
    match bytes.last_chunk::<16>() {
        // They begin before the end of the chunk before them, where none was found.
        Some(last) => found(mark(last, &kind), bytes.len() - 16),
        None => {
            let mut last = [other; 16];
            last.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
            found(mark(&last, &kind), 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::percent::is_unreserved;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_byte_is_judged_in_every_place() {
        for byte in 0..=255 {
            for length in 0..36 {
                for place in 0..length {
                    let mut text = vec![b'a'; length];
                    text[place] = byte;
                    assert_eq!(all_unreserved(&text), is_unreserved(byte), "{byte:#x} at {place} of {length}");
                    let prefix = if is_unreserved(byte) { length } else { place };
                    assert_eq!(unreserved_prefix(&text), prefix, "{byte:#x} at {place} of {length}");
                }
            }
        }
        assert!(all_unreserved(b""));
    }

    proptest! {
        #[test]
        fn what_is_found_is_the_first(bytes in prop::collection::vec(any::<u8>(), 0..60), byte in any::<u8>()) {
            prop_assert_eq!(find(byte, &bytes), bytes.iter().position(|other| *other == byte));
        }

        #[test]
        fn all_means_each(bytes in prop::collection::vec("[ -~é]", 0..40).prop_map(|parts| parts.concat())) {
            prop_assert_eq!(all_unreserved(bytes.as_bytes()), bytes.bytes().all(is_unreserved));
            let prefix = bytes.bytes().take_while(|byte| is_unreserved(*byte)).count();
            prop_assert_eq!(unreserved_prefix(bytes.as_bytes()), prefix);
        }
    }
}
