//! The two executors behind one face.

use candle_core::Device;

use super::gradients::Gradients;
use super::inputs::Inputs;
use super::portable::Portable;
use super::program::Program;
use super::tiled::Tiled;
use crate::Result;

/// Executes programs: tiled on the CPU, or out of candle's operations on a device.
pub enum Executor {
    Tiled(Tiled),
    Portable(Portable),
}

impl Executor {
    /// On the CPU, with this many threads.
    pub fn cpu(threads: usize) -> Result<Self> {
        Ok(Self::Tiled(Tiled::new(threads)?))
    }

    /// On a device of candle's.
    pub fn on(device: Device) -> Self {
        Self::Portable(Portable::new(device))
    }

    /// On the CPU, as it is done on every other device.
    pub fn portable() -> Self {
        Self::on(Device::Cpu)
    }

    /// On the CUDA device with this number.
    ///
    /// # Errors
    /// There is no such device, or this program was built without the feature `cuda`.
    #[cfg(feature = "cuda")]
    pub fn cuda(ordinal: usize) -> Result<Self> {
        Ok(Self::on(Device::new_cuda(ordinal)?))
    }

    /// On the CUDA device with this number.
    ///
    /// # Errors
    /// There is no such device, or this program was built without the feature `cuda`.
    #[cfg(not(feature = "cuda"))]
    pub fn cuda(_: usize) -> Result<Self> {
        Err(crate::Error::Invalid(
            "this nasrecc was built without CUDA: build it with `cargo build --release --features cuda`".into(),
        ))
    }

    /// The logit of each sample; of merged plans, the first one's.
    pub fn logits(&self, program: &Program, inputs: Inputs) -> Result<Vec<f32>> {
        Ok(self.each_logits(program, inputs)?.swap_remove(0))
    }

    /// The logits of each of the plans that were merged, in order: what they share is computed once.
    pub fn each_logits(&self, program: &Program, inputs: Inputs) -> Result<Vec<Vec<f32>>> {
        match self {
            Self::Tiled(tiled) => tiled.each_logits(program, inputs),
            Self::Portable(portable) => portable.each_logits(program, inputs),
        }
    }

    /// The mean loss over the batch, and into `gradients` those of what the program trains; of merged plans, the first
    /// one's loss.
    pub fn gradients(&self, program: &Program, inputs: Inputs, gradients: &mut Gradients) -> Result<f64> {
        Ok(self.each_gradients(program, inputs, gradients)?[0])
    }

    /// The mean losses of each of the plans that were merged, and into `gradients` those of what each trains.
    pub fn each_gradients(&self, program: &Program, inputs: Inputs, gradients: &mut Gradients) -> Result<Vec<f64>> {
        match self {
            Self::Tiled(tiled) => tiled.each_gradients(program, inputs, gradients),
            Self::Portable(portable) => portable.each_gradients(program, inputs, gradients),
        }
    }

    /// How many threads of this machine it computes with.
    pub fn threads(&self) -> usize {
        match self {
            Self::Tiled(tiled) => tiled.threads(),
            Self::Portable(_) => 1,
        }
    }

    /// Gives back the memory that is kept from step to step, where other work follows that needs less.
    pub fn release(&self) {
        if let Self::Tiled(tiled) = self {
            tiled.release();
        }
    }

    /// Runs `f` where parallel loops use this executor's threads.
    pub fn install<R: Send>(&self, f: impl FnOnce() -> R + Send) -> R {
        match self {
            Self::Tiled(tiled) => tiled.install(f),
            Self::Portable(_) => f(),
        }
    }
}
