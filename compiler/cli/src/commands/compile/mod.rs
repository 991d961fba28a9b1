//! `nasrecc compile`: what a file means, summed up or written out.

mod summary;

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::ValueEnum;
use nasrec_compiler::diagnostics::FileId;
use nasrec_compiler::draw::{self, Detail, Drawing};
use nasrec_compiler::outline;
use nasrec_compiler::space::Effort;
use nasrec_compiler::syntax;
use nasrec_compiler::{Item, Program};

use super::Outcome;
use crate::imports::Imports;
use crate::output::{Format, Text, grouped, json, mmacs, write};
use crate::render;
use crate::subject::{File, Subject, read};

/// Compile a file: sum up its spaces, searches and architectures, or write a stage out
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nasrecc compile spaces/nasrec_full.nasrec --with criteo\n  \
                        nasrecc compile spaces/nasrec_small.nasrec --emit svg -o space.svg\n  \
                        nasrecc compile spaces/nets/criteo_full.nasrec --emit svg -o net.svg\n  \
                        nasrecc compile spaces/nets/criteo_full.nasrec --emit plan -o plan.json\n  \
                        nasrecc compile spaces/nets/criteo_full.nasrec --emit plan --format text\n  \
                        nasrecc compile spaces/nasrec_small.nasrec --emit checked\n  \
                        nasrecc compile spaces/nasrec_small.nasrec --emit dot | dot -Tsvg -o space.svg")]
