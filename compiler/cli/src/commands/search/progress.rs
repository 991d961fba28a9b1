//! Progress for people: bars with rate and time left on a terminal, plain lines elsewhere. All of it on stderr.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressState, ProgressStyle};
use nasrec_runtime::{Observer, Stage};

use crate::output::{say, visible_line};

/// Between two plain lines of one stage.
const LINES_EVERY: Duration = Duration::from_secs(10);

/// Draws bars or prints lines, as stderr allows.
pub(super) struct Progress {
    terminal: bool,
    current: Mutex<Option<Current>>,
}

struct Current {
    stage: Stage,
    bar: Option<ProgressBar>,
    started: Instant,
    told: Instant,
    /// Where the stage was first heard of: a resumed one does not start at 0.
    first: Option<u64>,
    done: u64,
    note: String,
}

impl Progress {
    pub fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), current: Mutex::new(None) }
    }

    fn with(&self, f: impl FnOnce(&mut Option<Current>)) {
        f(&mut self.current.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Observer for Progress {
    fn begin(&self, stage: Stage) {
        let bar = self.terminal.then(|| {
            let bar = stage.total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
            let counts = if stage.unit == "bytes" {
                "{bytes}/{total_bytes} ({binary_bytes_per_sec}, {eta} left)"
            } else {
                "{human_pos}/{human_len} {unit} ({rate}, {eta} left)"
            };
            let template = format!("{{prefix:>34}} [{{bar:30}}] {} {{msg}}", counts.replace("{unit}", stage.unit));
            let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
            // Whole units where there are many a second, one decimal where there are few.
            let style = style.with_key("rate", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                let rate = state.per_sec();
                let _written = if rate >= 100.0 { write!(out, "{rate:.0}/s") } else { write!(out, "{rate:.1}/s") };
            });
            bar.set_style(style.progress_chars("=> "));
            bar.set_prefix(visible_line(&stage.name));
            bar
        });
        let now = Instant::now();
        let current = Current { stage, bar, started: now, told: now, first: None, done: 0, note: String::new() };
        self.with(|slot| *slot = Some(current));
    }

    fn progress(&self, done: u64, note: &str) {
        self.with(|slot| {
            let Some(current) = slot else { return };
            current.done = done;
            if current.first.is_none() {
                current.first = Some(done.saturating_sub(1));
                if let Some(bar) = &current.bar {
                    bar.set_position(done.saturating_sub(1));
                    bar.reset_eta();
                }
            }
            note.clone_into(&mut current.note);
            match &current.bar {
                Some(bar) => {
                    bar.set_position(done);
                    bar.set_message(visible_line(note));
                }
                None if current.told.elapsed() >= LINES_EVERY => {
                    current.told = Instant::now();
                    say!("{}", current.line());
                }
                None => {}
            }
        });
    }

    fn end(&self) {
        self.with(|slot| {
            let Some(current) = slot.take() else { return };
            if let Some(bar) = &current.bar {
                bar.finish_and_clear();
            }
            let seconds = current.started.elapsed().as_secs_f64();
            let note = if current.note.is_empty() { String::new() } else { format!(", {}", current.note) };
            let done = match current.stage.unit {
                "bytes" => HumanBytes(current.done).to_string(),
                unit => format!("{} {unit}", HumanCount(current.done)),
            };
            say!("{}: {done} in {seconds:.1} s{note}", current.stage.name);
        });
    }

    fn say(&self, line: &str) {
        self.with(|slot| match slot.as_ref().and_then(|current| current.bar.as_ref()) {
            Some(bar) => bar.suspend(|| say!("{line}")),
            None => say!("{line}"),
        });
    }
}

impl Current {
    /// Such as `train supernet: 120/470 steps (26 %), 31.2 steps/s, 11 s left, log loss 0.5123`.
    fn line(&self) -> String {
        let Stage { name, total, unit } = &self.stage;
        let elapsed = self.started.elapsed().as_secs_f64();
        let rate = (self.done - self.first.unwrap_or(0)) as f64 / elapsed.max(1e-9);
        let counts = match total {
            Some(total) => {
                let left = (total.saturating_sub(self.done)) as f64 / rate.max(1e-9);
                let share = 100.0 * self.done as f64 / (*total).max(1) as f64;
                format!("{}/{total} {unit} ({share:.0} %), {rate:.1} {unit}/s, {left:.0} s left", self.done)
            }
            None => format!("{} {unit}, {rate:.1} {unit}/s", self.done),
        };
        let note = if self.note.is_empty() { String::new() } else { format!(", {}", self.note) };
        format!("{name}: {counts}{note}")
    }
}
