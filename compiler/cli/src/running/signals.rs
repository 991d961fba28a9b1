//! Ctrl-C, and what else asks a process to end.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use nasrec_runtime::Stop;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::output::say;

/// What asks a process to end; on Unix also a terminal that is closed.
#[cfg(unix)]
const ASKING: [i32; 3] = [SIGINT, SIGTERM, signal_hook::consts::SIGHUP];
#[cfg(not(unix))]
const ASKING: [i32; 2] = [SIGINT, SIGTERM];

/// A handler may do little more than set a flag: how often that is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// From now on the first signal asks for a stop, and a second one ends the process at once. A signal that was ignored
/// when we started stays ignored: that is how `nohup` and a shell's background jobs ask to be let alone. `how`: how it is stopped,
/// in words.
pub(super) fn listen(stop: &'static Stop, how: &'static str) -> Result<()> {
    let asked = Arc::new(AtomicBool::new(false));
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    for signal in ASKING.into_iter().filter(|&signal| !ignored(&status, signal)) {
        // In this order: the first signal finds the flag down. The second needs no thread, which may be waiting for
        // whoever reads stderr.
        flag::register_conditional_shutdown(signal, 130, Arc::clone(&asked))
            .and_then(|_| flag::register(signal, Arc::clone(&asked)))
            .context("cannot listen for Ctrl-C")?;
    }
    let watch = move || {
        while !asked.load(Ordering::SeqCst) {
            thread::sleep(LOOK_EVERY);
        }
        stop.request();
        say!("{how}; once more to stop at once");
    };
    thread::Builder::new().name("signals".to_owned()).spawn(watch).context("cannot listen for Ctrl-C")?;
    Ok(())
}

/// Whether Linux says in the status of this process that it ignores a signal; elsewhere none is known to be.
fn ignored(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal - 1)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_tells_what_is_ignored() {
        // As `nohup` leaves it, with SIGPIPE, which Rust ignores.
        let status =
            "Name:\tnasrecc\nSigBlk:\t0000000000000003\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000440\n";
        assert!(ignored(status, 1) && ignored(status, 13));
        assert!(!ignored(status, SIGINT) && !ignored(status, SIGTERM));
        assert!(!ignored("", 1));
    }
}
