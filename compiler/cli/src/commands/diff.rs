//! `nasrecc diff`: two spaces or two architectures, side by side.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::ValueEnum;
use nasrec_compiler::Space;
use nasrec_compiler::compare::{self, Change, Fit, Values};
use nasrec_compiler::plan::{Cost, Plan};
use serde_json::{Value, json};

use super::Outcome;
use crate::imports::Imports;
use crate::output::{self, Format, Text, grouped, write};
use crate::render;
use crate::subject::{File, Subject};

/// Compare two spaces or two architectures: choices, counts, costs, weights that could be carried over
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nasrecc diff spaces/nasrec_small.nasrec spaces/nasrec_full.nasrec --with criteo\n  \
                        nasrecc diff old.nasrec new.nasrec --name-a wide --name-b narrow\n  \
                        nasrecc diff spaces/nets/criteo_full.nasrec spaces/nets/avazu_full.nasrec --with criteo\n\n\
                        An encoding of A is in B when every choice that exists in A exists in B with that value, by \
                        name, and nothing else exists in B; with further choices when more exists in B."
)]
pub(crate) struct Args {
    #[arg(value_name = "A")]
    a: String,
    #[arg(value_name = "B")]
    b: String,
    /// The space, search or architecture of the first file, where it has several
    #[arg(long)]
    name_a: Option<String>,
    /// The space, search or architecture of the second file, where it has several
    #[arg(long)]
    name_b: Option<String>,
    /// The schema of both, instead of those that they name
    #[arg(long, value_name = "SCHEMA")]
    with: Option<String>,
    /// Tables for people, or JSON
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// How much of long lists is written: some, or all
    #[arg(long, value_enum, default_value = "some")]
    list: Listed,
    /// Write to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    imports: Imports,
    #[command(flatten)]
    shown: render::Options,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Listed {
    Some,
    All,
}

/// Rows of a long list.
const SOME: usize = 20;

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let (Some(file_a), Some(file_b)) =
        (File::load(&args.a, &args.imports, args.shown)?, File::load(&args.b, &args.imports, args.shown)?)
    else {
        return Ok(Outcome::Findings);
    };
    let of = |file: &File, name: &Option<String>, option: &str| {
        let item = file.item(name.as_deref(), option)?;
        file.subject(&item, args.with.as_deref())
    };
    let (a, b) = (of(&file_a, &args.name_a, "--name-a")?, of(&file_b, &args.name_b, "--name-b")?);
    let found = match (&a.architecture, &b.architecture) {
        (None, None) => spaces(&a, &b)?,
        (Some(_), Some(_)) => architectures(&a, &b)?,
        _ => bail!("`{}` and `{}` are not alike: compare two spaces, or two archs", a.item.name, b.item.name),
    };
    let text = match args.format {
        Format::Json => output::json(&found)?,
        Format::Text => {
            let lists = Lists { list: args.list, columns: output::columns(args.out.as_ref()) };
            Text::People(match a.architecture {
                Some(_) => lists.architectures(&found),
                None => lists.spaces(&a, &b, &found),
            })
        }
    };
    write(args.out.as_ref(), text, file_a.read().chain(file_b.read()))?;
    Ok(Outcome::Clean)
}

fn spaces(a: &Subject, b: &Subject) -> Result<Value> {
    // What there is to choose may follow from the columns.
    for side in [a, b].into_iter().filter(|side| side.space.graph.awaited().next().is_some()) {
        side.bound()?;
    }
    let (of_a, of_b) = (&a.space.graph, &b.space.graph);
    let shared = compare::overlap(of_a, of_b);
    let weights = match (&a.schema, &b.schema) {
        (Some(_), Some(_)) => json!(compare::weights(a.bound()?, b.bound()?)),
        _ => Value::Null,
    };
    Ok(json!({
        "a": side(a), "b": side(b),
        "parameters": parameters(&a.parameters, &b.parameters),
        "choices": compare::choices(of_a, of_b),
        "moved": compare::moved(of_a, of_b),
        "common": {
            "raw": count(&shared.raw), "valid": count(&shared.valid), "a_extends_to_b": count(&shared.extends.0),
            "b_extends_to_a": count(&shared.extends.1), "computes_otherwise_at": shared.differs,
        },
        "weights": weights,
    }))
}

/// A count can be larger than any number of JSON's.
fn count(count: &Result<impl ToString, String>) -> Value {
    match count {
        Ok(count) => json!({ "known": count.to_string() }),
        Err(why) => json!({ "unknown": why }),
    }
}

fn side(subject: &Subject) -> Value {
    json!({ "title": subject.heading(), "raw": subject.space.graph.raw_count().to_string() })
}

