//! `--device` and `--threads`: where to compute.

use anyhow::{Context, Result, bail};
use nasrec_runtime::ops::Executor;

/// More threads than this for each core only take time from each other.
const MOST_THREADS: usize = 8;

/// The executor of a device: `cpu`, `cuda` or `cuda:N`; and `cpu:portable`, which runs on the CPU what every device but
/// the CPU runs, so that this can be checked where there is none.
pub(crate) fn executor(device: &str, threads: Option<usize>) -> Result<Executor> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = match threads {
        Some(0) => bail!("--threads must be at least 1"),
        Some(threads) if threads > MOST_THREADS * cores => {
            bail!("--threads {threads} is more than {MOST_THREADS} for each of the {cores} cores here")
        }
        Some(threads) => threads,
        None => cores,
    };
    match device.split_once(':') {
        None if device == "cpu" => Ok(Executor::cpu(threads)?),
        None if device == "cuda" => Ok(Executor::cuda(0)?),
        Some(("cpu", "portable")) => Ok(Executor::portable()),
        Some(("cuda", ordinal)) => {
            let ordinal = ordinal.parse().with_context(|| format!("`{ordinal}` is not the number of a device"))?;
            Ok(Executor::cuda(ordinal)?)
        }
        _ => bail!("there is no device `{device}`: expected cpu, cpu:portable, cuda or cuda:N"),
    }
}
