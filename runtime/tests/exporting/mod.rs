//! What is exported says what the model says: C to the last bit what the reference says, all forms nearly what `predict` does.

mod browser;
mod candle;
mod python;
mod shipped;
mod wasm;

use std::fs;
use std::path::Path;

use nasrec_compiler::recipe::{self, Source};
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{ItemKind, Space};
use nasrec_runtime::data::Dataset;
use nasrec_runtime::export::{Elsewhere, Exporter, reference, retrained, rows};
use nasrec_runtime::model::{Evidence, Model};
use nasrec_runtime::supernet::Store;
use nasrec_runtime::train::Scaling;
use nasrec_runtime::{Silent, Stop};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::data::{Place, recipe};
use crate::families::support;

/// Models of a space over the schema `t`, of drawn architectures and weights; what the schema learns, it learns of `table`.
fn models(schema: &str, space: (&str, &str), table: &str, count: u64) -> (Place, Vec<Model>) {
    let (import, over) = space;
    let place = Place::new(&[("t", table.as_bytes())]);
    let text = format!("{import}\n{schema}\nsearch s on {over} with t {{ data {{ files: \"t\" }} }}");
    let program = support::load(&text);
    let item = program.items().into_iter().find(|item| item.kind == ItemKind::Search).expect("it is there");
    let search = program.search(&item, &[]).expect("it is sound");
    let space = Space::bind(&search.space, &search.schema).expect("the schema fits");
    let encoder = search.schema.is_fitted().then(|| {
        let recipe = recipe::Data { split: [8, 1, 1], ..recipe(Source::Files(vec!["t".to_owned()])) };
        let cache = place.path().join("cache");
        let data = Dataset::prepare(&search.schema, &recipe, place.path(), &cache, &Silent, &Stop::new());
        data.and_then(|data| data.encoder(&search.schema)).expect("sound").expect("something is learnt")
    });
    let model = |index| {
        let mut rng = Streams::new(5).rng("arch", index);
        let plan = space.plan(&space.sample(recipe::Counts::Uniform, &mut rng)).expect("a plan").standalone();
        let store = Store::standalone(&plan, index).expect("drawable");
        let model =
            Model::new("net", (search.schema.clone(), encoder.clone()), plan, store, index, Evidence::default());
        let scaling = (index % 2 == 1).then_some(Scaling { scale: 0.75, offset: -0.5 });
        model.expect("they fit").calibrated(scaling)
    };
    let models = (0..count).map(model).collect();
    (place, models)
}

/// Exports a model as C, has it compiled and run, and holds 1,000 rows against what the reference says to the last bit, and nearly against
/// what the model itself says.
fn holds(name: &str, model: &Model, place: &Path) {
    let (exporter, folder) = (Exporter::named("c").expect("it is known"), place.join("c"));
    let exported = exporter.export(model, &folder).expect("exported");
    assert!(exported.example >= 40, "{} rows", exported.example);
    let example = fs::read_to_string(folder.join("example.tsv")).expect("there");
    let expected = reworked(model, &folder);
    let whole = fs::read_to_string(folder.join("example.tsv")).expect("there");
    assert!(whole.starts_with(&example) && expected.len() > 500, "{} rows", expected.len());
    let nodes: Vec<&str> = model.plan().nodes.iter().map(|node| node.primitive.name()).collect();
    let verified = exporter.verify(&folder).unwrap_or_else(|error| panic!("{name}: {error}: {nodes:?}"));
    assert_eq!(verified.rows, expected.len());
    let lines: Vec<String> = whole.lines().map(str::to_owned).collect();
    let said = python::expected(model, place, &lines);
    let said: Vec<f32> = said.into_iter().map(|said| said.expect("readable")).collect();
    assert_eq!(said.len(), expected.len());
    assert!(said.windows(2).any(|pair| pair[0] != pair[1]), "{name}: rows differ");
    let off = said.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off < 1e-5, "{name}: {off}: {nodes:?}");
}

/// Puts those of 1,000 rows that can be read in the place of an export's example, and what the reference says of them, which it gives.
fn reworked(model: &Model, folder: &Path) -> Vec<f32> {
    let scratch = folder.with_extension("rows");
    let (lines, expected) = reference(model, &rows(model, 1_000), &scratch).expect("read");
    for (name, lines) in [("example.tsv", lines), ("expected.txt", expected.clone())] {
        fs::write(folder.join(name), lines.join("\n") + "\n").expect("written");
    }
    expected.iter().map(|line| line.parse().expect("a number")).collect()
}

