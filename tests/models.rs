//! The models and spaces that ship: they learn, cost what their formulas say, and a subnet computes what it computes alone.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use nasrec_compiler::plan::Plan;
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{Architecture, ItemKind, Space, library};
use nasrec_runtime::backend::{Backend, Task, Tiled, Trainable, Update};
use nasrec_runtime::data::{Batches, Dataset, Part};
use nasrec_runtime::supernet::{ParamDef, Store};
use nasrec_runtime::train::Attainable;
use nasrec_runtime::{Silent, Stop};

use crate::support;

const SCHEMA: &str = "schema clicks { label click; label buy; dense I[1..5]; sparse C[1..7]: int | modulo(rows: 30) }";
/// The same for models that ask for users, items and histories.
const VISITS: &str = "schema clicks {
  label click
  label buy
  dense I[1..3]
  user { sparse U: int | modulo(rows: 30); sparse C: int | modulo(rows: 10) }
  item { sparse V: int | modulo(rows: 30) }
  sparse history: int | list(\"^\", last: 6) | same(V)
}";
const MODELS: [(&str, &str); 61] = [
    ("afm", "afm"),
    ("afn", "afn"),
    ("aoanet", "aoanet"),
    ("apg", "apg"),
    ("autoint", "autoint"),
    ("bst", "bst"),
    ("dcn", "dcn"),
    ("dcn_mix", "dcn_mix"),
    ("dcnv2", "dcnv2"),
    ("deep_crossing", "deep_crossing"),
    ("deepfm", "deepfm"),
    ("deepim", "deepim"),
    ("destine", "destine"),
    ("dhen", "dhen"),
    ("dien", "dien"),
    ("difm", "difm"),
    ("din", "din"),
    ("dlrm", "dlrm"),
    ("dmin", "dmin"),
    ("dmr", "dmr"),
    ("dnn", "dnn"),
    ("dssm", "dssm"),
    ("edcn", "edcn"),
    ("esmm", "esmm"),
    ("fcn", "fcn"),
    ("fefm", "fefm"),
    ("ffm", "ffm"),
    ("fibinet", "fibinet"),
    ("fignn", "fignn"),
    ("finalmlp", "finalmlp"),
    ("finalnet", "finalnet"),
    ("flen", "flen"),
    ("fm", "fm_model"),
    ("fmfm", "fmfm"),
    ("fnn", "fnn"),
    ("fwfm", "fwfm"),
    ("gdcn", "gdcn"),
    ("hfm", "hfm"),
    ("hofm", "hofm"),
    ("hstu", "hstu"),
    ("ifm", "ifm"),
    ("interhat", "interhat"),
    ("linear", "linear_model"),
    ("lorentzfm", "lorentzfm"),
    ("masknet", "masknet"),
    ("mmoe", "mmoe"),
    ("nfm", "nfm"),
    ("onn", "onn"),
    ("ple", "ple"),
    ("pnn", "pnn"),
    ("ppnet", "ppnet"),
    ("qnn", "qnn"),
    ("rankmixer", "rankmixer"),
    ("sam", "sam3e"),
    ("shared_bottom", "shared_bottom"),
    ("tin", "tin"),
    ("transact", "transact"),
    ("wide_deep", "wide_deep"),
    ("wukong", "wukong"),
    ("xdeepfm", "xdeepfm"),
    ("xdeepint", "xdeepint"),
];
const SPACES: [(&str, &str); 8] = [
    ("autoctr", "blocks: 4, dim: 8, widths: [8, 16, 24]"),
    ("autoctr_paper", "blocks: 4, dim: 8, widths: [8, 16, 24], normalise: on"),
    ("automlp", "lengths: [1, 2, 4], dims: [4, 8], widths: [8, 16], depth: 2, hidden: 16"),
    ("interactions", "blocks: 4, dim: 8, widths: [8, 16, 24], counts: [4, 6, 9]"),
    ("nasctr", "blocks: 4, dim: 8, wide: 16, widths: [8, 16, 24], layers: 2, drop: 10%"),
    ("nasrec_full", "blocks: 4, dim: 8, widths: [8, 16, 24], counts: [4, 6, 9]"),
    ("nasrec_small", "blocks: 4, dim: 8, widths: [8, 16, 24], counts: [4, 6, 9]"),
    ("tabular", "widths: [8, 16, 24], dims: [4, 8]"),
];

fn asks_for_sections(file: &str) -> bool {
    let first = library::find(&format!("{file}.nasrec")).and_then(|text| text.split("\nspace ").nth(1));
    first.is_some_and(|space| space.contains(" from user"))
}

/// A space of the library over a small table, and the planted data that goes with it.
fn search(file: &str, name: &str, arguments: &str) -> (Space, nasrec_compiler::CheckedSearch) {
    let schema = if asks_for_sections(file) { VISITS } else { SCHEMA };
    let text = format!(
        "import \"{file}.nasrec\" {{ {name} }}\n{schema}\n\
         search s on {name}({arguments}) with clicks {{\n\
         data {{ synthetic {{ rows: 12_000; seed: 3; noise: 0; higher: 0 }}; split: 8:1:1 }}\n}}"
    );
    let program = support::load(&text);
    assert_eq!(program.check(), [], "{file}");
    let checked = program.search(&program.visible(ItemKind::Search)[0], &[]).expect("a sound search");
    (Space::bind(&checked.space, &checked.schema).expect("the schema fits"), checked)
}

