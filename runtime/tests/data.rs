//! Tables from files and from the planted model, through the public interface only.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use flate2::Compression;
use flate2::write::GzEncoder;
use nasrec_compiler::ItemKind;
use nasrec_compiler::recipe::{self, By, Given, Source, Synthetic};
use nasrec_compiler::schema::{DenseColumn, Schema, SparseColumn, Table, Transform, Type};
use nasrec_runtime::data::{Dataset, Part, Rows};
use nasrec_runtime::train::Attainable;
use nasrec_runtime::{Error, Observer, Result, Stage, Stop};
use tempfile::TempDir;

use crate::families::support;

/// How what is said of columns begins.
const OF_COLUMNS: &str = "warning: column ";

/// Keeps what was told.
#[derive(Default)]
pub(crate) struct Recorder {
    stages: Mutex<Vec<Stage>>,
    done: Mutex<Vec<u64>>,
    lines: Mutex<Vec<String>>,
}

impl Recorder {
    /// What was said, but for how rows are shared out, and of columns that ruin a model.
    pub(crate) fn lines(&self) -> Vec<String> {
        let lines = self.lines.lock().expect("no panic");
        let others = lines.iter().filter(|line| !line.starts_with("rows: ") && !line.starts_with(OF_COLUMNS));
        others.cloned().collect()
    }

    /// What was said of columns that ruin a model.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let lines = self.lines.lock().expect("no panic");
        lines.iter().filter(|line| line.starts_with(OF_COLUMNS)).cloned().collect()
    }

    /// How rows were shared out.
    pub(crate) fn parts(&self) -> String {
        let lines = self.lines.lock().expect("no panic");
        lines.iter().find(|line| line.starts_with("rows: ")).cloned().unwrap_or_default()
    }

    /// Whether rows were read or drawn, rather than found in a cache.
    pub(crate) fn built(&self) -> bool {
        self.stages.lock().expect("no panic").iter().any(|stage| stage.name == "read data" || stage.name == "draw data")
    }
}

impl Observer for Recorder {
    fn begin(&self, stage: Stage) {
        self.stages.lock().expect("no panic").push(stage);
    }
    fn progress(&self, done: u64, _: &str) {
        self.done.lock().expect("no panic").push(done);
    }
    fn end(&self) {}
    fn say(&self, line: &str) {
        self.lines.lock().expect("no panic").push(line.to_owned());
    }
}

pub(crate) fn schema() -> Schema {
    let sparse = |name, kind| SparseColumn::new(name, kind, Table::Modulo, 101);
    let dense = vec![DenseColumn::new("I1", vec![Transform::Max(0.0), Transform::Log1p])];
    Schema::tsv("clicks", "click", dense, vec![sparse("C1", Type::Hex), sparse("C2", Type::Int)])
}

pub(crate) fn table(rows: u32) -> String {
    (0..rows).map(|row| format!("{}\t{row}\t{row:x}\t{}\n", u8::from(row.is_multiple_of(4)), row / 3)).collect()
}

pub(crate) fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

pub(crate) fn recipe(source: Source) -> recipe::Data {
    recipe::Data {
        source,
        split: [8, 1, 1],
        by: By::Chance,
        given: Given::default(),
        stratified: true,
        folds: 0,
        seed: 3,
        max_malformed: 0.01,
    }
}

pub(crate) fn files(names: &[&str]) -> recipe::Data {
    recipe(Source::Files(names.iter().map(|&name| name.to_owned()).collect()))
}

fn synthetic(rows: u64) -> Synthetic {
    Synthetic { rows, seed: 1, linear: 0.7, pairwise: 1.5, higher: 0.4, noise: 0.4, tail: 1.2, click_rate: 0.25 }
}

/// A folder of sources and one cache.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new(sources: &[(&str, &[u8])]) -> Self {
        let place = Self(tempfile::tempdir().expect("a folder"));
        sources.iter().for_each(|(name, bytes)| place.write(name, bytes));
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), bytes).expect("written");
    }

    fn prepare_with(&self, schema: &Schema, recipe: &recipe::Data, observer: &Recorder) -> Result<Dataset> {
        Dataset::prepare(schema, recipe, self.path(), &self.path().join("cache"), observer, &Stop::new())
    }

    pub(crate) fn prepare(&self, recipe: &recipe::Data) -> Result<(Dataset, Recorder)> {
        let recorder = Recorder::default();
        Ok((self.prepare_with(&schema(), recipe, &recorder)?, recorder))
    }

    pub(crate) fn refusal(&self, recipe: &recipe::Data) -> String {
        self.prepare(recipe).map(|_| ()).expect_err("must be refused").to_string()
    }
}

