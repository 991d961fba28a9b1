//! Asks a server as fast as it answers, by more and more connections, and shows how long answers take.
//!
//! ```sh
//! cargo run --release -p nasrec-serve --example load -- 127.0.0.1:8000 day rows.csv [SECONDS]
//! ```
//!
//! `rows.csv` has a header and rows as the model reads them, without quotes. Requests are those of `tritonclient`: bytes of tensors behind
//! JSON, numbers as FP64, texts as BYTES, and bytes back. They are made before the clock runs. Of each size and number of connections: the median and the
//! 99th percentile of the time from the first byte sent to the last one received, and rows a second over all connections.
#![allow(clippy::print_stdout, reason = "that is what it is for")]

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

type Done<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// Rows of a request.
const SIZES: [usize; 2] = [1, 512];
const CONNECTIONS: [usize; 6] = [1, 2, 4, 8, 16, 64];
/// Requests that are made of the rows of each size.
const DIFFERENT: usize = 64;

fn main() -> Done {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, model, file, rest @ ..] = args.as_slice() else {
        return Err("expected HOST:PORT, the name of a model, a file of rows, and perhaps seconds".into());
    };
    let seconds: u64 = rest.first().map_or(Ok(3), |text| text.parse())?;
    let text = std::fs::read_to_string(file)?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().ok_or("no header")?.split(',').collect();
    let table: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let mut connection = Connection::new(address)?;
    let about: Value = serde_json::from_slice(&connection.ask(&get(&format!("/v2/models/{model}")))?)?;
    let inputs = about["inputs"].as_array().ok_or("no such model")?;
    println!("rows  connections  requests  p50 ms  p99 ms  rows/s");
    for size in SIZES {
        let requests = table.chunks_exact(size).take(DIFFERENT).map(|rows| request(model, inputs, &header, rows));
        let requests = requests.collect::<Done<Vec<Vec<u8>>>>()?;
        if requests.is_empty() {
            return Err(format!("{file} has no {size} rows").into());
        }
        for connections in CONNECTIONS {
            let (took, elapsed) = load(address, &requests, connections, Duration::from_secs(seconds))?;
            let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
            let rate = (took.len() * size) as f64 / elapsed.as_secs_f64();
            println!("{size:4}  {connections:11}  {:8}  {:6.3}  {:6.3}  {rate:6.0}", took.len(), at(0.5), at(0.99));
        }
    }
    Ok(())
}

/// How long each answer took, in ascending order, and all of them together.
fn load(address: &str, requests: &[Vec<u8>], connections: usize, time: Duration) -> Done<(Vec<Duration>, Duration)> {
    let (done, warm) = (AtomicBool::new(false), AtomicBool::new(false));
    let (mut all, mut begun) = (Vec::new(), Instant::now());
    thread::scope(|scope| -> Done {
        let client = |first: usize| -> Done<Vec<Duration>> {
            let (mut connection, mut took) = (Connection::new(address)?, Vec::new());
            for request in requests.iter().cycle().skip(first * 7 % requests.len()) {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let begun = Instant::now();
                connection.ask(request)?;
                if warm.load(Ordering::Relaxed) {
                    took.push(begun.elapsed());
                }
            }
            Ok(took)
        };
        let clients: Vec<_> = (0..connections).map(|first| scope.spawn(move || client(first))).collect();
        thread::sleep(time / 4);
        warm.store(true, Ordering::Relaxed);
        begun = Instant::now();
        thread::sleep(time);
        done.store(true, Ordering::Relaxed);
        for client in clients {
            all.extend(client.join().map_err(|_| "a client panicked")??);
        }
        Ok(())
    })?;
    all.sort_unstable();
    if all.is_empty() { Err("nothing was answered".into()) } else { Ok((all, begun.elapsed())) }
}

/// The text of a request for some rows.
fn request(model: &str, inputs: &[Value], header: &[&str], rows: &[Vec<&str>]) -> Done<Vec<u8>> {
    let (mut tensors, mut bytes) = (Vec::new(), Vec::new());
    for input in inputs {
        let name = input["name"].as_str().unwrap_or_default();
        let at = header.iter().position(|column| *column == name).ok_or_else(|| format!("no column {name}"))?;
        let number = matches!(input["datatype"].as_str(), Some("FP64" | "INT64"));
        let before = bytes.len();
        for row in rows {
            let text = row.get(at).copied().unwrap_or_default();
            if number {
                let value: f64 = if text.is_empty() { f64::NAN } else { text.parse()? };
                bytes.extend(value.to_le_bytes());
            } else {
                bytes.extend((text.len() as u32).to_le_bytes());
                bytes.extend(text.as_bytes());
            }
        }
        tensors.push(json!({ "name": name, "datatype": if number { "FP64" } else { "BYTES" }, "shape": [rows.len()],
            "parameters": { "binary_data_size": bytes.len() - before } }));
    }
    let outputs = json!([{ "name": "probability", "parameters": { "binary_data": true } }]);
    let json = json!({ "inputs": tensors, "outputs": outputs }).to_string();
    let head = format!(
        "POST /v2/models/{model}/infer HTTP/1.1\r\nhost: here\r\ninference-header-content-length: {}\r\ncontent-length: {}\r\n\r\n",
        json.len(),
        json.len() + bytes.len()
    );
    Ok([head.into_bytes(), json.into_bytes(), bytes].concat())
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: here\r\n\r\n").into_bytes()
}

struct Connection {
    stream: BufReader<TcpStream>,
    line: String,
    body: Vec<u8>,
}

impl Connection {
    fn new(address: &str) -> Done<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), line: String::new(), body: Vec::new() })
    }

    /// The body of an answer, which has to be one.
    fn ask(&mut self, request: &[u8]) -> Done<Vec<u8>> {
        let Self { stream, line, body } = self;
        stream.get_mut().write_all(request)?;
        line.clear();
        stream.read_line(line)?;
        let well = line.contains(" 200 ");
        let mut length = 0;
        while line.trim() != "" {
            line.clear();
            stream.read_line(line)?;
            if let Some(text) = line.to_lowercase().strip_prefix("content-length:") {
                length = text.trim().parse()?;
            }
        }
        body.resize(length, 0);
        stream.read_exact(body)?;
        if well { Ok(body.clone()) } else { Err(String::from_utf8_lossy(body).into()) }
    }
}