fn model(file: &str, name: &str, arguments: &str) -> Space {
    search(&format!("models/{file}"), name, arguments).0
}

fn dataset(folder: &Path) -> Arc<Dataset> {
    dataset_of(folder, ("linear", "linear_model"))
}

fn dataset_of(folder: &Path, (file, name): (&str, &str)) -> Arc<Dataset> {
    let (_, checked) = search(&format!("models/{file}"), name, "");
    let data = &checked.recipe.data;
    let cache = folder.join(format!("{file}.cache"));
    Arc::new(Dataset::prepare(&checked.schema, data, folder, &cache, &Silent, &Stop::new()).expect("drawn"))
}

/// Trains for a few epochs and says what the mean loss of the last steps is.
fn learn(backend: &Tiled, data: &Arc<Dataset>, plan: Plan, what: &str) -> f64 {
    let mut store = Store::standalone(&plan, 1).expect("drawable");
    let everything = Trainable::all(&plan);
    let program =
        backend.compile(Task::training(plan.standalone(), &everything).expect("executable")).expect("executable");
    let rows = data.part(Part::Train).clone();
    let batches = Batches::shuffled(data.clone(), rows, 128, &Streams::new(1), "test").expect("enough rows");
    let update = Update::adagrad(0.05, 1e-2, Some(5.0));
    let losses = (0..4 * batches.per_epoch()).map(|step| {
        let loss = backend
            .step(&program, &mut store, &batches.step(step).expect("readable"), update)
            .expect("a step")
            .expect("told")
            .loss;
        assert!(loss.is_finite(), "{what}, step {step}");
        loss
    });
    let losses: Vec<f64> = losses.collect();
    let last = &losses[losses.len() - 50..];
    last.iter().sum::<f64>() / last.len() as f64
}

/// The log loss of the best constant, on the rows that `learn` trains on.
fn constant(data: &Dataset) -> f64 {
    Attainable::of(data, data.part(Part::Train)).expect("readable").expect("planted").base_rate_log_loss
}

#[test]
fn the_list_of_models_is_whole() {
    let mut shipped: Vec<&str> =
        library::FILES.iter().filter_map(|(path, _)| path.strip_prefix("models/")?.strip_suffix(".nasrec")).collect();
    shipped.sort_unstable();
    assert_eq!(shipped, MODELS.map(|(file, _)| file));
}

#[test]
fn every_name_of_a_parameter_is_given_once() {
    let models = MODELS.map(|(file, name)| (format!("models/{file}"), name, String::new()));
    let spaces = SPACES.map(|(name, arguments)| (name.to_owned(), name, arguments.to_owned()));
    for (file, name, arguments) in models.iter().chain(&spaces) {
        let space = search(file, name, arguments).0;
        let mut seen = HashSet::new();
        assert!(!space.params().is_empty());
        for param in space.params() {
            assert!(seen.insert(param.name.clone()), "{file}: {}", param.name);
        }
    }
}

#[test]
fn every_model_learns() {
    let folder = tempfile::tempdir().expect("a folder");
    let backend = Tiled::new(2).expect("threads");
    let (fields, histories) = (dataset(folder.path()), dataset_of(folder.path(), ("din", "din")));
    for (file, name) in MODELS {
        let data = if asks_for_sections(&format!("models/{file}")) { &histories } else { &fields };
        let constant = constant(data);
        let space = model(file, name, "");
        let plan = space.plan(&Architecture::new(Vec::new())).expect("a model leaves nothing open");
        // Labels are drawn with one rate, so that the best constants of all say as much.
        let labels = plan.heads.len() as f64;
        let loss = learn(&backend, data, plan, file) / labels;
        assert!(loss < constant - 0.005, "{file}: {loss}, but a constant {constant}");
    }
}

#[test]
fn architectures_of_every_space_learn() {
    let folder = tempfile::tempdir().expect("a folder");
    let backend = Tiled::new(2).expect("threads");
    let (fields, histories) = (dataset(folder.path()), dataset_of(folder.path(), ("din", "din")));
    for (name, arguments) in SPACES {
        let data = if asks_for_sections(name) { &histories } else { &fields };
        let constant = constant(data);
        let space = search(name, name, arguments).0;
        for index in 0..5 {
            let architecture = space.sample(Counts::Uniform, &mut Streams::new(8).rng("learn", index));
            let plan = space.plan(&architecture).expect("a plan");
            let loss = learn(&backend, data, plan, name);
            assert!(loss < constant, "{name}, architecture {index}: {loss}, but a constant {constant}");
        }
    }
}

