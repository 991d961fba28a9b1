//! A run of the search of the fuzz targets, and from it a folder of sound inputs for each target that reads files, in the folder
//! that `SEEDS` names. Linked as a fuzz target, as everything here is instrumented as one; it is run for no input.
#![no_main]

use std::fs;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use nasrec_compiler::loader::Memory;
use nasrec_compiler::{ItemKind, Program};
use nasrec_runtime::backend::Tiled;
use nasrec_runtime::export::Exporter;
use nasrec_runtime::fuzzing::{dataset, sample_encoder, sample_parquet, sample_store};
use nasrec_runtime::model::Model;
use nasrec_runtime::run::{Job, Origin, Run};
use nasrec_runtime::search::search;
use nasrec_runtime::supernet::Label;
use nasrec_runtime::{Silent, Stop};

type Done = Result<(), Box<dyn std::error::Error>>;

fuzz_target!(init: write().expect("seeds"), |_bytes: &[u8]| {});

fn write() -> Done {
    let to = std::env::var("SEEDS")?;
    let to = Path::new(&to);
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    let row = |i: u32| format!("{}\t{}\t{}\n", u8::from(i.is_multiple_of(3)), i % 7, i % 8);
    fs::write(at.join("t.tsv"), (0..300).map(row).collect::<String>())?;
    let (program, _) = Program::load("s.nasrec", &Memory::new([("s.nasrec", nasrec_fuzz::SEARCH)]));
    let item = program.find(ItemKind::Search, "tiny").ok_or("no search")?;
    let job = Job::new(&program.search(&item, &[]).map_err(|found| format!("{found:?}"))?, at)?;
    let path = at.join("run");
    let run = Run::start(&path, job, Origin { program: &program, search: "tiny", settings: &[] })?;
    search(&run, &Tiled::new(1)?, &Silent, &Stop::new())?;
    let put = |target: &str, name: &str, bytes: &[u8]| -> Done {
        fs::create_dir_all(to.join(target))?;
        Ok(fs::write(to.join(target).join(name), bytes)?)
    };
    // Without checksums, which the targets put over what they are given.
    let journal = fs::read_to_string(path.join("journal.jsonl"))?;
    let bodies: Vec<&str> = journal.lines().filter_map(|line| line.split(",\"checksum\":\"").next()).collect();
    put("journal", "whole", journal.as_bytes())?;
    put("journal", "bodies", bodies.join("\n").as_bytes())?;
    bodies.iter().enumerate().try_for_each(|(at, body)| put("journal", &format!("line-{at}"), body.as_bytes()))?;
    let unsealed = |name: &str| -> Result<String, Box<dyn std::error::Error>> {
        let text = fs::read_to_string(path.join(name))?;
        let (body, _) = text.rsplit_once(",\n  \"checksum\"").ok_or("no checksum")?;
        Ok(format!("{body}\n}}"))
    };
    put("record", "whole", &fs::read(path.join("run.json"))?)?;
    put("record", "body", unsealed("run.json")?.as_bytes())?;
    let weights = fs::read(path.join("best/weights.safetensors"))?;
    put("model", "body", &[unsealed("best/model.json")?.as_bytes(), b"\0", &weights].concat())?;
    Exporter::named("candle").ok_or("no such form")?.export(&Model::load(&path.join("best"))?, &path.join("candle"))?;
    put("network", "body", unsealed("candle/config.json")?.as_bytes())?;
    let store = at.join("store.safetensors");
    sample_store().save(&store, &Label { of: "fuzz".to_owned(), step: 1 }, "notes")?;
    put("weights", "checkpoint", &fs::read(&store)?)?;
    sample_store().export(&store)?;
    put("weights", "export", &fs::read(&store)?)?;
    let row = |i: u32| format!("{}\t{}\t{:x}\t{i}\n", u8::from(i.is_multiple_of(3)), i % 7, i % 9);
    let table: String = (0..40).map(row).collect();
    fs::write(at.join("t.tsv"), &table)?;
    drop(dataset(at, "t.tsv")?);
    put("cache", "whole", &fs::read(at.join("data.cache"))?)?;
    put("table", "whole", table.as_bytes())?;
    put("table", "odd", b"\xef\xbb\xbf1\t\tff\t0\r\n0\t-1e400\t\t18446744073709551616\n2\t1\n")?;
    put("gzip", "plain", table.as_bytes())?;
    let quoted = b"click,price,city,user,day\n1,2.5,\"a,\"\"b\",7,2024-03-01\r\n0,NA,\"c\nd\",-1,\n1,3,e,2,2024-03-04\n0,1,f,,2024-03-05\n";
    let escaped = b"click,price,city,user,day\n1,2.5,a\\,b,7,2024-03-01\n0,NA,c\\\nd,-1,\n1,3,\"e\\\"\",2,2024-03-04\n0,1,\\N,,\n";
    put("csv", "quoted", quoted)?;
    put("csv", "escaped", escaped)?;
    let pairs = [
        ("svm", &b"+1 qid:1 2:0.5 3:7 # a comment\n-1 qid:1 0:3\n\n0 qid:2 2:1e-3\n1 3:1 0:2\n"[..]),
        ("ffm", &b"1 0:5:1 2:0:0.25\n0 0:6:1 3:9:1\n1 2:0:7\n0 0:5:1\n"[..]),
        ("fm", &b"-1 1:1 20:1 300:1\n1 2:1 21:1 301:1\n1 1:1 21:1 300:1\n0 2:1 20:1 301:1\n"[..]),
    ];
    pairs.iter().try_for_each(|(name, bytes)| put("pairs", name, bytes))?;
    let columns = [("dictionaries", sample_parquet(true)?), ("plain", sample_parquet(false)?)];
    columns.iter().try_for_each(|(name, bytes)| put("parquet", name, bytes))?;
    let described = [("quoted", &quoted[..]), ("escaped", escaped), ("tsv", table.as_bytes())];
    let described = described.into_iter().chain(pairs).chain(columns.iter().map(|(name, bytes)| (*name, &bytes[..])));
    described.into_iter().try_for_each(|(name, bytes)| put("infer", name, bytes))?;
    put("encoder", "whole", &sample_encoder(at)?)?;
    nasrec_serve::fuzzing::sample_requests().iter().try_for_each(|(name, bytes)| put("request", name, bytes))?;
    let messages = [
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"rootUri":"file:///w/","capabilities":{}}}"#,
        r#"{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{"uri":"file:///w/a.nasrec","languageId":"nasrec","version":1,"text":"import \"std/ctr.nasrec\" { fc }\nspace s { input numeric: dense\n logit = fc(numeric, 1) }\n"}}}"#,
        r#"{"jsonrpc":"2.0","id":2,"method":"textDocument/hover","params":{"textDocument":{"uri":"file:///w/a.nasrec"},"position":{"line":2,"character":10}}}"#,
        r#"{"jsonrpc":"2.0","method":"textDocument/didChange","params":{"textDocument":{"uri":"file:///w/a.nasrec","version":2},"contentChanges":[{"range":{"start":{"line":1,"character":0},"end":{"line":1,"character":5}},"text":"block"}]}}"#,
        r#"{"jsonrpc":"2.0","id":"3","method":"textDocument/completion","params":{"textDocument":{"uri":"file:///w/a.nasrec"},"position":{"line":1,"character":6}}}"#,
        r#"{"jsonrpc":"2.0","id":4,"method":"textDocument/formatting","params":{"textDocument":{"uri":"file:///w/a.nasrec"},"options":{"tabSize":2,"insertSpaces":true}}}"#,
        r#"{"jsonrpc":"2.0","id":5,"method":"textDocument/rename","params":{"textDocument":{"uri":"file:///w/a.nasrec"},"position":{"line":1,"character":6},"newName":"t"}}"#,
        r#"{"jsonrpc":"2.0","id":6,"method":"shutdown"}"#,
    ];
    for count in 2..=messages.len() {
        put("lsp", &format!("session-{count}"), messages[..count].join("\n").as_bytes())?;
    }
    let settings = ["train.batch=64", "space.depth=3", "seed=1", "data.files=\"a.tsv\"", "macs <= 2K", "w >= 4"];
    settings.iter().enumerate().try_for_each(|(at, text)| put("set", &format!("text-{at}"), text.as_bytes()))
}
