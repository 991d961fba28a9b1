//! Progress for people: bars with rate and time left on a terminal, plain lines elsewhere. All of it on stderr.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressState, ProgressStyle};
use nasrec_runtime::{Observer, Stage};

use crate::output::{say, visible_line};

/// Between two plain lines of one stage.
const LINES_EVERY: Duration = Duration::from_secs(10);

/// What the longest parts of a line take: the name of a stage, its counts and a note.
const NAME: usize = 34;
const COUNTS: usize = 46;
const NOTE: usize = 22;
/// A line with all of it, and a bar of the best width.
const WIDEST: usize = NAME + COUNTS + NOTE + 30 + 5;

/// Draws bars or prints lines, as stderr allows.
pub(crate) struct Progress {
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
            let columns = terminal_size::terminal_size_of(std::io::stderr());
            let columns = columns.map_or(WIDEST, |(terminal_size::Width(columns), _)| usize::from(columns));
            let template = template(columns, &stage);
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

/// A line that fits a terminal of so many columns. A narrow one does without the bar, then without the note, then without
/// the rate.
fn template(columns: usize, stage: &Stage) -> String {
    let bytes = stage.unit == "bytes";
    let done =
        if bytes { "{bytes}/{total_bytes}".to_owned() } else { format!("{{human_pos}}/{{human_len}} {}", stage.unit) };
    let rate = if bytes { "{binary_bytes_per_sec}" } else { "{rate}" };
    // A bar has its brackets and a space behind it.
    let room = (columns + 30).saturating_sub(WIDEST).min(30);
    let name = stage.name.chars().count();
    match columns {
        _ if room >= 8 => format!("{{prefix:>{NAME}!}} [{{bar:{room}}}] {done} ({rate}, {{eta}} left) {{msg}}"),
        _ if columns > name + COUNTS + NOTE + 2 => format!("{{prefix}} {done} ({rate}, {{eta}} left) {{msg}}"),
        _ if columns > name + COUNTS + 1 => format!("{{prefix}} {done} ({rate}, {{eta}} left)"),
        _ => format!("{{prefix:{}!}} {done} ({{eta}} left)", NAME.min(columns / 3)),
    }
}

impl Current {
    /// Such as `train supernet: 120/470 steps (26 %), 31.2 steps/s, 11 s left, log loss 0.5123`.
    fn line(&self) -> String {
        let Stage { name, total, unit } = &self.stage;
        let elapsed = self.started.elapsed().as_secs_f64();
        let since = self.done - self.first.unwrap_or(0);
        let rate = since as f64 / elapsed.max(1e-9);
        let counts = match total {
            // How fast it goes shows with the first that is done.
            _ if since == 0 => match total {
                Some(total) => format!("{}/{total} {unit}", self.done),
                None => format!("{} {unit}", self.done),
            },
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The template with values in its places that are as wide as a long search has them.
    fn drawn(columns: usize, name: &str, unit: &'static str) -> String {
        let line = template(columns, &Stage { name: name.to_owned(), total: Some(1), unit });
        let values = [
            ("{human_pos}", "1,234,567"),
            ("{human_len}", "9,999,999"),
            ("{rate}", "1234/s"),
            ("{bytes}", "123.45 MiB"),
            ("{total_bytes}", "123.45 GiB"),
            ("{binary_bytes_per_sec}", "812.34 MiB/s"),
            ("{eta}", "59m"),
            ("{msg}", "log loss 0.4521"),
        ];
        let line = values.iter().fold(line, |line, (key, value)| line.replace(key, value));
        let mut out = String::new();
        for part in line.split_inclusive('}') {
            let Some((before, key)) = part.split_once('{') else {
                out.push_str(part);
                continue;
            };
            out.push_str(before);
            let width = key
                .trim_end_matches('}')
                .split_once(':')
                .map(|(_, width)| width.trim_matches(['>', '!']).parse::<usize>().expect("a width"));
            if key.starts_with("bar") {
                out.push_str(&"=".repeat(width.expect("a bar has a width")));
            } else {
                let cut = width.map_or(name.to_owned(), |width| name.chars().take(width).collect());
                out.push_str(&format!("{cut:>0$}", if key.contains('>') { width.unwrap_or(0) } else { 0 }));
            }
        }
        out
    }

    #[test]
    fn a_line_fits_its_terminal() {
        for (name, unit) in
            [("train supernet", "steps"), ("train 12 of 20: nasrecnet_criteo_full", "steps"), ("read data", "bytes")]
        {
            for columns in [60, 72, 80, 100, 120, 140, 200] {
                let line = drawn(columns, name, unit);
                assert!(line.chars().count() < columns, "{columns}: {line}");
                assert!(line.contains("59m left"), "{columns}: {line}");
            }
            assert!(drawn(140, name, unit).contains("[=========="));
            assert!(drawn(120, name, unit).contains("[==="), "{}", drawn(120, name, unit));
            assert!(drawn(120, name, unit).contains("log loss 0.4521"));
        }
        assert!(
            drawn(90, "train supernet", "steps").contains("log loss")
                && !drawn(90, "train supernet", "steps").contains('[')
        );
        assert!(!drawn(80, "train supernet", "steps").contains("log loss"));
    }

    /// A stage whose first unit takes long is not said to last for ever.
    #[test]
    fn time_left_is_told_once_something_is_done() {
        let now = Instant::now() - Duration::from_secs(20);
        let line = |first, done, total| {
            let stage = Stage { name: "search".to_owned(), total, unit: "candidates" };
            let note = "candidate 0".to_owned();
            Current { stage, bar: None, started: now, told: now, first: Some(first), done, note }.line()
        };
        assert_eq!(line(0, 0, Some(120)), "search: 0/120 candidates, candidate 0");
        assert_eq!(line(7, 7, None), "search: 7 candidates, candidate 0");
        let told = line(0, 10, Some(120));
        assert!(told.starts_with("search: 10/120 candidates (8 %), 0.5 candidates/s, 220 s left"), "{told}");
    }

    #[test]
    fn indicatif_takes_every_template() {
        for columns in 20..200 {
            let stage = Stage { name: "train supernet".to_owned(), total: Some(1), unit: "steps" };
            assert!(ProgressStyle::with_template(&template(columns, &stage)).is_ok(), "{columns}");
        }
    }
}
