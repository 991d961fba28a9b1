//! `nasrecc import nasrec`: architectures and weights of the released NASRec implementation.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nasrec_compiler::diagnostics::Diagnostic;
use nasrec_compiler::format::{ArchSource, format_arch};
use nasrec_compiler::import::NasrecNet;
use nasrec_compiler::loader::{Memory, Shipped, read_named};
use nasrec_compiler::schema::Schema;
use nasrec_compiler::{Item, ItemKind, Loader, Program, library, syntax};
use nasrec_runtime::Error;
use nasrec_runtime::backend::Backend;
use nasrec_runtime::interop::{Foreign, Report, Tolerance};

use crate::commands::Outcome;
use crate::imports::{Imports, path_from};
use crate::output::{self, Text, say};
use crate::{device, render, subject};

/// How much of a name that is none is shown.
const MAX_SHOWN: usize = 60;

/// From the released NASRec implementation's JSON notation, and its tensors as safetensors
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nasrecc import nasrec net.json --space nasrec_full -o net\n  \
                        nasrecc import nasrec net.json --space nasrec_full --weights net.safetensors --verify\n  \
                        nasrecc import nasrec net.json --space nasrec_full --weights net.safetensors --verify --device cuda")]
pub(crate) struct Args {
    /// The architecture, as JSON
    #[arg(value_name = "FILE.json")]
    file: PathBuf,
    /// The space that it is of: the name of one that ships, or that NAME.nasrec in this folder defines; or a file,
    /// FILE.nasrec, that defines one space
    #[arg(long, value_name = "NAME|FILE.nasrec")]
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
    #[command(flatten)]
    imports: Imports,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let text = match read_named(&args.file) {
        Ok(text) => text.with_context(|| format!("cannot read {}: there is no such file", args.file.display()))?,
        Err(why) => bail!("cannot read {}: {why}", args.file.display()),
    };
    let net = NasrecNet::read(&text).with_context(|| args.file.display().to_string())?;
    let name = name(args, &net)?;
    let Some((schema, schema_text)) = schema(&net, &name)? else { return Ok(Outcome::Findings) };
    let path = space_file(&args.space)?;
    let (mut program, mut found) = Program::load(&path, &args.imports.disk(&path));
    let given = net.arguments();
    let arguments: Vec<(&str, &str)> = given.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let space = if found.is_empty() {
        let of = space_name(&program, &args.space, &path)?;
        program.space(&of, &arguments, &schema).map(|space| (of, space))
    } else if program.entry().is_none() {
        // There is no text to show: it was the command line that named the file.
        bail!("{}", no_space(&args.space, &found));
    } else {
        Err(Vec::new())
    };
    let (of, space) = match space {
        Ok(space) => space,
        Err(more) => {
            found.extend(more);
            render::show(&found, &program.sources)?;
            return Ok(Outcome::Findings);
        }
    };
    if name == of || name == schema.name {
        bail!("the architecture would be called `{name}` as what it imports is: say --name NAME");
    }
    let architecture = net.architecture(space.choices())?;
    let folder = args.out.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let source = defined(&program, ItemKind::Space, &of).map(|item| program.defined_in(&item).name.clone());
    let mut imports = vec![(path_from(folder, &source.unwrap_or(path))?, vec![of.clone()])];
    if schema_text.is_empty() {
        imports.push(("schemas.nasrec".to_owned(), vec![schema.name.clone()]));
    }
    let source = ArchSource {
        name: &name,
        docs: vec![format!("Imported from {}, in NASRec's notation.", file_name(&args.file))],
        imports,
        items: schema_text,
        space: &of,
        arguments: &differing(given, &program, &of),
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
    let foreign = Foreign::read(weights, &name, &schema, &plan, &names).map_err(|error| {
        // What is wrong with what is in a file does not say in which.
        let inside = matches!(error, Error::Foreign(_) | Error::Safetensors(_));
        let error = anyhow::Error::from(error);
        if inside { error.context(weights.display().to_string()) } else { error }
    })?;
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
            Ok(named(dataset, "schemas.nasrec", &Shipped)?.map(|schema| (schema, String::new())))
        }
        Some(other) => bail!("nasrecc ships no schema for the table `{other}`"),
        None => bail!("the file says neither its vocabulary (`vocab`) nor its table (`dataset`)"),
    }
}

/// What the architecture is called: a name of the language, for it becomes source.
fn name(args: &Args, net: &NasrecNet) -> Result<String> {
    let (name, told_by) = match (&args.name, &net.name) {
        (Some(name), _) => (name.clone(), "--name".to_owned()),
        (None, Some(name)) => (name.clone(), format!("`name` in {}", args.file.display())),
        (None, None) => return Ok(stem(&args.file)),
    };
    if !syntax::is_name(&name) {
        let shown: String = name.chars().take(MAX_SHOWN).collect();
        bail!(
            "{told_by} is {shown:?}, which is no name: expected a letter, then letters, digits and `_`, and no word of \
             the language; say --name NAME"
        );
    }
    Ok(name)
}

/// The file of a space that is told by its name, or by its file.
fn space_file(space: &str) -> Result<String> {
    if is_file(space) {
        return Ok(space.to_owned());
    }
    if !syntax::is_name(space) {
        bail!("--space is {space:?}: expected the name of a space, such as nasrec_full, or a file, FILE.nasrec");
    }
    Ok(format!("{space}.nasrec"))
}

fn is_file(space: &str) -> bool {
    space.ends_with(".nasrec")
}

/// Why there is no file that a space could be in.
fn no_space(space: &str, found: &[Diagnostic]) -> String {
    let why = found.first().map(|found| found.message.as_str()).unwrap_or_default();
    if is_file(space) {
        return format!("--space {space}: {why}");
    }
    let spaces = library::FILES.iter().filter_map(|(name, text)| {
        let name = name.strip_suffix(".nasrec")?;
        text.contains(&format!("\nspace {name}")).then_some(name)
    });
    let spaces: Vec<&str> = spaces.collect();
    format!(
        "no space `{space}` ships with nasrecc, and {why}; it ships {}; a file is named with its ending, FILE.nasrec",
        spaces.join(", ")
    )
}

/// The name of the space that is meant among those that a file defines.
fn space_name(program: &Program, space: &str, path: &str) -> Result<String> {
    let spaces = program.items().into_iter().filter(|item| item.kind == ItemKind::Space);
    let mut names: Vec<String> = spaces.map(|item| item.name).collect();
    match names.as_slice() {
        _ if !is_file(space) && names.iter().any(|name| name == space) => Ok(space.to_owned()),
        [_] if is_file(space) => Ok(names.swap_remove(0)),
        [] if is_file(space) => bail!("`{path}` defines no space"),
        [] => bail!("`{path}` does not define a space `{space}`"),
        _ if is_file(space) => bail!("`{path}` defines {}: keep one of them in a file", names.join(", ")),
        _ => bail!("`{path}` does not define a space `{space}`, but {}", names.join(", ")),
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
    if syntax::is_name(&name) { name } else { format!("net_{name}") }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // It stands in a comment, which ends with its line.
    name.replace(char::is_control, "?")
}
