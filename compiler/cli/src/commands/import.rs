//! `nasrecc import`: architectures and weights from elsewhere.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nasrec_compiler::format::{ArchSource, format_arch};
use nasrec_compiler::import::NasrecNet;
use nasrec_compiler::loader::{Disk, Memory};
use nasrec_compiler::schema::Schema;
use nasrec_compiler::{Item, ItemKind, Loader, Program};
use nasrec_runtime::backend::Backend;
use nasrec_runtime::interop::{Foreign, Report, Tolerance};

use super::Outcome;
use crate::output::{self, Text, say};
use crate::{device, render, subject};

/// Import an architecture, and its weights, from another notation
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    from: From,
}

#[derive(clap::Subcommand)]
enum From {
    Nasrec(Nasrec),
}

/// From the released NASRec implementation's JSON notation, and its tensors as safetensors
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nasrecc import nasrec net.json --space nasrec_full -o net\n  \
                        nasrecc import nasrec net.json --space nasrec_full --weights net.safetensors --verify\n  \
                        nasrecc import nasrec net.json --space nasrec_full --weights net.safetensors --verify --device cuda")]
struct Nasrec {
    /// The architecture, as JSON
    #[arg(value_name = "FILE.json")]
    file: PathBuf,
    /// The space that it is of: one that ships, or that SPACE.nasrec in this folder defines
    #[arg(long)]
    space: String,
    /// Tensors `param.*`, and for --verify the recorded `input.*`, `label`, `logit`, `loss` and `grad.*`
    #[arg(long, value_name = "FILE.safetensors")]
    weights: Option<PathBuf>,
    /// Run the recorded inputs and compare logits, loss and every gradient
    #[arg(long, requires = "weights")]
    verify: bool,
    /// Where --verify computes: cpu, cuda or cuda:N; cpu:portable is what a device runs, on the CPU
    #[arg(long, default_value = "cpu", requires = "verify")]
    device: String,
    /// Name of the architecture; from the file where it has one
    #[arg(long)]
    name: Option<String>,
    /// Write OUT.nasrec, and with --weights OUT.safetensors; the source goes to stdout otherwise
    #[arg(short, long)]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let From::Nasrec(args) = &args.from;
    let text = std::fs::read_to_string(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
    let net = NasrecNet::read(&text).with_context(|| args.file.display().to_string())?;
    let name = args.name.clone().or_else(|| net.name.clone()).unwrap_or_else(|| stem(&args.file));
    let Some((schema, schema_text)) = schema(&net, &name)? else { return Ok(Outcome::Findings) };
    let (mut program, mut found) = Program::load(&format!("{}.nasrec", args.space), &Disk);
    let given = net.arguments();
    let arguments: Vec<(&str, &str)> = given.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let space = match defined(&program, ItemKind::Space, &args.space) {
        _ if !found.is_empty() => Err(Vec::new()),
        Some(_) => program.space(&args.space, &arguments, &schema),
        None => bail!("`{0}.nasrec` does not define a space `{0}`", args.space),
    };
    let space = match space {
        Ok(space) => space,
        Err(more) => {
            found.extend(more);
            render::show(&found, &program.sources)?;
            return Ok(Outcome::Findings);
        }
    };
    let architecture = net.architecture(space.choices())?;
    let mut imports = vec![(format!("{}.nasrec", args.space), vec![args.space.clone()])];
    if schema_text.is_empty() {
        imports.push(("schemas.nasrec".to_owned(), vec![schema.name.clone()]));
    }
    let source = ArchSource {
        name: &name,
        docs: vec![format!("Imported from {}, in NASRec's notation.", file_name(&args.file))],
        imports,
        items: schema_text,
        space: &args.space,
        arguments: &differing(given, &program, &args.space),
        schema: Some(&schema.name),
    };
    let formatted = format_arch(&source, space.choices(), &architecture);
    let read: Vec<&Path> =
        subject::read(&program).chain([args.file.as_path()]).chain(args.weights.as_deref()).collect();
    match &args.out {
        Some(out) => {
            if args.weights.is_some() {
                output::apart(&with_suffix(out, "safetensors"), read.iter().copied())?;
            }
            output::write(Some(&with_suffix(out, "nasrec")), Text::Program(formatted), read)?;
        }
        None if !args.verify => output::print(Text::Program(formatted))?,
        None => {}
    }
    let Some(weights) = &args.weights else { return Ok(Outcome::Clean) };
    let plan = space.plan(&architecture)?;
    let names: HashMap<String, String> =
        plan.params.iter().filter_map(|param| Some((param.name.to_string(), net.foreign_name(&param.name)?))).collect();
    let foreign = Foreign::read(weights, &name, &schema, &plan, &names)?;
    if let Some(out) = &args.out {
        let path = with_suffix(out, "safetensors");
        foreign.export(&path)?;
        say!("wrote {}", path.display());
    }
    if !args.verify {
        return Ok(Outcome::Clean);
    }
    let compared = device::named(&args.device, Some(1))?.run(Verify(&foreign))?;
    told(&compared, &name)
}

/// Runs the recorded inputs and compares.
struct Verify<'a>(&'a Foreign);

