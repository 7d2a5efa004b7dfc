//! Eight bytes at a time: what is asked of every byte of every request, without a branch for each of them.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The index of the first `byte`.
#[inline]
pub(super) fn find(byte: u8, bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        // A byte that is equal becomes zero. The lowest zero is found exactly; above it a borrow may lie.
        let difference = u64::from_le_bytes(*word) ^ (ONES * byte as u64);
        let zeros = difference.wrapping_sub(ONES) & !difference & HIGH;
        if zeros != 0 {
            return Some(index * 8 + zeros.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(|other| *other == byte).map(|index| words.len() * 8 + index)
}

/// True if every byte is one of `A-Z a-z 0-9 - . _ ~`: what percent-encoding leaves alone (RFC 3986 section 2.3).
#[inline]
pub(super) fn all_unreserved(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    // The last word may begin before the end of the one before it; a short text is filled up with what is unreserved.
    let last = match bytes.last_chunk::<8>() {
        Some(last) => *last,
        None => {
            let mut last = [b'-'; 8];
            last.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
            last
        }
    };
    words.iter().fold(strange(&last), |found, word| found | strange(word)) == 0
}

/// The highest bit of each byte that is not unreserved.
#[inline]
fn strange(word: &[u8; 8]) -> u64 {
    let word = u64::from_le_bytes(*word);
    let ascii = word & !HIGH;
    let lower = ascii | (ONES * 0x20);
    let fine = within(lower, b'a', b'z')
        | within(ascii, b'0', b'9')
        | within(ascii, b'-', b'.')
        | within(ascii, b'_', b'_')
        | within(ascii, b'~', b'~');
    (word | !fine) & HIGH
}

/// The highest bit of each byte from `low` to `high`, where all bytes are ASCII. No byte's sum reaches the next one.
#[inline]
const fn within(word: u64, low: u8, high: u8) -> u64 {
    let from = word.wrapping_add(ONES * (0x80 - low as u64));
    let beyond = word.wrapping_add(ONES * (0x7f - high as u64));
    from & !beyond
}

#[cfg(test)]
mod tests {
    use super::super::percent::is_unreserved;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_byte_is_judged_in_every_place() {
        for byte in 0..=255 {
            for length in 0..20 {
                for place in 0..length {
                    let mut text = vec![b'a'; length];
                    text[place] = byte;
                    assert_eq!(all_unreserved(&text), is_unreserved(byte), "{byte:#x} at {place} of {length}");
                }
            }
        }
        assert!(all_unreserved(b""));
    }

    proptest! {
        #[test]
        fn what_is_found_is_the_first(bytes in prop::collection::vec(any::<u8>(), 0..40), byte in any::<u8>()) {
            prop_assert_eq!(find(byte, &bytes), bytes.iter().position(|other| *other == byte));
        }

        #[test]
        fn all_means_each(bytes in prop::collection::vec("[ -~é]", 0..20).prop_map(|parts| parts.concat())) {
            prop_assert_eq!(all_unreserved(bytes.as_bytes()), bytes.bytes().all(is_unreserved));
        }
    }
}
