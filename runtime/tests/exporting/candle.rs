//! The form of candle: a module that says what `predict` says, that its tape differentiates, and that a program outside of nasrecc uses.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use candle_core::{DType, Device, Module, Tensor};
use candle_nn::{VarBuilder, VarMap};
use nasrec_runtime::data::{Portion, Unreadable, locate, stream};
use nasrec_runtime::export::{Elsewhere, Exporter, retrained, rows};
use nasrec_runtime::model::{Config, Model, Network};
use nasrec_runtime::{Silent, Stop};

use super::{NET, OPERATORS, encodings, models, python, shipped};
use crate::data::Place;

const CPU: Device = Device::Cpu;

/// An export of a model, and what reads it.
fn exported(model: &Model, place: &Path) -> (PathBuf, Config, Network) {
    let folder = place.join("candle");
    let exporter = Exporter::named("candle").expect("it is known");
    let exported = exporter.export(model, &folder).expect("exported");
    let verified = exporter.verify(&folder).expect("as expected");
    assert_eq!((verified.rows, verified.within), (exported.example, Some(1e-5)));
    assert!(exported.files.iter().all(|file| file.is_file()), "{:?}", exported.files);
    let config = Config::load(&folder).expect("sound");
    let weights = fs::read(folder.join("weights.safetensors")).expect("there");
    let vb = VarBuilder::from_buffered_safetensors(weights, DType::F32, &CPU).expect("safetensors");
    let network = Network::load(vb, &config).expect("of this model");
    (folder, config, network)
}

fn texts(lines: &[String]) -> Vec<Vec<&str>> {
    lines.iter().map(|line| line.split('\t').collect()).collect()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.to_dtype(DType::F32).and_then(|tensor| tensor.flatten_all()?.to_vec1()).expect("numbers")
}

/// How far a network is from what its model says of rows; those that cannot be read are no rows for it either.
fn off(model: &Model, place: &Path) -> f32 {
    let (_, config, network) = exported(model, place);
    let lines = rows(model, 1_000);
    let expected = python::expected(model, place, &lines);
    let texts = texts(&lines);
    let (mut readable, mut known) = (Vec::new(), Vec::new());
    for (row, expected) in texts.iter().zip(expected) {
        match expected {
            Some(expected) => {
                readable.push(row.as_slice());
                known.push(expected);
            }
            None => drop(config.encode(&[row], &CPU).expect_err("it cannot be read")),
        }
    }
    let xs = config.encode(&readable, &CPU).expect("readable");
    assert_eq!(xs.dims(), [readable.len(), config.columns().len()]);
    let said = values(&network.probabilities(&xs).expect("computed"));
    said.iter()
        .zip(&known)
        .map(|(said, known)| if said.is_finite() { (said - known).abs() } else { 1.0 })
        .fold(0.0, f32::max)
}

#[test]
fn a_network_says_what_predict_says() {
    let place = Place::new(&[]);
    let (mut count, mut most) = (0, 0f32);
    super::each(true, |name, model| {
        let off = off(model, place.path());
        assert!(off < 1e-5, "{name}: {off}");
        (count, most) = (count + 1, most.max(off));
    });
    assert!(count >= 146, "{count} models");
    assert!(most > 0.0, "sums are added up in another order");
}

/// Variables of 64 bits with the weights of a model, and the network over them.
fn precise(config: &Config, folder: &Path) -> (VarMap, Network) {
    let mut variables = VarMap::new();
    let network = Network::load(VarBuilder::from_varmap(&variables, DType::F64, &CPU), config).expect("drawn");
    let weights = candle_core::safetensors::load(folder.join("weights.safetensors"), &CPU).expect("there");
    for (name, tensor) in weights {
        variables.set_one(name, tensor.to_dtype(DType::F64).expect("numbers")).expect("of this shape");
    }
    (variables, network)
}

/// A number that depends on all logits, each in its own way.
fn mixed(logits: &Tensor) -> Tensor {
    let by: Vec<f64> = (0..logits.dims()[0]).map(|row| (row as f64 * 0.7).sin()).collect();
    let by = Tensor::from_vec(by, logits.dims(), &CPU).expect("numbers");
    (logits.tanh().expect("numbers") * by).and_then(|mixed| mixed.sum_all()).expect("a number")
}

