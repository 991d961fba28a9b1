//! Kernels that are vertical over samples: a few samples at a time, kept in registers.

use super::simd;

/// Samples in a block.
pub(crate) const LANES: usize = 16;

/// A block of samples: the first one, and how many.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    pub start: usize,
    pub len: usize,
}

/// Calls `body` for every block of `t` samples, compiled for this machine.
#[inline(always)]
pub(crate) fn vertical(t: usize, mut body: impl FnMut(Block)) {
    simd::vectorised(
        #[inline(always)]
        || {
            for start in (0..t).step_by(LANES) {
                body(Block { start, len: LANES.min(t - start) });
            }
        },
    );
}

/// A block's samples of the row that starts at `at`, zeros past the last one.
#[inline(always)]
pub(crate) fn load(values: &[f32], at: usize, block: Block) -> [f32; LANES] {
    let values = &values[at + block.start..];
    match values.first_chunk::<LANES>() {
        Some(chunk) if block.len == LANES => *chunk,
        // Others' samples, taken out in a register: copying a few values is a call.
        Some(chunk) => std::array::from_fn(
            #[inline(always)]
            |lane| if lane < block.len { chunk[lane] } else { 0.0 },
        ),
        None => {
            let mut padded = [0f32; LANES];
            padded[..block.len].copy_from_slice(&values[..block.len]);
            padded
        }
    }
}

/// Writes a block's samples to the row that starts at `at`.
#[inline(always)]
pub(crate) fn store(values: &mut [f32], at: usize, block: Block, lanes: &[f32; LANES]) {
    let values = &mut values[at + block.start..];
    if block.len == LANES {
        values[..LANES].copy_from_slice(lanes);
    } else if block.len == 1 {
        values[0] = lanes[0];
    } else {
        values[..block.len].copy_from_slice(&lanes[..block.len]);
    }
}
