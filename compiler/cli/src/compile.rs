//! `nasrecc compile`: what a file means, summed up or written out.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use nasrec_compiler::diagnostics::{Diagnostic, Severity};
use nasrec_compiler::schema::Schema;
use nasrec_compiler::{CheckedSpace, Item, ItemKind, Program, Space};

use crate::files::Disk;
use crate::{Outcome, render, summary};

/// Compile a file: sum up its spaces, searches and architectures, or write a stage out
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nasrecc compile spaces/nasrec_full.nasrec --with criteo\n  \
                        nasrecc compile spaces/nets/criteo_full.nasrec --emit plan -o plan.json\n  \
                        nasrecc compile spaces/nasrec_small.nasrec --emit dot | dot -Tsvg -o space.svg")]
pub(crate) struct Args {
    #[arg(value_name = "FILE")]
    file: String,
    /// The space, search or architecture to compile, where the file has several
    #[arg(long)]
    name: Option<String>,
    /// Bind spaces to this schema: one that the file sees, or one of criteo, avazu, kdd
    #[arg(long, value_name = "SCHEMA")]
    with: Option<String>,
    /// Write a stage out instead of summing up
    #[arg(long, value_enum)]
    emit: Option<Stage>,
    /// Write to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    shown: render::Options,
}

#[derive(Clone, Copy, ValueEnum)]
enum Stage {
    /// The plan of an architecture, as JSON
    Plan,
    /// The graph of a space with its choices, as JSON
    Graph,
    /// The graph of a space, or of an architecture, for Graphviz
    Dot,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let (program, mut diagnostics) = Program::load(&args.file, &Disk);
    diagnostics.extend(program.check());
    Diagnostic::sort(&mut diagnostics);
    let mut shown = render::Report::new(args.shown);
    shown.add(&diagnostics, &program.sources);
    shown.finish();
    if diagnostics.iter().any(|d| d.severity == Severity::Error) {
        return Ok(Outcome::Findings);
    }
    let items: Vec<Item> = program
        .items()
        .into_iter()
        .filter(|item| matches!(item.kind, ItemKind::Space | ItemKind::Search | ItemKind::Arch))
        .filter(|item| args.name.as_ref().is_none_or(|name| *name == item.name))
        .collect();
    if items.is_empty() {
        let what = args.name.as_ref().map_or("a space, a search or an arch".to_owned(), |name| format!("`{name}`"));
        bail!("{} does not define {what}", args.file);
    }
    let schema = match &args.with {
        Some(name) => Some(find_schema(&program, name)?),
        None => None,
    };
    let text = match args.emit {
        None => {
            let parts = items.iter().map(|item| summed_up(&program, item, schema.as_ref()));
            parts.collect::<Result<Vec<_>>>()?.join("\n")
        }
        Some(stage) => {
            let [item] = items.as_slice() else {
                let names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
                bail!("{} defines {}: say which with --name", args.file, names.join(", "));
            };
            written_out(&program, item, stage, schema.as_ref())?
        }
    };
    write(args.out.as_ref(), &text)?;
    Ok(Outcome::Clean)
}

/// Writes machine output to a file or to stdout.
#[expect(clippy::print_stdout, reason = "this is the machine output")]
pub(crate) fn write(out: Option<&PathBuf>, text: &str) -> Result<()> {
    match out {
        Some(path) => {
            std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
            eprintln!("wrote {}", path.display());
        }
        None => print!("{text}"),
    }
    Ok(())
}

/// A schema by name: one that the file sees, else one that ships.
fn find_schema(program: &Program, name: &str) -> Result<Schema> {
    if let Some(item) = program.visible(ItemKind::Schema).iter().find(|item| item.name == name) {
        return program.schema(item).map_err(|_| anyhow::anyhow!("schema `{name}` has errors"));
    }
    let (shipped, _) = Program::load("schemas.nasrec", &Disk);
    let known = shipped.items();
    match known.iter().find(|item| item.name == name) {
        Some(item) => shipped.schema(item).map_err(|_| anyhow::anyhow!("schema `{name}` has errors")),
        None => {
            let names: Vec<&str> = known.iter().map(|item| item.name.as_str()).collect();
            bail!("there is no schema `{name}`; nasrecc ships {}", names.join(", "))
        }
    }
}

/// What an item compiles to: its space, the schema that it names, and its architecture.
struct Compiled {
    space: CheckedSpace,
    schema: Option<Schema>,
    architecture: Option<nasrec_compiler::Architecture>,
}

fn compiled(program: &Program, item: &Item) -> Result<Compiled> {
    let failed = |_| anyhow::anyhow!("`{}` has errors", item.name);
    Ok(match item.kind {
        ItemKind::Search => {
            let search = program.search(item, &[]).map_err(failed)?;
            Compiled { space: search.space, schema: Some(search.schema), architecture: None }
        }
        ItemKind::Arch => {
            let arch = program.arch(item).map_err(failed)?;
            Compiled { space: arch.space, schema: arch.schema, architecture: Some(arch.architecture) }
        }
        _ => Compiled { space: program.check_space(item).map_err(failed)?, schema: None, architecture: None },
    })
}

fn summed_up(program: &Program, item: &Item, schema: Option<&Schema>) -> Result<String> {
    let compiled = compiled(program, item)?;
    let schema = schema.cloned().or(compiled.schema);
    let bound = schema.as_ref().map(|schema| Space::bind(&compiled.space, schema)).transpose()?;
    match (&compiled.architecture, &bound) {
        (Some(architecture), Some(space)) if space.missing(architecture).is_empty() => {
            summary::architecture(&item.name, space, architecture, schema.as_ref())
        }
        (Some(architecture), Some(space)) => Ok(summary::open(&item.name, space, architecture)),
        (Some(_), None) => bail!("arch `{}` names no schema: say --with SCHEMA", item.name),
        (None, bound) => Ok(summary::space(item, &compiled.space, bound.as_ref(), schema.as_ref())),
    }
}

fn written_out(program: &Program, item: &Item, stage: Stage, schema: Option<&Schema>) -> Result<String> {
    let compiled = compiled(program, item)?;
    let schema = schema.cloned().or(compiled.schema);
    let plan = |what: &str| -> Result<nasrec_compiler::plan::Plan> {
        let Some(architecture) = &compiled.architecture else {
            bail!("{what} is made of an architecture, and `{}` is none", item.name)
        };
        let Some(schema) = &schema else { bail!("arch `{}` names no schema: say --with SCHEMA", item.name) };
        Ok(Space::bind(&compiled.space, schema)?.plan(architecture)?)
    };
    Ok(match stage {
        Stage::Plan => format!("{}\n", serde_json::to_string_pretty(&plan("a plan")?)?),
        Stage::Graph => format!("{}\n", serde_json::to_string_pretty(&compiled.space.graph.to_json())?),
        Stage::Dot if compiled.architecture.is_some() => plan("a plan")?.to_dot(&item.name),
        Stage::Dot => compiled.space.graph.to_dot(&compiled.space.name),
    })
}
