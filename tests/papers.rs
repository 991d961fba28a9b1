//! Every model that ships against a module of PyTorch that is written from its paper's equations (`tests/papers/`): its logits, its loss and the gradients
//! of all its parameters are those that were recorded, through both backends. It takes no PyTorch.

use std::collections::BTreeSet;
use std::sync::Arc;

use nasrec_compiler::plan::{ParamKind, Plan};
use nasrec_compiler::schema::Schema;
use nasrec_compiler::{Architecture, Item, ItemKind, Space, library};
use nasrec_runtime::backend::{Backend, Candle, Task, Tiled, Trainable};
use nasrec_runtime::data::{Batch, EMPTY};
use nasrec_runtime::supernet::{Gradients, Store};
use serde_json::Value;

use crate::support;

const TABLE: &str = include_str!("papers/table.nasrec");
const BATCH: &str = include_str!("papers/batch.json");
const FIGURES: &str = include_str!("papers/figures.json");
const PAGE: &str = include_str!("../docs/models.md");

/// How far a figure may be off, of the largest value of what it is of.
const WITHIN: f64 = 1e-4;
/// Below this a gradient is nothing, which 32 bits find to be noise: a norm over the batch of AFN takes out what some parameters add. It is held to be
/// nothing beside the largest gradient of the model.
const NOTHING: f64 = 1e-5;

/// A model of the table, on the rows that it was recorded on.
struct Case {
    /// As `tests/papers/models.py` calls it.
    name: String,
    /// What its logits are called, in the order of the plan.
    heads: Vec<String>,
    plan: Arc<Plan>,
    batch: Batch,
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("json")
}

fn numbers(told: &Value) -> Vec<f64> {
    told.as_array().expect("a list").iter().map(|number| number.as_f64().expect("a number")).collect()
}

fn cases() -> Vec<Case> {
    let program = support::load(TABLE);
    assert_eq!(program.check(), []);
    let case = |item: Item| {
        let name = item.name.strip_prefix("of_").expect("a training of a model").to_owned();
        let checked = program.search(&item, &[]).expect("a sound training");
        let space = Space::bind(&checked.space, &checked.schema).expect("the schema fits");
        let plan = space.plan(&Architecture::new(Vec::new())).expect("a model leaves nothing open");
        let heads = plan.heads.iter().map(|head| head.called(&checked.schema).to_owned()).collect();
        Case { name, heads, plan: Arc::new(plan.standalone()), batch: batch(&checked.schema) }
    };
    program.visible(ItemKind::Train).into_iter().map(case).collect()
}

/// The rows of `tests/papers/batch.json`, of which a schema names the columns.
fn batch(schema: &Schema) -> Batch {
    let told = json(BATCH);
    let column = |name: &str| numbers(&told[name]);
    let rows = column("click").len();
    let labels = schema.labels().flat_map(|label| column(label.name())).map(|label| label as f32).collect();
    let numeric = schema.dense.iter().flat_map(|dense| column(&dense.name)).map(|number| number as f32).collect();
    let mut ids = Vec::new();
    for sparse in &schema.sparse {
        if sparse.list.is_some() {
            let seen: Vec<Vec<f64>> = told[&sparse.name].as_array().expect("lists").iter().map(numbers).collect();
            let at = |place: usize| seen.iter().map(move |row| row.get(place).map_or(EMPTY, |&id| id as u32));
            ids.extend((0..sparse.slots()).flat_map(at));
        } else {
            ids.extend(column(&sparse.name).into_iter().map(|id| id as u32));
        }
    }
    let bags = schema.sparse.iter().any(|sparse| sparse.list.is_some());
    let ends = schema.slots().map(|slots| slots.end).filter(|_| bags).collect();
    Batch { rows, numeric, ids, ends, labels, ..Batch::default() }
}

