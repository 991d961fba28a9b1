//! `--device` and `--threads`: where to compute.

use anyhow::{Context, Result, bail};
use nasrec_runtime::backend::{Backend, Candle, Tiled};

/// More threads than this for each core only take time from each other.
const MOST_THREADS: usize = 8;

/// Where to compute: in tiles on the CPU, or on a device.
pub(crate) enum Device {
    Tiled(Tiled),
    Candle(Candle),
}

/// What is done with a backend, whichever it is.
pub(crate) trait Work {
    type Done;

    fn on(self, backend: &impl Backend) -> Self::Done;
}

impl Device {
    pub(crate) fn run<W: Work>(&self, work: W) -> W::Done {
        match self {
            Self::Tiled(tiled) => work.on(tiled),
            Self::Candle(candle) => work.on(candle),
        }
    }

    pub(crate) fn threads(&self) -> usize {
        match self {
            Self::Tiled(tiled) => tiled.threads(),
            Self::Candle(candle) => candle.threads(),
        }
    }
}

/// A device by name: `cpu`, `cuda` or `cuda:N`; and `cpu:portable`, which runs on the CPU what every device but the CPU
/// runs, so that this can be checked where there is none.
pub(crate) fn named(device: &str, threads: Option<usize>) -> Result<Device> {
    let threads = self::threads(threads)?;
    match device.split_once(':') {
        None if device == "cpu" => Ok(Device::Tiled(Tiled::new(threads)?)),
        None if device == "cuda" => Ok(Device::Candle(Candle::cuda(0)?)),
        Some(("cpu", "portable")) => Ok(Device::Candle(Candle::portable())),
        Some(("cuda", ordinal)) => {
            let ordinal = ordinal.parse().with_context(|| format!("`{ordinal}` is not the number of a device"))?;
            Ok(Device::Candle(Candle::cuda(ordinal)?))
        }
        _ => bail!("there is no device `{device}`: expected cpu, cpu:portable, cuda or cuda:N"),
    }
}

/// So many threads as are asked for, or one a core.
pub(crate) fn threads(asked: Option<usize>) -> Result<usize> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match asked {
        Some(0) => bail!("--threads must be at least 1"),
        Some(threads) if threads > MOST_THREADS * cores => {
            bail!("--threads {threads} is more than {MOST_THREADS} for each of the {cores} cores here")
        }
        Some(threads) => Ok(threads),
        None => Ok(cores),
    }
}
