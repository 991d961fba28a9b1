//! Folds of a table: what is learnt of each, and what becomes of their caches.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use nasrec_compiler::recipe::{self, By, Source};
use nasrec_compiler::schema::Schema;
use nasrec_runtime::data::{Dataset, Part, Wanted};
use nasrec_runtime::{Result, Stop};

use crate::data::{Place, Recorder, recipe};
use crate::tables::written;

/// Each value is of one row, so that none is known but those that were learnt from.
const SCHEMA: &str = "schema visits {
  format csv
  label click
  time when: seconds
  group user
  sparse page: text | vocabulary
  dense rate from page: text | target
}";
const ROWS: u32 = 500;

fn table() -> String {
    let rows = (0..ROWS).map(|row| format!("{},{},u{},p{row}\n", u8::from(row % 3 == 0), row * 7 % ROWS, row / 4));
    format!("click,when,user,page\n{}", rows.collect::<String>())
}

fn place() -> (Place, Schema) {
    (Place::new(&[("t.csv", table().as_bytes())]), written(SCHEMA))
}

fn files(by: By) -> recipe::Data {
    let recipe = recipe(Source::Files(vec!["t.csv".to_owned()]));
    recipe::Data { by, stratified: by == By::Chance, folds: 4, ..recipe }
}

struct Asked<'a> {
    place: &'a Path,
    schema: &'a Schema,
    recipe: recipe::Data,
}

impl Asked<'_> {
    fn prepare(&self, known: Option<&str>) -> (Result<Dataset>, Recorder) {
        let (recorder, cache) = (Recorder::default(), self.place.join("cache"));
        let (observer, stop) = (&recorder, &Stop::new());
        let (schema, recipe, base, cache_path) = (self.schema, &self.recipe, self.place, &*cache);
        let dataset = Wanted { schema, recipe, base, cache_path, observer, stop, folded: true, known }.dataset();
        (dataset, recorder)
    }

    fn fold(&self, data: &Dataset, fold: usize) -> Dataset {
        data.fold(fold, self.schema, &Stop::new()).expect("its cache")
    }
}

/// The ids of the rows of a part.
fn ids(data: &Dataset, part: Part) -> Vec<u32> {
    data.batch(data.part(part)).expect("rows").ids
}

#[test]
fn what_a_fold_is_judged_on_was_not_learnt_from() {
    let (place, schema) = place();
    for by in [By::Chance, By::Time, By::Group] {
        let asked = Asked { place: place.path(), schema: &schema, recipe: files(by) };
        let (data, _) = asked.prepare(None);
        let data = data.expect("sound");
        assert_eq!(data.folds(), 4, "{by:?}");
        let unknown = ids(&data, Part::Validation)[0];
        assert!(ids(&data, Part::Validation).iter().all(|&id| id == unknown));
        let mut judged = BTreeSet::new();
        for fold in 1..=4 {
            let fold = asked.fold(&data, fold);
            assert!(fold.is_fold() && fold.part(Part::Test).is_empty());
            let known: BTreeSet<u32> = ids(&fold, Part::Train).into_iter().collect();
            assert_eq!(known.len(), fold.part(Part::Train).len(), "each row that is learnt from has an id of its own");
            assert!(!known.contains(&unknown));
            assert!(ids(&fold, Part::Validation).iter().all(|&id| id == unknown), "{by:?}");
            judged.extend(fold.part(Part::Validation).iter().copied());
            // The rate of a page that nobody has seen is the same for all of them.
            let rates = fold.batch(fold.part(Part::Validation)).expect("rows").numeric;
            assert!(rates.iter().all(|rate| *rate == rates[0]), "{by:?}");
        }
        assert!(judged.is_disjoint(&data.part(Part::Validation).iter().copied().collect()));
        assert!(judged.is_disjoint(&data.part(Part::Test).iter().copied().collect()));
    }
}

#[test]
fn folds_are_kept_beside_the_table_and_made_anew_where_they_are_lost() {
    let (place, schema) = place();
    let asked = Asked { place: place.path(), schema: &schema, recipe: files(By::Time) };
    let kept = |fold: u32| place.path().join(format!("cache.folds/{fold}.cache"));
    let (first, recorder) = asked.prepare(None);
    let first = first.expect("sound");
    assert!(recorder.built());
    let bytes: Vec<Vec<u8>> = (1..=4).map(|fold| fs::read(kept(fold)).expect("a cache")).collect();
    let (again, recorder) = asked.prepare(None);
    assert_eq!(again.expect("sound").fingerprint(), first.fingerprint());
    assert!(!recorder.built() && recorder.lines().is_empty());

    // One that is lost or torn is made again, to the same bytes.
    let remove = || fs::remove_file(kept(2)).expect("it was there");
    let tear = || fs::write(kept(3), &bytes[2][..bytes[2].len() - 9]).expect("written");
    let damage: [&dyn Fn(); 2] = [&remove, &tear];
    for damage in damage {
        damage();
        let (made, recorder) = asked.prepare(Some(first.fingerprint()));
        assert_eq!(made.expect("sound").fingerprint(), first.fingerprint());
        assert!(recorder.built());
        assert!((1..=4).all(|fold| fs::read(kept(fold)).expect("a cache") == bytes[fold as usize - 1]));
    }

    // Without its source a run goes on by what is here, and cannot where that is damaged.
    fs::remove_file(place.path().join("t.csv")).expect("it was there");
    let (alone, recorder) = asked.prepare(Some(first.fingerprint()));
    let alone = alone.expect("what is here is enough");
    assert!(!recorder.built());
    assert_eq!(ids(&asked.fold(&alone, 3), Part::Train), ids(&asked.fold(&first, 3), Part::Train));
    tear();
    let refused = alone.fold(3, &schema, &Stop::new()).expect_err("torn").to_string();
    assert!(refused.contains("cache.folds") && refused.contains("is not what was written there"), "{refused}");
    assert!(asked.prepare(Some(first.fingerprint())).0.is_err());
}

/// Where nothing is learnt of the rows, a fold is other lists of rows of the same cache.
#[test]
fn what_is_the_same_for_all_folds_is_there_once() {
    let place = Place::new(&[("t.csv", table().as_bytes())]);
    let schema = written("schema visits {\n  format csv\n  label click\n  sparse page: text | hash(rows: 90)\n}");
    let asked = Asked { place: place.path(), schema: &schema, recipe: files(By::Chance) };
    let data = asked.prepare(None).0.expect("sound");
    assert!(!place.path().join("cache.folds").exists());
    let fold = asked.fold(&data, 2);
    let rows = fold.part(Part::Validation);
    assert_eq!(rows.len(), data.part(Part::Validation).len());
    assert_eq!(fold.batch(rows).expect("rows").ids, data.batch(rows).expect("rows").ids);
    assert_eq!(asked.prepare(None).0.expect("sound").folds(), 4);
}
