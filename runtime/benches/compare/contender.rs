//! A side of the comparison: a process that answers commands.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

pub struct Contender {
    pub name: String,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Seconds a step and seconds an evaluation batch, round by round.
    pub train: Vec<f64>,
    pub evaluate: Vec<f64>,
    /// Peaks of memory in GiB, after training and at the end.
    pub memory: [f64; 2],
}

impl Contender {
    /// Starts a side and waits until it is ready.
    pub fn start(name: &str, command: &mut Command) -> Self {
        let shown = format!("{command:?}");
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = piped.spawn().unwrap_or_else(|error| panic!("cannot start {shown}: {error}"));
        let (input, output) = (process.stdin.take().expect("piped"), process.stdout.take().expect("piped"));
        let output = BufReader::new(output);
        let (train, evaluate) = (Vec::new(), Vec::new());
        let mut started = Self { name: name.into(), process, input, output, train, evaluate, memory: [f64::NAN; 2] };
        let ready = started.answer();
        started.name = format!("{name} {}", ready["ready"].as_str().unwrap_or_default()).trim().to_owned();
        started
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        let read = self.output.read_line(&mut line).expect("text");
        assert!(read > 0, "{} ended without an answer; what it said is above", self.name);
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{}: {error} in {line}", self.name))
    }

    pub fn ask(&mut self, command: &str) -> Value {
        writeln!(self.input, "{command}").expect("it listens");
        self.input.flush().expect("it listens");
        self.answer()
    }

    /// One figure of an answer; not a number where there is none.
    pub fn figure(&mut self, command: &str, name: &str) -> f64 {
        self.ask(command)[name].as_f64().unwrap_or(f64::NAN)
    }

    pub fn logits(&mut self) -> Vec<f64> {
        let answer = self.ask("logits");
        answer["logits"].as_array().expect("logits").iter().map(|logit| logit.as_f64().unwrap_or(f64::NAN)).collect()
    }

    pub fn gigabytes(&mut self) -> f64 {
        self.figure("memory", "bytes") / f64::from(1 << 30)
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        // It may have ended already; either way it must not outlive the comparison.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
