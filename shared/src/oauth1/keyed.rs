//! HMAC-SHA1 that has taken in its key already (RFC 2104 section 4): two of the blocks that each request would hash again.
//!
//! Kept for each token in memory, and therefore nothing but the two states of the hash, 40 bytes: an [`Hmac`] that can be
//! cloned has a block besides. The hash itself is the `sha1` crate's.
//!
//! [`Hmac`]: hmac::Hmac

use sha1::digest::block_buffer::EagerBuffer;
use sha1::digest::typenum::U64;
use sha1::{Digest, Sha1, compress};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes of a block of SHA-1.
const BLOCK: usize = 64;
/// The state in which SHA-1 begins (FIPS 180-4 section 5.3.1).
const START: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];

/// The states of the inner and the outer hash, each after the block that holds the key. Worth as much as the key, and
/// therefore wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Keyed {
    inner: [u32; 5],
    outer: [u32; 5],
}

impl Keyed {
    /// From the bytes of a key, of any length.
    pub(super) fn from_bytes(key: &[u8]) -> Self {
        let mut block = [0; BLOCK];
        match block.get_mut(..key.len()) {
            Some(room) => room.copy_from_slice(key),
            None => block.iter_mut().zip(Sha1::digest(key)).for_each(|(place, byte)| *place = byte),
        }
        let keyed = Self { inner: after(&block, 0x36), outer: after(&block, 0x5c) };
        block.zeroize();
        keyed
    }

    /// Compares in constant time. `signature` is what [`decode_signature`](super::decode_signature) gave.
    pub fn verify(&self, base_string: &[u8], signature: &[u8]) -> bool {
        let inner = finish(self.inner, base_string);
        let mac = finish(self.outer, &inner);
        // In few words: each costs a fence against the compiler's cleverness.
        let words = |bytes: &[u8; 20]| -> Option<[u64; 3]> {
            let (first, last) = (bytes.as_chunks::<8>().0, bytes.last_chunk::<8>()?);
            let [one, two] = first else { return None };
            Some([*one, *two, *last].map(u64::from_le_bytes))
        };
        match (words(&mac), signature.as_array().and_then(words)) {
            (Some(mac), Some(signature)) => mac.ct_eq(&signature).into(),
            _ => false,
        }
    }
}

impl std::fmt::Debug for Keyed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyed")
    }
}

/// The state after a block of the key and a pad.
fn after(key: &[u8; BLOCK], pad: u8) -> [u32; 5] {
    let mut state = START;
    let mut block = key.map(|byte| byte ^ pad);
    compress(&mut state, &[block.into()]);
    block.zeroize();
    state
}

/// The hash of a message that follows one block.
#[inline]
fn finish(mut state: [u32; 5], message: &[u8]) -> [u8; 20] {
    let mut rest = EagerBuffer::<U64>::default();
    rest.digest_blocks(message, |blocks| compress(&mut state, blocks));
    let bits = 8 * (BLOCK + message.len()) as u64;
    rest.len64_padding_be(bits, |block| compress(&mut state, std::slice::from_ref(block)));
    let mut hash = [0; 20];
    for (place, word) in hash.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *place = word.to_be_bytes();
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, Mac};
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_rfc_2202() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        for (key, message, mac) in [
            (&[0x0b; 20][..], &b"Hi There"[..], "b617318655057264e28bc0b6fb378c8ef146be00"),
            (b"Jefe", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (&[0xaa; 20], &[0xdd; 50], "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
            (
                &[0xaa; 80],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "aa4ae5e15272d00e95705637ce8a3b55ed402112",
            ),
        ] {
            assert!(Keyed::from_bytes(key).verify(message, &hex(mac)));
        }
    }

    #[test]
    fn it_is_small_and_prints_as_nothing() {
        assert_eq!(size_of::<Keyed>(), 40);
        assert_eq!(format!("{:?}", Keyed::from_bytes(b"hunter2")), "Keyed");
    }

    proptest! {
        #[test]
        fn it_is_what_the_hmac_crate_computes(
            key in prop::collection::vec(any::<u8>(), 0..150), message in prop::collection::vec(any::<u8>(), 0..300),
            flip in 0_usize..20,
        ) {
            let mac = Hmac::<Sha1>::new_from_slice(&key).unwrap().chain_update(&message).finalize().into_bytes();
            let mut mac = mac.to_vec();
            let keyed = Keyed::from_bytes(&key);
            prop_assert!(keyed.verify(&message, &mac));
            prop_assert!(!keyed.verify(&message, &mac[1..]) && !keyed.verify(&message, b""));
            mac[flip] ^= 1;
            prop_assert!(!keyed.verify(&message, &mac));
        }
    }
}
