//! A subnet inside the supernet computes exactly what the same architecture computes standing alone.

use nasrec_compiler::format::{ArchSource, format_arch};
use nasrec_compiler::plan::Plan;
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::space::Sampling;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{Architecture, ItemKind, Program as Source, Space};
use nasrec_runtime::backend::{Backend, Task, Tiled, Trainable, Update};
use nasrec_runtime::data::Batch;
use nasrec_runtime::supernet::{ParamDef, Store};
use rand::RngExt;

use crate::support;

const SCHEMA: &str = "schema clicks { label click; dense I[1..5]; sparse C[1..7]: int | modulo(rows: 30) }";
const ARGUMENTS: [(&str, &str); 4] =
    [("blocks", "5"), ("dim", "8"), ("counts", "[4, 6, 9]"), ("widths", "[8, 16, 24, 40]")];

/// The space `name` over a small table, and its source.
fn space(name: &str, normalise: &str) -> Space {
    let arguments: Vec<String> = ARGUMENTS.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let text = format!(
        "import \"{name}.nasrec\" {{ {name} }}\n{SCHEMA}\n\
         search s on {name}({}, normalise: {normalise}) with clicks {{ data {{ files: \"none\" }} }}",
        arguments.join(", ")
    );
    let program = support::load(&text);
    let item = program.visible(ItemKind::Search).remove(0);
    let search = program.search(&item, &[]).expect("the test's search is sound");
    Space::bind(&search.space, &search.schema).expect("the schema fits")
}

fn batch(rows: usize, index: u64) -> Batch {
    let mut rng = Streams::new(5).rng("batch", index);
    Batch {
        rows,
        numeric: (0..5 * rows).map(|_| rng.random_range(-1.0..2.0)).collect(),
        ids: (0..7 * rows).map(|_| rng.random_range(0..30)).collect(),
        labels: (0..rows).map(|_| f32::from(rng.random_bool(0.3))).collect(),
        ..Batch::default()
    }
}

fn logits(backend: &Tiled, store: &Store, plan: &Plan, batch: &Batch) -> Vec<u32> {
    let program = backend.compile(Task::evaluating(plan.clone()).expect("executable")).expect("executable");
    let weights = backend.copies(&program, store).expect("the plan is of this store");
    let logits = backend.logits(&program, &weights, store, batch).expect("the batch fits").remove(0);
    logits.into_iter().map(f32::to_bits).collect()
}

/// A supernet after a few steps on random paths, mixtures among them, so that no value is an initial one.
fn trained(space: &Space, backend: &Tiled) -> Store {
    let mut store = Store::new(space.params().iter().map(ParamDef::from), 11).expect("drawable");
    for step in 0..12 {
        let sampling = Sampling { counts: Counts::Binomial(0.5), full_path: 1.0 - step as f64 / 12.0 };
        let plan = space.plan(&space.sample_path(sampling, &mut Streams::new(2).rng("path", step))).expect("a plan");
        let all = Trainable::all(&plan);
        let program = backend.compile(Task::training(plan, &all).expect("executable")).expect("executable");
        let update = Update::adagrad(0.05, 1e-2, Some(5.0));
        let stepped = backend.step(&program, &mut store, &batch(64, step), update).expect("a step").expect("told");
        assert!(stepped.loss.is_finite());
    }
    store
}

/// The architecture through its source, as a file that stands alone.
fn reread(space: &Space, architecture: &Architecture, name: &str) -> Plan {
    let source = ArchSource {
        name: "alone",
        docs: Vec::new(),
        imports: vec![(format!("{name}.nasrec"), vec![name.to_owned()])],
        items: format!("{SCHEMA}\n"),
        space: name,
        arguments: &space.arguments,
        schema: Some("clicks"),
    };
    let program: Source = support::load(&format_arch(&source, space.choices(), architecture));
    let item = program.visible(ItemKind::Arch).remove(0);
    let arch = program.arch(&item).expect("what was formatted is sound");
    let schema = arch.schema.expect("it names its schema");
    Space::bind(&arch.space, &schema).expect("the schema fits").plan(&arch.architecture).expect("a plan")
}

#[test]
fn a_hundred_architectures_alone_compute_what_they_compute_in_the_supernet() {
    let backend = Tiled::new(2).expect("threads");
    let folder = tempfile::tempdir().expect("a folder");
    let cases = [("nasrec_full", "on"), ("nasrec_full", "off"), ("nasrec_small", "on"), ("nasrec_small", "off")];
    for (case, (name, normalise)) in cases.into_iter().enumerate() {
        let space = space(name, normalise);
        let store = trained(&space, &backend);
        for index in 0..25u64 {
            let mut rng = Streams::new(case as u64).rng("architecture", index);
            let architecture = space.sample(Counts::Uniform, &mut rng);
            let plan = space.plan(&architecture).expect("a plan");
            let batch = batch(150, 100 + index);
            let expected = logits(&backend, &store, &plan, &batch);

            // Weights by file, the architecture by source: nothing else passes.
            let path = folder.path().join("alone.safetensors");
            store.extract(&plan).expect("of this store").export(&path).expect("written");
            let canonical = space.canonical(&architecture).expect("a plan");
            let alone = reread(&space, &canonical, name).standalone();
            let mut own = Store::standalone(&alone, 999).expect("drawable");
            own.import(&path).expect("the same parameters");
            assert_eq!(logits(&backend, &own, &alone, &batch), expected, "{name}, architecture {index}");
        }
    }
}

