//! Loops of a norm over samples: one position at a time, its samples side by side.

use super::simd;

/// Two numbers a position.
pub(crate) type Pairs = Vec<[f64; 2]>;

/// Mean, and sum of squared distances from it.
pub(crate) fn of(x: &[f32]) -> [f64; 2] {
    simd::vectorised(
        #[inline(always)]
        || {
            let mean = simd::sum(x) / x.len() as f32;
            let squares = lanes(
                x,
                x,
                #[inline(always)]
                |x, _| (x - mean) * (x - mean),
            );
            [f64::from(mean), f64::from(squares)]
        },
    )
}

/// Means and biased variances of all samples from those of some of them, one after the other (Chan, Golub and LeVeque,
/// COMPSTAT 1982): no digits are lost where the mean is large beside the deviation.
pub(crate) fn joined(tiles: &[(usize, Pairs)]) -> Pairs {
    let mut all = tiles.first().map(|(_, first)| first.clone()).unwrap_or_default();
    let mut seen = tiles.first().map_or(0, |(samples, _)| *samples) as f64;
    for (samples, tile) in tiles.iter().skip(1) {
        let more = *samples as f64;
        for ([mean, squares], [other, their]) in all.iter_mut().zip(tile) {
            let apart = other - *mean;
            *mean += apart * more / (seen + more);
            *squares += their + apart * apart * seen * more / (seen + more);
        }
        seen += more;
    }
    all.iter_mut().for_each(|[_, squares]| *squares /= seen);
    all
}

/// The sums of `dy`, and of `dy` times the normalised input.
pub(crate) fn sums(x: &[f32], dy: &[f32], [mean, deviation]: [f32; 2]) -> [f64; 2] {
    simd::vectorised(
        #[inline(always)]
        || {
            let along = lanes(
                x,
                dy,
                #[inline(always)]
                |x, dy| dy * ((x - mean) * deviation),
            );
            [f64::from(simd::sum(dy)), f64::from(along)]
        },
    )
}

/// `y = (x - mean) by + shift`
pub(crate) fn normalise(x: &[f32], [mean, by, shift]: [f32; 3], y: &mut [f32]) {
    simd::vectorised(
        #[inline(always)]
        || y.iter_mut().zip(x).for_each(|(y, x)| *y = (x - mean) * by + shift),
    );
}

/// `dx = by (dy - shift - (x - mean) along)`, or added to it.
pub(crate) fn differentiate(
    [x, dy]: [&[f32]; 2],
    [mean, along, shift, by]: [f32; 4],
    dx: &mut [f32],
    accumulate: bool,
) {
    super::elementwise::zip(
        dx,
        accumulate,
        x,
        dy,
        #[inline(always)]
        |x, dy| by * (dy - shift - (x - mean) * along),
    );
}

/// The sum of what `f` says of pairs, in eight lanes as [`simd::sum`].
#[inline(always)]
fn lanes(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0f32; 8];
    let (blocks, rest) = a.as_chunks::<8>();
    let (others, other_rest) = b.as_chunks::<8>();
    for (block, other) in blocks.iter().zip(others) {
        for (lane, (a, b)) in lanes.iter_mut().zip(block.iter().zip(other)) {
            *lane += f(*a, *b);
        }
    }
    let rest: f32 = rest.iter().zip(other_rest).map(|(a, b)| f(*a, *b)).sum();
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples in uneven parts, far from 0: in one pass over sums of squares, f32 would have no digit of the variance left.
    #[test]
    fn moments_of_parts_are_those_of_the_whole() {
        let x: Vec<f32> =
            (0..1000u32).map(|i| 5000.0 + (i.wrapping_mul(2_654_435_761) >> 20) as f32 / 4096.0).collect();
        let tiles: Vec<(usize, Pairs)> = x.chunks(128).map(|part| (part.len(), vec![of(part)])).collect();
        let [mean, variance] = joined(&tiles)[0];
        let exact = x.iter().map(|&x| f64::from(x)).sum::<f64>() / 1000.0;
        let spread = x.iter().map(|&x| (f64::from(x) - exact).powi(2)).sum::<f64>() / 1000.0;
        assert!((mean - exact).abs() < 1e-3, "{mean} {exact}");
        assert!((variance / spread - 1.0).abs() < 1e-3, "{variance} {spread}");
    }
}
