//! The table at the end of a run.

use std::fmt::Write;

use nasrec_runtime::search::{Nothing, Report, Row, Size};
use nasrec_runtime::train::Figures;

use crate::output::{self, grouped};

/// Best first, then the baselines; what is not known is left empty. A training has no ranks: it has one model.
pub(super) fn table(report: &Report, columns: Option<usize>) -> String {
    let searched = report.candidates > 0;
    let mut table = output::table([
        if searched { "rank" } else { "" },
        "model",
        "log loss\nvalidation",
        "AUC\nvalidation",
        "log loss\ntest",
        "AUC\ntest",
        "MMACs",
        "parameters\ndense",
        "parameters\nembedding",
    ]);
    for (rank, row) in report.best.iter().enumerate() {
        let rank = if searched { (rank + 1).to_string() } else { "trained".to_owned() };
        table.add_row(cells(&rank, row));
    }
    for row in &report.baselines {
        table.add_row(cells("baseline", row));
    }
    table.right(2);
    let mut out = format!("{}\n", table.laid_out(columns));
    let candidates = match report.candidates {
        0 => String::new(),
        candidates => format!("{candidates} candidates evaluated in the supernet. "),
    };
    let _written = writeln!(
        out,
        "{candidates}Validation: trained from scratch on the training part. Test: {}.",
        if report.refit { "on training and validation part" } else { "the same models" }
    );
    if let Some(known) = report.attainable {
        let _written = writeln!(
            out,
            "On the test part the planted probabilities have log loss {:.4}, the best constant {:.4}.",
            known.log_loss, known.constant
        );
    }
    if let Some(peak) = report.peak_memory {
        let _written =
            writeln!(out, "The {} took up to {peak} of memory.", if searched { "search" } else { "training" });
    }
    let told = |of: fn(&Figures) -> Option<String>| {
        let rows = report.best.iter().chain(&report.baselines);
        let told = rows.filter_map(|row| Some(format!("{} {}", row.name, of(row.test.as_ref()?)?)));
        told.collect::<Vec<_>>().join(", ")
    };
    let of_groups = told(|test| test.group_auc.map(|auc| format!("{auc:.5}")));
    if !of_groups.is_empty() {
        let _written = writeln!(out, "Group AUC on test: {of_groups}.");
    }
    let before = told(|test| test.calibrated?.before.log_loss.map(loss_shown));
    if !before.is_empty() {
        let fitted = if report.refit { ", before it was trained on" } else { "" };
        let _written = writeln!(out, "Calibrated on the validation part{fitted}. Log loss on test without: {before}.");
    }
    for row in report.best.iter().chain(&report.baselines) {
        out.push_str(&unsound(report, row));
    }
    // Of what has learnt nothing, a difference says nothing either.
    let loss = |row: &Row| {
        let sound = !row.failed() && report.learnt_nothing(row).is_none();
        row.test.filter(|_| sound).and_then(|test| test.log_loss)
    };
    if let Some(best) = report.winner()
        && let Some(found) = loss(best)
    {
        for baseline in &report.baselines {
            if let Some(theirs) = loss(baseline) {
                let (verb, by) = if found < theirs { ("beats", theirs - found) } else { ("loses to", found - theirs) };
                let _written = writeln!(out, "{} {verb} {} by {by:.4} of log loss on test.", best.name, baseline.name);
            }
        }
    }
    out
}

/// That a model failed, or has learnt nothing.
fn unsound(report: &Report, row: &Row) -> String {
    let name = &row.name;
    if row.failed() {
        return format!("{name} failed: its log loss is not finite.\n");
    }
    let part = if row.test.is_some() { "test" } else { "validation" };
    match report.learnt_nothing(row) {
        Some(Nothing::Alike) => format!("{name} has learnt nothing: its predictions on {part} are all alike.\n"),
        Some(Nothing::NoBetter { log_loss, constant }) => format!(
            "{name} has learnt nothing: its log loss on {part}, {}, is not below {constant:.5}, that of the best constant.\n",
            loss_shown(log_loss)
        ),
        None => String::new(),
    }
}

/// A log loss: with all its digits where it is one of a model that learns, with few where it is beyond all of these.
fn loss_shown(loss: f64) -> String {
    if loss < 1e3 { format!("{loss:.5}") } else { format!("{loss:.3e}") }
}

fn cells(rank: &str, row: &Row) -> Vec<String> {
    let figure = |x: Option<f64>| x.map_or_else(String::new, |x| format!("{x:.5}"));
    let size = |f: fn(&Size) -> String| row.size.as_ref().map_or_else(String::new, f);
    let test = |f: fn(&Figures) -> Option<f64>| figure(row.test.as_ref().and_then(f));
    vec![
        rank.to_owned(),
        row.name.clone(),
        row.validation.log_loss.map_or_else(|| "failed".to_owned(), loss_shown),
        figure(row.validation.auc),
        match row.test {
            Some(test) if test.log_loss.is_none() => "failed".to_owned(),
            test => test.and_then(|test| test.log_loss).map_or_else(String::new, loss_shown),
        },
        test(|f| f.auc),
        size(|size| format!("{:.4}", size.macs as f64 / 1e6)),
        size(|size| grouped(size.dense_params)),
        size(|size| grouped(size.embedding_params)),
    ]
}