/// Parameters of the spaces that differ.
fn parameters(a: &[(String, String)], b: &[(String, String)]) -> Vec<Value> {
    let find = |all: &[(String, String)], name: &str| {
        all.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    let mut names: Vec<&String> = a.iter().map(|(name, _)| name).collect();
    names.extend(b.iter().map(|(name, _)| name).filter(|name| find(a, name).is_none()));
    let all = names.into_iter().map(|name| (name, find(a, name), find(b, name)));
    all.filter(|(_, a, b)| a != b).map(|(name, a, b)| json!({ "name": name, "a": a, "b": b })).collect()
}

fn architectures(a: &Subject, b: &Subject) -> Result<Value> {
    let (space_a, space_b) = (a.bound()?, b.bound()?);
    let (Some(arch_a), Some(arch_b)) = (&a.architecture, &b.architecture) else { bail!("two archs are compared") };
    let (plan_a, plan_b) = (space_a.plan(arch_a)?, space_b.plan(arch_b)?);
    let blocks = |space: &Space, plan: &Plan| json!({ "live": plan.live_blocks(), "of": space.blocks().count() });
    let mut costs: Vec<Value> = Cost::ALL
        .iter()
        .map(|cost| json!({ "cost": cost.words(), "a": plan_a.costs().of(*cost), "b": plan_b.costs().of(*cost) }))
        .collect();
    let (held_a, held_b) = (plan_a.activations(), plan_b.activations());
    costs.push(json!({ "cost": "peak activations", "a": held_a.inference_peak, "b": held_b.inference_peak }));
    Ok(json!({
        "a": { "title": a.heading(), "plan": plan_a.hash(), "blocks": blocks(space_a, &plan_a), "parameters": plan_a.params.len() },
        "b": { "title": b.heading(), "plan": plan_b.hash(), "blocks": blocks(space_b, &plan_b), "parameters": plan_b.params.len() },
        "parameters": parameters(&a.parameters, &b.parameters),
        "choices": compare::architectures((space_a, arch_a), (space_b, arch_b)),
        "costs": costs,
        "common": compare::parameters(&plan_a, &plan_b),
    }))
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => grouped(number),
        other => other.to_string(),
    }
}

fn rows(all: &Value, fields: &[&str]) -> Vec<Vec<String>> {
    let all = all.as_array().map_or(&[][..], Vec::as_slice);
    all.iter()
        .map(|one| fields.iter().map(|field| text(one.pointer(field).unwrap_or(&Value::Null))).collect())
        .collect()
}

fn change(change: &Change) -> Vec<String> {
    let plus = |all: &[String]| all.iter().map(|value| format!("+ {value}")).collect::<Vec<_>>().join(", ");
    let minus = |all: &[String]| all.iter().map(|value| format!("- {value}")).collect::<Vec<_>>().join(", ");
    let (word, values) = match &change.values {
        Values::Added => ("added", String::new()),
        Values::Removed => ("removed", String::new()),
        Values::Widened { added } => ("widened", plus(added)),
        Values::Narrowed { removed } => ("narrowed", minus(removed)),
        Values::Changed { added, removed } => ("changed", format!("{}, {}", plus(added), minus(removed))),
        Values::Kind { was } => ("another kind", format!("was {was}")),
    };
    vec![change.name.clone(), change.kind.to_owned(), word.to_owned(), values]
}

/// How tables are written.
struct Lists {
    list: Listed,
    columns: Option<usize>,
}

impl Lists {
    fn table(&self, header: &[&str], rows: Vec<Vec<String>>, list: Listed) -> String {
        let mut table = output::table(header.iter().copied());
        let all = rows.len();
        let most = if list == Listed::All { all } else { SOME };
        for row in rows.into_iter().take(most) {
            table.add_row(row);
        }
        let more = if all > most { format!("and {} more: --list all\n", all - most) } else { String::new() };
        format!("{}\n{more}", table.laid_out(self.columns))
    }

    fn heading(&self, found: &Value) -> String {
        let mut out = format!("A: {}\nB: {}\n", text(&found["a"]["title"]), text(&found["b"]["title"]));
        let parameters = rows(&found["parameters"], &["/name", "/a", "/b"]);
        if !parameters.is_empty() {
            out.push_str(&self.table(&["parameter of the space", "A", "B"], parameters, Listed::All));
        }
        out
    }

    fn spaces(&self, a: &Subject, b: &Subject, found: &Value) -> String {
        let mut out = self.heading(found);
        let changes = compare::choices(&a.space.graph, &b.space.graph);
        if changes.is_empty() {
            out.push_str("The choices are the same.\n");
        } else {
            let rows = changes.iter().map(change).collect();
            out.push_str(&self.table(&["choice", "kind", "change", "values"], rows, self.list));
        }
        let moved = rows(&found["moved"], &["/from", "/inside/0", "/to", "/inside/1"]);
        if !moved.is_empty() {
            out.push_str(&self.table(&["moved from", "inside of", "to", "inside of"], moved, self.list));
        }
        let count = |which: &str| {
            let count = &found["common"][which];
            match count["known"].as_str() {
                Some(known) => grouped(known),
                None => format!("unknown: {}", text(&count["unknown"])),
            }
        };
        let of = |side: &str| grouped(text(&found[side]["raw"]));
        let counts = vec![
            vec!["encodings of A".to_owned(), of("a")],
            vec!["encodings of B".to_owned(), of("b")],
            vec!["in both".to_owned(), count("raw")],
            vec!["in both, and allowed by both".to_owned(), count("valid")],
            vec!["of A, in B with further choices".to_owned(), count("a_extends_to_b")],
            vec!["of B, in A with further choices".to_owned(), count("b_extends_to_a")],
        ];
        out.push_str(&self.table(&["count", "encodings"], counts, Listed::All));
        if let Some(path) = found["common"]["computes_otherwise_at"].as_str() {
            out.push_str(&format!("What is in both need not compute the same: `{path}` is another operation in B.\n"));
        }
        match &found["weights"] {
            Value::Null => {
                out.push_str("Which weights could be carried over depends on the data: say --with SCHEMA.\n")
            }
            _ => out.push_str(&self.weights(a, b)),
        }
        out
    }

