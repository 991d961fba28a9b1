//! A server that answers as S3 does: objects with their tags, ranges, and lists.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What goes wrong next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Nobody is let in.
    Denied,
    /// The connection ends after so many bytes of an object, once.
    Torn(usize),
    /// An object is another one when it is read than when it was asked about.
    Replaced,
    /// Nothing is answered.
    Silent,
}

#[derive(Default)]
struct State {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    fault: Mutex<Option<Fault>>,
    ranges: AtomicUsize,
}

pub struct Server {
    state: Arc<State>,
    port: u16,
}

impl Server {
    pub fn start<const N: usize>(objects: [(&str, Vec<u8>); N]) -> Self {
        let state = Arc::new(State::default());
        for (name, bytes) in objects {
            state.objects.lock().expect("sound").insert(name.to_owned(), bytes);
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("a port").port();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(&state, stream));
            }
        });
        Self { state, port }
    }

    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        self.state.objects.lock().expect("sound").insert(name.to_owned(), bytes);
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        self.state.objects.lock().expect("sound")[name].clone()
    }

    pub fn fault(&self, fault: Fault) {
        *self.state.fault.lock().expect("sound") = Some(fault);
    }

    /// How often a part of an object was asked for.
    pub fn ranges(&self) -> usize {
        self.state.ranges.load(Ordering::SeqCst)
    }
}

/// Answers one request after the other.
fn serve(state: &State, stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().expect("a connection"));
    let mut stream = stream;
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            lines.push(line.trim().to_owned());
        }
        if answer(state, &lines, &mut stream).is_none() {
            return;
        }
    }
}

/// Nothing: the connection ends.
fn answer(state: &State, lines: &[String], stream: &mut TcpStream) -> Option<()> {
    let mut words = lines.first()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let range =
        lines.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
    let fault = *state.fault.lock().expect("sound");
    let mut send = |status: &str, headers: &str, body: &[u8], length: usize| {
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n");
        let body = if method == "HEAD" { &[] } else { body };
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).ok()
    };
    match fault {
        Some(Fault::Silent) => {
            thread::sleep(Duration::from_secs(20));
            return None;
        }
        Some(Fault::Denied) => return send("403 Forbidden", "", b"<Error><Code>AccessDenied</Code></Error>", 40),
        _ => {}
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let key = decoded(path.strip_prefix("/bucket")?.trim_start_matches('/'));
    if query.contains("list-type=2") {
        let body = listed(&state.objects.lock().expect("sound"), query);
        return send("200 OK", "Content-Type: application/xml\r\n", body.as_bytes(), body.len());
    }
    let objects = state.objects.lock().expect("sound").clone();
    let Some(bytes) = objects.get(&key) else {
        let body = b"<Error><Code>NoSuchKey</Code></Error>";
        return send("404 Not Found", "", body, body.len());
    };
    let mut tag = tag_of(bytes);
    if fault == Some(Fault::Replaced) && method == "GET" {
        tag = "\"another\"".to_owned();
    }
    let headers = format!("ETag: {tag}\r\nLast-Modified: Sat, 28 Nov 2026 10:00:00 GMT\r\nAccept-Ranges: bytes\r\n");
    if let Some(range) = range {
        state.ranges.fetch_add(1, Ordering::SeqCst);
        let (first, last) = range.split_once('-')?;
        let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().unwrap_or(bytes.len() - 1));
        let headers = format!("{headers}Content-Range: bytes {first}-{last}/{}\r\n", bytes.len());
        return send("206 Partial Content", &headers, &bytes[first..=last], last - first + 1);
    }
    if let (Some(Fault::Torn(after)), "GET") = (fault, method) {
        *state.fault.lock().expect("sound") = None;
        send("200 OK", &headers, &bytes[..after], bytes.len());
        return None;
    }
    send("200 OK", &headers, bytes, bytes.len())
}

/// Told apart by what is in it.
fn tag_of(bytes: &[u8]) -> String {
    let sum = bytes.iter().fold(7u64, |sum, &byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    format!("\"{sum:x}\"")
}

fn listed(objects: &BTreeMap<String, Vec<u8>>, query: &str) -> String {
    let value = |key: &str| {
        let found = query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        decoded(found.unwrap_or_default())
    };
    let (prefix, delimiter) = (value("prefix"), value("delimiter"));
    let mut body = String::from("<?xml version=\"1.0\"?><ListBucketResult>");
    let mut folders = Vec::new();
    for (key, bytes) in objects {
        let Some(rest) = key.strip_prefix(&prefix) else { continue };
        match rest.split_once('/').filter(|_| !delimiter.is_empty()) {
            Some((folder, _)) => {
                let folder = format!("{prefix}{folder}/");
                if !folders.contains(&folder) {
                    folders.push(folder);
                }
            }
            None => {
                let tag = tag_of(bytes).replace('"', "&quot;");
                body += &format!(
                    "<Contents><Key>{key}</Key><LastModified>2026-11-28T10:00:00.000Z</LastModified><ETag>{tag}</ETag><Size>{}</Size></Contents>",
                    bytes.len()
                );
            }
        }
    }
    for folder in folders {
        body += &format!("<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>");
    }
    body + "<IsTruncated>false</IsTruncated></ListBucketResult>"
}

/// Without the percent signs of an address.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let code = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).expect("a name")
}
