//! What is asked of a ranking on the command line, and its table at the end.

use std::fmt::Write;

use anyhow::{Result, bail};
use nasrec_compiler::recipe::{Method, Recipe};
use nasrec_runtime::run::{Ranking, Run, Variant};
use nasrec_runtime::search::{Agreement, Estimate, Ranked, Time};

use crate::output::{self, Format, Gone, Text, say};

/// What is measured.
#[derive(clap::Args)]
pub(crate) struct Asked {
    /// How many architectures are ordered
    #[arg(long, value_name = "N", default_value_t = 60, conflicts_with = "resume")]
    architectures: usize,
    /// With how many seeds each of them is trained
    #[arg(long, value_name = "N", default_value_t = 3, conflicts_with = "resume")]
    seeds: u64,
    /// How many others are trained once, for a model that learns from trainings; 0 for none
    #[arg(long, value_name = "N", default_value_t = 20, conflicts_with = "resume")]
    others: usize,
    /// Another supernet, by its settings of `train`, `evaluate`, `space` or `seed`, separated by commas; may be repeated
    #[arg(long, value_name = "NAME=SETTING,…", conflicts_with = "resume")]
    vary: Vec<String>,
    /// Also train copies of each supernet further: few-shot, one for each option of its first choice of an operator, and two-shot, on the
    /// paths that it likes best. Each takes a pass over the training part
    #[arg(long, conflicts_with = "resume")]
    further: bool,
    /// Text, or JSON
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Format,
}

impl Asked {
    /// What a run is to measure; `varied` gives the recipe with further settings, or nothing where they have mistakes, which it shows.
    pub(super) fn ranking(
        &self,
        recipe: &Recipe,
        mut varied: impl FnMut(&[String]) -> Result<Option<Recipe>>,
    ) -> Result<Option<Ranking>> {
        let mut variants = Vec::new();
        if matches!(recipe.method, Method::Trials { .. }) && !self.vary.is_empty() {
            bail!("--vary is for supernets, and this search trains candidates on their own");
        }
        for text in &self.vary {
            let Some((name, settings)) = text.split_once('=').filter(|(_, settings)| settings.contains(['=', ':']))
            else {
                bail!("--vary {text}: expected a name and settings, such as adam='train.optimiser=adam(lr: 0.001)'")
            };
            let settings = split(settings);
            let Some(varied) = varied(&settings)? else { return Ok(None) };
            variants.push(Variant::new(name.trim(), settings, recipe, varied)?);
        }
        let (architectures, others, seeds, further) = (self.architectures, self.others, self.seeds, self.further);
        let ranking = Ranking { architectures, others, seeds, variants, further };
        ranking.check()?;
        Ok(Some(ranking))
    }
}

/// The settings of a list: a comma inside of brackets or of a text separates none.
fn split(settings: &str) -> Vec<String> {
    let (mut all, mut depth, mut quoted) = (vec![String::new()], 0usize, false);
    for c in settings.chars() {
        match c {
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth = depth.saturating_sub(1),
            ',' if depth == 0 && !quoted => {
                all.push(String::new());
                continue;
            }
            _ => {}
        }
        all.last_mut().into_iter().for_each(|last| last.push(c));
    }
    all.iter().map(|setting| setting.trim().to_owned()).filter(|setting| !setting.is_empty()).collect()
}

/// Writes the table and shows it, or the data; says what it took.
pub(super) fn finish(run: &Run, ranked: &Ranked, format: Format) -> Result<()> {
    run.dir().write("report.txt", table(ranked, None).as_bytes())?;
    let text = match format {
        Format::Text => Text::People(table(ranked, output::columns(None))),
        Format::Json => output::json(ranked)?,
    };
    match output::print(text) {
        Err(error) if error.is::<Gone>() => {}
        printed => printed?,
    }
    for Time { what, times, seconds } in &ranked.times {
        say!("{what}: {seconds:.1} s{}", if *times > 1 { format!(" for {times}") } else { String::new() });
    }
    Ok(())
}

fn table(ranked: &Ranked, columns: Option<usize>) -> String {
    let mut table = output::table([
        "supernet",
        "judged by",
        "tau",
        "95 %",
        "Spearman",
        "95 %",
        "Pearson",
        "95 %",
        "regret\nof 1",
        "regret\nof 5",
        "tau, more than\nthe search's",
        "95 %",
    ]);
    for agreement in &ranked.agreements {
        table.add_row(cells(agreement));
    }
    table.right(2);
    let Ranked { space, architectures, failed, seeds, others, truth, .. } = ranked;
    let mut out = format!("{}\n", table.laid_out(columns));
    let left_out = if *failed > 0 { format!(" ({failed} more failed and are left out)") } else { String::new() };
    let _written = writeln!(
        out,
        "{architectures} architectures of {space}{left_out}, each trained alone with {seeds} seed{}; {others} others once.",
        if *seeds == 1 { "" } else { "s" }
    );
    let luck = truth.luck.map_or_else(String::new, |luck| format!(", between the seeds of one by {luck:.5}"));
    let _written = writeln!(
        out,
        "Log loss on validation, mean of the seeds: best {:.5}, mean {:.5}; it differs between architectures by {:.5}{luck} (standard \
         deviations).",
        truth.best, truth.mean, truth.spread
    );
    let _written = writeln!(
        out,
        "Regret: how far the best of the 1 or 5 that are judged best is behind the best of all. Without looking: {} and {}.",
        figure(truth.by_chance.of_1, 5),
        figure(truth.by_chance.of_5, 5)
    );
    for variant in &ranked.variants {
        let _written = writeln!(out, "{}: {}", variant.name, variant.settings.join(", "));
    }
    out
}

fn cells(agreement: &Agreement) -> Vec<String> {
    let Agreement { variant, by, tau, spearman, pearson, regret, more } = agreement;
    let mut cells = vec![variant.clone().unwrap_or_default(), by.clone()];
    for estimate in [tau, spearman, pearson] {
        cells.extend(estimated(*estimate, false));
    }
    cells.extend([figure(regret.of_1, 5), figure(regret.of_5, 5)]);
    cells.extend(estimated(*more, true));
    cells
}

/// A figure, and its interval.
fn estimated(estimate: Option<Estimate>, signed: bool) -> [String; 2] {
    let Some(Estimate { value, low, high }) = estimate else { return [String::new(), String::new()] };
    let shown = |value: f64| if signed { format!("{value:+.2}") } else { format!("{value:.2}") };
    let interval = low.zip(high).map_or_else(String::new, |(low, high)| format!("{} to {}", shown(low), shown(high)));
    [shown(value), interval]
}

fn figure(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_separated_where_nothing_is_open() {
        let list = "train.optimiser=adagrad(lr: 0.1, eps: 0.01), train.epochs=2,evaluate.finetune=off,";
        assert_eq!(
            split(list),
            ["train.optimiser=adagrad(lr: 0.1, eps: 0.01)", "train.epochs=2", "evaluate.finetune=off"]
        );
        assert_eq!(split("data.files=\"a,b\""), ["data.files=\"a,b\""]);
        assert_eq!(split("a=[1, 2],b=)"), ["a=[1, 2]", "b=)"]);
    }
}