const PLAIN: &str = "schema t {
  format tsv(header: on)
  label click
  dense I[1..5]
  dense J | max(0) | log1p
  dense K: int | log1p | max(0)
  sparse C[1..6]: int | modulo(rows: 30)
  sparse T: text | hash(rows: 50, seed: 7)
}";

/// Over spaces that have every primitive: what is imported, the space, and how many models.
const OPERATORS: [(&str, &str, u64); 15] = [
    ("import \"nasrec_full.nasrec\" { nasrec_full }", "nasrec_full(blocks: 3, dim: 8, counts: [4, 8], widths: [8, 16])", 6),
    ("import \"tabular.nasrec\" { tabular }", "tabular", 4),
    ("import \"models/autoint.nasrec\" { autoint }", "autoint(dim: 16)", 1),
    ("import \"models/xdeepfm.nasrec\" { xdeepfm }", "xdeepfm(dim: 4)", 2),
    ("import \"models/pnn.nasrec\" { pnn }", "pnn(dim: 4)", 1),
    ("import \"models/fibinet.nasrec\" { fibinet }", "fibinet(dim: 4)", 1),
    ("import \"models/masknet.nasrec\" { masknet }", "masknet(dim: 4)", 1),
    ("import \"models/finalmlp.nasrec\" { finalmlp }", "finalmlp(dim: 4)", 1),
    ("import \"models/afm.nasrec\" { afm }", "afm(dim: 4)", 1),
    ("import \"models/dcn_mix.nasrec\" { dcn_mix }", "dcn_mix(dim: 4, rank: 3, experts: 2, hidden: 16)", 1),
    ("import \"models/wukong.nasrec\" { wukong }", "wukong(dim: 4, hidden: 16)", 1),
    ("import \"models/dcnv2.nasrec\" { dcnv2 }", "dcnv2(dim: 4, hidden: 16)", 1),
    ("import \"models/deepfm.nasrec\" { deepfm }", "deepfm(dim: 4, hidden: 16, batch: on, drop: 10%)", 2),
    (
        "space columns {
  input numeric: dense
  input fields: categorical
  shared table = embed(_, 5, deviation: 0.5, each: width in [0, 2, 5])
  let s = table(fields)
  let wide = pad(linear(s, 3), 4)
  logit = linear(concat(numeric, flatten(s), flatten(wide), lower_triangle(gram(concat(s, pad(wide, 5))))), 1)
}",
        "columns",
        4,
    ),
    (
        "space all {
  input numeric: dense
  input fields: categorical
  input few: dense from K, I[2..3]
  input some: categorical from T, C4, C1
  let s = embed(fields, 4, deviation: 0.5)
  let q = linear_each(embed(some, 4, deviation: 0.5), 3)
  let w = linear_fields(s, 5)
  let g = gram(w)
  let t = tanh(linear(numeric, 6))
  let p = pad(sum_last(w), 8)
  let r = rows(linear(numeric, 8), 2, 4)
  let h = softmax(matmul(w, transpose(s))) / 2 + softmax_fields(weight_fields(5, fields.count, deviation: 0.5))
  let m = exp(-square(mean_last(w))) + log(1 + square(mean_last(w))) / sqrt(2 + square(weight(5)))
  let n = layer_norm(r) + layer_norm_fields(r)
  let v = batch_norm(square(max_last(s)))
  let b = shift(mean_last(s))
  let u = scale(s, sigmoid(mean_last(s)))
  let cut = concat(w[2], flatten(w[3..5]), t[2..4], t[6]) + 0.1 * ones(20) + zeros(20)
  logit = linear(concat(cut, few, flatten(h), m, flatten(q), flatten(linear_each(w, 2, bias: off)), t, p, lower_triangle(g), flatten(n), v - b, v * b, sum_fields(u), flatten(field_products(r, w)), flatten(pair_products(w, w))), 1)
}",
        "all",
        2,
    ),
];

const NET: (&str, &str) = (
    "space net {
  input numeric: dense
  input fields: categorical
  let deep = relu(linear(concat(numeric, flatten(embed(fields, 4, deviation: 0.5))), 8))
  logit = linear(concat(deep, numeric), 1)
}",
    "net",
);

