//! Parents and their mutated children, over the spaces that ship.

#![allow(dead_code, reason = "each user takes its part")]

#[path = "../../../tests/support/mod.rs"]
pub mod support;

use nasrec_compiler::plan::{ParamKind, Plan};
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{Architecture, ItemKind, Space};
use nasrec_runtime::data::Batch;
use rand::RngExt;

/// A shipped space with these arguments, over the shipped schema `criteo` or a small one.
pub fn space(name: &str, arguments: &str, criteo: bool) -> Space {
    let schema = if criteo {
        "import \"schemas.nasrec\" { criteo }"
    } else {
        "schema criteo { label click; dense I[1..5]; sparse C[1..7]: int | modulo(rows: 30) }"
    };
    let text = format!(
        "import \"{name}.nasrec\" {{ {name} }}\n{schema}\n\
         search s on {name}({arguments}) with criteo {{ data {{ files: \"none\" }} }}"
    );
    let program = support::load(&text);
    let item = program.items().into_iter().find(|item| item.kind == ItemKind::Search).expect("the search is there");
    let search = program.search(&item, &[]).expect("the search is sound");
    Space::bind(&search.space, &search.schema).expect("the schema fits")
}

/// The plans of a random parent and of children that a search would evaluate: each with one mutation, no two alike.
pub fn family(space: &Space, index: u64, children: usize) -> Vec<Plan> {
    let mut rng = Streams::new(17).rng("families", index);
    let parent = space.sample(Counts::Uniform, &mut rng);
    let canonical = |architecture: &Architecture| space.canonical(architecture).expect("a plan");
    let mut seen = vec![canonical(&parent)];
    let mut plans = vec![space.plan(&parent).expect("a plan")];
    while plans.len() <= children {
        let child = space.mutate(&parent, 1, Counts::Uniform, &mut rng);
        let form = canonical(&child);
        if !seen.contains(&form) {
            seen.push(form);
            plans.push(space.plan(&child).expect("a plan"));
        }
    }
    plans
}

/// Random samples that fit a space over so many numeric columns.
pub fn batch(space: &Space, numeric: usize, rows: usize, index: u64) -> Batch {
    let mut rng = Streams::new(5).rng("batch", index);
    let mut tables: Vec<(usize, usize)> = space
        .params()
        .iter()
        .filter_map(|param| match param.kind {
            ParamKind::Table { field } => Some((field, param.full[0])),
            ParamKind::Dense | ParamKind::Statistic => None,
        })
        .collect();
    tables.sort_unstable();
    tables.dedup();
    Batch {
        rows,
        numeric: (0..numeric * rows).map(|_| rng.random_range(-1.0..2.0)).collect(),
        ids: tables.iter().flat_map(|&(_, height)| vec![height as u32; rows]).map(|h| rng.random_range(0..h)).collect(),
        labels: (0..rows).map(|_| f32::from(rng.random_bool(0.3))).collect(),
        ..Batch::default()
    }
}
