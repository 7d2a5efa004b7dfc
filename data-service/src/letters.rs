//! Bits as letters: base 32 without the letters that look like others, in lower case, for keys are read aloud and typed.

const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
/// Bits of one letter.
const BITS: u32 = 5;
/// What stands in [`VALUES`] for what is none of the letters.
const NONE: u8 = 0xff;

/// The value of each letter.
const VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let (mut letters, mut value): (&[u8], u8) = (LETTERS, 0);
    while let [letter, rest @ ..] = letters {
        #[expect(clippy::indexing_slicing, reason = "a byte has its place in 256, and this runs while compiling")]
        {
            values[*letter as usize] = value;
        }
        (letters, value) = (rest, value + 1);
    }
    values
};

/// Bytes as letters. Bits at the end that make no whole letter are left out.
pub fn write(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let (mut buffer, mut bits) = (0_u32, 0);
    for &byte in bytes {
        buffer = buffer << 8 | u32::from(byte);
        bits += 8;
        while bits >= BITS {
            bits -= BITS;
            text.push(char::from(letter(u64::from(buffer >> bits))));
        }
        buffer &= (1 << bits) - 1;
    }
    text
}

/// The letter of the lowest bits of a number.
#[inline]
pub fn letter(number: u64) -> u8 {
    let value = usize::try_from(number % 32).unwrap_or(0);
    LETTERS.get(value).copied().unwrap_or(NONE)
}

/// The number that so many letters make, the first of them in its highest bits; `None` if one is not a letter.
#[inline]
pub fn number<const N: usize>(letters: &[u8; N]) -> Option<u64> {
    const { assert!(N <= 12, "twelve letters are sixty bits") };
    let (mut number, mut all) = (0, 0);
    for letter in letters {
        let value = VALUES.get(usize::from(*letter)).copied().unwrap_or(NONE);
        number = number << BITS | u64::from(value % 32);
        all |= value;
    }
    (all < 32).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_numbers_and_numbers_letters() {
        assert_eq!(number(b"a"), Some(0));
        assert_eq!(number(b"9"), Some(31));
        assert_eq!(number(b"ba"), Some(32));
        for value in 0..32 {
            let letter = letter(value);
            assert_eq!(number(&[letter]), Some(value));
        }
        let known = (0..=255).filter(|byte| number(&[*byte]).is_some()).count();
        assert_eq!(known, 32);
    }

    #[test]
    fn bytes_are_written_from_their_highest_bits_on() {
        assert_eq!(write(&[0xff; 5]), "99999999");
        assert_eq!(write(&[0b0000_1000, 0b0100_0000]), "bba");
        assert_eq!(write(&[]), "");
    }
}