/// What a column can be: a schema, and a table to learn from.
fn encodings() -> (&'static str, String) {
    let schema = "schema t {
  format csv
  missing \"NA\", \"?\"
  label click
  weight often
  dense rate from city: text | target(folds: 3, smoothing: 2.5) | standardise
  dense seen from code: int | count | log1p | min_max
  dense price | missing(median) | min(50) | standardise
  dense flag: bool
  dense v[1..3] from vector | list(\" \")
  sparse city: text | vocabulary(rows: 40)
  sparse other: text | same(city)
  sparse tags: text | list(\"|\", most: 4, pool: max) | vocabulary(rows: 30)
  sparse ids: int | list(\";\", most: 3, pool: mean) | modulo(rows: 11)
  sparse words: text | list(\", \", most: 5, pool: sum) | hash(rows: 19)
  sparse code: int | vocabulary(rows: 30)
  sparse big from code: int | hash(rows: 17, seed: 3)
  sparse mark: hex | vocabulary(rows: 30)
  sparse step from price: number | quantiles(5)
  sparse square from price: number | log_square
  sparse bucket from price: number | log_buckets(base: 2)
  sparse day from at: seconds | day
  sparse weekend from at: seconds | weekend
  sparse hour from stamp: milliseconds | hour
  sparse month from hours: \"%y%m%d%H\" | month
  sparse truth from flag: bool
  sparse both: cross(code, truth) | hash(rows: 23)
  sparse three: cross(city, step, big) | hash(rows: 301)
}";
    let mut table = "click,often,city,code,price,flag,vector,other,tags,ids,words,mark,at,stamp,hours\n".to_owned();
    for row in 0..600usize {
        let or = |every: usize, text: String| if row % every == 0 { "NA".to_owned() } else { text };
        let values = [
            usize::from(row % 3 == 0).to_string(),
            "1".to_owned(),
            or(7, format!("c{}", row % 29)),
            or(11, (row as i64 % 23 - 9).to_string()),
            or(5, format!("{}.5", row % 90)),
            ["true", "no", "?"][row % 3].to_owned(),
            format!("[{} {}.25 -{}]", row % 5, row % 7, row % 3),
            format!("c{}", row % 31),
            or(4, format!("t{}|t{}||t{}", row % 6, row % 5, row % 20)),
            format!("{};{}", row, row + 3),
            format!("\"w{}, w{}\"", row % 9, row % 4),
            format!("{:x}", row % 20 + 160),
            (1_400_000_000 + row * 100_003).to_string(),
            (1_400_000_000_000 + row * 90_000_000).to_string(),
            format!("14{:02}{:02}{:02}", row % 12 + 1, row % 28 + 1, row % 24),
        ];
        table += &(values.join(",") + "\n");
    }
    (schema, table)
}

/// Of every second model, from this one on: a compiler takes long for each, and two tests share two cores.
fn in_c(from: usize) {
    let place = Place::new(&[]);
    let mut at = 0;
    each(true, |name, model| {
        if at % 2 == from {
            holds(name, model, place.path());
        }
        at += 1;
    });
    assert!(at > 100, "{at} models");
}

#[test]
fn c_says_what_the_reference_says_to_the_last_bit() {
    in_c(0);
}

#[test]
fn c_says_the_same_of_every_other_model() {
    in_c(1);
}

/// A category that no key of a graph can be comes in as a row of its table, or is refused by its column.
#[test]
fn what_no_key_of_a_graph_can_be_is_not_said_to_be_one() {
    let mut table = "click,x,code,plain,text\n".to_owned();
    for row in 0..300usize {
        let code = if row % 3 == 0 { i64::MIN } else { row as i64 % 7 };
        table += &format!("{},{}.5,{code},{},t{}\n", usize::from(row % 2 == 0), row % 5, row % 9, row % 4);
    }
    let schema = "schema t {
  format csv
  label click
  dense x | standardise
  sparse code: int | vocabulary(rows: 10)
  sparse plain: int | vocabulary(rows: 12)
  sparse text: text | vocabulary(rows: 9)
}";
    let (place, all) = models(schema, NET, &table, 1);
    let folder = place.path().join("onnx");
    Exporter::named("onnx").expect("it is known").export(&all[0], &folder).expect("exported");
    let inputs: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("inputs.json")).expect("there")).expect("JSON");
    let inputs: Vec<[&str; 2]> = inputs
        .as_array()
        .expect("a list")
        .iter()
        .map(|input| ["name", "takes"].map(|key| input[key].as_str().expect("a text")))
        .collect();
    let expected = [["x", "numbers"], ["code.row", "rows"], ["plain", "keys"], ["text", "texts"]];
    assert_eq!(inputs, expected);
    if python::is_there("onnx", "onnx, onnxruntime, numpy") {
        let mut held = python::Held::new("onnx", place.path());
        held.add(&all[0], "rows in place of keys");
        held.hold();
    }
    let schema = schema.replace("dense x", "dense seen from code: int | count\n  dense x");
    let (place, all) = models(&schema, NET, &table, 1);
    let error = Exporter::named("onnx").expect("it is known").export(&all[0], &place.path().join("onnx"));
    let error = error.expect_err("it has no key").to_string();
    assert!(error.starts_with("column seen has the category -9223372036854775808, which stands for a missing one there, which ONNX cannot say: "), "{error}");
    assert!(!place.path().join("onnx").exists());
}

