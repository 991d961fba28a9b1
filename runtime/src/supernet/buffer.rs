//! Dense parameters of one plan, or their gradients, side by side in one buffer.

use std::mem::take;
use std::ops::Range;

use nasrec_compiler::plan::{Param, Plan};

/// Places some of a plan's parameters that are no tables one after the other, each on a cache line of its own; what is not among them
/// has no length. Also how long all of it is.
pub(crate) fn side_by_side(plan: &Plan, include: impl Fn(usize, &Param) -> bool) -> (Vec<Range<usize>>, usize) {
    let mut end = 0usize;
    let spans = plan.params.iter().enumerate().map(|(index, param)| {
        if param.kind.is_table() || !include(index, param) {
            return 0..0;
        }
        let start = end.next_multiple_of(16);
        end = start + param.len();
        start..end
    });
    (spans.collect(), end.next_multiple_of(16))
}

/// Makes a buffer so long; what it holds is whatever it held. One that is too short is replaced: nothing is copied, and no
/// more is asked for than a little room, for these are the largest things there are.
pub(crate) fn lengthen(buffer: &mut Vec<f32>, len: usize) {
    if buffer.capacity() < len {
        // The old one goes first.
        drop(take(buffer));
        buffer.reserve_exact(len + len / 16);
    }
    buffer.resize(len, 0.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_take_hardly_more_than_they_need() {
        let mut buffer = Vec::new();
        for len in [1000, 1050, 10, 1200, 4000, 0] {
            lengthen(&mut buffer, len);
            assert_eq!(buffer.len(), len);
            assert!(buffer.capacity() <= 4000 + 4000 / 16);
        }
    }
}
