//! `nasrecc sample`: architectures drawn from a space, written as source.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use nasrec_compiler::format::{ArchSource, format_archs, value};
use nasrec_compiler::plan::{Cost, Costs};
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::space::Standing;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{Architecture, ItemKind, Space};
use serde_json::{Value, json};

use super::Outcome;
use crate::imports::{Imports, path_from};
use crate::output::{self, Format, Text, grouped, say, write};
use crate::render;
use crate::subject::{File, Subject};

/// Draws in a row that are not allowed, before a walk is taken to what is: so many, and of large graphs fewer.
const MOST_DRAWS: u64 = 10_000;
const MOST_DRAWN_NODES: u64 = 50_000_000;

/// Draw architectures from a space, and write them as source with their costs
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nasrecc sample examples/quickstart.nasrec -n 3\n  \
                        nasrecc sample spaces/nasrec_small.nasrec --with criteo --seed 7 -o drawn.nasrec\n  \
                        nasrecc sample spaces/nasrec_small.nasrec --with criteo --require 'macs <= 500K'\n  \
                        nasrecc sample examples/quickstart.nasrec --counts 'binomial(0.5)' --format json\n\n\
                        What is required is written as in a search, and may be repeated. Constraints on choices cost \
                        nothing; those on costs are met by drawing again, and where that hardly ever succeeds by a walk \
                        through what is allowed.")]
pub(crate) struct Args {
    #[arg(value_name = "FILE")]
    file: String,
    /// The space or search to draw from, where the file has several
    #[arg(long)]
    name: Option<String>,
    /// The schema: one that the file sees, or one that ships, such as criteo
    #[arg(long, value_name = "SCHEMA")]
    with: Option<String>,
    /// How many architectures
    #[arg(short, long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    n: u64,
    /// The seed of the draws
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many sources a pick takes: uniform or binomial(P)
    #[arg(long, default_value = "uniform", value_parser = counts)]
    counts: Counts,
    /// What an architecture must be, such as 'macs <= 2M'
    #[arg(long, value_name = "CONDITION")]
    require: Vec<String>,
    /// Source, or JSON
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    imports: Imports,
    #[command(flatten)]
    shown: render::Options,
}

fn counts(text: &str) -> Result<Counts, String> {
    let p = text.strip_prefix("binomial(").and_then(|rest| rest.strip_suffix(')'));
    match p.map(|p| p.trim().parse::<f64>()) {
        None if text == "uniform" => Ok(Counts::Uniform),
        Some(Ok(p)) if (0.0..=1.0).contains(&p) => Ok(Counts::Binomial(p)),
        _ => Err("expected uniform or binomial(P) with P from 0 to 1".to_owned()),
    }
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let Some(mut file) = File::load(&args.file, &args.imports, args.shown)? else { return Ok(Outcome::Findings) };
    let items = file.items(args.name.as_deref())?;
    let item = match items.iter().filter(|item| item.kind != ItemKind::Arch).collect::<Vec<_>>().as_slice() {
        [item] => (*item).clone(),
        [] => bail!("{} has no space and no search to draw from", args.file),
        _ => file.item(args.name.as_deref(), "--name")?,
    };
    let subject = file.subject(&item, args.with.as_deref())?;
    let narrowed;
    let space = if args.require.is_empty() {
        subject.bound()?
    } else {
        let Some(space) = required(args, &mut file, &subject)? else { return Ok(Outcome::Findings) };
        narrowed = space;
        &narrowed
    };
    let schema = subject.schema.as_ref().map(|schema| schema.name.clone()).unwrap_or_default();
    let Drawn { architectures, draws, walked } = draw(args, space)?;
    let text = match args.format {
        Format::Text => Text::Program(source(args, &file, &subject, space, &schema, &architectures)?),
        Format::Json => output::json(&machine(space, &architectures)?)?,
    };
    write(args.out.as_ref(), text, file.read())?;
    let accepted = args.n - walked;
    let share = 100.0 * accepted as f64 / draws as f64;
    let by_walk = if walked > 0 { format!(", {} more by a walk", grouped(walked)) } else { String::new() };
    say!("{} of {} draws accepted ({share:.1}%){by_walk}", grouped(accepted), grouped(draws));
    Ok(Outcome::Clean)
}

struct Drawn {
    architectures: Vec<(Architecture, Costs)>,
    draws: u64,
    /// How many are not the draws themselves.
    walked: u64,
}

