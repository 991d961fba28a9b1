//! `y = W x + b` along one axis.

use std::cell::RefCell;

use super::gemm::{Matrix, gemm, gemm_alike};
use super::simd;

/// The product as seen in memory: for each of `outer` blocks, `W [out, in]` times `[in, inner * samples]`. Along the
/// width and along fields there is one block; along the embedding axis of a sparse tensor, one a field.
#[derive(Clone, Copy)]
pub(crate) struct Product<'a> {
    pub outer: usize,
    pub out: usize,
    pub inner: usize,
    pub samples: usize,
    pub weight: &'a [f32],
    /// The same with its axes swapped, `[in, out]`, where it is there: one sample reads it in the order in which it lies.
    pub swapped: Option<&'a [f32]>,
}

impl Product<'_> {
    fn width(&self) -> usize {
        self.weight.len() / self.out
    }

    fn cols(&self) -> usize {
        self.inner * self.samples
    }

    /// `input`: stretches and where each starts, in values a sample. What no stretch covers is zero.
    ///
    /// What is said of a column does not depend on how many there are: one alone is computed twice, as a product with a vector would add
    /// up in another order than one with a matrix.
    pub(crate) fn forward(&self, bias: Option<&[f32]>, input: &[(usize, &[f32])], y: &mut [f32]) {
        let (width, cols) = (self.width(), self.cols());
        if cols == 1 {
            return self.forward_alone(bias, input, y);
        }
        if let Some(bias) = bias {
            for (i, row) in y.chunks_exact_mut(cols).enumerate() {
                row.fill(bias[i % self.out]);
            }
        } else if input.is_empty() {
            y.fill(0.0);
        }
        let mut seeded = bias.is_some();
        for &(from, x) in input {
            if self.outer > 1 {
                let weight = Matrix::new(self.weight, self.out, width);
                for (x, y) in x.chunks_exact(width * cols).zip(y.chunks_exact_mut(self.out * cols)) {
                    gemm_alike(y, cols, weight, Matrix::new(x, width, cols), seeded);
                }
            } else {
                let rows = x.len() / cols;
                gemm_alike(y, cols, self.columns(from, rows), Matrix::new(x, rows, cols), seeded);
                seeded = true;
            }
        }
    }

    /// The same of one column, which has itself beside it.
    fn forward_alone(&self, bias: Option<&[f32]>, input: &[(usize, &[f32])], y: &mut [f32]) {
        thread_local! {
            static TWICE: RefCell<[Vec<f32>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
        }
        let (out, width, blocks) = (self.out, self.width(), self.outer > 1);
        // Of one output the weight is a vector, whichever way it lies.
        let swapped = self.swapped.filter(|swapped| swapped.len() == self.weight.len() && !blocks && out > 1);
        TWICE.with_borrow_mut(|[both, doubled]| {
            for (block, y) in y.chunks_exact_mut(out).enumerate() {
                let bias = |i: usize| bias.map_or(0.0, |bias| bias[i]);
                both.clear();
                match swapped {
                    Some(_) => both.extend((0..2 * out).map(|i| bias(i % out))),
                    None => both.extend((0..2 * out).map(|i| bias(i / 2))),
                }
                for &(from, x) in input {
                    let (from, x) = if blocks { (0, &x[block * width..][..width]) } else { (from, x) };
                    let len = x.len();
                    doubled.clear();
                    match swapped {
                        Some(swapped) => {
                            doubled.extend_from_slice(x);
                            doubled.extend_from_slice(x);
                            let weight = Matrix::new(&swapped[from * out..], len, out);
                            gemm_alike(both, out, Matrix::new(doubled, 2, len), weight, true);
                        }
                        None => {
                            doubled.extend(x.iter().flat_map(|&x| [x, x]));
                            gemm_alike(both, 2, self.columns(from, len), Matrix::new(doubled, len, 2), true);
                        }
                    }
                }
                match swapped {
                    Some(_) => y.copy_from_slice(&both[..out]),
                    None => y.iter_mut().zip(both.iter().step_by(2)).for_each(|(y, &both)| *y = both),
                }
            }
        });
    }

    /// Gradient of the stretch of the input that starts at `from` values a sample.
    pub(crate) fn backward_input(&self, from: usize, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        let (width, cols) = (self.width(), self.cols());
        if self.outer > 1 {
            let weight = Matrix::new(self.weight, self.out, width).transposed();
            for (dx, dy) in dx.chunks_exact_mut(width * cols).zip(dy.chunks_exact(self.out * cols)) {
                gemm(dx, cols, weight, Matrix::new(dy, self.out, cols), accumulate);
            }
        } else {
            let rows = dx.len() / cols;
            let weight = self.columns(from, rows).transposed();
            gemm(dx, cols, weight, Matrix::new(dy, self.out, cols), accumulate);
        }
    }

    /// The weight's gradient into `dw`, or added to it.
    pub(crate) fn backward_weight(&self, input: &[(usize, &[f32])], dy: &[f32], dw: &mut [f32], accumulate: bool) {
        let (width, cols) = (self.width(), self.cols());
        let mut accumulate = accumulate;
        if !accumulate && self.outer == 1 {
            // No product writes the columns of what is zero.
            let mut end = 0;
            for (from, len) in input.iter().map(|(from, x)| (from / self.inner, x.len() / cols)).chain([(width, 0)]) {
                if end < from {
                    dw.chunks_exact_mut(width).for_each(|row| row[end..from].fill(0.0));
                }
                end = from + len;
            }
        }
        for &(from, x) in input {
            if self.outer > 1 {
                for (x, dy) in x.chunks_exact(width * cols).zip(dy.chunks_exact(self.out * cols)) {
                    let x = Matrix::new(x, width, cols).transposed();
                    gemm(dw, width, Matrix::new(dy, self.out, cols), x, accumulate);
                    accumulate = true;
                }
            } else {
                let rows = x.len() / cols;
                let x = Matrix::new(x, rows, cols).transposed();
                gemm(&mut dw[from / self.inner..], width, Matrix::new(dy, self.out, cols), x, accumulate);
            }
        }
    }

    fn columns(&self, from: usize, rows: usize) -> Matrix<'_> {
        Matrix::strided(&self.weight[from / self.inner..], self.out, rows, self.width())
    }
}

