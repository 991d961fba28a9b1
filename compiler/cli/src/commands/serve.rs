//! `nasrecc serve`: models behind HTTP.

use std::time::Duration;

use anyhow::{Result, bail};
use nasrec_runtime::machine::{Bytes, limit_threads};
use nasrec_runtime::model::Tables;
use nasrec_serve::{Named, Server, Settings};

use super::Outcome;
use crate::output::{self, Text, say};
use crate::{device, running};

/// Answer requests over HTTP for what models predict
///
/// The protocol is the Open Inference Protocol (KServe's v2), with tensors as JSON or as bytes: POST /v2/models/NAME/infer. Rows can also come as
/// JSON objects by the names of columns: POST /v2/models/NAME/rows. /openapi.json says what else there is; /metrics has figures for Prometheus. The
/// address is written to stdout once requests are answered. When a model's directory holds another model, that one is served from then on.
/// SIGTERM and Ctrl-C end it once all that was accepted is answered.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nasrecc serve runs/day\n  nasrecc serve day=runs/1/best week=runs/2/best --port 0 --wait 500us\n  \
                  curl -d '{\"user\": \"u7\", \"price\": 2.5}' http://127.0.0.1:8000/v2/models/day/rows"
)]
pub(crate) struct Args {
    /// Directories of runs or of models. One is called as its directory, or NAME where it is given as NAME=DIR
    #[arg(value_name = "MODEL", required = true)]
    models: Vec<String>,
    /// The port; 0 takes a free one
    #[arg(long, default_value_t = 8000)]
    port: u16,
    /// The address to listen on. Nothing here asks who somebody is: 0.0.0.0 lets everybody in who reaches the machine
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Threads to compute with; all cores otherwise. The results do not depend on it
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// How long the first row of a batch waits for others, such as 500us or 2ms. Rows that come while others are computed are a batch in any case
    #[arg(long, value_name = "TIME", default_value = "0us", value_parser = time)]
    wait: Duration,
    /// Rows that are computed together
    #[arg(long, value_name = "ROWS", default_value_t = 1024)]
    most: usize,
    /// Rows that a request may have
    #[arg(long, value_name = "ROWS", default_value_t = 16_384)]
    rows: usize,
    /// Bytes that a body may have
    #[arg(long, value_name = "AMOUNT", default_value = "16MiB")]
    body: Bytes,
    /// Bytes that all bodies may have which are here at one time; more are refused with 503. What is read of them is bounded by --rows
    #[arg(long, value_name = "AMOUNT", default_value = "256MiB")]
    bodies: Bytes,
    /// Rows that may wait for a model; more are refused with 429
    #[arg(long, value_name = "ROWS", default_value_t = 65_536)]
    waiting: usize,
    /// Connections at one time; more are refused with 503
    #[arg(long, value_name = "N", default_value_t = 1024)]
    connections: usize,
    /// From the head of a request to its answer
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    timeout: Duration,
    /// How long a connection may be open with no request on it
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    idle: Duration,
    /// Between two looks whether a directory holds another model
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = time)]
    look: Duration,
    /// Leave embedding tables where they lie in the directories of models, and have the system read what is looked up. Their files must not be
    /// written over then; another model may take their place by renaming
    #[arg(long)]
    map_tables: bool,
    /// Compute batch norms as part of the linear layers before them: a little less work, and other last digits
    #[arg(long)]
    fold_norms: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let settings = settings(args)?;
    let named = args.models.iter().map(|model| Named::read(model)).collect::<Result<Vec<_>, _>>()?;
    let server = Server::new(&named, (&args.host, args.port), settings, |line| say!("{line}"))?;
    let stop = running::stopped_by_signals("answering what was accepted")?;
    for (name, version) in server.models() {
        say!("{name}: version {version}");
    }
    output::print(Text::Json(format!("http://{}\n", server.address())))?;
    server.run(stop)?;
    say!("stopped; all that was accepted is answered");
    Ok(Outcome::Clean)
}

fn settings(args: &Args) -> Result<Settings> {
    let threads = device::threads(args.threads)?;
    limit_threads(threads)?;
    let counts = [
        ("--most", args.most),
        ("--rows", args.rows),
        ("--waiting", args.waiting),
        ("--connections", args.connections),
    ];
    if let Some((option, _)) = counts.iter().find(|(_, count)| *count == 0) {
        bail!("{option} must be at least 1");
    }
    const MOST_CONNECTIONS: usize = 1 << 20;
    if args.connections > MOST_CONNECTIONS {
        bail!("--connections {} is more than a server has, {MOST_CONNECTIONS}", args.connections);
    }
    let bytes = |option: &str, Bytes(bytes): Bytes| match usize::try_from(bytes) {
        Ok(0) => bail!("{option} must be at least 1 byte"),
        // Where texts lie in a body has 32 bits.
        Ok(bytes) if bytes <= 1 << 30 || option != "--body" => Ok(bytes),
        _ => bail!("{option} {} is more than a body can have, 1GiB: send several", Bytes(bytes)),
    };
    for (option, time) in [("--timeout", args.timeout), ("--idle", args.idle), ("--look", args.look)] {
        if time < Duration::from_millis(1) {
            bail!("{option} must be at least 1ms");
        }
    }
    let (body, bodies) = (bytes("--body", args.body)?, bytes("--bodies", args.bodies)?);
    if body > bodies {
        bail!("--body {} is more than all bodies may have together, --bodies {}", args.body, args.bodies);
    }
    Ok(Settings {
        threads,
        wait: args.wait,
        most: args.most,
        rows: args.rows,
        body,
        bodies,
        waiting: args.waiting,
        connections: args.connections,
        timeout: args.timeout,
        idle: args.idle,
        look: args.look,
        tables: if args.map_tables { Tables::Mapped } else { Tables::Read },
        fold_norms: args.fold_norms,
    })
}

/// A time such as `500us`, `2ms`, `10s` or `1min`.
fn time(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let wrong = || format!("`{text}` is no time: expected a whole number of us, ms, s or min, such as 500us");
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let time = match unit {
        "us" => Duration::from_micros(number),
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "min" => Duration::from_secs(number.saturating_mul(60)),
        _ => return Err(wrong()),
    };
    if time > LONGEST { Err(format!("`{text}` is more than a day")) } else { Ok(time) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(time("500us"), Ok(Duration::from_micros(500)));
        assert_eq!(time("2ms"), Ok(Duration::from_millis(2)));
        assert_eq!(time("1min"), Ok(Duration::from_secs(60)));
        for text in ["", "5", "ms", "-1s", "1.5s", "1h", "99999999999999999999s", "90000s", "18446744073709551615min"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
