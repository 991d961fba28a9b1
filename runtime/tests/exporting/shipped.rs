//! Every model that ships: architectures drawn from each space, the published nets, and the models made by hand. Weights are drawn, and
//! those moved that are drawn as 0 or 1: biases, and what norms have.

use nasrec_compiler::plan::{Init, Plan};
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::schema::Schema;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{ItemKind, Space, library};
use nasrec_runtime::model::{Evidence, Model};
use nasrec_runtime::supernet::Store;
use rand::RngExt;

use crate::families::support;

/// Architectures of each space.
const DRAWN: u64 = 20;

/// Numbers are kept small, as `standardise` has them: products of large ones differ by more than is compared, in whatever order they
/// are added up.
pub const SCHEMA: &str = "schema t {
  format tsv(header: on)
  label click
  label buy
  dense I[1..3] | max(0) | log1p | min(3)
  dense J | max(-3) | min(3)
  dense K: int | log1p | max(0) | min(3)
  sparse C[1..4]: int | modulo(rows: 30)
  sparse H: hex | modulo(rows: 17)
  sparse T: text | hash(rows: 50, seed: 7)
  sparse B from I1: number | log_square
}";

/// The same with what models of users, items and histories ask for.
const SECTIONS: &str = "schema t {
  format tsv(header: on)
  label click
  dense I[1..3] | max(0) | log1p | min(3)
  user { sparse H: hex | modulo(rows: 17); sparse T: text | hash(rows: 50, seed: 7) }
  item { sparse V: int | modulo(rows: 20) }
  sparse history: int | list(\"^\", last: 4) | same(V)
}";

/// Hands out each with what it is called.
pub fn each(mut to: impl FnMut(&str, &Model)) {
    for (path, text) in library::FILES {
        let name = path.trim_end_matches(".nasrec");
        if name.starts_with("std/") || name == "schemas" {
            continue;
        }
        if name.starts_with("nets/") {
            let (schema, plan) = net(text);
            to(name, &model(&schema, plan, 1));
            continue;
        }
        let over = text.split("\nspace ").nth(1).and_then(|text| text.split('(').next()).expect("a space");
        let count = if name.starts_with("models/") { 1 } else { DRAWN };
        let first = text.split("\nspace ").nth(1).unwrap_or_default();
        let schema = if first.contains(" from user") { SECTIONS } else { SCHEMA };
        let text = format!(
            "import \"{path}\" {{ {over} }}\n{schema}\nsearch s on {over}({}) with t {{ data {{ files: \"t\" }} }}",
            arguments(name)
        );
        let program = support::load(&text);
        let search = program.search(&program.visible(ItemKind::Search)[0], &[]).expect("it is sound");
        let space = Space::bind(&search.space, &search.schema).expect("the schema fits");
        for index in 0..count {
            let mut rng = Streams::new(11).rng("arch", index);
            let plan = space.plan(&space.sample(Counts::Uniform, &mut rng)).expect("a plan").standalone();
            let model = model(&search.schema, plan, index);
            for head in model.heads() {
                let label = head.called(model.schema());
                // What is exported predicts one label.
                let alone = model.clone().of_label(label).expect("it predicts that");
                to(&format!("{name} {index} {label}"), &alone);
            }
        }
    }
}

/// Sizes that are computed soon, and dropouts and norms where a space has them.
fn arguments(name: &str) -> &'static str {
    match name {
        // Without norms it multiplies what it has multiplied, and 32 bits hold no such digits.
        "autoctr" => "blocks: 4, dim: 8, widths: [8, 16, 24], normalise: on",
        "autoctr_paper" => "blocks: 3, dim: 4, widths: [4, 8], normalise: on",
        "automlp" => "lengths: [1, 2, 4], dims: [4, 8], widths: [8, 16], depth: 2, hidden: 16",
        "nasctr" => "blocks: 4, dim: 4, wide: 8, widths: [8, 16], layers: 2",
        "interactions" | "nasrec_full" | "nasrec_small" => "blocks: 4, dim: 8, widths: [8, 16, 24], counts: [4, 6, 9]",
        "tabular" => "widths: [8, 16, 24], dims: [4, 8]",
        // Powers of what was rounded are rounded the more.
        "models/afn" => "dim: 4, neurons: 8, hidden: 16",
        "models/dcnv2" | "models/deepfm" => "dim: 8, batch: on, drop: 10%",
        _ => "",
    }
}

/// A published net over its table, whose fields have few rows.
fn net(text: &str) -> (Schema, Plan) {
    let (before, rest) = text.split_once("import \"schemas.nasrec\" { ").expect("a schema");
    let (name, rest) = rest.split_once(" }").expect("its name");
    let schemas = library::find("schemas.nasrec").expect("they ship");
    let schema = schemas.split(&format!("\nschema {name} {{")).nth(1).and_then(|text| text.split("\n}").next());
    let schema = schema.expect("it is there").replace("500_000", "40");
    let program = support::load(&format!("{before}\nschema {name} {{{schema}\n}}\n{rest}"));
    let arch = program.arch(&program.visible(ItemKind::Arch)[0]).expect("it is sound");
    let schema = arch.schema.expect("it names one");
    let space = Space::bind(&arch.space, &schema).expect("it fits");
    let plan = space.plan(&arch.architecture).expect("a plan").standalone();
    (schema, plan)
}

fn model(schema: &Schema, plan: Plan, seed: u64) -> Model {
    let mut store = Store::standalone(&plan, seed).expect("drawable");
    let mut rng = Streams::new(seed).rng("moved", 0);
    let values = plan.params.iter().enumerate().map(|(index, param)| {
        let mut bytes = Vec::new();
        store.write_values(index, &mut bytes).expect("memory");
        let drawn = bytes.chunks_exact(4).map(|bytes| f32::from_ne_bytes(bytes.try_into().expect("four")));
        let alike = matches!(param.init, Init::Constant(_));
        let variance = param.name.ends_with("variance");
        let moved = drawn.map(|value| {
            let by: f32 = if alike { rng.random_range(-0.1..0.1) } else { 0.0 };
            // Of logarithms, as training would have found it: exponentials of what no norm brings near 0 are next to nothing, or endless.
            let by = if param.name.ends_with("logs.batch_norm.mean") { by - 5.0 } else { by };
            if variance { value + by.abs() } else { value + by }
        });
        moved.collect()
    });
    let values: Vec<Vec<f32>> = values.collect();
    store.set(&values).expect("they fit");
    Model::new("net", (schema.clone(), None), plan, store, seed, Evidence::default()).expect("they fit")
}