/// Holds the derivative along a direction of all variables by the tape against those to both sides of it, which differ where a `relu` or
/// a maximum bends in between.
fn check_along(name: &str, variables: &VarMap, compute: impl Fn() -> Tensor) {
    const STEP: f64 = 1e-8;
    let gradients = compute().backward().expect("it has a reverse");
    let mut by_tape = 0.0;
    let mut moved = Vec::new();
    let data = variables.data().lock().expect("nobody failed");
    let mut names: Vec<&String> = data.keys().collect();
    names.sort();
    for (seed, name) in names.into_iter().enumerate() {
        let variable = &data[name];
        let Some(gradient) = gradients.get(variable.as_tensor()) else {
            assert!(name.ends_with(".mean") || name.ends_with(".variance"), "no gradient reaches {name}");
            continue;
        };
        let count = variable.elem_count();
        let direction: Vec<f64> = (0..count).map(|at| ((at * 31 + seed * 17) as f64).sin()).collect();
        let direction = Tensor::from_vec(direction, variable.dims(), &CPU).expect("numbers");
        let product = (gradient * &direction).and_then(|product| product.sum_all()?.to_scalar::<f64>());
        by_tape += product.expect("a number");
        moved.push((variable, variable.copy().expect("memory"), direction));
    }
    let beside = |by: f64| {
        for (variable, before, direction) in &moved {
            variable.set(&(before + (direction * by).expect("numbers")).expect("numbers")).expect("of its shape");
        }
        compute().to_scalar::<f64>().expect("a number")
    };
    let [below, here, above] = [-STEP, 0.0, STEP].map(beside);
    let mut sides = [(here - below) / STEP, (above - here) / STEP];
    sides.sort_by(f64::total_cmp);
    let ([least, most], bound) = (sides, 1e-5 * (1.0 + by_tape.abs()));
    assert!(most - least < 0.01 * (1.0 + by_tape.abs()), "{name}: {least} to one side, {most} to the other");
    assert!(least - bound < by_tape && by_tape < most + bound, "{name}: {by_tape}, {least} and {most} by differences");
    assert!(by_tape != 0.0, "{name}");
}

#[test]
fn the_tape_of_candle_differentiates_every_operator_and_every_bag() {
    let place = Place::new(&[]);
    super::each(false, |name, model| {
        let (folder, config, _) = exported(model, place.path());
        let lines = rows(model, 40);
        let readable: Vec<Vec<&str>> =
            texts(&lines).into_iter().filter(|row| config.encode(&[row], &CPU).is_ok()).collect();
        let xs = config.encode(&readable, &CPU).expect("readable");
        let (variables, network) = precise(&config, &folder);
        check_along(name, &variables, || mixed(&network.forward(&xs).expect("computed")));
    });
}

