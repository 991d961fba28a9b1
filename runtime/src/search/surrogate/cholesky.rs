//! Linear equations with a positive definite matrix.

/// Sums side by side, in an order that no processor changes.
const LANES: usize = 8;

/// The sum of the products.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    debug_assert_eq!(a.len(), b.len(), "vectors are as long");
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    let mut lanes = [0.0; LANES];
    for (a, b) in a.zip(b) {
        lanes.iter_mut().zip(a.iter().zip(b)).for_each(|(lane, (a, b))| *lane += a * b);
    }
    lanes.iter().sum::<f64>() + rest
}

/// A positive definite matrix as the product of a lower triangle and its transpose.
pub(super) struct Cholesky {
    lower: Vec<f64>,
    n: usize,
}

impl Cholesky {
    /// Nothing where it is not positive definite.
    pub fn of(mut matrix: Vec<f64>, n: usize) -> Option<Self> {
        for row in 0..n {
            for column in 0..=row {
                let (above, below) = matrix.split_at(row * n);
                let mut sum = below[column];
                if column < row {
                    let other = &above[column * n..=column * n + column];
                    sum -= dot(&below[..column], &other[..column]);
                    matrix[row * n + column] = sum / other[column];
                } else {
                    sum -= dot(&below[..column], &below[..column]);
                    if sum.is_nan() || sum <= 0.0 {
                        return None;
                    }
                    matrix[row * n + column] = sum.sqrt();
                }
            }
        }
        Some(Self { lower: matrix, n })
    }

    /// The inverse of the triangle times a vector.
    pub fn forward(&self, right: &[f64]) -> Vec<f64> {
        let (n, mut x) = (self.n, right.to_vec());
        for row in 0..n {
            let known = &self.lower[row * n..row * n + row];
            x[row] = (x[row] - dot(known, &x[..row])) / self.lower[row * n + row];
        }
        x
    }

    /// The inverse of the matrix times a vector.
    pub fn solve(&self, right: &[f64]) -> Vec<f64> {
        let (n, mut x) = (self.n, self.forward(right));
        for row in (0..n).rev() {
            let value = x[row] / self.lower[row * n + row];
            x[row] = value;
            let column = &self.lower[row * n..row * n + row];
            x[..row].iter_mut().zip(column).for_each(|(left, a)| *left -= a * value);
        }
        x
    }

    /// A row of the triangle.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.lower[row * self.n..=row * self.n + row]
    }

    pub fn log_determinant(&self) -> f64 {
        (0..self.n).map(|at| 2.0 * self.lower[at * self.n + at].ln()).sum()
    }
}
