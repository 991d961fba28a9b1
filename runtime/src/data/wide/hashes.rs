//! XXH3 of texts of at most eight bytes, many at once: as the crate computes it that other texts go to, but by vectors.

use super::digits::{TOGETHER, Texts};

/// Of the secret that XXH3 has where it is given none: its first two words of 32 bits, and its second and third of 64, each two
/// by exclusive or.
const FLIP_3: u64 = 0x396c_feb8 ^ 0xbe4b_a423;
const FLIP_8: u64 = 0x1cad_21f7_2c81_017c ^ 0xdb97_9083_e96d_d4de;
const PRIME_2: u64 = 0xc2b2_ae3d_27d4_eb4f;
const PRIME_3: u64 = 0x1656_67b1_9e37_79f9;
const PRIME_MX2: u64 = 0x9fb2_1c65_1e98_df25;

/// What the hashes of as many columns begin with.
pub(super) struct Seeds {
    /// Of texts of one to three bytes, and of four to eight.
    short: [u64; TOGETHER],
    long: [u64; TOGETHER],
}

impl Seeds {
    /// Of columns with these seeds.
    pub fn of(seeds: impl Iterator<Item = u64>) -> Self {
        let mut all = Self { short: [0; TOGETHER], long: [0; TOGETHER] };
        for ((seed, short), long) in seeds.zip(&mut all.short).zip(&mut all.long) {
            *short = FLIP_3.wrapping_add(seed);
            *long = FLIP_8.wrapping_sub(seed ^ u64::from((seed as u32).swap_bytes()) << 32);
        }
        all
    }

    /// The hashes of texts of one to eight bytes; those of others mean nothing.
    #[inline(always)]
    pub fn hash(&self, texts: &Texts) -> [u64; TOGETHER] {
        let mut hashes = [0; TOGETHER];
        for (index, hash) in hashes.iter_mut().enumerate() {
            let (bytes, length) = (texts.bytes[index], u64::from(texts.lengths[index]));
            let byte = |at: u64| (bytes >> ((8 * at) & 63)) & 0xff;
            let short = byte(0) << 16 | byte(length >> 1) << 24 | byte(length.wrapping_sub(1)) | length << 8;
            let last = (bytes >> ((8 * length.wrapping_sub(4)) & 63)) & 0xffff_ffff;
            let long = last.wrapping_add(bytes << 32);
            let (short, long) = (avalanche(short ^ self.short[index]), mixed(long ^ self.long[index], length));
            *hash = if length < 4 { short } else { long };
        }
        hashes
    }
}

#[inline(always)]
fn avalanche(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(PRIME_2);
    hash ^= hash >> 29;
    hash = hash.wrapping_mul(PRIME_3);
    hash ^ hash >> 32
}

#[inline(always)]
fn mixed(mut hash: u64, length: u64) -> u64 {
    hash ^= hash.rotate_left(49) ^ hash.rotate_left(24);
    hash = hash.wrapping_mul(PRIME_MX2);
    hash ^= (hash >> 35).wrapping_add(length);
    hash = hash.wrapping_mul(PRIME_MX2);
    hash ^ hash >> 28
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use twox_hash::XxHash3_64;

    use super::*;

    proptest! {
        #[test]
        fn hashes_are_those_of_the_crate(
            texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..9), TOGETHER), seed: u64, plain: bool,
        ) {
            let seeds: [u64; TOGETHER] = std::array::from_fn(|index| if plain { 0 } else { seed.wrapping_mul(index as u64) });
            let (mut read, behind) = (Texts::EMPTY, 0xabu8);
            for (index, text) in texts.iter().enumerate() {
                let mut bytes = [behind; 8];
                bytes[..text.len()].copy_from_slice(text);
                (read.bytes[index], read.lengths[index]) = (u64::from_le_bytes(bytes), text.len() as u32);
            }
            let expected: Vec<u64> =
                texts.iter().zip(seeds).map(|(text, seed)| XxHash3_64::oneshot_with_seed(seed, text)).collect();
            prop_assert_eq!(&Seeds::of(seeds.into_iter()).hash(&read)[..], &expected[..]);
        }
    }
}