#[test]
fn a_subnet_of_every_space_computes_what_it_computes_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let backend = Tiled::new(2).expect("threads");
    let batches =
        |data: Arc<Dataset>| Batches::listed(data.clone(), data.part(Part::Train).clone(), 100).expect("rows");
    let (fields, histories) = (batches(dataset(folder.path())), batches(dataset_of(folder.path(), ("din", "din"))));
    for (name, arguments) in SPACES {
        let batches = if asks_for_sections(name) { &histories } else { &fields };
        compute_what_they_compute_alone(&backend, &search(name, name, arguments).0, batches, name);
    }
}

/// The same of histories: their tables are slices of wider ones that an item shares, and the ways to read them are choices.
#[test]
fn a_subnet_that_reads_a_history_computes_what_it_computes_alone() {
    const EXAMPLE: &str = include_str!("../examples/history.nasrec");
    let (imports, _) = EXAMPLE.split_once("\nschema ").expect("a schema");
    let space = EXAMPLE.split("\nspace ").nth(1).and_then(|rest| rest.split_once("\ntrain ")).expect("a space").0;
    let program = support::load(&format!(
        "{imports}\n{VISITS}\nspace {space}\nsearch s on histories(widths: [8, 16]) with clicks {{ data {{ files: \"none\" }} }}"
    ));
    let checked = program.search(&program.visible(ItemKind::Search)[0], &[]).expect("a sound search");
    let space = Space::bind(&checked.space, &checked.schema).expect("the schema fits");
    let folder = tempfile::tempdir().expect("a folder");
    let backend = Tiled::new(2).expect("threads");
    let data = dataset_of(folder.path(), ("din", "din"));
    let batches = Batches::listed(data.clone(), data.part(Part::Train).clone(), 100).expect("rows");
    compute_what_they_compute_alone(&backend, &space, &batches, "histories");
}

/// Trains a supernet over a space for some steps, and holds subnets of it against themselves, bit for bit.
fn compute_what_they_compute_alone(backend: &Tiled, space: &Space, batches: &Batches, name: &str) {
    let mut store = Store::new(space.params().iter().map(ParamDef::from), 11).expect("drawable");
    let sample = |index| space.sample(Counts::Uniform, &mut Streams::new(9).rng("architecture", index));
    for step in 0..12 {
        let plan = space.plan(&sample(100 + step)).expect("a plan");
        let everything = Trainable::all(&plan);
        let program = backend.compile(Task::training(plan, &everything).expect("executable")).expect("executable");
        let update = Update::adagrad(0.05, 1e-2, Some(5.0));
        backend.step(&program, &mut store, &batches.batch(0, step).expect("readable"), update).expect("a step");
    }
    for index in 0..15 {
        let plan = space.plan(&sample(index)).expect("a plan");
        let bits = |store: &Store, plan: Plan| -> Vec<u32> {
            let program = backend.compile(Task::evaluating(plan).expect("executable")).expect("executable");
            let weights = backend.copies(&program, store).expect("the plan is of this store");
            let batch = batches.batch(0, index).expect("readable");
            let logits = backend.logits(&program, &weights, store, &batch).expect("it fits").remove(0);
            logits.into_iter().map(f32::to_bits).collect()
        };
        let inside = bits(&store, plan.clone());
        let own = store.extract(&plan).expect("of this store");
        let alone = bits(&own, plan.standalone());
        assert_eq!(inside, alone, "{name}, architecture {index}");
    }
}

#[test]
fn models_cost_what_their_formulas_say() {
    // Numeric columns, fields, embedding dimension, hidden width; fields with the numeric ones; width of all features. A number
    // times its vector counts nothing.
    let (c, f, d, h) = (5, 7, 16, 256);
    let n = c + f;
    let x = c + f * d;
    let first = c + f;
    let network = |width: u64| width * h + h * h;
    let pairs = n * (n - 1) / 2;
    let expected = [
        ("linear", "linear_model", first),
        ("fm", "fm_model", first + n * n * d),
        ("wide_deep", "wide_deep", first + network(x) + h),
        ("deepfm", "deepfm", first + n * n * d + network(n * d) + h),
        ("dnn", "dnn", network(x) + h),
        ("dcn", "dcn", 3 * x + network(x) + x + h),
        ("dcnv2", "dcnv2", 3 * x * x + network(x) + x + h),
        ("xdeepfm", "xdeepfm", first + 32 * n * n * d + 32 * 32 * n * d + network(n * d) + 2 * 32 + h),
        ("autoint", "autoint", 3 * n * d * (5 * d + 2 * n) + network(n * d) + n * d + h),
        ("pnn", "pnn", n * n * d + network(n * d + pairs) + h),
        ("fibinet", "fibinet", first + 2 * n * d * d + 2 * n * 8 + network(2 * pairs * d) + h),
        ("finalmlp", "finalmlp", c * 64 + f * d * 64 + 2 * 64 * x + 2 * network(x) + 2 * h + h * h),
    ];
    for (file, name, macs) in expected {
        let plan = model(file, name, "").plan(&Architecture::new(Vec::new())).expect("a plan");
        assert_eq!(plan.macs(), macs, "{file}");
    }
}