/// Every primitive and every encoding, and every model that ships where `all` are asked for; each with what it is called.
fn each(all: bool, mut to: impl FnMut(&str, &Model)) {
    for (import, over, count) in OPERATORS {
        let (_place, models) = models(shipped::SCHEMA, (import, over), "", count);
        models.iter().for_each(|model| to(over, model));
    }
    let whole = crate::parquet::text(0..3_000);
    let (schema, table) = encodings();
    for (schema, table) in [(crate::parquet::SCHEMA, whole.as_str()), (schema, &table)] {
        let (_place, models) = models(schema, NET, table, 2);
        models.iter().for_each(|model| to("encodings", model));
    }
    if all {
        shipped::each(to);
    }
}

fn in_python(form: &'static str, modules: &str, all: bool) {
    if !python::is_there(form, modules) {
        return;
    }
    let folder = Place::new(&[]);
    let mut held = python::Held::new(form, folder.path());
    each(all, |name, model| held.add(model, name));
    held.hold();
}

#[test]
fn onnx_runtime_says_what_predict_says() {
    in_python("onnx", "onnx, onnxruntime, numpy", true);
}

#[test]
fn triton_is_told_what_the_graph_is() {
    in_python("triton", "onnx, onnxruntime, numpy, tritonclient.grpc", false);
}

#[test]
fn pytorch_says_what_predict_says() {
    in_python("torch", "torch, safetensors, numpy", true);
}

/// Weights that PyTorch trained further say here what they say there; what is wrong with them is told by the tensor.
#[test]
fn what_pytorch_trained_comes_back() {
    const MODULES: &str = "torch, safetensors, numpy";
    if !python::is_there("torch", MODULES) {
        return;
    }
    let folder = Place::new(&[]);
    let mut held = python::Held::new("torch", folder.path());
    let mut all = Vec::new();
    let dnn = ("import \"models/dnn.nasrec\" { dnn }", "dnn(dim: 4, hidden: 16)", 1);
    for (import, over, count) in OPERATORS.into_iter().chain([dnn]) {
        let (_place, models) = models(shipped::SCHEMA, (import, over), "", count);
        for model in models {
            let files = held.add_trained(&model, over);
            all.push((model, over, files));
        }
    }
    held.hold();
    let mut changed = 0;
    for (model, over, [weights, says]) in &all {
        let back =
            retrained(model.clone(), Elsewhere::Torch, weights).unwrap_or_else(|error| panic!("{over}: {error}"));
        let says: serde_json::Value = serde_json::from_slice(&fs::read(says).expect("there")).expect("JSON");
        let lines: Vec<String> = says["rows"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| {
                let texts = row.as_array().expect("texts").iter().map(|text| text.as_str().expect("a text"));
                texts.collect::<Vec<_>>().join("\t")
            })
            .collect();
        let [found, before] = [&back, model].map(|model| python::expected(model, folder.path(), &lines));
        for (row, said) in says["said"].as_array().expect("numbers").iter().enumerate() {
            let (said, found) = (said.as_f64().expect("a number") as f32, found[row].expect("readable"));
            assert!((said - found).abs() < 1e-5, "{over}, row {row}: {said} there, {found} here");
            changed += usize::from((found - before[row].expect("readable")).abs() > 1e-3);
        }
    }
    assert!(changed > 1_000, "{changed} rows are another than before");
}

/// A name, a shape and values.
type Tensor = (String, Vec<usize>, Vec<f32>);

/// A file of safetensors, its tensors of 32 bits.
fn tensors(path: &Path, tensors: &[Tensor]) {
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|(_, _, values)| values.iter().flat_map(|value| value.to_le_bytes()).collect()).collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        (name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).expect("sound"))
    });
    fs::write(path, safetensors::serialize(views.collect::<Vec<_>>(), None).expect("sound")).expect("written");
}

