//! Tables in object storage: every command takes an address where it takes a file, and a run outlives the storage.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::server::Server;

const SEARCH: &str = "import \"models/dlrm.nasrec\" { dlrm }
import \"visits.nasrec\" { visits }

train far on dlrm(dim: 4) with visits {
  seed: 7
  data { files: \"s3://bucket/visits/\"; split: 8:1:1 }
  retrain { epochs: 2; batch: 128; optimiser: adam(lr: 1e-2) }
}
";

fn table(rows: std::ops::Range<usize>) -> String {
    let mut text = "click,price,city\n".to_owned();
    for row in rows {
        let number = row.wrapping_mul(2_654_435_761) >> 7;
        text += &format!("{},{}.5,city {}\n", usize::from(number % 7 < 2), number % 90, number % 15);
    }
    text
}

struct Place {
    folder: tempfile::TempDir,
    server: Server,
}

impl Place {
    fn new() -> Self {
        let server = Server::start([
            ("visits/0.csv", table(0..600).into_bytes()),
            ("visits/1.csv", table(600..1_200).into_bytes()),
        ]);
        Self { folder: tempfile::tempdir().expect("a folder"), server }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn nasrecc(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nasrecc"));
        command
            .current_dir(self.path())
            .args(args)
            .env("NASREC_OBJECTS", self.path().join("objects"))
            .env("AWS_ENDPOINT_URL", self.server.address())
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "eu-central-1");
        command.output().expect("it runs")
    }

    /// What a command writes: on stdout, and on stderr.
    fn well(&self, args: &[&str]) -> [String; 2] {
        let Output { status, stdout, stderr } = self.nasrecc(args);
        let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert_eq!(status.code(), Some(0), "{args:?}: {stderr}");
        [stdout, stderr]
    }
}

#[test]
fn a_run_reads_objects_as_it_reads_files_and_outlives_them() {
    let place = Place::new();
    let [schema, told] = place.well(&["data", "schema", "s3://bucket/visits/0.csv", "--name", "visits"]);
    assert!(told.contains("an object is copied to "), "{told}");
    fs::write(place.path().join("here.csv"), table(0..600)).expect("written");
    let [here, _] = place.well(&["data", "schema", "here.csv", "--name", "visits"]);
    let without_file = |text: &str| text.replace("s3://bucket/visits/0.csv", "FILE").replace("here.csv", "FILE");
    assert_eq!(without_file(&schema), without_file(&here));
    fs::write(place.path().join("visits.nasrec"), schema).expect("written");
    fs::write(place.path().join("far.nasrec"), SEARCH).expect("written");
    let [_, told] = place.well(&["train", "far.nasrec", "--out", "far"]);
    assert!(told.contains("an object is copied to "), "one is there already: {told}");
    fs::create_dir(place.path().join("visits")).expect("created");
    for (name, rows) in [("0.csv", 0..600), ("1.csv", 600..1_200)] {
        fs::write(place.path().join("visits").join(name), table(rows)).expect("written");
    }
    place.well(&["train", "far.nasrec", "--set", "data.files=\"visits\"", "--out", "near"]);
    let weights = |run: &str| fs::read(place.path().join(run).join("best/weights.safetensors")).expect("weights");
    assert!(weights("far") == weights("near"), "the same rows give the same weights");
    // An address that is typed starts nowhere else than one in a file.
    place.well(&["train", "far.nasrec", "--set", "data.files=\"s3://bucket/visits/*.csv\"", "--out", "typed"]);
    assert!(weights("far") == weights("typed"), "the same rows give the same weights");
    let [predicted, _] = place.well(&["predict", "far", "--data", "s3://bucket/visits/0.csv"]);
    let [again, _] = place.well(&["predict", "far", "--data", "here.csv"]);
    assert_eq!(predicted, again);
    // A run that began asks for nothing any more, whether the storage is there or not.
    fs::remove_dir_all(place.path().join("objects")).expect("removed");
    place.well(&["train", "--resume", "far"]);
    assert!(!place.path().join("objects").exists(), "nothing is copied again");
    place.server.fault(crate::server::Fault::Denied);
    place.well(&["train", "--resume", "far"]);
    let refused = place.nasrecc(&["predict", "far", "--data", "s3://bucket/visits/0.csv"]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(told.contains("cannot read `s3://bucket/visits/0.csv`: access is denied"), "{told}");
}

#[test]
fn a_project_is_made_of_an_address() {
    let place = Place::new();
    place.well(&["new", "shop", "--data", "s3://bucket/visits/"]);
    let search = fs::read_to_string(place.path().join("shop/search.nasrec")).expect("a search");
    assert!(search.contains("\"s3://bucket/visits/\""), "{search}");
    place.well(&["data", "check", "s3://bucket/visits/1.csv", "--schema", "shop/schema.nasrec"]);
}
