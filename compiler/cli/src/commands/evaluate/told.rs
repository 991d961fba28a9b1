//! The same for people.

use std::fmt::Write;

use super::figures::{Ahead, Compared, Evaluated, Intervals};
use crate::output::{grouped, table};
use nasrec_runtime::train::OfHead;

pub(super) fn told(compared: &Compared, columns: Option<usize>) -> String {
    let (models, ahead) = match compared {
        Compared::One(one) => (std::slice::from_ref(one), None),
        Compared::Two { models, ahead } => (models.as_slice(), Some(ahead)),
    };
    let mut out = String::new();
    let mut table = table([
        "model",
        "rows",
        "clicks",
        "log loss",
        "AUC",
        "group AUC",
        "normalised\nentropy",
        "predicted\nover clicks",
        "calibration\nerror",
    ]);
    for one in models {
        table.add_row([
            one.directory.clone(),
            grouped(one.rows),
            number(one.click_rate),
            number(one.log_loss),
            number(one.auc),
            one.group_auc.map_or_else(String::new, number),
            number(one.normalised_entropy),
            number(one.calibration),
            number(one.calibration_error),
        ]);
    }
    table.right(1);
    let _written = writeln!(out, "{}", table.laid_out(columns));
    for one in models {
        for OfHead { name, figures } in &one.others {
            let (loss, auc) = (number(figures.log_loss), number(figures.auc));
            let _written = writeln!(out, "{}: of `{name}` log loss {loss}, AUC {auc}", one.directory);
        }
        // What is wrong with rows is the same for all.
        one.undefined.iter().for_each(|why| out.push_str(&format!("{}: {why}\n", one.directory)));
        if one.left_out > 0 {
            out.push_str(&format!(
                "{}: {} rows could not be read, and are left out\n",
                one.directory,
                grouped(one.left_out)
            ));
        }
        if let Some(Intervals { log_loss, auc }) = &one.bootstrap {
            for (what, interval) in [("log loss", log_loss), ("AUC", auc)] {
                let Some(interval) = interval else { continue };
                let _written = writeln!(
                    out,
                    "{}: on 95 % of resamples {what} is from {:.5} to {:.5}",
                    one.directory, interval.low, interval.high
                );
            }
        }
    }
    if let (Some(ahead), [own, other]) = (ahead, models) {
        out.push_str(&difference(ahead, own, other));
    }
    out.push('\n');
    models.iter().for_each(|one| out.push_str(&bins(one, columns)));
    out
}

/// By how much the first is ahead.
fn difference(Ahead { by, bootstrap }: &Ahead, own: &Evaluated, other: &Evaluated) -> String {
    let mut out = String::new();
    let resampled = |of: fn(&Intervals<_>) -> Option<nasrec_runtime::train::Resampled>| bootstrap.as_ref().and_then(of);
    let figures = [("log loss", by.log_loss, resampled(|all| all.log_loss)), ("AUC", by.auc, resampled(|all| all.auc))];
    for (what, interval, resampled) in figures {
        let Some(interval) = interval else {
            let _written = writeln!(out, "In {what} nothing can be said: it is not defined, or rows are too few.");
            continue;
        };
        let verb = match (interval.is_settled(), interval.difference > 0.0) {
            (false, _) => "differs, not settled, from",
            (true, true) => "is better than",
            (true, false) => "is worse than",
        };
        let _written = write!(
            out,
            "In {what} {} {verb} {} by {:.5} (from {:.5} to {:.5})",
            own.directory, other.directory, interval.difference, interval.low, interval.high
        );
        if let Some(resampled) = resampled {
            let _written = write!(out, "; over resamples from {:.5} to {:.5}", resampled.low, resampled.high);
        }
        out.push_str(".\n");
    }
    out.push_str(
        "In brackets: 95 % intervals, paired, over blocks of consecutive rows; above 0 where the first is better.\n",
    );
    out
}

/// What was predicted and what came true.
fn bins(one: &Evaluated, columns: Option<usize>) -> String {
    if one.bins.is_empty() {
        return String::new();
    }
    let mut table = table([one.directory.as_str(), "rows", "predicted", "clicks"]);
    for (at, bin) in one.bins.iter().enumerate() {
        let (predicted, clicked) = (number(Some(bin.predicted)), number(Some(bin.clicked)));
        table.add_row([format!("bin {}", at + 1), grouped(bin.rows), predicted, clicked]);
    }
    table.right(1);
    format!("{}\n\n", table.laid_out(columns))
}

fn number(figure: Option<f64>) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.5}"))
}
