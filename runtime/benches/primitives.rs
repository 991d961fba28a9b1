//! Operators of the standard library by themselves, as multiples of their floor:
//! `cargo bench -p nasrec-runtime --bench primitives -- [NAME…]`.
//!
//! Each is a chain of one operator over Criteo's columns with a batch of 512, so that lookups and the head weigh little,
//! forward alone and forward with backward, on 2 threads; a product of 512 x 1024 x 1024 is taken between any two of them.
//! The floor is the multiply-accumulates (three times those of the forward, with a backward) over the rate of these
//! products, or the bytes of the activations that are read and written over the bandwidth of memory, whichever is larger.

#![allow(clippy::print_stdout, reason = "a benchmark prints what it found")]

mod criteo;
mod floor;

use std::time::Instant;

use criteo::families::support;
use criteo::{batch, supernet};
use floor::{Machine, Rates};
use nasrec_compiler::plan::Plan;
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{ItemKind, Space};
use nasrec_runtime::backend::{Backend, Task, Tiled, Trainable, Update};

const ROWS: usize = 512;
const ROUNDS: usize = 15;
const UPDATE: Update = Update::adagrad(0.01, 1e-2, Some(5.0));

/// What a chain is called, how it starts, what follows `{}` in it, and how often. `x` is dense, `s` sparse.
const CHAINS: [Chain; 14] = [
    ("lookup", "s", "", 0),
    ("linear 512 to 512", "linear(x, 512)", "linear({}, 512)", 8),
    ("fc 512 to 512", "fc(x, 512)", "fc({}, 512)", 8),
    ("fc 64 to 64", "fc(x, 64)", "fc({}, 64)", 16),
    ("fc 16 to 512 to 16", "fc(x, 16)", "fc(fc({}, 512), 16)", 8),
    ("gating 256", "fc(x, 256)", "gating({}, {}, 256)", 8),
    ("plus 256", "fc(x, 256)", "plus({}, fc(x, 64), 256)", 8),
    ("dot 512 of 26 fields", "fc(x, 512)", "dot({}, s, 512)", 6),
    ("efc 32 to 32", "efc(s, 32)", "efc({}, 32)", 12),
    ("efc 64 to 64", "efc(s, 64)", "efc({}, 64)", 8),
    ("attention 16", "efc(s, 16)", "attention({}, 16)", 6),
    ("attention 32", "efc(s, 32)", "attention({}, 32)", 6),
    ("attention 64", "efc(s, 64)", "attention({}, 64)", 4),
    ("fm 64", "fc(x, 64)", "{} + fm(s, 64)", 6),
];

type Chain = (&'static str, &'static str, &'static str, usize);

/// A space without choices that computes the chain, and its plan.
fn plan((_, first, next, times): Chain) -> (Space, Plan) {
    let mut body = format!("let h0 = {first}\n");
    for i in 0..times {
        body += &format!("  let h{} = {}\n", i + 1, next.replace("{}", &format!("h{i}")));
    }
    let sparse = first.starts_with("efc") || times == 0;
    let head = if sparse { format!("flatten(h{times})") } else { format!("h{times}") };
    let text = format!(
        "import \"std/ctr.nasrec\" {{ fc, gating, plus, dot, attention, efc, fm }}\n\
         import \"schemas.nasrec\" {{ criteo }}\n\
         space chain(normalise = on) {{\n  input x: dense\n  input fields: categorical\n\
         \x20 let s = embed(fields, 16)\n  {body}  logit = linear({head}, 1)\n}}\n\
         search it on chain with criteo {{ data {{ files: \"none\" }} }}\n"
    );
    let program = support::load(&text);
    let item = program.items().into_iter().find(|item| item.kind == ItemKind::Search).expect("the search is there");
    let search = program.search(&item, &[]).expect("the search is sound");
    let space = Space::bind(&search.space, &search.schema).expect("the schema fits");
    let only = space.sample(Counts::Uniform, &mut Streams::new(1).rng("chain", 0));
    let plan = space.plan(&only).expect("a plan");
    (space, plan)
}

/// Bytes of activations that the forward reads and writes for a batch.
fn bytes(plan: &Plan) -> f64 {
    let len = |node: usize| plan.nodes[node].shape.iter().product::<usize>();
    let one = |i: usize| len(i) + plan.nodes[i].inputs.iter().map(|&input| len(input)).sum::<usize>();
    (4 * ROWS * (0..plan.nodes.len()).map(one).sum::<usize>()) as f64
}

fn main() {
    let names: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let mut machine = Machine::new(2);
    let backend = Tiled::new(2).expect("threads");
    println!(
        "{:22} {:>9} {:>10} {:>12} {:>10} {:>12}",
        "batch of 512", "MMACs", "forward", "of the floor", "and back", "of the floor"
    );
    for chain in
        CHAINS.into_iter().filter(|chain| names.is_empty() || names.iter().any(|name| chain.0.starts_with(name)))
    {
        let (space, plan) = plan(chain);
        let batch = batch(&space, ROWS, 0);
        let all = Trainable::all(&plan);
        let program = backend.compile(Task::training(plan.clone(), &all).expect("executable")).expect("executable");
        let frozen = backend.compile(program.task().frozen()).expect("executable");
        let mut store = supernet(&space);
        // Rows that training has not touched are drawn when they are read.
        backend.step(&program, &mut store, &batch, UPDATE).expect("a step");
        let weights = backend.copies(&program, &store).expect("of this store");
        let (mut forward, mut both, mut product) = (f64::INFINITY, f64::INFINITY, f64::INFINITY);
        for _ in 0..ROUNDS {
            let start = Instant::now();
            backend.logits(&frozen, &weights, &store, &batch).expect("logits");
            forward = forward.min(start.elapsed().as_secs_f64());
            product = product.min(machine.product());
            let start = Instant::now();
            backend.gradients(&program, &store, &batch).expect("gradients");
            both = both.min(start.elapsed().as_secs_f64());
            product = product.min(machine.product());
        }
        let rates = Rates { macs: Machine::product_macs() / product, bytes: machine.bandwidth() };
        let (macs, bytes) = ((plan.macs() as usize * ROWS) as f64, bytes(&plan));
        println!(
            "{:22} {:9.3} {:7.2} ms {:12.2} {:7.2} ms {:12.2}",
            chain.0,
            plan.macs() as f64 / 1e6,
            1e3 * forward,
            forward / rates.floor(macs, bytes),
            1e3 * both,
            both / rates.floor(3.0 * macs, 3.0 * bytes)
        );
    }
}