fn all(dataset: &Dataset) -> Rows {
    Rows::from((0..dataset.rows() as u32).collect::<Vec<_>>())
}

#[test]
fn the_same_rows_come_from_every_kind_of_file() {
    let text = table(1_000);
    let (first, second) = text.split_at(text.find("\n500\t").or(text.find("\n1\t500\t")).expect("a line") + 1);
    let place = Place::new(&[
        ("plain.tsv", text.as_bytes()),
        ("crlf.tsv", text.replace('\n', "\r\n").as_bytes()),
        ("open.tsv", text.trim_end().as_bytes()),
        ("packed.tsv.gz", &gzip(&text)),
        ("members.tsv.gz", &[gzip(first), gzip(second)].concat()),
        ("first.tsv", first.as_bytes()),
        ("second.gz", &gzip(second)),
    ]);
    let (plain, recorder) = place.prepare(&files(&["plain.tsv"])).expect("sound");
    assert_eq!((plain.rows(), plain.click_rate()), (1_000, 0.25));
    assert_eq!((plain.malformed().lines, plain.malformed().malformed), (1_000, 0));
    let done = recorder.done.lock().expect("no panic").clone();
    assert_eq!(done.last(), Some(&(text.len() as u64)), "progress ends at the size of the file");
    assert!(recorder.lines().is_empty());
    let batch = plain.batch(&[10, 0]).expect("readable");
    assert_eq!(batch.numeric, [11f32.ln(), 0.0]);
    assert_eq!((batch.ids, batch.labels), (vec![11, 1, 4, 1], vec![0.0, 1.0]));
    for names in
        [&["crlf.tsv"][..], &["open.tsv"], &["packed.tsv.gz"], &["members.tsv.gz"], &["first.tsv", "second.gz"]]
    {
        let (other, recorder) = place.prepare(&files(names)).expect("sound");
        assert!(recorder.built());
        assert_eq!(other.fingerprint(), plain.fingerprint(), "{names:?}");
        let whole = |data: &Dataset| data.batch(&all(data)).expect("readable");
        assert_eq!(whole(&other), whole(&plain), "{names:?}");
    }
}

#[test]
fn a_table_without_numbers_has_one_column_of_zeros() {
    let place = Place::new(&[("t.tsv", b"1\ta\t7\n0\t\t\n0\tb\t9\n")]);
    let schema = Schema::tsv("clicks", "click", Vec::new(), schema().sparse);
    let recipe = recipe::Data { split: [1, 0, 0], ..files(&["t.tsv"]) };
    let dataset = place.prepare_with(&schema, &recipe, &Recorder::default()).expect("sound");
    let batch = dataset.batch(&[0, 1, 2]).expect("readable");
    assert_eq!(batch.numeric, [0.0; 3]);
    assert_eq!(batch.ids, [11, 0, 12, 8, 0, 10]);
}

#[test]
fn tolerated_malformed_lines_are_told_and_left_out() {
    let text = table(1_000).replacen("1\t500\t", "1\tmany\t", 1);
    let place = Place::new(&[("t.tsv", text.as_bytes())]);
    let warning = [
        "warning: 1 of 1000 lines is malformed and left out",
        "  t.tsv, line 501, column 2 (I1): found \"many\", expected a number or nothing",
    ];
    for round in 0..2 {
        let (dataset, recorder) = place.prepare(&files(&["t.tsv"])).expect("one in a thousand is tolerated");
        assert_eq!(dataset.rows(), 999);
        assert_eq!(recorder.lines(), warning);
        assert_eq!(recorder.built(), round == 0);
    }
    let strict = recipe::Data { max_malformed: 0.0005, ..files(&["t.tsv"]) };
    assert!(
        place.refusal(&strict).starts_with("1 of 1000 lines is malformed (0.100 %); `max_malformed` tolerates 0.050 %")
    );
}

