//! The server as a child, and an HTTP client that says what it is told to, well formed or not.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, which is ended with this.
pub struct Served {
    child: Child,
    /// Where it listens.
    pub address: String,
    told: Mutex<Receiver<String>>,
    before: Vec<String>,
}

impl Served {
    pub fn start(folder: &Path, args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_nasrecc"))
            .current_dir(folder)
            .arg("serve")
            .args(args)
            .args(["--port", "0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let told = lines(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("text");
        let Some(address) = line.trim_end().strip_prefix("http://").map(str::to_owned) else {
            let _ended = child.wait();
            panic!("it does not serve: {line}{:?}", told.iter().collect::<Vec<_>>());
        };
        Self { child, address, told: Mutex::new(told), before: Vec::new() }
    }

    pub fn connect(&self) -> Connection {
        Connection::new(&self.address)
    }

    /// Sends one request on a connection of its own.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.connect().ask(method, path, headers, body)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, &[], body.to_string().as_bytes())
    }

    /// Waits until something is told on stderr.
    pub fn told(&mut self, what: &str) -> String {
        let begun = Instant::now();
        loop {
            let line = self.told.get_mut().expect("whole").recv_timeout(PATIENCE.saturating_sub(begun.elapsed()));
            let line = line.unwrap_or_else(|_| panic!("`{what}` was not told, but {:?}", self.before));
            if line.contains(what) {
                return line;
            }
            self.before.push(line);
        }
    }

    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill");
        assert!(sent.success());
    }

    /// Waits for its end: the exit status.
    pub fn ended(&mut self) -> Option<i32> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status.code();
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("it did not end, and told {:?}", self.before);
    }

    /// Bytes of memory that it holds.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) << 10
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn lines(stderr: ChildStderr) -> Receiver<String> {
    let (sender, told) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    told
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{} {error}: {text}", self.status))
    }

    /// What is said in place of an answer.
    pub fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_else(|| panic!("{:?} has no error", self.json())).to_owned()
    }

    /// The probabilities of a tensor or of rows, whose answer has to be well.
    pub fn probabilities(&self) -> Vec<f32> {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        if let Some(header) = self.header("inference-header-content-length") {
            let header: usize = header.parse().expect("a number");
            let json: Value = serde_json::from_slice(&self.body[..header]).expect("JSON");
            let bytes = &self.body[header..];
            assert_eq!(json["outputs"][0]["parameters"]["binary_data_size"], bytes.len());
            return bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four"))).collect();
        }
        let json = self.json();
        let rows = json.get("probability").unwrap_or(&json["outputs"][0]["data"]);
        // In 64 bits a probability of 32 has other digits, so it is read from its text.
        let number = |value: &Value| value.to_string().parse().expect("a number");
        rows.as_array().map_or_else(|| vec![number(rows)], |rows| rows.iter().map(number).collect())
    }
}

/// The text of a request.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: here\r\n").into_bytes();
    let has = |name: &str| headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    if !has("content-length") && !has("transfer-encoding") {
        text.extend(format!("content-length: {}\r\n", body.len()).bytes());
    }
    for (name, value) in headers {
        text.extend(format!("{name}: {value}\r\n").bytes());
    }
    text.extend(b"\r\n");
    text.extend(body);
    text
}

/// A connection that is kept open.
pub struct Connection {
    pub stream: BufReader<TcpStream>,
}

impl Connection {
    pub fn new(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("a server");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time");
        stream.set_nodelay(true).expect("set");
        Self { stream: BufReader::new(stream) }
    }

    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    pub fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        // One that refuses a request may not read all of it.
        let _sent = self.send(&request(method, path, headers, body));
        self.answer().expect("an answer")
    }

    /// The next answer; none where the connection ends before one.
    pub fn answer(&mut self) -> Option<Answer> {
        let mut line = String::new();
        let mut next = |stream: &mut BufReader<TcpStream>| {
            line.clear();
            stream.read_line(&mut line).ok().filter(|&read| read > 0)?;
            Some(line.trim_end().to_owned())
        };
        let status = next(&mut self.stream)?;
        let status = status.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        loop {
            let line = next(&mut self.stream)?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).ok()?;
        Some(Answer { status, headers, body })
    }
}
