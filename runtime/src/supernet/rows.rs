//! How the values of a table's row are stored: as they are, or in fewer bits.
//!
//! A stored row is made of words of 32 bits, as what lies beside it in memory is; a file has no more of its bytes than the values take.

use half::bf16;
use nasrec_compiler::recipe::Storage;

use super::table::Row;

/// Bytes of the scale of a row of small numbers.
const SCALE: usize = 4;
/// The largest of them.
const LARGEST: f32 = 127.0;

/// Bytes that a row of so many values takes.
pub(super) const fn bytes(storage: Storage, dim: usize) -> usize {
    match storage {
        Storage::F32 => 4 * dim,
        Storage::Bf16 => 2 * dim,
        Storage::Int8 => SCALE + dim,
    }
}

/// Words of 32 bits that it takes.
pub(super) const fn words(storage: Storage, dim: usize) -> usize {
    bytes(storage, dim).div_ceil(4)
}

/// Adds the values of a stored row, as numbers to compute with.
#[inline(always)]
pub(super) fn append(storage: Storage, dim: usize, stored: &[f32], to: &mut impl Extend<f32>) {
    match storage {
        Storage::F32 => to.extend(stored[..dim].iter().copied()),
        Storage::Bf16 => {
            let halves: &[u16] = bytemuck::cast_slice(stored);
            to.extend(halves[..dim].iter().map(|&half| bf16::from_bits(half).to_f32()));
        }
        Storage::Int8 => {
            let (scale, numbers): (f32, &[i8]) = (stored[0], bytemuck::cast_slice(&stored[1..]));
            to.extend(numbers[..dim].iter().map(|&number| f32::from(number) * scale));
        }
    }
}

/// The same in place of what was there.
pub(super) fn decode(storage: Storage, dim: usize, stored: &[f32], to: &mut Row) {
    to.clear();
    match storage {
        Storage::F32 => to.extend_from_slice(&stored[..dim]),
        storage => append(storage, dim, stored, to),
    }
}

/// Values as they are stored, rounded to the nearest, ties to even.
pub(super) fn encode(storage: Storage, values: &[f32], stored: &mut [f32]) {
    match storage {
        Storage::F32 => stored.copy_from_slice(values),
        Storage::Bf16 => {
            let halves: &mut [u16] = bytemuck::cast_slice_mut(stored);
            halves.iter_mut().zip(values).for_each(|(half, &value)| *half = bf16::from_f32(value).to_bits());
        }
        Storage::Int8 => {
            let largest = values.iter().fold(0f32, |largest, value| largest.max(value.abs()));
            let scale = largest / LARGEST;
            stored[0] = scale;
            let numbers: &mut [i8] = bytemuck::cast_slice_mut(&mut stored[1..]);
            // Of a row of zeros, or of so small numbers that there is no scale for them, zeros.
            let number = |value: f32| if scale > 0.0 { (value / scale).round_ties_even() } else { 0.0 };
            numbers.iter_mut().zip(values).for_each(|(to, &value)| *to = number(value).clamp(-LARGEST, LARGEST) as i8);
        }
    }
}

/// Rounds values to those that are stored of them.
pub(super) fn round(storage: Storage, values: &mut Row) {
    if storage != Storage::F32 {
        let (dim, mut stored) = (values.len(), Row::from_elem(0.0, words(storage, values.len())));
        encode(storage, values, &mut stored);
        decode(storage, dim, &stored, values);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Storage; 3] = [Storage::F32, Storage::Bf16, Storage::Int8];

    proptest! {
        /// What is stored is what was there, to a share of the row's largest value; and stored once more it is the same.
        #[test]
        fn a_row_comes_back_nearly(row in prop::collection::vec(-10f32..10.0, 1..40), tiny in 0u8..2) {
            let row: Vec<f32> = row.iter().map(|value| if tiny == 1 { value * 1e-30 } else { *value }).collect();
            let largest = row.iter().fold(0f32, |largest, value| largest.max(value.abs()));
            for (storage, share) in ALL.into_iter().zip([0.0, 1.0 / 256.0, 0.5 / 126.0]) {
                let mut once = Row::from_slice(&row);
                round(storage, &mut once);
                for (value, stored) in row.iter().zip(&once) {
                    prop_assert!((value - stored).abs() <= share * largest, "{storage:?}: {value} is {stored} of {largest}");
                }
                let mut twice = once.clone();
                round(storage, &mut twice);
                prop_assert_eq!(twice.iter().zip(&once).all(|(a, b)| (a - b).abs() <= 1e-6 * largest), true);
            }
        }
    }

    #[test]
    fn zeros_stay_zeros_and_rows_take_what_is_said() {
        for (storage, length) in ALL.into_iter().zip([20, 10, 9]) {
            let mut zeros = Row::from_elem(0.0, 5);
            round(storage, &mut zeros);
            assert_eq!(&zeros[..], &[0.0; 5]);
            assert_eq!((bytes(storage, 5), words(storage, 5)), (length, usize::div_ceil(length, 4)));
        }
    }
}