#[test]
fn rows_and_lines_are_in_order_however_many_threads_read() {
    let text = table(100_000).replacen("1\t90000\t", "1\tmany\t", 1);
    let place = Place::new(&[("first.tsv", table(60_000).as_bytes()), ("second.tsv", text.as_bytes())]);
    let read = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let (dataset, recorder) = pool.install(|| place.prepare(&files(&["first.tsv", "second.tsv"]))).expect("sound");
        assert!(recorder.built() && recorder.lines()[1].contains("second.tsv, line 90001, column 2"));
        fs::remove_file(place.path().join("cache")).expect("a cache");
        dataset.fingerprint().to_owned()
    };
    let alone = read(1);
    assert!((2..6).all(|threads| read(threads) == alone));
    // What is wrong first is told, though a thread that is ahead has found the end of what can be unpacked.
    place.write("torn.gz", &gzip(&table(300_000))[..500_000]);
    place.write("bad.tsv", table(30_000).replace('\t', ","));
    for _ in 0..10 {
        let message = place.refusal(&files(&["bad.tsv", "torn.gz"]));
        assert!(message.contains("lines read so far are malformed"), "{message}");
        assert!(place.refusal(&files(&["torn.gz", "bad.tsv"])).starts_with("cannot unpack"));
    }
}

#[test]
fn too_many_malformed_lines_stop_the_run_and_harm_nothing() {
    let place =
        Place::new(&[("good.tsv", table(100).as_bytes()), ("bad.tsv", b"click\tI1\n1\t2\ta\t3\t4\n0\t1\t2\t3\n")]);
    place.prepare(&files(&["good.tsv"])).expect("sound");
    let before = fs::read(place.path().join("cache")).expect("a cache");
    assert_eq!(
        place.refusal(&files(&["good.tsv", "bad.tsv"])),
        "2 of 103 lines are malformed (1.942 %); `max_malformed` tolerates 1.000 %\n  bad.tsv, line 1, found 2 columns, \
         expected 4 with a tab between them\n  bad.tsv, line 2, found 5 columns, expected 4 with a tab between them\n\
         Expected on every line, without a header, 4 values with a tab between them: click, I1, C1, C2, the label being \
         click. Correct the lines or the schema, or raise `max_malformed` to leave such lines out."
    );
    assert_eq!(fs::read(place.path().join("cache")).expect("a cache"), before);
    assert_eq!(fs::read_dir(place.path()).expect("a folder").count(), 3, "nothing is left behind");

    let hopeless = Place::new(&[("t.csv", table(200_000).replace('\t', ",").as_bytes())]);
    let message = hopeless.refusal(&files(&["t.csv"]));
    assert!(message.contains("lines read so far are malformed (100.000 %)"), "{message}");
    let told = "t.csv, line 1, found 1 column, expected 4 with a tab between them; there is a comma in \"1,0,0,0\", for which a \
                schema says `format csv`";
    assert!(message.contains(told), "{message}");
    assert_eq!(message.matches("t.csv, line").count(), 5, "{message}");
    assert!(!message.contains("of 200000 lines"), "the whole file was read: {message}");
}

#[test]
fn sources_that_teach_nothing_are_refused() {
    let place = Place::new(&[
        ("no.tsv", &b"0\t1\ta\t2\n".repeat(20)),
        ("yes.tsv", &b"1\t1\ta\t2\n".repeat(20)),
        ("empty", b""),
    ]);
    let expected = "expected both labels 0 and 1 in column click";
    assert_eq!(
        place.refusal(&files(&["no.tsv"])),
        format!("there is no click to learn from: found label 0 in all 20 rows; {expected}")
    );
    assert_eq!(
        place.refusal(&files(&["yes.tsv"])),
        format!("there is no non-click to learn from: found label 1 in all 20 rows; {expected}")
    );
    assert!(place.refusal(&files(&["empty"])).ends_with("empty is empty; expected a line a sample"));
    assert_eq!(place.refusal(&files(&[])), "the recipe names no data file; expected at least one");
    assert!(place.refusal(&files(&["nowhere.tsv"])).starts_with("there is no data file "));
    assert!(!place.path().join("cache").exists());
}