#[test]
fn weights_that_are_none_of_the_models_are_refused() {
    let (place, models) = models(PLAIN, NET, "", 1);
    let folder = place.path().join("torch");
    Exporter::named("torch").expect("it is known").export(&models[0], &folder).expect("exported");
    let path = folder.join("weights.safetensors");
    let bytes = fs::read(&path).expect("there");
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    let mut whole: Vec<Tensor> = file
        .tensors()
        .into_iter()
        .map(|(name, view)| {
            let values = view.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four")));
            (name, view.shape().to_vec(), values.collect())
        })
        .collect();
    whole.sort_by(|a, b| a.0.cmp(&b.0));
    let names: Vec<&str> = whole.iter().map(|(name, _, _)| name.as_str()).collect();
    assert!(names.contains(&"deep_linear.weight") && names.contains(&"logit_linear.bias"), "{names:?}");
    let changed = |change: &dyn Fn(&mut Vec<Tensor>)| {
        let mut all = whole.clone();
        change(&mut all);
        tensors(&path, &all);
        retrained(models[0].clone(), Elsewhere::Torch, &path)
    };
    let same = changed(&|_| {}).expect("as they were");
    let lines = rows(&models[0], 60);
    let [a, b] = [&same, &models[0]].map(|model| python::expected(model, place.path(), &lines));
    assert_eq!(a, b);
    let at = names.iter().position(|name| *name == "deep_linear.weight").expect("there");
    let error = changed(&|all| drop(all.remove(at))).expect_err("refused").to_string();
    assert!(error.contains("it has no tensor deep_linear.weight"), "{error}");
    let error = changed(&|all| all[at].1.reverse()).expect_err("refused").to_string();
    assert!(error.contains("tensor deep_linear.weight is (F32, [") && error.contains("expected F32 [8, "), "{error}");
    let error = changed(&|all| all[at].2[5] = f32::NAN).expect_err("refused").to_string();
    assert!(error.contains("tensor deep_linear.weight has NaN, which is not finite"), "{error}");
    let table = names.iter().position(|name| name.contains("embed")).expect("there");
    let error = changed(&|all| all[table].2[1] = f32::NEG_INFINITY).expect_err("refused").to_string();
    assert!(error.contains("has -inf, which is not finite"), "{error}");
    let error = changed(&|all| all.push(("more".to_owned(), vec![1], vec![0.0]))).expect_err("refused").to_string();
    assert!(error.contains("tensor more is none of this model's"), "{error}");
}

#[test]
fn what_is_damaged_or_of_another_model_is_refused() {
    let (place, models) = models(PLAIN, NET, "", 2);
    let (exporter, folder) = (Exporter::named("c").expect("it is known"), place.path().join("c"));
    exporter.export(&models[0], &folder).expect("exported");
    let weights = folder.join("model.bin");
    let whole = fs::read(&weights).expect("there");
    let refused = |bytes: &[u8]| {
        fs::write(&weights, bytes).expect("written");
        let error = exporter.verify(&folder).expect_err("refused").to_string();
        assert!(error.contains("holds other weights than this program was made for"), "{error}");
    };
    for at in [0, 1_000, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        refused(&damaged);
    }
    refused(&whole[..whole.len() - 4]);
    refused(&[&whole[..], b"more"].concat());
    let other = place.path().join("other");
    exporter.export(&models[1], &other).expect("exported");
    refused(&fs::read(other.join("model.bin")).expect("there"));
    fs::write(&weights, &whole).expect("written");
    exporter.verify(&folder).expect("as it was");
    // Over an export, and over nothing else.
    exporter.export(&models[1], &folder).expect("exported anew");
    fs::write(folder.join("thesis.tex"), "mine").expect("written");
    let error = exporter.export(&models[0], &folder).expect_err("it is somebody's").to_string();
    assert!(error.contains("holds something else than such an export"), "{error}");
    let schema = PLAIN.replace("sparse T: text", "sparse W: \"%b %Y\" | month\n  sparse T: text");
    let (place, models) = self::models(&schema, NET, "", 1);
    let error = exporter.export(&models[0], &place.path().join("c")).expect_err("beyond C").to_string();
    assert!(error.starts_with("column W is a time written as \"%b %Y\", which C cannot say: "), "{error}");
    assert!(!place.path().join("c").exists());
}