/// Depth, sets of operators and bodies as alternatives, none of which NASRec's spaces have.
const DEEP: &str = "op fc(x: dense, w: size) -> dense[w] = relu(layer_norm(linear(x, w)))
space deep {
  input numeric: dense
  input fields: categorical
  width w in [8, 12, 20]
  let x = concat(numeric, flatten(embed(fields, 4)))
  let h = repeat 1..4 from fc(x, w) as h {
    let d = choose 1..2 { fc(h, w); plain: { let z = linear(h, w); relu(z) + h } }
    let more = maybe fc(h, w)
    d + more
  }
  logit = linear(concat(h, x), 1)
}";

/// Calls that share parameters and choices, met by tensors of other layouts.
const SHARED: &str = "op fc(x: dense, w: size) -> dense[w] = relu(layer_norm(linear(x, w)))
op either(x: dense, w: size) -> dense[w] = choose { fc(x, w); plain: linear(x, w) }
space shared_calls {
  input numeric: dense
  input fields: categorical
  width w in [8, 12, 20]
  let x = linear(concat(numeric, flatten(embed(fields, 4))), w)
  let z = linear(numeric, w)
  shared p = fc(_, w)
  shared q = either(_, w)
  let one = p(pick 1 from [x, z])
  let d = choose { p(x); q(x); both: { let y = q(z); p(y) + x } }
  let h = repeat 1..3 from x + d as h { q(h) }
  logit = linear(concat(one, h, p(z)), 1)
}";

#[test]
fn depth_sets_of_operators_and_shared_calls_are_no_exception() {
    for text in [DEEP, SHARED] {
        alone_as_inside(text);
    }
}

fn alone_as_inside(text: &str) {
    let backend = Tiled::new(2).expect("threads");
    let program = support::load(&format!("{SCHEMA}\n{text}\n"));
    let item = |kind| program.visible(kind).remove(0);
    let checked = program.check_space(&item(ItemKind::Space)).expect("the test's space is sound");
    let schema = program.schema(&item(ItemKind::Schema)).expect("the test's schema is sound");
    let space = Space::bind(&checked, &schema).expect("the schema fits");
    let store = trained(&space, &backend);
    for index in 0..40u64 {
        let architecture = space.sample(Counts::Uniform, &mut Streams::new(8).rng("architecture", index));
        let plan = space.plan(&architecture).expect("a plan");
        let batch = batch(90, 300 + index);
        let inside = logits(&backend, &store, &plan, &batch);
        let own = store.extract(&plan).expect("of this store");
        assert_eq!(logits(&backend, &own, &plan.standalone(), &batch), inside, "architecture {index}");
    }
}

/// A logit may look categories up itself; the head that is fine-tuned is its dense parameters.
#[test]
fn the_head_is_the_dense_parameters_of_the_logit_and_nothing_else() {
    let text = format!(
        "{SCHEMA}\nspace s {{\n  input numeric: dense\n  input fields: categorical\n  \
         let logit_side = linear(numeric, 3)\n  \
         logit = linear(concat(logit_side, flatten(embed(fields, 2))), 1)\n}}\n"
    );
    let program = support::load(&text);
    let item = |kind| program.visible(kind).remove(0);
    let checked = program.check_space(&item(ItemKind::Space)).expect("sound");
    let space = Space::bind(&checked, &program.schema(&item(ItemKind::Schema)).expect("sound")).expect("it fits");
    let plan = space.plan(&Architecture::new(Vec::new())).expect("a plan");
    let head = Trainable::head(&plan);
    let trained: Vec<&str> =
        plan.params.iter().enumerate().filter(|(i, _)| head.contains(*i)).map(|(_, param)| &*param.name).collect();
    assert_eq!(trained, ["logit.linear.weight", "logit.linear.bias"]);
}

#[test]
fn mixtures_of_the_full_path_are_no_exception() {
    let backend = Tiled::new(2).expect("threads");
    let space = space("nasrec_full", "on");
    let store = trained(&space, &backend);
    for index in 0..10u64 {
        let sampling = Sampling { counts: Counts::Binomial(0.5), full_path: 0.7 };
        let path = space.sample_path(sampling, &mut Streams::new(3).rng("path", index));
        let plan = space.plan(&path).expect("a plan");
        let batch = batch(70, 200 + index);
        let inside = logits(&backend, &store, &plan, &batch);
        let own = store.extract(&plan).expect("of this store");
        assert_eq!(logits(&backend, &own, &plan.standalone(), &batch), inside, "path {index}");
    }
}