/// In a step of training norms take the batch's statistics, which a gradient goes through, and the kept ones follow.
#[test]
fn statistics_follow_what_passes_through() {
    let (import, over, _) = OPERATORS[OPERATORS.len() - 1];
    let (place, models) = models(shipped::SCHEMA, (import, over), "", 1);
    let (folder, config, _) = exported(&models[0], place.path());
    let lines = rows(&models[0], 1_000);
    let xs = config.encode(&texts(&lines), &CPU).expect("readable");
    let (variables, network) = precise(&config, &folder);
    let far = || {
        let [a, b] =
            [network.forward_train(&xs), network.forward(&xs)].map(|logits| values(&logits.expect("computed")));
        a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    let first = far();
    (0..200).for_each(|_| drop(network.forward_train(&xs).expect("computed")));
    let last = far();
    assert!(first > 1e-2 && last < 1e-3 * (1.0 + first), "{first} before, {last} after");
    check_along("in training", &variables, || mixed(&network.forward_train(&xs).expect("computed")));
}

#[test]
fn what_is_dropped_out_is_drawn_in_training_alone() {
    let dropped = ("import \"models/deepfm.nasrec\" { deepfm }", "deepfm(dim: 4, hidden: 16, drop: 50%)");
    let (place, models) = models(shipped::SCHEMA, dropped, "", 1);
    let (_, config, network) = exported(&models[0], place.path());
    let xs = config.encode(&texts(&rows(&models[0], 50)), &CPU).expect("readable");
    let [a, b] = [(); 2].map(|()| values(&network.forward_train(&xs).expect("computed")));
    let [c, d] = [(); 2].map(|()| values(&network.forward(&xs).expect("computed")));
    assert_ne!(a, b);
    assert_eq!(c, d);
    let (mut mean, mut spread) = (vec![0f64; a.len()], 0f32);
    for _ in 0..4_000 {
        let drawn = values(&network.forward_train(&xs).expect("computed"));
        spread = drawn.iter().zip(&c).map(|(drawn, c)| (drawn - c).abs()).fold(spread, f32::max);
        mean.iter_mut().zip(drawn).for_each(|(mean, drawn)| *mean += f64::from(drawn) / 4_000.0);
    }
    // The logit of this net is no straight line of what is dropped, but near it with weights as they are drawn.
    let off = mean.iter().zip(&c).map(|(mean, c)| (mean - f64::from(*c)).abs()).fold(0.0, f64::max);
    assert!(off < f64::from(spread) / 3.0, "{off} {spread}");
}

/// All ways into a network are one: texts, batches of a file, and the two parts.
#[test]
fn rows_are_encoded_alike_whatever_way_they_come() {
    let (schema, table) = encodings();
    let (place, models) = models(schema, NET, &table, 1);
    let model = &models[0];
    let (_, config, network) = exported(model, place.path());
    let lines = rows(model, 300);
    let expected = python::expected(model, place.path(), &lines);
    let located = locate(place.path(), &["rows".to_owned()]).expect("there");
    let asked = nasrec_runtime::data::Asked {
        schema: config.schema(),
        encoder: config.encoder(),
        located: &located,
        keep: &[],
        stored: false,
        labelled: false,
        unreadable: Unreadable::Blank,
        rows: 300,
    };
    let readable: Vec<u32> = expected.iter().zip(0..).filter_map(|(expected, row)| expected.map(|_| row)).collect();
    assert!(readable.len() > 250);
    let all = texts(&lines);
    let of_texts: Vec<&[&str]> = readable.iter().map(|&row| all[row as usize].as_slice()).collect();
    let of_texts = config.encode(&of_texts, &CPU).expect("readable");
    let mut seen = 0;
    let taken = |portion: &mut Portion| Ok(std::mem::take(portion));
    stream(&asked, &Silent, &Stop::new(), (1, taken), |portion: Portion| {
        let readable = Tensor::new(readable.as_slice(), &CPU)?;
        let of_file = config.tensor(&portion.batch, &CPU)?.index_select(&readable, 0)?;
        assert_eq!(of_file.to_vec2::<f64>()?, of_texts.to_vec2::<f64>()?);
        let (numbers, rows) = config.tensors(&portion.batch, &CPU)?;
        let (numbers, rows) = (numbers.index_select(&readable, 0)?, rows.index_select(&readable, 0)?);
        let logits = network.forward(&of_texts)?.to_vec1::<f32>()?;
        assert_eq!(network.logits(&numbers, &rows)?.to_vec1::<f32>()?, logits);
        assert_eq!(network.forward(&of_texts.to_dtype(DType::F32)?)?.to_vec1::<f32>()?, logits);
        assert_eq!(Network::of(model, &CPU)?.forward(&of_texts)?.to_vec1::<f32>()?, logits);
        seen += 1;
        Ok(())
    })
    .expect("readable");
    assert_eq!(seen, 1);
    // A model's own directory says the same of everything but the weights.
    let own = place.path().join("own");
    model.save(&own).expect("saved");
    let again = Config::load(&own).expect("a model").encode(&[&all[readable[0] as usize]], &CPU).expect("readable");
    assert_eq!(again.to_vec2::<f64>().expect("numbers")[0], of_texts.to_vec2::<f64>().expect("numbers")[0]);
}

#[test]
fn what_is_no_input_is_refused_in_words() {
    let schema = "schema t { format tsv(header: on); label click; dense I; sparse C: int | modulo(rows: 30)
  sparse tags: text | list(\"|\", most: 2, pool: sum) | hash(rows: 20_000_000) }";
    let net = (
        "space net {\n  input numeric: dense\n  input fields: categorical\n  logit = linear(concat(numeric, flatten(embed(fields, 1))), 1)\n}",
        "net",
    );
    let (_place, models) = models(schema, net, "", 1);
    let config = Config::of(&models[0]).expect("sound");
    assert_eq!(config.columns(), ["I", "C", "tags[0]", "tags[1]"]);
    let network = Network::of(&models[0], &CPU).expect("memory");
    let said = |values: &[[f64; 4]], dtype: DType| {
        let xs = Tensor::from_slice(values.as_flattened(), (values.len(), 4), &CPU)
            .and_then(|xs| xs.to_dtype(dtype))
            .expect("numbers");
        network.forward(&xs).map(|logits| values.len() == logits.dims()[0]).map_err(|error| error.to_string())
    };
    assert_eq!(said(&[[0.5, 29.0, 19_999_999.0, -1.0], [0.0, 0.0, -1.0, -1.0]], DType::F64), Ok(true));
    let refused = |row: [f64; 4], words: &str| {
        let error = said(&[[0.5, 3.0, 4.0, -1.0], row], DType::F64).expect_err(words);
        assert!(error.contains(words), "{error}");
    };
    let column = "sample 1 has 30 for a row of C, column 1; expected a whole number from 0 to 29";
    refused([0.0, 30.0, 0.0, 0.0], column);
    refused([0.0, -1.0, 0.0, 0.0], "sample 1 has -1 for a row of C");
    refused([0.0, 0.5, 0.0, 0.0], "sample 1 has 0.5 for a row of C");
    refused([0.0, f64::NAN, 0.0, 0.0], "sample 1 has NaN for a row of C");
    let tags =
        "for a row of tags[1], column 3; expected a whole number from 0 to 19999999, or -1 where the bag holds fewer";
    refused([0.0, 0.0, 0.0, 20_000_000.0], tags);
    refused([0.0, 0.0, 0.0, -2.0], tags);
    refused([0.0, 0.0, 0.0, f64::INFINITY], tags);
    let error = said(&[[0.5, 3.0, 4.0, -1.0]], DType::F32).expect_err("not exact");
    assert!(error.contains("do not hold each row of a table of 20000000; expected one of 64 bits"), "{error}");
    let error = said(&[[0.5, 3.0, 4.0, -1.0]], DType::I64).expect_err("no numbers");
    assert!(error.contains("the input is of I64"), "{error}");
    let narrow = Tensor::zeros((2, 3), DType::F64, &CPU).expect("memory");
    let error = network.forward(&narrow).expect_err("too narrow").to_string();
    assert!(error.contains("[2, 3]; expected [batch, 4]: 1 numbers, then 3 rows of tables"), "{error}");
    let none = Tensor::zeros((0, 4), DType::F64, &CPU).expect("memory");
    assert!(network.forward(&none).expect_err("empty").to_string().contains("the input has no rows"));
    let error = config.encode(&[["0", "1", "x"]], &CPU).expect_err("too few").to_string();
    assert!(error.starts_with("row 1 has 3 texts; expected 4"), "{error}");
    let error = config.encode(&[["0", "1", "5", "x"], ["0", "", "x5", ""]], &CPU).expect_err("no number").to_string();
    assert!(error.starts_with("row 2 has \"x5\" in column C; expected "), "{error}");
}

/// A table of one kind alone: without dense columns there is one of zeros, and without sparse ones nothing is looked up.
#[test]
fn a_table_may_have_columns_of_one_kind() {
    let numbers =
        ("space net { input numeric: dense\n  input fields: categorical\n  logit = linear(numeric, 1) }", "net");
    let fields = (
        "space net { input numeric: dense\n  input fields: categorical\n  logit = linear(flatten(embed(fields, 3)), 1) }",
        "net",
    );
    let schema = |columns: &str| format!("schema t {{ format tsv(header: on); label click; {columns} }}");
    for (columns, space, expected) in
        [("dense I[1..2]", numbers, ["I1", "I2"]), ("sparse C: int | modulo(rows: 30)", fields, ["0", "C"])]
    {
        let (place, models) = models(&schema(columns), space, "", 1);
        assert_eq!(Config::of(&models[0]).expect("sound").columns(), expected);
        let off = off(&models[0], place.path());
        assert!(off < 1e-5, "{columns}: {off}");
    }
}

/// What was changed in a folder is noticed, and nothing else is written over.
#[test]
fn a_damaged_folder_is_refused() {
    let (schema, table) = encodings();
    let (place, models) = models(schema, NET, &table, 2);
    let (folder, _, _) = exported(&models[0], place.path());
    for name in ["config.json", "encoder.safetensors"] {
        let whole = fs::read(folder.join(name)).expect("there");
        for at in [10, whole.len() / 2, whole.len() - 20] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(folder.join(name), &damaged).expect("written");
            assert!(Config::load(&folder).is_err(), "{name}, byte {at}");
        }
        fs::write(folder.join(name), &whole).expect("written");
    }
    let error = Config::load(&place.path().join("nothing")).expect_err("nothing is there").to_string();
    assert!(error.contains("nothing holds no model: there is no config.json in it"), "{error}");
    let exporter = Exporter::named("candle").expect("it is known");
    fs::write(folder.join("expected.txt"), "0.5\n".repeat(60)).expect("written");
    assert!(exporter.verify(&folder).expect_err("others").to_string().contains("expected"));
    fs::create_dir(folder.join("target")).expect("created");
    exporter.export(&models[1], &folder).expect("over what Cargo left");
    exporter.verify(&folder).expect("the other");
    fs::write(folder.join("thesis.tex"), "mine").expect("written");
    let error = exporter.export(&models[0], &folder).expect_err("it is somebody's").to_string();
    assert!(error.contains("holds something else than such an export"), "{error}");
}

/// The program that lies in every export, as it is built here.
fn program(arguments: &[&Path]) -> String {
    let binary = env::current_exe().expect("known");
    let folder = binary.parent().and_then(Path::parent).expect("of a build");
    let program = folder.join("examples").join(format!("network{}", env::consts::EXE_SUFFIX));
    let output = Command::new(&program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{} cannot be started: {error}", program.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn the_program_beside_it_predicts_and_trains_further() {
    let (_place, models) = models(shipped::SCHEMA, (OPERATORS[0].0, OPERATORS[0].1), "", 2);
    let model = &models[1];
    let place = Place::new(&[]);
    let (folder, config, _) = exported(model, place.path());
    let source = fs::read_to_string(folder.join("main.rs")).expect("there");
    assert_eq!(source, include_str!("../../examples/network.rs"));
    let expected = fs::read_to_string(folder.join("expected.txt")).expect("there");
    let said = program(&[&folder, &folder.join("example.tsv")]);
    let numbers = |text: &str| -> Vec<f32> { text.lines().map(|line| line.parse().expect("a number")).collect() };
    let (said, expected) = (numbers(&said), numbers(&expected));
    assert_eq!(said.len(), expected.len());
    let off = said.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off < 1e-5, "{off}");

    let lines = rows(model, 900);
    let readable: Vec<String> =
        lines.into_iter().filter(|line| config.encode(&[line.split('\t').collect::<Vec<_>>()], &CPU).is_ok()).collect();
    let clicks: String = (0..readable.len()).map(|row| if row % 3 == 0 { "1\n" } else { "0\n" }).collect();
    let [given, labels, trained] =
        ["rows.tsv", "clicks.txt", "trained.safetensors"].map(|name| place.path().join(name));
    fs::write(&given, readable.join("\n") + "\n").expect("written");
    fs::write(&labels, clicks).expect("written");
    let told = program(&[&folder, &given, &labels, &trained]);
    let losses: Vec<f64> =
        told.lines().map(|line| line.rsplit(' ').next().and_then(|loss| loss.parse().ok()).expect("a loss")).collect();
    assert_eq!(losses.len(), 10);
    assert!(losses[9] < losses[0], "{losses:?}");
    let back = retrained(model.clone(), Elsewhere::Candle, &trained).expect("of this model");
    let (found, before) = [&back, model].map(|model| python::expected(model, place.path(), &readable)).into();
    let weights = fs::read(&trained).expect("there");
    let vb = VarBuilder::from_buffered_safetensors(weights, DType::F32, &CPU).expect("safetensors");
    let network = Network::load(vb, &config).expect("of this model");
    let xs = config.encode(&texts(&readable), &CPU).expect("readable");
    let there = values(&network.probabilities(&xs).expect("computed"));
    let pairs = || found.iter().map(|found| found.expect("readable"));
    let off = pairs().zip(&there).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off < 1e-5, "{off}");
    let moved = pairs().zip(before).filter(|(a, b)| (a - b.expect("readable")).abs() > 1e-3).count();
    assert!(moved > readable.len() / 2, "{moved} rows are another than before");
}