/// A number from -1 to 1, drawn from a name and a place, as `unit` in `tests/papers/drawn.py` does.
fn unit(name: &str, place: usize) -> f64 {
    let mut state = 0x811c_9dc5u32;
    for byte in name.bytes().chain((place as u32).to_le_bytes()) {
        state = (state ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    state = (state ^ (state >> 16)).wrapping_mul(0x85eb_ca6b);
    state = (state ^ (state >> 13)).wrapping_mul(0xc2b2_ae35);
    f64::from(state ^ (state >> 16)) / 2f64.powi(31) - 1.0
}

/// The values of a parameter, as `values` there.
fn drawn(name: &str, count: usize) -> Vec<f32> {
    let (middle, reach) = if name.ends_with(".variance") {
        (1.0, 0.5)
    } else if name.ends_with(".scale") {
        (1.0, 0.3)
    } else if name.contains(".table.")
        || name.ends_with(".embed_numbers.weight")
        || name.ends_with(".weight_fields.weight")
    {
        (0.0, 1.0)
    } else if name.ends_with(".weight") {
        (0.0, 0.6)
    } else {
        (0.0, 0.3)
    };
    (0..count).map(|place| (middle + reach * unit(name, place)) as f32).collect()
}

/// The gradient of a parameter of a plan, that of a table with zeros for the rows that no sample looked up.
fn gradient(plan: &Plan, gradients: &Gradients, param: usize) -> Vec<f64> {
    if !plan.params[param].kind.is_table() {
        return gradients.dense(param).iter().map(|&value| f64::from(value)).collect();
    }
    let dim = plan.params[param].full[1];
    let mut whole = vec![0.0; plan.params[param].len()];
    for table in gradients.tables().iter().filter(|table| table.param == param) {
        for (&row, values) in table.rows.iter().zip(table.values.chunks_exact(dim)) {
            for (sum, &value) in whole[row as usize * dim..].iter_mut().zip(values) {
                *sum += f64::from(value);
            }
        }
    }
    whole
}

/// What was recorded of each logit of a model, in the order of its plan, and how it is told apart: several have names, and one alone has none.
fn recorded_logits(case: &Case, figures: &Value) -> Vec<(String, Vec<f64>)> {
    let logits = &figures["logits"];
    let Some(named) = logits.as_object() else {
        assert_eq!(case.heads.len(), 1, "{} has several logits", case.name);
        return vec![(String::new(), numbers(logits))];
    };
    let (names, heads): (BTreeSet<&String>, BTreeSet<&String>) = (named.keys().collect(), case.heads.iter().collect());
    assert_eq!(names, heads, "{}", case.name);
    case.heads.iter().map(|head| (format!("{head} "), numbers(&logits[head]))).collect()
}

/// What a backend says of a model beside what was recorded: the first that is too far off, by its name.
fn compared<B: Backend>(backend: &B, case: &Case, figures: &Value) -> Result<(), String> {
    let (plan, device) = (&case.plan, backend.device());
    let told = |what: &str, found: f64, recorded: f64, within: f64| {
        if (found - recorded).abs() <= within {
            return Ok(());
        }
        Err(format!("{} on {device}: {what} is {found}, but {recorded} was recorded", case.name))
    };
    let mut store = Store::standalone(plan, 1).expect("drawable");
    let values: Vec<Vec<f32>> = plan.params.iter().map(|param| drawn(&param.name, param.len())).collect();
    store.set(&values).expect("their shapes");
    let params = backend.load(store).expect("memory");

    let evaluating = backend.compile(Task::evaluating(Arc::clone(plan)).expect("sound")).expect("executable");
    let copies = backend.copies(&evaluating, &params).expect("its own store");
    let said = backend.logits(&evaluating, &copies, &params, &case.batch).expect("it fits");
    assert_eq!(said.len(), case.heads.len(), "{}", case.name);
    for ((head, recorded), logits) in recorded_logits(case, figures).into_iter().zip(&said) {
        assert_eq!(logits.len(), recorded.len(), "{}", case.name);
        let largest = recorded.iter().fold(1.0, |most: f64, logit| most.max(logit.abs()));
        for (row, (&logit, &recorded)) in logits.iter().zip(&recorded).enumerate() {
            told(&format!("the {head}logit of row {row}"), f64::from(logit), recorded, WITHIN * largest)?;
        }
    }

    let task = Task::training(Arc::clone(plan), &Trainable::all(plan)).expect("sound");
    let training = backend.compile(task).expect("executable");
    let (losses, gradients) = backend.gradients(&training, &params, &case.batch).expect("it fits");
    told("the loss", losses[0], figures["loss"].as_f64().expect("a number"), WITHIN)?;

    let of_params = figures["gradients"].as_object().expect("figures by name");
    let trained: BTreeSet<&str> =
        plan.params.iter().filter(|param| param.kind != ParamKind::Statistic).map(|param| &*param.name).collect();
    let named: BTreeSet<&str> = of_params.keys().map(String::as_str).collect();
    if trained != named {
        return Err(format!("{}: other parameters were recorded than {trained:?}", case.name));
    }
    let most = of_params.values().map(|figures| numbers(figures)[1]).fold(0.0, f64::max);
    for (index, param) in plan.params.iter().enumerate().filter(|(_, param)| param.kind != ParamKind::Statistic) {
        let found = gradient(plan, &gradients, index);
        assert_eq!(found.len(), param.len(), "{}: {}", case.name, param.name);
        let direction = format!("gradient of {}", param.name);
        let norm = found.iter().map(|value| value * value).sum::<f64>().sqrt();
        let product: f64 = found.iter().enumerate().map(|(place, value)| value * unit(&direction, place)).sum();
        let recorded = numbers(&of_params[&*param.name]);
        let largest = if recorded[1] < NOTHING { most } else { recorded[1] };
        let what = |figure: &str| format!("{figure} of the gradient of {}", param.name);
        told(&what("the norm"), norm, recorded[0], WITHIN * largest)?;
        told(&what("the product"), product, recorded[2], WITHIN * largest)?;
    }
    Ok(())
}

#[test]
fn every_model_says_what_its_paper_says() {
    let figures = json(FIGURES);
    let (tiled, candle) = (Tiled::new(2).expect("threads"), Candle::portable());
    let wrong: Vec<String> = cases()
        .iter()
        .flat_map(|case| {
            let figures = &figures[&case.name];
            [compared(&tiled, case, figures), compared(&candle, case, figures)]
        })
        .filter_map(Result::err)
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_figure_that_is_off_is_told_by_its_name() {
    let of = |name: &str| cases().into_iter().find(|case| case.name == name).expect("it is there");
    let case = of("deepfm");
    let tiled = Tiled::new(1).expect("a thread");
    let recorded = json(FIGURES)["deepfm"].clone();
    let name = "deep.turn_2.mlp_layer.y.linear.weight";
    for (figure, what) in [(0usize, "the norm"), (2, "the product")] {
        let mut figures = recorded.clone();
        let largest = figures["gradients"][name][1].as_f64().expect("a number");
        let was = figures["gradients"][name][figure].as_f64().expect("a number");
        figures["gradients"][name][figure] = (was + 2.0 * WITHIN * largest).into();
        let said = compared(&tiled, &case, &figures).expect_err("it is off");
        assert!(said.starts_with(&format!("deepfm on cpu: {what} of the gradient of {name} is ")), "{said}");
    }
    let mut figures = recorded;
    let logit = figures["logits"][3].as_f64().expect("a number");
    figures["logits"][3] = (logit + 0.01).into();
    let said = compared(&tiled, &case, &figures).expect_err("it is off");
    assert!(said.starts_with("deepfm on cpu: the logit of row 3 is "), "{said}");

    // Of several logits each is told by its name, one that is only trained as well.
    for (name, head) in [("ple", "buy"), ("fcn_tri", "shallow")] {
        let mut figures = json(FIGURES)[name].clone();
        let logit = figures["logits"][head][3].as_f64().expect("a number");
        figures["logits"][head][3] = (logit + 0.01).into();
        let said = compared(&tiled, &of(name), &figures).expect_err("it is off");
        assert!(said.starts_with(&format!("{name} on cpu: the {head} logit of row 3 is ")), "{said}");
    }
}

#[test]
fn all_that_ship_were_recorded_and_the_page_says_how_many() {
    let figures = json(FIGURES);
    let recorded: BTreeSet<&str> = figures.as_object().expect("models").keys().map(String::as_str).collect();
    let cases = cases();
    let listed: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(recorded, listed);
    let models = library::FILES.iter().filter(|(path, _)| path.starts_with("models/"));
    for (path, _) in models.clone() {
        assert!(TABLE.contains(&format!("import \"{path}\" {{ ")), "{path} is not compared");
    }
    let counted = format!("the {} files of models, {} models with their variants", models.count(), cases.len());
    assert!(PAGE.contains(&counted), "docs/models.md does not say \"{counted}\"");
}
