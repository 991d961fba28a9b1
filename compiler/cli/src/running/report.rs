//! The table at the end of a run.

use std::fmt::Write;

use nasrec_runtime::search::{Nothing, Report, Row, Size};
use nasrec_runtime::train::{Figures, Interval, OfHead};

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
        candidates => {
            let how = if report.in_supernet() { "evaluated in the supernet" } else { "trained on their own" };
            let again = match report.best.iter().map(|row| row.trainings).max() {
                Some(seeds) if seeds > 1 && report.folds > 0 => format!(
                    ", the best with up to {seeds} seeds, judged on {} blocks of the training part in turn: figures are those on the \
                     validation part, and the order is that of what is expected on any rows",
                    report.folds
                ),
                Some(seeds) if seeds > 1 => format!(
                    ", the best with up to {seeds} seeds: figures are means, and the order is that of what is expected of each"
                ),
                _ if report.in_supernet() => String::new(),
                _ => ", each once".to_owned(),
            };
            format!("{candidates} candidates {how}{again}. ")
        }
    };
    let _written = writeln!(
        out,
        "{candidates}Validation: trained from scratch on the training part. Test: {}.",
        if report.refit { "on training and validation part" } else { "the same models" }
    );
    if let Some(trials) = report.tuned {
        let tuned = report
            .best
            .iter()
            .chain(&report.baselines)
            .filter(|row| !row.settings.is_empty() && row.settings != report.adopted);
        let each = tuned.map(|row| {
            let settings: Vec<String> = row.settings.iter().map(ToString::to_string).collect();
            format!("{} {}", row.name, settings.join(", "))
        });
        let each: Vec<String> = each.collect();
        let found = if each.is_empty() { "those that they had were best for all".to_owned() } else { each.join("; ") };
        let adopted: Vec<String> = report.adopted.iter().map(ToString::to_string).collect();
        let adopted = match adopted.is_empty() {
            true => String::new(),
            false => {
                format!("Candidates were trained by what is best for one of the baselines, {}. ", adopted.join(", "))
            }
        };
        let _written = writeln!(
            out,
            "{adopted}Tuned, with up to {trials} settings tried for what was found and for each model it is compared with: {found}."
        );
    }
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
    out.push_str(&of_other_labels(report));
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
    out.push_str(&compared(report));
    out
}

/// What models that predict several labels come to on the others, a line a label.
fn of_other_labels(report: &Report) -> String {
    let mut out = String::new();
    let mut labels: Vec<(&str, Vec<String>)> = Vec::new();
    for row in report.best.iter().chain(&report.baselines) {
        for OfHead { name, figures } in &row.others {
            let number = |figure: Option<f64>| figure.map_or_else(|| "not defined".to_owned(), |x| format!("{x:.5}"));
            let told = format!("{} {} and {}", row.name, number(figures.log_loss), number(figures.auc));
            match labels.iter_mut().find(|(label, _)| label == name) {
                Some((_, all)) => all.push(told),
                None => labels.push((name, vec![told])),
            }
        }
    }
    for (label, all) in labels {
        let _written = writeln!(out, "Log loss and AUC of `{label}` on test: {}.", all.join(", "));
    }
    out
}

/// What was found against each baseline, if both have learnt something: a difference of what has not says nothing.
fn compared(report: &Report) -> String {
    let loss = |row: &Row| {
        let sound = !row.failed() && report.learnt_nothing(row).is_none();
        let test = row.test.filter(|_| sound).and_then(|test| test.log_loss)?;
        row.repeated.map_or(Some(test), |repeated| repeated.log_loss)
    };
    let Some(best) = report.winner() else { return String::new() };
    let Some(found) = loss(best) else { return String::new() };
    let mut out = String::new();
    let mut intervals = false;
    for baseline in &report.baselines {
        let Some(theirs) = loss(baseline) else { continue };
        let against = report.against.iter().find(|against| against.name == baseline.name);
        let Some(interval) = against.and_then(|against| against.log_loss) else {
            let (verb, by) = if found < theirs { ("ahead of", theirs - found) } else { ("behind", found - theirs) };
            let _written = writeln!(out, "{} is {verb} {} by {by:.4} of log loss on test.", best.name, baseline.name);
            continue;
        };
        intervals = true;
        let Interval { difference, low, high } = interval;
        let told = match (interval.is_settled(), difference > 0.0) {
            (true, true) => format!("beats {} by {difference:.4} of log loss on test", baseline.name),
            (true, false) => format!("loses to {} by {:.4} of log loss on test", baseline.name, -difference),
            (false, _) => format!("against {}: not settled, {difference:+.4} of log loss on test", baseline.name),
        };
        let _written = writeln!(out, "{} {told} (from {low:+.4} to {high:+.4}).", best.name);
    }
    if best.repeated.is_some() {
        out.push_str(&means(report, best));
    }
    if intervals {
        let _written = writeln!(
            out,
            "In brackets: 95 % intervals, paired, over the rows of the test part{}.",
            match report.luck {
                Some(luck) => format!(" and over trainings, which differ by {luck:.4}"),
                None => "; over trainings nothing is known, as each was trained once".to_owned(),
            }
        );
    }
    out
}

/// What models come to on the test part in the mean of their trainings.
fn means(report: &Report, best: &Row) -> String {
    let rows = std::iter::once(best).chain(&report.baselines).filter(|row| !row.failed());
    let mean = |row: &Row| match row.repeated {
        Some(repeated) => (repeated.log_loss, repeated.trainings),
        None => (row.test.and_then(|test| test.log_loss), 1),
    };
    let each: Vec<(&str, f64, usize)> =
        rows.filter_map(|row| mean(row).0.map(|loss| (row.name.as_str(), loss, mean(row).1))).collect();
    let (least, most) = each.iter().fold((usize::MAX, 0), |(least, most), &(.., n)| (least.min(n), most.max(n)));
    let shown = |&(name, loss, n): &(&str, f64, usize)| match least == most {
        true => format!("{name} {}", loss_shown(loss)),
        false => format!("{name} {} (of {n})", loss_shown(loss)),
    };
    let shown: Vec<String> = each.iter().map(shown).collect();
    let many = if least == most { format!("{most}") } else { format!("{least} or {most}") };
    format!(
        "Each is the mean of {many} trainings there, of which the table has the first, and that is kept: {}.\n",
        shown.join(", ")
    )
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
