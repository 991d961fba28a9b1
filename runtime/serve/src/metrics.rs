//! What a server counts, in the text format of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the histogram of latencies, in microseconds.
const LATENCIES: [u64; 16] = [
    100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000,
    5_000_000, 10_000_000,
];
/// Upper bounds of the histogram of batches, in rows.
const BATCHES: [u64; 13] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16_384];

/// How many values were at most each of some bounds, and their sum.
#[derive(Debug)]
pub struct Histogram<const N: usize> {
    bounds: &'static [u64; N],
    counts: [AtomicU64; N],
    beyond: AtomicU64,
    sum: AtomicU64,
}

impl<const N: usize> Histogram<N> {
    fn new(bounds: &'static [u64; N]) -> Self {
        Self { bounds, counts: [const { AtomicU64::new(0) }; N], beyond: AtomicU64::new(0), sum: AtomicU64::new(0) }
    }

    /// Counts a value.
    pub fn add(&self, value: u64) {
        let at = self.bounds.partition_point(|&bound| bound < value);
        self.counts.get(at).unwrap_or(&self.beyond).fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Its lines. `unit`: how many of what is counted are one of what is shown.
    fn write(&self, text: &mut String, name: &str, labels: &str, unit: f64) {
        let mut all = 0;
        for (bound, count) in self.bounds.iter().zip(&self.counts) {
            all += count.load(Ordering::Relaxed);
            let _written = writeln!(text, "{name}_bucket{{{labels},le=\"{}\"}} {all}", *bound as f64 / unit);
        }
        all += self.beyond.load(Ordering::Relaxed);
        let sum = self.sum.load(Ordering::Relaxed) as f64 / unit;
        let _written = writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {all}");
        let _written = writeln!(text, "{name}_sum{{{labels}}} {sum}\n{name}_count{{{labels}}} {all}");
    }
}

/// What is counted of one model, over all its versions.
#[derive(Debug)]
pub struct Metrics {
    /// From when a request's head was here to when its answer was, in microseconds.
    pub latency: Histogram<16>,
    /// Rows that were computed together.
    pub batches: Histogram<13>,
    /// Rows that were answered.
    pub rows: AtomicU64,
    /// Requests by the status of their answers.
    statuses: Mutex<BTreeMap<u16, u64>>,
    /// How often the directory held another model, and how often what it held was none.
    pub reloads: [AtomicU64; 2],
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            latency: Histogram::new(&LATENCIES),
            batches: Histogram::new(&BATCHES),
            rows: AtomicU64::new(0),
            statuses: Mutex::default(),
            reloads: Default::default(),
        }
    }
}

impl Metrics {
    /// Counts an answered request of so many rows.
    pub fn answered(&self, status: u16, rows: usize, took: Duration) {
        *self.statuses.lock().unwrap_or_else(PoisonError::into_inner).entry(status).or_default() += 1;
        if status == 200 {
            self.rows.fetch_add(rows as u64, Ordering::Relaxed);
            self.latency.add(took.as_micros() as u64);
        }
    }
}

/// What is counted of a server beside its models.
#[derive(Debug, Default)]
pub struct Connections {
    /// Those that are open.
    pub open: AtomicU64,
    /// Those that were refused, as there were too many.
    pub refused: AtomicU64,
}

/// A model as it is shown.
pub struct Shown<'m> {
    /// What it is called.
    pub name: &'m str,
    /// Rows that wait for it.
    pub depth: usize,
    /// What was counted.
    pub metrics: &'m Metrics,
}

/// All that was counted, as text. `bodies`: bytes of bodies that are here.
pub fn text(models: &[Shown], connections: &Connections, bodies: usize) -> String {
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, lines: &dyn Fn(&mut String, &Shown, &str)| {
        let _written = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for model in models {
            let label = format!("model=\"{}\"", escaped(model.name));
            lines(&mut text, model, &label);
        }
    };
    let number = |text: &mut String, name: &str, labels: &str, value: u64| {
        let _written = writeln!(text, "{name}{{{labels}}} {value}");
    };
    let name = "nasrecc_request_seconds";
    family(name, "histogram", "Seconds from the head of an answered request to its answer.", &|text, model, label| {
        model.metrics.latency.write(text, name, label, 1e6);
    });
    let name = "nasrecc_batch_rows";
    family(name, "histogram", "Rows that were computed together.", &|text, model, label| {
        model.metrics.batches.write(text, name, label, 1.0);
    });
    let name = "nasrecc_rows_total";
    family(name, "counter", "Rows that were answered.", &|text, model, label| {
        number(text, name, label, model.metrics.rows.load(Ordering::Relaxed));
    });
    let name = "nasrecc_requests_total";
    family(name, "counter", "Requests for rows, by the status of their answers.", &|text, model, label| {
        for (status, count) in model.metrics.statuses.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            number(text, name, &format!("{label},status=\"{status}\""), *count);
        }
    });
    let name = "nasrecc_waiting_rows";
    family(name, "gauge", "Rows that wait for the model.", &|text, model, label| {
        number(text, name, label, model.depth as u64);
    });
    let name = "nasrecc_reloads_total";
    family(name, "counter", "Times that a directory held another model.", &|text, model, label| {
        for (outcome, count) in ["loaded", "refused"].iter().zip(&model.metrics.reloads) {
            number(text, name, &format!("{label},outcome=\"{outcome}\""), count.load(Ordering::Relaxed));
        }
    });
    let alone = [
        ("nasrecc_connections", "gauge", "Open connections.", connections.open.load(Ordering::Relaxed)),
        (
            "nasrecc_connections_refused_total",
            "counter",
            "Connections that were refused, as there were too many.",
            connections.refused.load(Ordering::Relaxed),
        ),
        ("nasrecc_body_bytes", "gauge", "Bytes of bodies that are being read or answered.", bodies as u64),
    ];
    for (name, kind, help, value) in alone {
        let _written = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
    }
    text
}

/// The value of a label.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_shown() {
        let metrics = Metrics::default();
        metrics.answered(200, 3, Duration::from_micros(150));
        metrics.answered(200, 2, Duration::from_secs(60));
        metrics.answered(400, 9, Duration::from_micros(1));
        metrics.batches.add(5);
        let shown = text(&[Shown { name: "a\"b", depth: 7, metrics: &metrics }], &Connections::default(), 11);
        for line in [
            "# TYPE nasrecc_request_seconds histogram",
            "nasrecc_request_seconds_bucket{model=\"a\\\"b\",le=\"0.0001\"} 0",
            "nasrecc_request_seconds_bucket{model=\"a\\\"b\",le=\"0.0002\"} 1",
            "nasrecc_request_seconds_bucket{model=\"a\\\"b\",le=\"10\"} 1",
            "nasrecc_request_seconds_bucket{model=\"a\\\"b\",le=\"+Inf\"} 2",
            "nasrecc_request_seconds_sum{model=\"a\\\"b\"} 60.00015",
            "nasrecc_batch_rows_bucket{model=\"a\\\"b\",le=\"4\"} 0",
            "nasrecc_batch_rows_bucket{model=\"a\\\"b\",le=\"8\"} 1",
            "nasrecc_rows_total{model=\"a\\\"b\"} 5",
            "nasrecc_requests_total{model=\"a\\\"b\",status=\"400\"} 1",
            "nasrecc_waiting_rows{model=\"a\\\"b\"} 7",
            "nasrecc_body_bytes 11",
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{line} is not in\n{shown}");
        }
    }
}
