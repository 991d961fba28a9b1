//! The one way between host memory and the device, so that what is counted here is what moved.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use candle_core::{Device, Result, Shape, Tensor, WithDType};

/// Moves values to a device and back, and counts their bytes. What candle itself sends to launch an operation (shapes and
/// strides, a few words) is not among them.
#[derive(Debug)]
pub(super) struct Traffic {
    device: Device,
    up: AtomicU64,
    down: AtomicU64,
}

impl Traffic {
    pub fn new(device: Device) -> Self {
        Self { device, up: AtomicU64::new(0), down: AtomicU64::new(0) }
    }

    pub fn device(&self) -> &Device {
        &self.device
    }

    pub fn upload<T: WithDType>(&self, values: &[T], shape: impl Into<Shape>) -> Result<Tensor> {
        self.up.fetch_add(size_of_val(values) as u64, Relaxed);
        Tensor::from_slice(values, shape.into(), &self.device)
    }

    /// The values of a tensor, row-major.
    pub fn download<T: WithDType>(&self, tensor: &Tensor) -> Result<Vec<T>> {
        // Of a view, candle would bring all that it is a view of.
        let values = tensor.force_contiguous()?.flatten_all()?.to_vec1::<T>()?;
        self.down.fetch_add(size_of_val(values.as_slice()) as u64, Relaxed);
        Ok(values)
    }

    /// Bytes that went to the device so far, and that came back.
    #[cfg(test)]
    pub fn moved(&self) -> [u64; 2] {
        [self.up.load(Relaxed), self.down.load(Relaxed)]
    }
}