/// Adds the bias' gradient to `db`: the sum of `dy`, rows of `cols`, over everything but the output axis.
pub(crate) fn backward_bias(cols: usize, dy: &[f32], db: &mut [f32]) {
    let out = db.len();
    simd::vectorised(
        #[inline(always)]
        || {
            for (i, row) in dy.chunks_exact(cols).enumerate() {
                db[i % out] += simd::sum(row);
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that have little to do with their place.
    fn values(count: usize, of: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * of % 2003) as f32 - 1001.0) / 777.0).collect()
    }

    #[test]
    fn a_sample_is_the_same_alone_and_among_any_others() {
        for (out, width) in
            [(1, 5), (1, 700), (2, 33), (7, 2), (16, 400), (16, 1000), (64, 1300), (65, 600), (300, 700)]
        {
            for (outer, inner) in [(1, 1), (1, 3), (4, 1)] {
                let (weight, bias) = (values(out * width, 7919), values(out, 31));
                let swapped: Vec<f32> = (0..out * width).map(|i| weight[i % out * width + i / out]).collect();
                let x = values(outer * width * inner * 128, 104_729);
                let product = |samples, swapped| Product { outer, out, inner, samples, weight: &weight, swapped };
                let of = |samples: usize, swapped, bias: Option<&[f32]>| {
                    let x: Vec<f32> = x.chunks_exact(128).flat_map(|row| row[..samples].iter().copied()).collect();
                    let mut y = vec![9.0; outer * out * inner * samples];
                    // In two stretches, as a concatenation has them.
                    let cut = width / 2;
                    let input = [(0, &x[..cut * inner * samples]), (cut * inner, &x[cut * inner * samples..])];
                    let input = if outer == 1 { &input[..] } else { &[(0, &x[..])] };
                    product(samples, swapped).forward(bias, input, &mut y);
                    y
                };
                for bias in [None, Some(&bias[..])] {
                    let all = of(128, None, bias);
                    for samples in [1, 2, 3, 16, 17, 64, 65, 127] {
                        for swapped in [None, Some(&swapped[..])] {
                            let some = of(samples, swapped, bias);
                            let alike = some.chunks_exact(samples).zip(all.chunks_exact(128));
                            let alike = alike
                                .flat_map(|(some, all)| some.iter().zip(all))
                                .all(|(a, b)| a.to_bits() == b.to_bits());
                            assert!(
                                alike,
                                "{samples} of {outer} {out} {inner} {width}, swapped: {}",
                                swapped.is_some()
                            );
                        }
                    }
                }
            }
        }
    }
}
