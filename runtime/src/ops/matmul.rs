//! Products of tensors that every device takes.

use candle_core::{Result, Tensor};

/// `a b`. Strided operands are an error on any device, because candle multiplies them on the CPU alone: tests there
/// must notice what a GPU would refuse.
pub(crate) fn matmul(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if !a.is_contiguous() || !b.is_contiguous() {
        candle_core::bail!("the operands of a product must be contiguous: {:?} {:?}", a.layout(), b.layout());
    }
    a.matmul(b)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    #[test]
    fn strided_operands_are_refused() {
        let x = Tensor::zeros((3, 4), DType::F32, &Device::Cpu).expect("memory");
        let transposed = x.t().expect("a matrix");
        assert!(matmul(&x, &transposed).is_err() && matmul(&transposed, &x).is_err());
        assert_eq!(matmul(&x, &transposed.contiguous().expect("memory")).expect("a product").dims(), [3, 3]);
    }
}