fn draw(args: &Args, space: &Space) -> Result<Drawn> {
    let streams = Streams::new(args.seed);
    let mut drawn = Drawn { architectures: Vec::new(), draws: 0, walked: 0 };
    let mut meter = space.meter();
    let size = space.graph().graph.node_count() as u64;
    let most = MOST_DRAWS.min(MOST_DRAWN_NODES / size.max(1));
    let mut last = 0;
    while (drawn.architectures.len() as u64) < args.n && drawn.draws - last < most {
        let architecture = space.sample(args.counts, &mut streams.rng("sample", drawn.draws));
        drawn.draws += 1;
        let costs = meter.costs(&architecture)?;
        if space.broken(&architecture, Some(costs)).is_none() {
            drawn.architectures.push((architecture, costs));
            last = drawn.draws;
        }
    }
    drawn.walked = args.n - drawn.architectures.len() as u64;
    if drawn.walked == 0 {
        return Ok(drawn);
    }
    let start = match space.standing() {
        Standing::Allowed(architecture) => architecture,
        Standing::Empty(_, proof) => bail!("no architecture of {} is allowed: {proof}", space.name),
        Standing::Open(tried) => bail!("no architecture of {} was found that is allowed: {tried}", space.name),
    };
    let mut walk = space.walk(args.counts);
    for index in 0..drawn.walked {
        let architecture = walk.draw(&start, &mut streams.rng("sample/within", index));
        let costs = meter.costs(&architecture)?;
        drawn.architectures.push((architecture, costs));
    }
    Ok(drawn)
}

/// The space as far as it meets what is required; `None` where that has mistakes, which are shown. A search's own
/// conditions are replaced, as those of a search that extends it would replace them.
fn required(args: &Args, file: &mut File, subject: &Subject) -> Result<Option<Space>> {
    let item = &subject.item;
    let mut conditions = Vec::new();
    let mut found = Vec::new();
    for condition in &args.require {
        match file.program.read_condition(condition) {
            Ok(condition) => conditions.push(condition),
            Err(wrong) => found.push(wrong),
        }
    }
    let space = match (item.kind, &subject.schema) {
        _ if !found.is_empty() => Err(found),
        (ItemKind::Search, _) if args.with.is_some() => bail!("--require and --with do not go together for a search"),
        (ItemKind::Search, _) => match file.program.search_with(item, &conditions) {
            Ok(search) => Ok(Space::bind(&search.space, &search.schema)?),
            Err(found) => Err(found),
        },
        (_, Some(schema)) => file.program.space_with(item, &conditions, schema),
        (_, None) => bail!("space `{}` names no schema: say --with SCHEMA", item.name),
    };
    if let Err(found) = &space {
        render::show(found, &file.program.sources)?;
    }
    Ok(space.ok())
}

fn source(
    args: &Args,
    file: &File,
    subject: &Subject,
    space: &Space,
    schema: &str,
    architectures: &[(Architecture, Costs)],
) -> Result<String> {
    let folder = args.out.as_ref().and_then(|out| out.parent()).unwrap_or(Path::new(""));
    let mut imports: Vec<(String, Vec<String>)> = Vec::new();
    for (kind, name) in [(ItemKind::Space, space.name.as_str()), (ItemKind::Schema, schema)] {
        let seen = file.program.visible(kind);
        let path = match seen.iter().find(|item| item.name == *name) {
            Some(item) => path_from(folder, &file.program.defined_in(item).name)?,
            None if kind == ItemKind::Schema => "schemas.nasrec".to_owned(),
            None => bail!("{} does not see space `{name}`: import it there", args.file),
        };
        match imports.iter_mut().find(|(known, _)| *known == path) {
            Some((_, names)) => names.push(name.to_owned()),
            None => imports.push((path, vec![name.to_owned()])),
        }
    }
    let mut sources = Vec::new();
    for (index, (architecture, costs)) in architectures.iter().enumerate() {
        let docs = vec![
            format!("Drawn from {} with seed {}, number {}.", subject.item.name, args.seed, index + 1),
            format!(
                "{} macs, {} ops, {} dense and {} embedding parameters, {} bytes of activations.",
                grouped(costs.macs),
                grouped(costs.ops),
                grouped(costs.dense_params),
                grouped(costs.embedding_params),
                grouped(costs.activation_bytes)
            ),
        ];
        sources.push((format!("drawn_{}", index + 1), docs, architecture));
    }
    let whole = ArchSource {
        name: "",
        docs: Vec::new(),
        imports,
        items: String::new(),
        space: &space.name,
        arguments: &space.arguments,
        schema: Some(schema),
    };
    Ok(format_archs(&whole, space.choices(), &sources))
}

fn machine(space: &Space, architectures: &[(Architecture, Costs)]) -> Result<Value> {
    let mut all = Vec::new();
    for (architecture, costs) in architectures {
        let plan = space.plan(architecture)?;
        let choices: serde_json::Map<String, Value> = space
            .choices()
            .iter()
            .zip(architecture.made())
            .filter(|(_, made)| made.is_some())
            .map(|(choice, made)| (choice.name.clone(), value(choice, *made).into()))
            .collect();
        let figures: serde_json::Map<String, Value> =
            Cost::ALL.iter().map(|cost| (cost.words().to_owned(), costs.of(*cost).into())).collect();
        all.push(json!({ "choices": choices, "encoding": architecture, "costs": figures, "plan": plan.hash() }));
    }
    Ok(json!({ "space": space.name, "architectures": all }))
}
