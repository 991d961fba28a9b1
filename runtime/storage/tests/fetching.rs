//! What addresses bring, from a server that speaks S3's protocol on this machine.

mod server;

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::{Duration, Instant};

use nasrec_storage::{Error, Object, Watch, fetch, is_address};
use server::{Fault, Server};

/// Notes what it is told.
#[derive(Default)]
struct Noted {
    begun: RefCell<Vec<(usize, u64)>>,
    last: Cell<u64>,
    ended: Cell<usize>,
    stop_at: Option<Instant>,
}

impl Watch for Noted {
    fn begin(&self, objects: usize, bytes: u64, _: &Path) {
        self.begun.borrow_mut().push((objects, bytes));
    }

    fn progress(&self, bytes: u64) {
        self.last.set(bytes);
    }

    fn end(&self) {
        self.ended.set(self.ended.get() + 1);
    }

    fn stopped(&self) -> bool {
        self.stop_at.is_some_and(|at| Instant::now() > at)
    }
}

fn settings(server: &Server) -> Vec<(String, String)> {
    let pairs = [
        ("AWS_ENDPOINT_URL", server.address()),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
        ("AWS_ACCESS_KEY_ID", "key".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
        ("AWS_REGION", "eu-central-1".to_owned()),
        // What else is in an environment is no setting of a storage.
        ("TOKEN", "of something else\n".to_owned()),
        ("HOME", "/home/somebody".to_owned()),
    ];
    pairs.map(|(key, value)| (key.to_owned(), value)).to_vec()
}

fn server() -> Server {
    Server::start([
        ("days/1/part-0.csv", b"a,b\n1,2\n".to_vec()),
        ("days/1/part-1.csv", b"a,b\n3,4\n".to_vec()),
        ("days/1/_SUCCESS", Vec::new()),
        ("days/1/.hidden", b"x".to_vec()),
        ("days/1/deep/part-9.csv", b"a,b\n9,9\n".to_vec()),
        ("days/2/part-0.csv", b"a,b\n5,6\n".to_vec()),
        ("odd name+%41#é.csv", b"odd\n".to_vec()),
        ("large.bin", (0..3_000_000u32).map(|byte| (byte % 251) as u8).collect()),
    ])
}

/// What an address brings: the end of each object's address, and its bytes.
fn brought(found: &[Object]) -> Vec<(String, Vec<u8>)> {
    found
        .iter()
        .map(|object| {
            let name = object.name.strip_prefix("s3://bucket/").expect("its own address").to_owned();
            (name, std::fs::read(&object.path).expect("a copy"))
        })
        .collect()
}

#[test]
fn an_object_a_folder_and_a_pattern_are_brought() {
    let (server, folder) = (server(), tempfile::tempdir().expect("a folder"));
    let fetched = |address: &str| {
        let noted = Noted::default();
        let found = fetch(address, folder.path(), settings(&server), &noted).expect("there");
        let names: Vec<String> = brought(&found).into_iter().map(|(name, _)| name).collect();
        (names, brought(&found))
    };
    let of = |name: &str| server.bytes(name);
    for (address, expected) in [
        ("s3://bucket/days/1/part-0.csv", &["days/1/part-0.csv"][..]),
        ("s3a://bucket/days/2/part-0.csv", &["days/2/part-0.csv"]),
        ("s3://bucket/days/1/", &["days/1/part-0.csv", "days/1/part-1.csv"]),
        // A folder is one without a slash as well, where no object has that name.
        ("s3://bucket/days/1", &["days/1/part-0.csv", "days/1/part-1.csv"]),
        ("s3://bucket/days/*/part-0.csv", &["days/1/part-0.csv", "days/2/part-0.csv"]),
        ("s3://bucket/days/[12]/part-?.csv", &["days/1/part-0.csv", "days/1/part-1.csv", "days/2/part-0.csv"]),
        ("s3://bucket/odd name+%41#é.csv", &["odd name+%41#é.csv"]),
    ] {
        let address = address.replace("s3a://", "s3://");
        let (names, bytes) = fetched(&address);
        assert_eq!(names, expected, "{address}");
        for (name, bytes) in bytes {
            assert_eq!(bytes, of(&name), "{address}: {name}");
        }
    }
    let plain = fetch(&format!("{}/bucket/large.bin", server.address()), folder.path(), [], &Noted::default());
    let plain = plain.expect("a page");
    assert_eq!(std::fs::read(&plain[0].path).expect("a copy"), of("large.bin"));
    assert_eq!(plain[0].path.file_name().expect("a name"), "large.bin");
}

#[test]
fn what_is_there_is_not_brought_again_and_what_changed_is() {
    let (server, folder) = (server(), tempfile::tempdir().expect("a folder"));
    let address = "s3://bucket/days/1/";
    let noted = Noted::default();
    let first = fetch(address, folder.path(), settings(&server), &noted).expect("there");
    assert_eq!((noted.begun.take(), noted.last.get(), noted.ended.get()), (vec![(2, 16)], 16, 1));
    let again = fetch(address, folder.path(), settings(&server), &noted).expect("there");
    assert_eq!((again, noted.begun.take()), (first.clone(), Vec::new()), "nothing is brought");
    server.put("days/1/part-1.csv", b"a,b\n7,8\n".to_vec());
    let changed = fetch(address, folder.path(), settings(&server), &noted).expect("there");
    assert_eq!(noted.begun.take(), [(1, 8)]);
    assert_eq!(changed[0], first[0]);
    assert_eq!(std::fs::read(&changed[1].path).expect("a copy"), b"a,b\n7,8\n");
    assert_eq!(std::fs::read(&first[1].path).expect("the one before"), b"a,b\n3,4\n", "whoever reads it goes on");
    // A copy that somebody has shortened is none.
    std::fs::write(&first[0].path, b"a,b").expect("written");
    fetch(address, folder.path(), settings(&server), &noted).expect("there");
    assert_eq!(std::fs::read(&first[0].path).expect("a copy"), b"a,b\n1,2\n");
}

#[test]
fn what_is_wrong_is_told() {
    let (server, folder) = (server(), tempfile::tempdir().expect("a folder"));
    let message = |address: &str| {
        let failed = fetch(address, folder.path(), settings(&server), &Noted::default());
        failed.expect_err("nothing to bring").to_string()
    };
    assert!(message("s3://bucket/days/3/part-0.csv").starts_with("there is no such object"));
    assert!(message("s3://bucket/nothing/").starts_with("no object lies in it"));
    assert_eq!(message("s3://bucket/days/*/part-7.csv"), "no object matches");
    assert!(message("s3://bucket/**/part-7.csv").starts_with("`**` goes through folders without end"));
    assert!(message("s3://bucket/[").starts_with("invalid range pattern"));
    assert!(message("s3:///days").starts_with("it names no bucket"));
    assert!(message("ftp://host/days").contains("Unable to recognise URL"), "{}", message("ftp://host/days"));
    let page = server.address();
    assert!(message(&format!("{page}/bucket/days/")).starts_with("the pages of a folder cannot be listed"));
    assert!(message(&format!("{page}/bucket/a.csv?signature=x")).starts_with("it has a query"));
    assert!(message(&format!("{page}/bucket/a.csv")).starts_with("there is no such object"));
    server.fault(Fault::Denied);
    let denied = message("s3://bucket/days/1/part-0.csv");
    assert!(denied.starts_with("access is denied (") && denied.contains("AWS_ACCESS_KEY_ID"), "{denied}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is left behind");
}

#[test]
fn what_breaks_off_is_gone_on_with() {
    let (server, folder) = (server(), tempfile::tempdir().expect("a folder"));
    server.fault(Fault::Torn(1_000_000));
    let found = fetch("s3://bucket/large.bin", folder.path(), settings(&server), &Noted::default()).expect("there");
    assert_eq!(std::fs::read(&found[0].path).expect("a copy"), server.bytes("large.bin"));
    assert!(server.ranges() > 0, "it is asked for the rest only");
}

#[test]
fn what_changes_while_it_is_read_is_told() {
    let (server, folder) = (server(), tempfile::tempdir().expect("a folder"));
    server.fault(Fault::Replaced);
    let failed = fetch("s3://bucket/days/1/part-0.csv", folder.path(), settings(&server), &Noted::default());
    assert!(matches!(failed, Err(Error::Changed)), "{failed:?}");
}

#[test]
fn a_silent_server_does_not_keep_anybody() {
    let (server, folder) = (server(), tempfile::tempdir().expect("a folder"));
    server.fault(Fault::Silent);
    let noted = Noted { stop_at: Some(Instant::now() + Duration::from_millis(300)), ..Noted::default() };
    let failed = fetch("s3://bucket/large.bin", folder.path(), settings(&server), &noted);
    assert!(matches!(failed, Err(Error::Stopped)), "{failed:?}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn only_addresses_are_addresses() {
    for name in ["s3://b/c", "S3://b/c", "gs://b", "https://host/a.csv", "abfss://c@account.dfs.core.windows.net/x"] {
        assert!(is_address(name), "{name}");
    }
    for name in ["a.csv", "-", "C:\\a.csv", "c://a", "file:///a.csv", "ftp://host/a", "hdfs://host/a", "s3:/b/c"] {
        assert!(!is_address(name), "{name}");
    }
}
