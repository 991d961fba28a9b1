//! Single-threaded matrix products over slices.

/// A matrix inside a slice.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Row-major, whole rows.
    pub(crate) fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        Self::strided(data, rows, cols, cols)
    }

    /// Row-major with `stride` values from one row to the next.
    pub(crate) fn strided(data: &'a [f32], rows: usize, cols: usize, stride: usize) -> Self {
        assert!(covers(data.len(), rows, cols, stride), "a matrix must lie within its slice");
        Self { data, rows, cols, row_stride: stride, col_stride: 1 }
    }

    pub(crate) fn transposed(self) -> Self {
        Self { rows: self.cols, cols: self.rows, row_stride: self.col_stride, col_stride: self.row_stride, ..self }
    }
}

fn covers(len: usize, rows: usize, cols: usize, stride: usize) -> bool {
    rows == 0 || cols == 0 || (rows - 1) * stride + cols <= len
}

/// Inner sizes up to here are added up in one go, whatever the other two are.
const AT_ONCE: usize = 512;

/// [`gemm`], with sums whose order does not depend on how many columns or rows there are, as long as there are two columns: larger inner
/// sizes are cut here, in equal parts. Left to itself the product cuts small ones elsewhere than large ones.
pub(crate) fn gemm_alike(dst: &mut [f32], stride: usize, lhs: Matrix, rhs: Matrix, accumulate: bool) {
    let inner = lhs.cols;
    let part = inner.div_ceil(inner.div_ceil(AT_ONCE).max(1)).max(1);
    if inner <= part {
        return gemm(dst, stride, lhs, rhs, accumulate);
    }
    for from in (0..inner).step_by(part) {
        let cols = part.min(inner - from);
        let lhs = Matrix { data: &lhs.data[from * lhs.col_stride..], cols, ..lhs };
        let rhs = Matrix { data: &rhs.data[from * rhs.row_stride..], rows: cols, ..rhs };
        gemm(dst, stride, lhs, rhs, accumulate || from > 0);
    }
}

/// `dst = lhs rhs`, or `dst += lhs rhs` where `accumulate`; `dst` is row-major, `stride` values a row.
pub(crate) fn gemm(dst: &mut [f32], stride: usize, lhs: Matrix, rhs: Matrix, accumulate: bool) {
    let (m, n, k) = (lhs.rows, rhs.cols, lhs.cols);
    assert_eq!(k, rhs.rows, "inner sizes of a product must agree");
    assert!(covers(dst.len(), m, n, stride), "a product must lie within its slice");
    // SAFETY: every index that the product touches is `row * row_stride + col * col_stride` with row and column
    // inside the matrix; the asserts here and in `Matrix::strided` bound the largest one by the slice's length, and
    // `dst` is borrowed mutably, so it overlaps neither operand.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            dst.as_mut_ptr(),
            1,
            stride as isize,
            accumulate,
            lhs.data.as_ptr(),
            lhs.col_stride as isize,
            lhs.row_stride as isize,
            rhs.data.as_ptr(),
            rhs.col_stride as isize,
            rhs.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
