//! What can be made to happen at a call, and at which kinds of calls it can happen.

/// A call that the disk counted.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// From 1.
    pub number: u64,
    /// Such as `write`; all are in `disk/request.h`.
    pub kind: String,
    /// In the folder that is watched.
    pub path: String,
}

impl Call {
    /// Whether the disk is another after it: a crash at any other leaves what one at the next of these does.
    pub fn changes(&self) -> bool {
        CHANGES.contains(&self.kind.as_str())
    }
}

/// Something that happens at a call of a given number or, where that is of another kind, at the next of the kind: mimalloc
/// looks at the clock when it likes, so a checkpoint may be a step sooner or later, and what follows has other numbers.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub mode: &'static str,
    pub at: u64,
    pub kind: Option<String>,
}

impl Fault {
    /// At whatever call has the number.
    pub fn at(mode: &'static str, at: u64) -> Self {
        Self { mode, at, kind: None }
    }
}

/// How a process takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It is gone.
    Ends,
    /// It may fail, in words.
    Fails,
    /// It stops when it can, and says so.
    Stops,
    /// It goes on as if nothing had been.
    Nothing,
}

/// A mode of the disk.
#[derive(Debug)]
pub(super) struct Mode {
    pub name: &'static str,
    pub effect: Effect,
    /// The kinds of calls at which it can happen; none for all.
    kinds: &'static [&'static str],
}

/// Kinds of calls that leave another disk behind.
const CHANGES: &[&str] = &["create", "write", "truncate", "rename", "unlink", "mkdir", "link", "copy"];
/// What takes room on a disk.
const TAKES_ROOM: &[&str] = &["create", "write", "sync", "truncate", "rename", "mkdir", "link", "copy"];
const MOVES_BYTES: &[&str] = &["read", "write", "copy"];
/// What may wait, and so be interrupted.
const WAITS: &[&str] = &["open", "create", "read", "write", "sync", "truncate"];

pub(super) static MODES: [Mode; 18] = [
    Mode { name: "crash", effect: Effect::Ends, kinds: &[] },
    Mode { name: "crash-after", effect: Effect::Ends, kinds: &[] },
    Mode { name: "torn", effect: Effect::Ends, kinds: &["write"] },
    Mode { name: "torn-head", effect: Effect::Ends, kinds: &["write"] },
    Mode { name: "lost", effect: Effect::Ends, kinds: &[] },
    Mode { name: "lost-data", effect: Effect::Ends, kinds: &[] },
    Mode { name: "lost-names", effect: Effect::Ends, kinds: &[] },
    Mode { name: "eio", effect: Effect::Fails, kinds: &[] },
    Mode { name: "eio-on", effect: Effect::Fails, kinds: &[] },
    Mode { name: "enospc", effect: Effect::Fails, kinds: TAKES_ROOM },
    Mode { name: "enospc-on", effect: Effect::Fails, kinds: TAKES_ROOM },
    Mode { name: "edquot", effect: Effect::Fails, kinds: TAKES_ROOM },
    Mode { name: "eintr", effect: Effect::Nothing, kinds: WAITS },
    Mode { name: "short", effect: Effect::Nothing, kinds: MOVES_BYTES },
    Mode { name: "half", effect: Effect::Nothing, kinds: MOVES_BYTES },
    Mode { name: "interrupt", effect: Effect::Stops, kinds: &[] },
    Mode { name: "terminate", effect: Effect::Stops, kinds: &[] },
    Mode { name: "hangup", effect: Effect::Stops, kinds: &[] },
];

impl Mode {
    /// It at each of the calls at which it can happen.
    pub fn at_each(&'static self, calls: &[Call]) -> impl Iterator<Item = Fault> {
        let calls = calls.iter().filter(|call| self.kinds.is_empty() || self.kinds.contains(&call.kind.as_str()));
        calls.map(|call| Fault { mode: self.name, at: call.number, kind: Some(call.kind.clone()) })
    }
}

/// The mode of a name.
pub(super) fn mode(name: &str) -> &'static Mode {
    MODES.iter().find(|mode| mode.name == name).expect("a mode of that name")
}
