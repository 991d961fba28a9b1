//! What the machine has to give, and what this process took of it.

use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;

pub use crate::error::MachineError;

/// An amount of memory. Shown in the largest unit of which there is one; read as `4GiB`, `500MB` or plain bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// Units of 1024; `G` alone means GiB, as it does to other programs that limit memory.
const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut amount = self.0 as f64;
        let mut unit = "B";
        for larger in UNITS {
            // What would be shown as 1024.0 is one of the next.
            if amount < 1023.95 {
                break;
            }
            (amount, unit) = (amount / 1024.0, larger);
        }
        if unit == "B" { f.pad(&format!("{amount} B")) } else { f.pad(&format!("{amount:.1} {unit}")) }
    }
}

impl FromStr for Bytes {
    type Err = MachineError;

    fn from_str(text: &str) -> Result<Self, MachineError> {
        let wrong = || MachineError::Amount { text: text.to_owned() };
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
        let number: f64 = text[..end].replace('_', "").parse().map_err(|_| wrong())?;
        let unit = text[end..].trim().to_ascii_lowercase();
        let power = |base: f64, of: &str| {
            UNITS.iter().position(|name| name[..1].eq_ignore_ascii_case(of)).map(|i| base.powi(i as i32 + 1))
        };
        let factor = match unit.as_str() {
            "" | "b" => Some(1.0),
            _ if unit.ends_with("ib") => power(1024.0, &unit[..unit.len() - 2]),
            _ if unit.ends_with('b') => power(1000.0, &unit[..unit.len() - 1]),
            _ => power(1024.0, &unit),
        };
        factor.map(|factor| Self((number * factor) as u64)).ok_or_else(wrong)
    }
}

/// Has everything that is computed outside a backend, such as drawing tables, take this many threads. Once, before
/// anything is.
///
/// # Errors
/// Threads were started already, or the system does not grant them.
pub fn limit_threads(threads: usize) -> crate::Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build_global();
    Ok(pool.map_err(|cause| MachineError::Threads { threads, cause })?)
}

/// The memory that this process may still take: what the system has available, and no more than its control groups
/// allow. `None` where the system does not tell.
pub fn available_memory() -> Option<Bytes> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let system = field(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")?;
    Some(Bytes(group_limits(Path::new("/sys/fs/cgroup"), &groups).fold(system, u64::min)))
}

/// The memory that this process holds now. `None` where the system does not tell.
pub fn held_memory() -> Option<Bytes> {
    field(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:").map(Bytes)
}

/// The most memory that this process has held so far. `None` where the system does not tell.
pub fn peak_memory() -> Option<Bytes> {
    field(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM:").map(Bytes)
}

/// A field in kilobytes of a file such as `/proc/meminfo`.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// What each control group around this process leaves, those that limit memory. `groups`: as `/proc/self/cgroup`.
fn group_limits<'a>(root: &'a Path, groups: &'a str) -> impl Iterator<Item = u64> + 'a {
    // Where the files of the memory controller are, and what they are called: version 2, or version 1.
    let lines = groups.lines().filter_map(move |line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let first = controllers.split(',').any(|name| name == "memory");
        let root = if first { root.join("memory") } else { root.to_owned() };
        let names = match (controllers, first) {
            ("", _) => ["memory.max", "memory.current", "inactive_file"],
            (_, true) => ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"],
            _ => return None,
        };
        Some((root, path.trim_start_matches('/').to_owned(), names))
    });
    // A container may not see the folders that its path names; the root is its own group then.
    lines.flat_map(|(root, path, names)| {
        let folder = root.join(path);
        let around: Vec<_> = folder.ancestors().take_while(|at| at.starts_with(&root)).map(Path::to_owned).collect();
        around.into_iter().filter_map(move |folder| {
            let number = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
            let (limit, used) = (number(names[0])?, number(names[1])?);
            // Files that were read and are no longer needed give way.
            let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
            let idle = stat.lines().find_map(|line| line.strip_prefix(names[2])?.trim().parse::<u64>().ok());
            Some(limit.saturating_sub(used.saturating_sub(idle.unwrap_or(0))))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_shown() {
        let read = |text: &str| text.parse::<Bytes>().map(|bytes| bytes.0).map_err(|error| error.to_string());
        assert_eq!(read("4GiB"), Ok(4 << 30));
        assert_eq!(read("4 g"), Ok(4 << 30));
        assert_eq!(read("1.5GB"), Ok(1_500_000_000));
        assert_eq!(read("1_000"), Ok(1000));
        for wrong in ["", "GiB", "4 gallons", "-1GiB", "1..2", "4 i", "ib"] {
            assert!(read(wrong).unwrap_err().contains("such as 4GiB"), "{wrong}");
        }
        assert_eq!(Bytes(1023).to_string(), "1023 B");
        assert_eq!(Bytes((1 << 20) - 1).to_string(), "1.0 MiB");
        assert_eq!(Bytes(3 << 29).to_string(), "1.5 GiB");
    }

    #[test]
    fn control_groups_limit_what_is_available() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let left = |groups: &str| group_limits(root.path(), groups).collect::<Vec<_>>();
        assert!(left("0::/a/b\n").is_empty());
        write("a/b/memory.max", "max\n");
        write("a/b/memory.current", "500\n");
        write("a/memory.max", "1000\n");
        write("a/memory.current", "600\n");
        write("a/memory.stat", "anon 1\ninactive_file 250\n");
        assert_eq!(left("0::/a/b\n"), [650]);
        // A path from outside the container.
        write("memory.max", "100\n");
        write("memory.current", "30\n");
        assert_eq!(left("0::/not/there\n"), [70]);
        write("memory/x/memory.limit_in_bytes", "4096\n");
        write("memory/x/memory.usage_in_bytes", "4097\n");
        assert_eq!(left("12:cpu,cpuacct:/x\n7:memory:/x\n"), [0]);
    }

    #[test]
    fn a_process_has_a_peak() {
        if cfg!(target_os = "linux") {
            let before = peak_memory().unwrap();
            let held = vec![1u8; 64 << 20];
            assert!(held.iter().step_by(4096).all(|&byte| byte == 1));
            assert!(peak_memory().unwrap() >= before && peak_memory().unwrap().0 > 64 << 20);
            assert!(available_memory().unwrap().0 > 0);
        }
    }
}
