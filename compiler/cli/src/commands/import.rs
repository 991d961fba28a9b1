//! `nasrecc import`: architectures and weights from elsewhere.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nasrec_compiler::diagnostics::SourceFile;
use nasrec_compiler::format::{ArchSource, format_arch};
use nasrec_compiler::import::NasrecNet;
use nasrec_compiler::{CheckedSpace, ItemKind, Loader, Program, Space};
use nasrec_runtime::backend::Backend;
use nasrec_runtime::interop::{Foreign, Report, Tolerance};

use super::Outcome;
use crate::files::Disk;
use crate::{device, output, render};

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

/// One file in memory, beside those on disk.
struct Generated {
    text: String,
}

const GENERATED: &str = "imported.nasrec";

impl Loader for Generated {
    fn load(&self, importer: Option<&str>, path: &str) -> Result<Option<SourceFile>, String> {
        if importer.is_none() && path == GENERATED {
            return Ok(Some(SourceFile { name: GENERATED.into(), text: self.text.as_str().into(), built_in: false }));
        }
        Disk.load(importer, path)
    }
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let From::Nasrec(args) = &args.from;
    let text = std::fs::read_to_string(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
    let net = NasrecNet::read(&text).with_context(|| args.file.display().to_string())?;
    let name = args.name.clone().or_else(|| net.name.clone()).unwrap_or_else(|| stem(&args.file));
    let (schema_name, schema_text) = schema(&net, &name)?;

    // The space with the file's parameters, through the language like any other.
    let given: Vec<String> = net.arguments().iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let schema_import =
        if schema_text.is_empty() { format!("import \"schemas.nasrec\" {{ {schema_name} }}\n") } else { String::new() };
    let text = format!(
        "import \"{space}.nasrec\" {{ {space} }}\n{schema_import}{schema_text}\n\
         search imported on {space}({arguments}) with {schema_name} {{ data {{ files: \"none\" }} }}\n",
        space = args.space,
        arguments = given.join(", "),
    );
    let (program, mut diagnostics) = Program::load(GENERATED, &Generated { text });
    let search = program.items().into_iter().find(|item| item.kind == ItemKind::Search);
    let search = match search.filter(|_| diagnostics.is_empty()).map(|item| program.search(&item, &[])) {
        Some(Ok(search)) => search,
        Some(Err(found)) => {
            diagnostics.extend(found);
            render::show(&diagnostics, &program.sources)?;
            return Ok(Outcome::Findings);
        }
        None => {
            render::show(&diagnostics, &program.sources)?;
            return Ok(Outcome::Findings);
        }
    };
    let architecture = net.architecture(&search.space.graph.choices)?;
    let mut imports = vec![(format!("{}.nasrec", args.space), vec![args.space.clone()])];
    if schema_text.is_empty() {
        imports.push(("schemas.nasrec".to_owned(), vec![schema_name.clone()]));
    }
    let source = ArchSource {
        name: &name,
        docs: vec![format!("Imported from {}, in NASRec's notation.", file_name(&args.file))],
        imports,
        items: schema_text,
        space: &args.space,
        arguments: &differing(&net, &search.space),
        schema: Some(&schema_name),
    };
    let formatted = format_arch(&source, &search.space.graph.choices, &architecture);
    match &args.out {
        Some(out) => output::write(Some(&with_suffix(out, "nasrec")), &formatted)?,
        None if !args.verify => output::print(&formatted)?,
        None => {}
    }
    let Some(weights) = &args.weights else { return Ok(Outcome::Clean) };
    let space = Space::bind(&search.space, &search.schema)?;
    let plan = space.plan(&architecture)?;
    let names: HashMap<String, String> =
        plan.params.iter().filter_map(|param| Some((param.name.to_string(), net.foreign_name(&param.name)?))).collect();
    let foreign = Foreign::read(weights, &plan, &names)?;
    if let Some(out) = &args.out {
        let path = with_suffix(out, "safetensors");
        foreign.export(&path)?;
        eprintln!("wrote {}", path.display());
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
    output::print(&out)?;
    Ok(if agrees { Outcome::Clean } else { Outcome::Findings })
}

/// The schema of the recorded inputs, or of the table that the file names: its name, and its source where it does not
/// ship.
fn schema(net: &NasrecNet, name: &str) -> Result<(String, String)> {
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
        return Ok((schema, text));
    }
    match net.dataset.as_deref() {
        Some(dataset @ ("criteo" | "avazu" | "kdd")) => Ok((dataset.to_owned(), String::new())),
        Some(other) => bail!("nasrecc ships no schema for the table `{other}`"),
        None => bail!("the file says neither its vocabulary (`vocab`) nor its table (`dataset`)"),
    }
}

/// The file's parameters of the space; those that equal the space's own defaults go without saying.
fn differing(net: &NasrecNet, checked: &CheckedSpace) -> Vec<(String, String)> {
    let defaults = Program::load(&format!("{}.nasrec", checked.name), &Disk).0;
    let item = defaults.items().into_iter().find(|item| item.kind == ItemKind::Space && item.name == checked.name);
    let stated = item.map(|item| defaults.space_defaults(&item)).unwrap_or_default();
    net.arguments().into_iter().filter(|argument| !stated.contains(argument)).collect()
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
