//! The page of an export in a browser itself, where there is Chromium: it opens, and its form says the same bits as the program in C.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use super::wasm::{compiled, exported};
use super::{python, wasm};
use crate::data::Place;

/// A browser that can be started, if there is one.
fn browser() -> Option<&'static str> {
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success()));
    if found.is_none() {
        python::told("browser", "there is no Chromium, so that pages of exports are not opened");
    }
    found
}

/// Serves the files of a folder on a port of this machine, as long as the tests run.
fn served(folder: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("it has an address").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let folder = folder.clone();
            // A browser opens connections that it asks nothing on.
            thread::spawn(move || answer(stream, &folder));
        }
    });
    port
}

fn answer(mut stream: TcpStream, folder: &Path) -> std::io::Result<()> {
    let (mut asked, mut some) = (Vec::new(), [0; 4096]);
    while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut some)? {
            0 => return Ok(()),
            many => asked.extend(&some[..many]),
        }
    }
    let asked = String::from_utf8_lossy(&asked);
    let path = asked.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
    let kind = match Path::new(path).extension().and_then(|kind| kind.to_str()) {
        Some("html") => "text/html",
        Some("mjs") => "text/javascript",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    };
    let (status, body) = match fs::read(folder.join(path)) {
        Ok(body) if !path.contains("..") => ("200 OK", body),
        _ => ("404 Not Found", Vec::new()),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)
}

/// How often a page is opened that shows nothing.
const TRIES: u32 = 5;

/// What stands in the first element of a kind once a page has settled.
fn shown(browser: &str, profile: &Path, address: &str, element: &str) -> String {
    let quiet = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--virtual-time-budget=20000",
        "--enable-logging=stderr",
        "--dump-dom",
    ];
    let (begin, end) = (format!("<{element}>"), format!("</{element}>"));
    let mut told = String::new();
    // On a busy machine the budget of time is sometimes over before the files are there.
    for _ in 0..TRIES {
        let mut command = Command::new(browser);
        command.args(quiet).arg(format!("--user-data-dir={}", profile.display())).arg(address);
        let output = command.output().expect("it is started");
        let page = String::from_utf8_lossy(&output.stdout).into_owned();
        let found = page.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end)).map(|(text, _)| text);
        if let Some(text) = found.filter(|text| !text.is_empty()) {
            return text.to_owned();
        }
        told = format!("nothing in {element} of {page}, {}", String::from_utf8_lossy(&output.stderr));
    }
    panic!("{told}")
}

#[test]
fn in_a_browser_it_says_the_same_bits() {
    let Some(browser) = browser().filter(|_| wasm::is_there()) else { return };
    let profile = tempfile::tempdir().expect("a folder");
    let (schema, table) = super::encodings();
    let (_table, models) = super::models(schema, super::NET, &table, 2);
    for model in &models {
        // A page of these tests lies beside what is exported: no other export goes there.
        let place = Place::new(&[]);
        let (folder, expected) = exported(model, place.path());
        compiled(&folder, &["-mexec-model=reactor", "-DNASREC_WASM"]);
        fs::write(folder.join("browser.html"), include_str!("browser.html")).expect("written");
        let expected: Vec<f32> = expected.lines().map(|line| line.parse().expect("a probability")).collect();
        let address = format!("http://127.0.0.1:{}", served(folder));
        let number = |text: &str| text.parse::<f32>().unwrap_or_else(|_| panic!("the page says {text}"));
        // As a person finds it, and then with each row typed in.
        let opened = shown(browser, profile.path(), &format!("{address}/index.html"), "output");
        assert_eq!(number(&opened).to_bits(), expected[0].to_bits());
        let said = shown(browser, profile.path(), &format!("{address}/browser.html"), "pre");
        let said: Vec<f32> = said.lines().map(number).collect();
        assert_eq!(said.len(), expected.len());
        let differs = said.iter().zip(&expected).position(|(said, expected)| said.to_bits() != expected.to_bits());
        assert_eq!(differs, None);
    }
}