impl device::Work for Verify<'_> {
    type Done = nasrec_runtime::Result<Report>;

    fn on(self, backend: &impl Backend) -> Self::Done {
        self.0.verify(backend)
    }
}

/// Prints the largest differences.
fn told(report: &Report, name: &str) -> Result<Outcome> {
    let tolerance = Tolerance::default();
    let mut out = format!("{name}: {} samples, {} gradients\n", report.samples, report.gradients.len());
    let mut line = |name: &str, said: String| out.push_str(&format!("  {name:<10} {said}\n"));
    line("logits", format!("{:.3e} largest absolute difference (at most {:.0e})", report.logits, tolerance.logits));
    line("loss", format!("{:.3e} absolute difference", report.loss));
    for (name, difference) in &report.gradients {
        line("gradient", format!("{difference:.3e} relative, {name}"));
    }
    let worst = report.worst_gradient();
    line("gradients", format!("{worst:.3e} largest relative difference (at most {:.0e})", tolerance.gradients));
    let agrees = report.within(&tolerance);
    out.push_str(if agrees { "  agrees\n" } else { "  does not agree\n" });
    output::print(Text::People(out))?;
    Ok(if agrees { Outcome::Clean } else { Outcome::Findings })
}

/// The schema of the recorded inputs, or of the table that the file names, and its source where it does not ship; `None`
/// where it has mistakes, which are shown.
fn schema(net: &NasrecNet, name: &str) -> Result<Option<(Schema, String)>> {
    if let Some(vocab) = &net.vocab {
        let schema = format!("{}_inputs", name.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
        let mut text = format!("/// The recorded inputs.\nschema {schema} {{\n  label click\n");
        if let Some(dense) = net.num_dense.filter(|n| *n > 0) {
            text.push_str(&format!("  dense I[1..{dense}]\n"));
        }
        let mut first = 1;
        for run in vocab.chunk_by(|a, b| a == b) {
            let last = first + run.len() - 1;
            text.push_str(&format!("  sparse C[{first}..{last}]: int | modulo(rows: {})\n", run[0]));
            first = last + 1;
        }
        text.push_str("}\n");
        let inputs = Memory::new([("inputs.nasrec", text.as_str())]);
        return Ok(named(&schema, "inputs.nasrec", &inputs)?.map(|schema| (schema, text)));
    }
    match net.dataset.as_deref() {
        Some(dataset @ ("criteo" | "avazu" | "kdd")) => {
            Ok(named(dataset, "schemas.nasrec", &Disk)?.map(|schema| (schema, String::new())))
        }
        Some(other) => bail!("nasrecc ships no schema for the table `{other}`"),
        None => bail!("the file says neither its vocabulary (`vocab`) nor its table (`dataset`)"),
    }
}

/// What a file defines itself: an item that it only imports cannot be imported from it.
fn defined(program: &Program, kind: ItemKind, name: &str) -> Option<Item> {
    program.items().into_iter().find(|item| item.kind == kind && item.name == name)
}

/// A schema of a file; `None` where there are mistakes, which are shown.
fn named(name: &str, file: &str, loader: &dyn Loader) -> Result<Option<Schema>> {
    let (program, mut found) = Program::load(file, loader);
    let schema = match defined(&program, ItemKind::Schema, name) {
        _ if !found.is_empty() => Err(Vec::new()),
        Some(item) => program.schema(&item),
        None => bail!("`{file}` does not define a schema `{name}`"),
    };
    match schema {
        Ok(schema) => Ok(Some(schema)),
        Err(more) => {
            found.extend(more);
            render::show(&found, &program.sources)?;
            Ok(None)
        }
    }
}

/// Parameters of a space, without those that equal its own defaults.
fn differing(given: Vec<(String, String)>, program: &Program, space: &str) -> Vec<(String, String)> {
    let item = defined(program, ItemKind::Space, space);
    let stated = item.map(|item| program.space_defaults(&item)).unwrap_or_default();
    given.into_iter().filter(|argument| !stated.contains(argument)).collect()
}

fn with_suffix(out: &Path, suffix: &str) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name = stem.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("net_{name}") }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