    /// Stored parameters by how they fit, then those that fit in part.
    fn weights(&self, a: &Subject, b: &Subject) -> String {
        let (Ok(space_a), Ok(space_b)) = (a.bound(), b.bound()) else { return String::new() };
        let all = compare::weights(space_a, space_b);
        let words = |fit: Fit| match fit {
            Fit::Same => "same shape",
            Fit::Grows => "a slice in B",
            Fit::Shrinks => "a slice of A's",
            Fit::Partly => "a common slice",
            Fit::Unfit => "other axes",
            Fit::Gone => "only in A",
            Fit::New => "only in B",
        };
        let kinds = [Fit::Same, Fit::Grows, Fit::Shrinks, Fit::Partly, Fit::Unfit, Fit::Gone, Fit::New];
        let totals = kinds.into_iter().filter_map(|fit| {
            let of: Vec<_> = all.iter().filter(|one| one.fit == fit).collect();
            let values: u64 = of.iter().map(|one| one.values).sum();
            (!of.is_empty()).then(|| vec![words(fit).to_owned(), grouped(of.len()), grouped(values)])
        });
        let mut out =
            self.table(&["stored parameters", "number", "values to carry over"], totals.collect(), Listed::All);
        let shape = |shape: &Option<Vec<usize>>| {
            shape
                .as_ref()
                .map_or_else(String::new, |shape| shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x"))
        };
        let partial = all.iter().filter(|one| matches!(one.fit, Fit::Grows | Fit::Shrinks | Fit::Partly | Fit::Unfit));
        let partial: Vec<Vec<String>> = partial
            .map(|one| vec![one.name.clone(), shape(&one.shapes.0), shape(&one.shapes.1), words(one.fit).to_owned()])
            .collect();
        if !partial.is_empty() {
            out.push_str(&self.table(&["parameter", "A", "B", "fits as"], partial, self.list));
        }
        out
    }

    fn architectures(&self, found: &Value) -> String {
        let mut out = self.heading(found);
        if found["a"]["plan"] == found["b"]["plan"] {
            out.push_str("Both have one plan: they compute the same.\n");
        }
        let choices = rows(&found["choices"], &["/choice", "/values/0", "/values/1"]);
        if choices.is_empty() {
            out.push_str("The choices are the same.\n");
        } else {
            out.push_str(&self.table(&["choice", "A", "B"], choices, self.list));
        }
        let mut costs = output::table(["cost", "A", "B", "B / A"]);
        for cost in found["costs"].as_array().map_or(&[][..], Vec::as_slice) {
            let number = |side: &str| cost[side].as_u64().unwrap_or(0);
            let (a, b) = (number("a"), number("b"));
            let ratio = if a == 0 { String::new() } else { format!("{:.2}", b as f64 / a as f64) };
            costs.add_row([text(&cost["cost"]), grouped(a), grouped(b), ratio]);
        }
        let blocks = |side: &str| format!("{} of {}", found[side]["blocks"]["live"], found[side]["blocks"]["of"]);
        costs.add_row(["live blocks".to_owned(), blocks("a"), blocks("b"), String::new()]);
        costs.right(1);
        out.push_str(&format!("{}\n", costs.laid_out(self.columns)));
        let common = found["common"].as_array().map_or(&[][..], Vec::as_slice);
        let sum = |field: &str| common.iter().filter_map(|one| one.pointer(field).and_then(Value::as_u64)).sum::<u64>();
        out.push_str(&format!(
        "{} parameters are in both, of {} in A and {} in B; {} values are in both slices, of {} in A's and {} in B's.\n",
        grouped(common.len()),
        found["a"]["parameters"],
        found["b"]["parameters"],
        grouped(sum("/shared")),
        grouped(sum("/used/0")),
        grouped(sum("/used/1"))
    ));
        if self.list == Listed::All {
            let rows = rows(&found["common"], &["/name", "/used/0", "/used/1", "/shared"]);
            out.push_str(&self.table(&["parameter", "used by A", "used by B", "both"], rows, Listed::All));
        }
        out
    }
}