#[test]
fn a_cache_is_used_again_until_something_changes() {
    let place = Place::new(&[("t.tsv", table(200).as_bytes()), ("u.tsv", table(200).as_bytes())]);
    let cache = place.path().join("cache");
    let recipe = files(&["t.tsv"]);
    let (first, recorder) = place.prepare(&recipe).expect("sound");
    assert!(recorder.built() && recorder.lines().is_empty());
    let (second, recorder) = place.prepare(&recipe).expect("sound");
    assert!(!recorder.built());
    assert_eq!((first.fingerprint(), first.part(Part::Test)), (second.fingerprint(), second.part(Part::Test)));
    // The split is not part of the cache.
    let (other, recorder) = place.prepare(&recipe::Data { seed: 4, ..recipe.clone() }).expect("sound");
    assert!(!recorder.built());
    assert_ne!(first.part(Part::Test), other.part(Part::Test));

    let anew = |recipe: &recipe::Data, schema: &Schema, why: &str| {
        let recorder = Recorder::default();
        let dataset = place.prepare_with(schema, recipe, &recorder).expect("sound");
        assert!(recorder.built(), "{why}");
        let line = format!("the data cache {} is made anew: {why}", cache.display());
        assert_eq!(recorder.lines(), [line]);
        dataset
    };
    anew(&files(&["u.tsv"]), &schema(), "it was made from another source");
    anew(&recipe, &schema(), "it was made from another source");
    let mut wider = schema();
    wider.sparse[0].rows = 50;
    assert_ne!(anew(&recipe, &wider, "the schema has changed").fingerprint(), first.fingerprint());
    anew(&recipe, &schema(), "the schema has changed");
    place.write("t.tsv", table(200).replacen("1\t100\t", "1\t101\t", 1));
    assert_ne!(anew(&recipe, &schema(), "its source files have changed").fingerprint(), first.fingerprint());
    place.write("t.tsv", table(300));
    assert_eq!(anew(&recipe, &schema(), "its source files have changed").rows(), 300);

    let sound = fs::read(&cache).expect("a cache");
    fs::write(&cache, &sound[..sound.len() - 7]).expect("written");
    anew(&recipe, &schema(), "it is torn");
    fs::write(&cache, "something of somebody else's, longer than the sixty-four bytes that a preamble takes")
        .expect("written");
    anew(&recipe, &schema(), "it is not a complete data cache");
    assert!(fs::read(&cache).expect("a cache") == sound, "the same source makes the same cache");

    let planted =
        anew(&self::recipe(Source::Synthetic(synthetic(2_000))), &schema(), "it was made from another source");
    assert_eq!(planted.rows(), 2_000);
    let noisier = Synthetic { noise: 0.6, ..synthetic(2_000) };
    anew(&self::recipe(Source::Synthetic(noisier)), &schema(), "it was made from another source");
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let text: String = (0..20).map(|_| table(10_000)).collect::<String>().replacen("1\t500\t", "x\t500\t", 7);
    let place = Place::new(&[("t.tsv", text.as_bytes())]);
    for recipe in [files(&["t.tsv"]), recipe(Source::Synthetic(synthetic(50_000)))] {
        let prepare = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            let _ = fs::remove_file(place.path().join("cache"));
            let dataset = pool.install(|| place.prepare(&recipe)).expect("sound").0;
            (dataset.fingerprint().to_owned(), dataset.malformed().clone(), dataset.part(Part::Train).clone())
        };
        assert_eq!(prepare(1), prepare(5));
    }
}

#[test]
fn a_stop_is_heeded_and_leaves_nothing_behind() {
    let place = Place::new(&[("t.tsv", table(1_000).as_bytes())]);
    let stop = Stop::new();
    stop.request();
    for recipe in [files(&["t.tsv"]), recipe(Source::Synthetic(synthetic(1_000)))] {
        let cache = place.path().join("cache");
        let outcome = Dataset::prepare(&schema(), &recipe, place.path(), &cache, &Recorder::default(), &stop);
        assert!(matches!(outcome, Err(Error::Stopped)));
    }
    assert_eq!(fs::read_dir(place.path()).expect("a folder").count(), 1);
}

#[test]
fn what_is_attainable_agrees_with_the_labels_that_were_drawn() {
    let place = Place::new(&[("t.tsv", table(100).as_bytes())]);
    let (dataset, _) = place.prepare(&files(&["t.tsv"])).expect("sound");
    assert_eq!(
        Attainable::of(&dataset, dataset.part(Part::Test)).expect("readable"),
        None,
        "nobody knows for a table from files"
    );

    let (dataset, _) = place.prepare(&recipe(Source::Synthetic(synthetic(50_000)))).expect("sound");
    // Of 50,000 coins: a standard deviation of 0.002, and 0.003 or so of the log loss of one part more.
    assert!((dataset.click_rate() - 0.25).abs() < 0.02, "{}", dataset.click_rate());
    let found = Attainable::of(&dataset, &all(&dataset)).expect("readable").expect("the data is synthetic");
    assert!((found.log_loss - found.entropy).abs() < 0.01, "{found:?}");
    assert!(found.entropy < found.base_rate_log_loss - 0.05, "{found:?}");
    assert!((0.7..0.95).contains(&found.auc), "{found:?}");
    let train = Attainable::of(&dataset, dataset.part(Part::Train)).expect("readable").expect("the data is synthetic");
    assert!((train.entropy - found.entropy).abs() < 0.01, "{train:?}, {found:?}");
}

