//! `nasrecc cost`: what an architecture costs and where, or what the architectures of a space cost.

use std::path::PathBuf;

use anyhow::Result;
use nasrec_compiler::plan::{Cost, Costs, ParamKind, Place, Plan};
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{Architecture, Space};
use serde_json::{Value, json};

use super::Outcome;
use crate::bounds::Bounds;
use crate::imports::Imports;
use crate::output::{self, Format, Told, grouped, table, write};
use crate::render;
use crate::subject::File;

/// What an architecture costs, by block and operator; or what the architectures of a space cost
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nasrecc cost spaces/nets/criteo_full.nasrec\n  \
                        nasrecc cost spaces/models/dcnv2.nasrec --with criteo\n  \
                        nasrecc cost examples/quickstart.nasrec --samples 1000\n  \
                        nasrecc cost spaces/nets/criteo_full.nasrec --format json")]
pub(crate) struct Args {
    #[arg(value_name = "FILE")]
    file: String,
    /// The space, search or architecture, where the file has several; all of them otherwise
    #[arg(long)]
    name: Option<String>,
    /// The schema: one that the file sees, or one that ships, such as criteo
    #[arg(long, value_name = "SCHEMA")]
    with: Option<String>,
    /// How many architectures of a space are drawn for the distribution
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    samples: u64,
    /// The seed of the draws
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A table for people, or JSON
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

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let Some(file) = File::load(&args.file, &args.imports, args.shown)? else { return Ok(Outcome::Findings) };
    let columns = output::columns(args.out.as_ref());
    let mut told = Vec::new();
    for item in file.items(args.name.as_deref())? {
        let subject = file.subject(&item, args.with.as_deref())?;
        let space = subject.bound()?;
        told.push(match subject.one() {
            Some(architecture) => {
                let plan = space.plan(&architecture)?;
                match args.format {
                    Format::Text => Told::Text(format!("{}\n{}", subject.heading(), of_plan(space, &plan, columns))),
                    Format::Json => Told::Json(subject.heading(), plan_json(&plan)),
                }
            }
            None => {
                let spread = Spread::of(space, args.samples, args.seed)?;
                match args.format {
                    Format::Text => Told::Text(format!("{}\n{}", subject.heading(), spread.table(space, columns))),
                    Format::Json => Told::Json(subject.heading(), spread.json(space)),
                }
            }
        });
    }
    write(args.out.as_ref(), Told::all(told)?, file.read())?;
    Ok(Outcome::Clean)
}

fn of_plan(space: &Space, plan: &Plan, columns: Option<usize>) -> String {
    let mut totals = table(["cost", "a sample", "bytes"]);
    let held = plan.activations();
    let (dense, embedding) = (plan.dense_params(), plan.embedding_params());
    for (name, value, bytes) in [
        ("macs", Some(plan.macs()), None),
        ("ops", Some(plan.ops()), None),
        ("params.dense", Some(dense), Some(4 * dense)),
        ("params.embedding", Some(embedding), Some(4 * embedding)),
        ("activations in training, all kept", None, Some(held.training)),
        ("activations in inference, at their peak", None, Some(held.inference_peak)),
    ] {
        let shown = |value: Option<u64>| value.map_or_else(String::new, grouped);
        totals.add_row([name.to_owned(), shown(value), shown(bytes)]);
    }
    totals.right(1);
    let has_blocks = space.blocks().next().is_some();
    let mut out = format!("{}\nThe peak is where {} runs.\n", totals.laid_out(columns), plan.nodes[held.peak_at].path);
    if has_blocks {
        out.push_str(&parts("block", &plan.costs_by(block), columns));
    }
    out.push_str(&parts("operator", &plan.costs_by(operator), columns));
    if has_blocks {
        out.push_str(&parts("block and operator", &plan.costs_by(block_and_operator), columns));
    }
    out
}

fn block(place: &Place) -> String {
    place.block.as_deref().unwrap_or("outside").to_owned()
}

fn operator(place: &Place) -> String {
    place.operator.to_string()
}

fn block_and_operator(place: &Place) -> String {
    place.block.as_ref().map_or_else(|| operator(place), |block| format!("{block} {}", place.operator))
}

/// The costliest first; rows that cost neither arithmetic nor parameters are summed up in the last.
fn parts(what: &str, rows: &[(String, Costs)], columns: Option<usize>) -> String {
    let mut table = table([
        what,
        "macs",
        "share",
        "ops",
        "share",
        "params\ndense",
        "share",
        "params\nembedding",
        "activations\nbytes",
        "share",
    ]);
    let mut all = Costs::default();
    rows.iter().for_each(|(_, costs)| all.add(*costs));
    let share = |part: u64, whole: u64| {
        if whole == 0 { String::new() } else { format!("{:.1}%", 100.0 * part as f64 / whole as f64) }
    };
    let mut add = |name: &str, costs: &Costs| {
        table.add_row([
            name.to_owned(),
            grouped(costs.macs),
            share(costs.macs, all.macs),
            grouped(costs.ops),
            share(costs.ops, all.ops),
            grouped(costs.dense_params),
            share(costs.dense_params, all.dense_params),
            grouped(costs.embedding_params),
            grouped(costs.activation_bytes),
            share(costs.activation_bytes, all.activation_bytes),
        ]);
    };
    let free = |costs: &Costs| costs.macs + costs.ops + costs.dense_params + costs.embedding_params == 0;
    rows.iter().filter(|(_, costs)| !free(costs)).for_each(|(name, costs)| add(name, costs));
    let mut rest = Costs::default();
    let left: Vec<&str> = rows.iter().filter(|(_, costs)| free(costs)).map(|(name, _)| name.as_str()).collect();
    rows.iter().filter(|(_, costs)| free(costs)).for_each(|(_, costs)| rest.add(*costs));
    match left.as_slice() {
        [] => {}
        [only] => add(only, &rest),
        several => add(&format!("{} more", several.len()), &rest),
    }
    table.right(1);
    format!("{}\n", table.laid_out(columns))
}

