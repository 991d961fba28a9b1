//! The section `data` of a search: where rows come from, and what each is for.

use super::settings::{Settings, whole};
use crate::diagnostics::{Code, Diagnostic, nearest};
use crate::recipe::{By, Data, Given, Source, Synthetic};
use crate::schema::Schema;
use crate::syntax::tree::ExprKind;

/// What tells which row is in which part, as it is written.
const WAYS: [(&str, By); 3] = [("by_time", By::Time), ("by_group", By::Group), ("by_part", By::Part)];

/// Reads the section, for a table of this schema.
pub(super) fn data(s: &mut Settings, schema: Option<&Schema>) -> Data {
    let given = Given {
        train: s.texts("data.train").unwrap_or_default(),
        valid: s.texts("data.valid").unwrap_or_default(),
        test: s.texts("data.test").unwrap_or_default(),
    };
    let source = source(s, &given);
    let (by, mut split) = split(s, schema, &given, matches!(source, Source::Synthetic(_)));
    given.each().iter().zip(&mut split).filter(|(files, _)| !files.is_empty()).for_each(|(_, share)| *share = 0);
    let stratified = s.switch("data.stratified", true);
    if by != By::Chance && stratified && s.place("data.stratified").is_some() {
        s.both("rows are not shuffled, so that clicks cannot be shared out", ["data.split", "data.stratified"]);
    }
    Data {
        source,
        given,
        split,
        by,
        stratified: stratified && by == By::Chance,
        folds: s.get("data.folds", 4, "a whole number from 1 to 9, or `off`", |e| match e.kind {
            ExprKind::Switch(false) => Some(0),
            _ => whole(e).filter(|folds| (1..=9).contains(folds)).map(|folds| folds as usize),
        }),
        seed: s.seed("data.seed", 2018),
        max_malformed: s.real("data.max_malformed", 0.001, 0.0, 1.0),
    }
}

fn source(s: &mut Settings, given: &Given) -> Source {
    let synthetic = s.has_section("data.synthetic");
    let files = s.texts("data.files");
    let all = given.each().iter().all(|files| !files.is_empty());
    match (files, synthetic) {
        (Some(files), false) => {
            if all {
                s.both("every part has files of its own; none is left for these", ["data.files", "data.train"]);
            }
            Source::Files(files)
        }
        (None, true) if given.is_empty() => Source::Synthetic(Synthetic {
            rows: s.count("data.synthetic.rows", 100_000),
            seed: s.seed("data.synthetic.seed", 1),
            linear: s.real("data.synthetic.linear", 0.7, 0.0, 100.0),
            pairwise: s.real("data.synthetic.pairwise", 1.5, 0.0, 100.0),
            higher: s.real("data.synthetic.higher", 0.4, 0.0, 100.0),
            noise: s.real("data.synthetic.noise", 0.4, 0.0, 100.0),
            tail: s.real("data.synthetic.tail", 1.2, 0.0, 10.0),
            click_rate: s.real("data.synthetic.click_rate", 0.25, 0.001, 0.999),
        }),
        (None, false) if all => Source::Files(Vec::new()),
        (None, false) if !given.is_empty() => {
            let parts = ["train", "valid", "test"].into_iter().zip(given.each());
            let missing: Vec<String> =
                parts.filter(|(_, files)| files.is_empty()).map(|(part, _)| format!("`data.{part}`")).collect();
            let help = "say `data { files: \"day.tsv\" }`: its rows are shared out among the parts that have no files";
            s.missing(&format!("nothing says where the rows of {} come from", missing.join(" and ")), help);
            Source::Files(Vec::new())
        }
        (files, true) => {
            let of = ["data.files", "data.train", "data.valid", "data.test"];
            let rival = if files.is_some() { Some(of[0]) } else { of.into_iter().find(|key| s.place(key).is_some()) };
            s.both("data comes either from files or from `synthetic`", [rival.unwrap_or(of[0]), "data.synthetic"]);
            Source::Files(Vec::new())
        }
        (None, false) => {
            let help = "say `data { files: \"day.tsv\" }`, or `data { synthetic { rows: 100_000 } }` to try it out";
            s.missing("there is no data to train on", help);
            Source::Files(Vec::new())
        }
    }
}

/// What tells which row is in which part, and their shares.
fn split(s: &mut Settings, schema: Option<&Schema>, given: &Given, drawn: bool) -> (By, [u32; 3]) {
    const KEY: &str = "data.split";
    const USUAL: [u32; 3] = [8, 1, 1];
    let named = |by: By| {
        schema.is_none_or(|schema| match by {
            By::Chance => true,
            By::Time => schema.time.is_some(),
            By::Group => schema.group.is_some(),
            By::Part => schema.part.is_some(),
        })
    };
    let Some((name, shares)) = s.split(KEY, USUAL) else {
        // Whatever a shuffle would mix is not mixed in silence. Only of a table that is there is something known.
        let known = schema.is_some() && !drawn && s.place(KEY).is_none();
        let by = if known && given.is_empty() && named(By::Part) {
            By::Part
        } else if known && named(By::Time) {
            By::Time
        } else {
            By::Chance
        };
        return (by, USUAL);
    };
    let Some(name) = name else { return (By::Chance, shares) };
    let Some((_, by)) = WAYS.iter().find(|(way, _)| *way == name.text) else {
        let ways = WAYS.map(|(way, _)| way);
        s.diagnostics.push(
            Diagnostic::error(Code::Recipe, format!("`{KEY}` is not understood"))
                .label(name.span, "expected shares such as `8:1:1`, `by_time(8:1:1)`, `by_group(8:1:1)` or `by_part`")
                .did_you_mean(name.span, &name.text, nearest(&name.text, ways)),
        );
        return (By::Chance, shares);
    };
    if drawn {
        s.diagnostics.push(
            Diagnostic::error(Code::Recipe, "drawn rows have no time, no group and no part")
                .label(name.span, "expected shares such as `8:1:1`"),
        );
    } else if !named(*by) {
        let (what, line) = match by {
            By::Time => ("time", "time COLUMN: seconds"),
            By::Group => ("group", "group COLUMN"),
            _ => ("part", "part COLUMN"),
        };
        s.diagnostics.push(
            Diagnostic::error(Code::Recipe, format!("the schema names no {what}"))
                .label(name.span, "parts cannot be told by it")
                .help(format!("add `{line}` to the schema")),
        );
    }
    (*by, shares)
}
