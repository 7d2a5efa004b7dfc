//! A token as a number: 27 characters in 16 bytes, found and compared in two steps.

use super::credentials::Short;
use crate::letters;

/// The random bits of a token, which in text is `t_` and 25 letters. Every such text is a different one, and no other text
/// is a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenId {
    /// The first twelve letters, and four bits of the last.
    high: u64,
    /// The twelve after them, and the lowest bit of the last.
    low: u64,
}

impl TokenId {
    /// The token that a text is.
    #[inline]
    pub fn read(text: impl AsRef<[u8]>) -> Option<Self> {
        let (first, rest) = text.as_ref().strip_prefix(b"t_")?.split_first_chunk()?;
        let (second, last) = rest.split_first_chunk()?;
        let last = letters::number::<1>(last.try_into().ok()?)?;
        let (high, low) = (letters::number::<12>(first)?, letters::number::<12>(second)?);
        Some(Self { high: high << 4 | last >> 1, low: low << 1 | last & 1 })
    }

    /// The token as text.
    pub fn text(self) -> Short {
        let mut text = *b"t_0123456789012345678901234";
        let last = (self.high & 15) << 1 | self.low & 1;
        let numbers = [self.high >> 4, self.low >> 1];
        let values = numbers.into_iter().flat_map(|number| (0..12).rev().map(move |place| number >> (5 * place)));
        for (character, value) in text.iter_mut().skip(2).zip(values.chain([last])) {
            *character = letters::letter(value);
        }
        std::str::from_utf8(&text).ok().and_then(Short::new).unwrap_or_default()
    }

    /// Sixty-four of its bits. They are as random as it is, so they serve as its hash.
    #[inline]
    pub fn bits(self) -> u64 {
        self.high
    }

    /// Others of its bits.
    pub fn other_bits(self) -> u64 {
        self.low
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance;
    use proptest::prelude::*;

    #[test]
    fn what_is_issued_is_a_number_and_comes_back() {
        for _ in 0..1000 {
            let text = chance::key("t");
            assert_eq!(TokenId::read(&text).unwrap().text().as_str(), text);
        }
    }

    #[test]
    fn what_is_not_a_token_is_no_number() {
        let good = "t_abcdefghjkmnpqrstuvwxyz02";
        assert!(TokenId::read(good).is_some());
        let (short, long) = (&good[..26], format!("{good}a"));
        for bad in ["", "t_", short, &long, &good.replace("t_", "c_"), &good.replace('a', "A"), &good.replace('a', "i")]
        {
            assert_eq!(TokenId::read(bad), None, "{bad}");
        }
        for at in 2..27 {
            for other in ["1", "l", "\0", "_"] {
                let mut bad = good.to_owned();
                bad.replace_range(at..=at, other);
                assert_eq!(TokenId::read(&bad), None, "{bad}");
            }
        }
    }

    proptest! {
        #[test]
        fn different_texts_are_different_numbers(one in "t_[a-hjkmnp-z02-9]{25}", at in 2_usize..27, other in "[a-hjkmnp-z02-9]") {
            let mut two = one.clone();
            two.replace_range(at..=at, &other);
            let (first, second) = (TokenId::read(&one).unwrap(), TokenId::read(&two).unwrap());
            prop_assert_eq!(first == second, one == two);
            let text = first.text();
            prop_assert_eq!(text.as_str(), &one);
        }
    }
}
