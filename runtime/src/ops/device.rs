//! What an op says to a device of candle's: its forward and its reverse out of tensor operations.
//!
//! Samples are the first axis there, as candle's layers have them: dense `[B, w]`, sparse `[B, n, e]`, square `[B, n, n]`.
//! Every operation takes any float type: in `f64` the tests measure derivatives with them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{DType, Device, Result, Tensor};
use nasrec_compiler::plan::Node;
use smallvec::SmallVec;

/// What a forward reads.
pub(crate) struct Forward<'a> {
    pub node: &'a Node,
    /// Its operands; of a node without any, what the batch supplies.
    pub inputs: SmallVec<[&'a Tensor; 4]>,
    pub params: SmallVec<[&'a Tensor; 4]>,
    /// What the step supplies: the mask of a dropout, the statistics of the batch.
    pub given: Option<&'a Tensor>,
    pub indices: &'a Indices,
    /// Whether layers are computed operation by operation.
    pub stepwise: bool,
}

/// What a reverse reads.
pub(crate) struct Back<'a> {
    /// The shapes of its operands, without the batch.
    pub shapes: SmallVec<[&'a [usize]; 4]>,
    /// The values of its operands, where they were kept.
    pub inputs: SmallVec<[Option<&'a Tensor>; 4]>,
    pub params: SmallVec<[&'a Tensor; 4]>,
    /// What the step supplied.
    pub given: Option<&'a Tensor>,
    /// Its own value, where that was kept.
    pub output: Option<&'a Tensor>,
    pub dy: &'a Tensor,
    pub indices: &'a Indices,
}

fn dropped<T>() -> Result<T> {
    candle_core::bail!("a value was dropped before its last reader")
}

impl<'a> Back<'a> {
    pub fn input(&self, k: usize) -> Result<&'a Tensor> {
        self.inputs[k].map_or_else(dropped, Ok)
    }

    pub fn output(&self) -> Result<&'a Tensor> {
        self.output.map_or_else(dropped, Ok)
    }

    /// Samples of the batch.
    pub fn batch(&self) -> Result<usize> {
        self.dy.dim(0)
    }

    /// The shape of an operand with the batch.
    pub fn full_shape(&self, k: usize) -> Result<Vec<usize>> {
        let mut shape = vec![self.batch()?];
        shape.extend_from_slice(self.shapes[k]);
        Ok(shape)
    }
}

/// A vector-Jacobian product: one derivative an operand, one a parameter.
#[derive(Debug)]
pub(crate) struct Vjp {
    pub inputs: SmallVec<[Tensor; 4]>,
    pub params: SmallVec<[Tensor; 4]>,
}

impl Vjp {
    pub fn of(inputs: impl IntoIterator<Item = Tensor>) -> Self {
        Self { inputs: inputs.into_iter().collect(), params: SmallVec::new() }
    }

    pub fn with(input: Tensor, params: impl IntoIterator<Item = Tensor>) -> Self {
        Self { inputs: SmallVec::from_iter([input]), params: params.into_iter().collect() }
    }
}

/// Products of two tensors that every device takes: each matrix lies row by row or column by column. candle multiplies
/// others on the CPU alone, so a test there must notice what a GPU would refuse.
pub(crate) fn matmul(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    for x in [a, b] {
        let turned = x.rank() >= 2 && x.transpose(x.rank() - 2, x.rank() - 1)?.is_contiguous();
        if !x.is_contiguous() && !turned {
            candle_core::bail!("the operands of a product must be contiguous: {:?} {:?}", a.layout(), b.layout());
        }
    }
    a.matmul(b)
}

/// Positions that ops select by, kept on the device once they were made there.
#[derive(Debug)]
pub(crate) struct Indices {
    device: Device,
    kept: Mutex<HashMap<(Positions, usize), Arc<Tensor>>>,
}

/// Which positions, of a square of `n` rows or of its triangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Positions {
    /// For each pair of the triangle, where it lies in the square, row-major.
    Triangle,
    /// For each place of the square, where it lies in the triangle; one past its end where it does not.
    Square,
    /// For each pair `j < i` of the triangle: `i`.
    Row,
    /// And `j`.
    Column,
}

impl Indices {
    pub fn new(device: Device) -> Self {
        Self { device, kept: Mutex::default() }
    }

    /// These positions for squares of `n` rows, as 32-bit integers.
    pub fn get(&self, positions: Positions, n: usize) -> Result<Arc<Tensor>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(&(positions, n)) {
            return Ok(Arc::clone(known));
        }
        let pairs = (0..n as u32).flat_map(|i| (0..i).map(move |j| (i, j)));
        let n = n as u32;
        let values: Vec<u32> = match positions {
            Positions::Triangle => pairs.map(|(i, j)| i * n + j).collect(),
            Positions::Row => pairs.map(|(i, _)| i).collect(),
            Positions::Column => pairs.map(|(_, j)| j).collect(),
            Positions::Square => {
                let place = |i: u32, j: u32| if j < i { i * (i - 1) / 2 + j } else { n * n.saturating_sub(1) / 2 };
                (0..n).flat_map(|i| (0..n).map(move |j| place(i, j))).collect()
            }
        };
        let len = values.len();
        let made = Arc::new(Tensor::from_vec(values, len, &self.device)?);
        kept.insert((positions, n as usize), Arc::clone(&made));
        Ok(made)
    }

    /// Bytes that went to the device for all of them.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.values().map(|positions| positions.elem_count() * size_of::<u32>()).sum()
    }
}

/// The values of a triangle, `[B, n (n - 1) / 2, …]`, put in the places of a square, `[B, n n, …]`, zeros elsewhere.
pub(crate) fn to_square(indices: &Indices, n: usize, triangle: &Tensor) -> Result<Tensor> {
    let padded = triangle.pad_with_zeros(1, 0, 1)?;
    padded.index_select(indices.get(Positions::Square, n)?.as_ref(), 1)
}

/// Whether candle's fused layers take this type.
pub(crate) fn fused(x: &Tensor) -> bool {
    x.dtype() == DType::F32
}
