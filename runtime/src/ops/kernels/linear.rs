//! `y = W x + b` along one axis.

use std::cell::RefCell;

use super::gemm::{Matrix, gemm};
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
                    gemm(y, cols, weight, Matrix::new(x, width, cols), seeded);
                }
            } else {
                let rows = x.len() / cols;
                gemm(y, cols, self.columns(from, rows), Matrix::new(x, rows, cols), seeded);
                seeded = true;
            }
        }
    }

    /// The same of one column, which has itself beside it.
    fn forward_alone(&self, bias: Option<&[f32]>, input: &[(usize, &[f32])], y: &mut [f32]) {
        thread_local! {
            static TWICE: RefCell<[Vec<f32>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
        }
        fn twice(values: &[f32], to: &mut Vec<f32>) {
            to.clear();
            to.extend(values.iter().flat_map(|&value| [value, value]));
        }
        let (width, blocks) = (self.width(), self.outer > 1);
        TWICE.with_borrow_mut(|[both, doubled]| {
            for (block, y) in y.chunks_exact_mut(self.out).enumerate() {
                both.clear();
                both.extend((0..2 * self.out).map(|i| bias.map_or(0.0, |bias| bias[i / 2])));
                let mut seeded = bias.is_some();
                for &(from, x) in input {
                    let (from, x) = if blocks { (0, &x[block * width..][..width]) } else { (from, x) };
                    twice(x, doubled);
                    gemm(both, 2, self.columns(from, x.len()), Matrix::new(doubled, x.len(), 2), seeded);
                    seeded = true;
                }
                y.iter_mut().zip(both.iter().step_by(2)).for_each(|(y, &both)| *y = both);
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