fn plan_json(plan: &Plan) -> Value {
    let rows = |rows: Vec<(String, Costs)>| -> Vec<Value> {
        rows.iter().map(|(name, costs)| json!({ "name": name, "costs": costs })).collect()
    };
    let nodes: Vec<Value> = plan
        .nodes
        .iter()
        .zip(plan.node_costs())
        .map(|(node, costs)| json!({ "path": &*node.path, "primitive": node.primitive.name(), "costs": costs }))
        .collect();
    let (dense, embedding) = (plan.dense_params(), plan.embedding_params());
    json!({
        "macs": plan.macs(),
        "ops": plan.ops(),
        "params": { "dense": dense, "embedding": embedding },
        "bytes": { "dense": 4 * dense, "embedding": 4 * embedding, "activations": plan.activations() },
        "by_block": rows(plan.costs_by(block)),
        "by_operator": rows(plan.costs_by(operator)),
        "by_block_and_operator": rows(plan.costs_by(block_and_operator)),
        "nodes": nodes,
    })
}

/// Costs of architectures that were drawn from a space, each in ascending order.
struct Spread {
    samples: u64,
    costs: Vec<(&'static str, Vec<u64>)>,
    bounds: Bounds,
}

const QUANTILES: [(f64, &str); 7] =
    [(0.0, "least"), (0.05, "5%"), (0.25, "25%"), (0.5, "median"), (0.75, "75%"), (0.95, "95%"), (1.0, "most")];

impl Spread {
    fn of(space: &Space, samples: u64, seed: u64) -> Result<Spread> {
        let streams = Streams::new(seed);
        let mut costs: Vec<(&'static str, Vec<u64>)> =
            Cost::ALL.iter().map(|cost| (cost.words(), Vec::new())).collect();
        costs.push(("peak activations", Vec::new()));
        for index in 0..samples {
            let drawn: Architecture = space.sample(Counts::Uniform, &mut streams.rng("cost", index));
            let plan = space.plan(&drawn)?;
            for (cost, (_, values)) in Cost::ALL.iter().zip(&mut costs) {
                values.push(plan.costs().of(*cost));
            }
            if let Some((_, peaks)) = costs.last_mut() {
                peaks.push(plan.activations().inference_peak);
            }
        }
        costs.iter_mut().for_each(|(_, values)| values.sort_unstable());
        Ok(Spread { samples, costs, bounds: Bounds::of(space) })
    }

    fn quantile(values: &[u64], share: f64) -> u64 {
        values[((values.len() - 1) as f64 * share).round() as usize]
    }

    fn table(&self, space: &Space, columns: Option<usize>) -> String {
        let mut header = vec!["cost"];
        header.extend(QUANTILES.iter().map(|(_, name)| *name));
        let mut table = table(header);
        for (name, values) in &self.costs {
            let mut row = vec![(*name).to_owned()];
            row.extend(QUANTILES.iter().map(|&(share, _)| grouped(Self::quantile(values, share))));
            table.add_row(row);
        }
        table.right(1);
        let drawn = grouped(self.samples);
        let mut out = format!("{}\nof {drawn} architectures that were drawn.\n", table.laid_out(columns));
        out.push_str(&self.bounds.table(columns));
        let (dense, embedding) = stored(space);
        out.push_str(&format!(
            "The whole store has {} dense and {} embedding parameters.\n",
            grouped(dense),
            grouped(embedding)
        ));
        out
    }

    fn json(&self, space: &Space) -> Value {
        let costs: serde_json::Map<String, Value> = self
            .costs
            .iter()
            .map(|(name, values)| {
                let quantiles: Vec<Value> = QUANTILES
                    .iter()
                    .map(|&(share, _)| json!({ "share": share, "value": Self::quantile(values, share) }))
                    .collect();
                ((*name).to_owned(), quantiles.into())
            })
            .collect();
        let (dense, embedding) = stored(space);
        json!({
            "samples": self.samples, "quantiles": costs,
            "bounds": self.bounds.json(space),
            "store": { "dense": dense, "embedding": embedding },
        })
    }
}

/// Dense and embedding parameters that a supernet holds.
fn stored(space: &Space) -> (u64, u64) {
    let sum = |of_kind: fn(ParamKind) -> bool| {
        space.params().iter().filter(|param| of_kind(param.kind)).map(|param| param.len() as u64).sum()
    };
    (sum(|kind| kind == ParamKind::Dense), sum(ParamKind::is_table))
}