/// A crossed column is worked out from the rows of those that it is made of, in their order, and read from nowhere.
#[test]
fn what_is_crossed_follows_from_what_is_read() {
    let program = support::load(
        "schema t {
  format csv
  missing \"NA\"
  label click
  dense I
  sparse user: text | vocabulary(rows: 50)
  sparse city: int | modulo(rows: 7)
  sparse both: cross(city, user) | hash(rows: 101)
  sparse step from I: number | quantiles(5)
  sparse all: cross(user, city, step) | hash(rows: 4_001)
}
space s { input fields: categorical; logit = linear(flatten(embed(fields, 2)), 1) }
search x on s with t { data { files: \"t.csv\" } }",
    );
    let search = program.search(&program.visible(ItemKind::Search)[0], &[]).expect("it is sound");
    let schema = &search.schema;
    let names: Vec<&str> = schema.sparse.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["user", "city", "step", "both", "all"]);
    let or = |row: usize, every: usize, text: String| if row.is_multiple_of(every) { "NA".to_owned() } else { text };
    let lines = (0..900).map(|row: usize| {
        let (user, city) = (or(row, 11, format!("u{}", row * row % 37)), or(row, 7, format!("{}", row % 17)));
        format!("{},{}.5,{user},{city}\n", row % 3 / 2, row % 29)
    });
    let table = format!("click,I,user,city\n{}", lines.collect::<String>());
    let place = Place::new(&[("t.csv", table.as_bytes())]);
    let dataset = place.prepare_with(schema, &files(&["t.csv"]), &Recorder::default()).expect("a table");
    let batch = dataset.batch(&all(&dataset)).expect("rows");
    let ids = |name: &str| {
        let field = names.iter().position(|known| *known == name).expect("a column");
        batch.ids_of(field).expect("ids")
    };
    for (crossed, of, rows) in [("all", &["user", "city", "step"][..], 4_001), ("both", &["city", "user"][..], 101)] {
        for row in 0..batch.rows {
            let h = of.iter().fold(0u128, |h, name| (2_654_435_761 * h + u128::from(ids(name)[row])) % 2_147_483_647);
            assert_eq!(u128::from(ids(crossed)[row]), h % (rows - 1) + 1, "{crossed} of row {row}");
        }
        let mut seen = ids(crossed).to_vec();
        seen.sort_unstable();
        seen.dedup();
        assert!(seen.len() > 60, "{} rows of {crossed}", seen.len());
    }
    // A category that is missing is one of those that are crossed.
    assert!(ids("city").contains(&0) && ids("user").contains(&0));
}

/// In a table that is drawn it is the same.
#[test]
fn what_is_crossed_follows_from_what_is_drawn() {
    let mut schema = schema();
    let table = Table::Cross { of: vec!["C2".to_owned(), "C1".to_owned()] };
    let crossed = SparseColumn { from: String::new(), ..SparseColumn::new("C3", Type::Int, table, 500) };
    let place = Place::new(&[]);
    let of = |schema: &Schema, name: &str| {
        let cache = place.path().join(name);
        let recipe = recipe(Source::Synthetic(synthetic(400)));
        let dataset = Dataset::prepare(schema, &recipe, place.path(), &cache, &Recorder::default(), &Stop::new());
        let dataset = dataset.expect("drawn");
        dataset.batch(&all(&dataset)).expect("rows")
    };
    schema.sparse.push(crossed);
    let batch = of(&schema, "crossed");
    let [one, other, both] = [0, 1, 2].map(|field| batch.ids_of(field).expect("ids"));
    for row in 0..batch.rows {
        assert_eq!(both[row], Table::crossed(500, [other[row], one[row]]));
    }
    // A schema that somebody else wrote is looked at.
    assert!(schema.unsound_cross().is_none());
    schema.sparse.rotate_right(1);
    assert_eq!(schema.unsound_cross().map(|column| column.name.as_str()), Some("C3"));
}