pub(crate) struct Args {
    #[arg(value_name = "FILE")]
    file: String,
    /// The space, search or architecture to compile, where the file has several
    #[arg(long)]
    name: Option<String>,
    /// Bind spaces to this schema: one that the file sees, or one that ships, such as criteo
    #[arg(long, value_name = "SCHEMA")]
    with: Option<String>,
    /// Write a stage out instead of summing up
    #[arg(long, value_enum)]
    emit: Option<Stage>,
    /// For people or for machines: ast and checked are text, graph and plan JSON, unless this says otherwise
    #[arg(long, value_enum, requires = "emit")]
    format: Option<Format>,
    /// What a picture draws as one node
    #[arg(long, value_enum, default_value = "ops")]
    detail: Drawn,
    /// Write to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    imports: Imports,
    #[command(flatten)]
    shown: render::Options,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Stage {
    /// The syntax tree of the file
    Ast,
    /// What the file means: parameters, choices, shapes over all choices, constraints
    Checked,
    /// The graph of a space with its choices
    Graph,
    /// The plan of an architecture
    Plan,
    /// The graph of a space, or of an architecture, for Graphviz
    Dot,
    /// A picture of a space, or of an architecture in its space
    Svg,
}

#[derive(Clone, Copy, ValueEnum)]
enum Drawn {
    /// Operators, with the primitives that they are made of folded inside
    Ops,
    /// Every primitive
    Primitives,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    if args.emit == Some(Stage::Ast) {
        return tree(args);
    }
    let Some(file) = File::load(&args.file, &args.imports, args.shown)? else { return Ok(Outcome::Findings) };
    let name = args.name.as_deref();
    let text = match args.emit {
        None => {
            let items = file.items(name)?;
            let mut effort = Effort::default();
            let parts = items.iter().map(|item| summed_up(&file, item, args.with.as_deref(), &mut effort));
            Text::People(parts.collect::<Result<Vec<_>>>()?.join("\n"))
        }
        Some(Stage::Checked) => {
            let checked = outline::checked(&file.program, name);
            if checked.as_array().is_some_and(Vec::is_empty) {
                bail!("{} does not define `{}`", file.path, name.unwrap_or("anything"));
            }
            match args.format {
                Some(Format::Json) => json(&checked)?,
                _ => Text::People(outline::checked_text(&checked)),
            }
        }
        Some(stage) => {
            let item = file.item(name, "--name")?;
            let subject = file.subject(&item, args.with.as_deref())?;
            written_out(&file, &subject, stage, args)?
        }
    };
    write(args.out.as_ref(), text, file.read())?;
    Ok(Outcome::Clean)
}

/// The syntax tree, for which nothing but the syntax must be right.
fn tree(args: &Args) -> Result<Outcome> {
    let (program, diagnostics) = Program::load(&args.file, &args.imports.disk(&args.file));
    let Some(entry) = program.entry() else {
        render::show(&diagnostics, &program.sources)?;
        return Ok(Outcome::Findings);
    };
    let source = program.sources.file(entry);
    let (tree, syntax) = syntax::parse(entry, &source.text);
    let mut shown = render::Report::new(args.shown);
    shown.add(&syntax, &program.sources)?;
    shown.finish()?;
    if !syntax.is_empty() {
        return Ok(Outcome::Findings);
    }
    let tree = outline::tree(&tree);
    let text = match args.format {
        Some(Format::Json) => json(&tree)?,
        _ => Text::People(outline::tree_text(&tree)),
    };
    write(args.out.as_ref(), text, read(&program))?;
    Ok(Outcome::Clean)
}

fn summed_up(file: &File, item: &Item, with: Option<&str>, effort: &mut Effort) -> Result<String> {
    let subject = file.subject(item, with)?;
    let schema = subject.schema.as_ref();
    let bound = schema.map(|_| subject.bound()).transpose()?;
    match (&subject.architecture, bound) {
        (Some(architecture), Some(space)) if space.missing(architecture).is_empty() => {
            summary::architecture(&subject.heading(), space, architecture)
        }
        (Some(architecture), Some(space)) => Ok(summary::open(&item.name, space, architecture)),
        (Some(_), None) => bail!("arch `{}` names no schema: say --with SCHEMA", item.name),
        (None, bound) => Ok(summary::space(item, &subject.space, bound, schema, effort)),
    }
}

fn written_out(file: &File, subject: &Subject, stage: Stage, args: &Args) -> Result<Text> {
    let plan = || -> Result<nasrec_compiler::plan::Plan> {
        let Some(architecture) = subject.one() else {
            bail!("a plan is made of an architecture, and `{}` is none", subject.item.name)
        };
        Ok(subject.bound()?.plan(&architecture)?)
    };
    if matches!(stage, Stage::Dot | Stage::Svg) && args.format.is_some() {
        bail!("--format is for ast, checked, graph and plan");
    }
    let text = args.format == Some(Format::Text);
    Ok(match stage {
        Stage::Plan if text => Text::People(outline::plan_text(&plan()?)),
        Stage::Plan => json(&plan()?)?,
        Stage::Graph if text => Text::People(outline::graph_text(&subject.space.graph)),
        Stage::Graph => json(&subject.space.graph.to_json())?,
        Stage::Dot if subject.architecture.is_some() => Text::People(plan()?.to_dot(&subject.item.name)),
        Stage::Svg => Text::People(picture(file, subject, args)?),
        _ => Text::People(subject.space.graph.to_dot(&subject.space.name)),
    })
}

fn picture(file: &File, subject: &Subject, args: &Args) -> Result<String> {
    let graph = &subject.space.graph;
    // An architecture is drawn with its sizes, which its schema tells.
    let bound = subject.architecture.as_ref().map(|_| subject.bound()).transpose()?;
    if let (Some(architecture), Some(space)) = (&subject.architecture, bound)
        && let [first, ..] = space.missing(architecture).as_slice()
    {
        bail!("arch `{}` leaves `{}` open", subject.item.name, graph.choices[first.index()].name);
    }
    let each = graph.awaited().next().is_some();
    let mut said = match graph.choices.len() {
        0 if each => vec!["a width for each column".to_owned()],
        n if each => vec![format!("{n} choices"), "and a width for each column".to_owned()],
        0 => vec!["one model: nothing is left open".to_owned()],
        n => vec![format!("{n} choices, {} encodings", grouped(graph.raw_count()))],
    };
    if let (Some(architecture), Some(space)) = (&subject.architecture, bound) {
        let plan = space.plan(architecture)?;
        let (dense, blocks) = (grouped(plan.dense_params()), space.blocks().count());
        said = vec![format!("{} a sample, {dense} dense parameters", mmacs(plan.macs()))];
        if blocks > 0 {
            said.push(format!("{} of {blocks} blocks live", plan.live_blocks()));
        }
    }
    let drawing = Drawing {
        graph,
        title: subject.heading(),
        subtitle: said.join(", "),
        detail: match args.detail {
            Drawn::Ops => Detail::Operators,
            Drawn::Primitives => Detail::Primitives,
        },
        schema: subject.schema.as_ref().map(|schema| graph.sizes_of(schema)),
        architecture: subject.architecture.as_ref(),
        docs: docs(&file.program),
    };
    Ok(draw::svg(&drawing)?)
}

/// What the operators of all files say of themselves.
fn docs(program: &Program) -> HashMap<String, String> {
    let mut docs = HashMap::new();
    for (id, file) in program.sources.files().iter().enumerate() {
        let (tree, _) = syntax::parse(FileId(id as u32), &file.text);
        for op in tree.ops.into_iter().filter(|op| !op.docs.is_empty()) {
            docs.entry(op.name.text).or_insert(op.docs.join(" "));
        }
    }
    docs
}
