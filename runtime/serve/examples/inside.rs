//! How long a model takes for rows that are here already, without a server around it: to encode them, and to compute what is said of them.
//!
//! ```sh
//! cargo run --release -p nasrec-serve --example inside -- runs/day rows.csv [THREADS]
//! ```
//!
//! `rows.csv` has a header and rows as the model reads them, without quotes; all values are texts. Medians over many batches of different rows, one after the other.
#![allow(clippy::print_stdout, reason = "that is what it is for")]

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use nasrec_runtime::backend::Tiled;
use nasrec_runtime::data::{Arriving, Given};
use nasrec_runtime::model::Model;

const SIZES: [usize; 5] = [1, 8, 64, 512, 4096];
/// As long as each size is measured.
const TIME: Duration = Duration::from_secs(2);

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [model, file, rest @ ..] = args.as_slice() else {
        return Err("expected the directory of a model, a file of rows, and perhaps threads".into());
    };
    let threads = rest.first().map_or(Ok(2), |text| text.parse())?;
    let text = std::fs::read_to_string(file)?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().ok_or("no header")?.split(',').collect();
    let table: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let backend = Tiled::new(threads)?;
    let model = Model::load(&Model::directory(Path::new(model)))?;
    let arriving = Arriving::new(model.schema())?;
    let place =
        |name: &String| header.iter().position(|known| known == name).ok_or_else(|| format!("no column {name}"));
    let places: Vec<usize> = arriving.columns().iter().map(place).collect::<Result<_, _>>()?;
    let model = model.ready(&backend)?;
    let mut intake = arriving.intake(model.encoder());
    println!("rows  batches  encode us  compute us  rows/s");
    for size in SIZES {
        if table.len() < size {
            return Err(format!("{file} has no {size} rows").into());
        }
        let (mut encoding, mut computing) = (Vec::new(), Vec::new());
        let begun = Instant::now();
        for rows in table.chunks_exact(size).cycle() {
            let first = Instant::now();
            let value = |column: usize, row: usize| {
                rows[row].get(places[column]).map_or(Given::Missing, |text| Given::Text(text.as_bytes()))
            };
            intake.add(size, value).map_err(|wrong| format!("{wrong:?}"))?;
            let batch = intake.batch();
            let second = Instant::now();
            let said = model.probabilities(&batch)?;
            computing.push(second.elapsed());
            encoding.push(second - first);
            assert_eq!(said.len(), size);
            if begun.elapsed() > TIME {
                break;
            }
        }
        let batches = encoding.len();
        let median = |times: &mut Vec<Duration>| {
            times.sort_unstable();
            times[times.len() / 2].as_secs_f64() * 1e6
        };
        let (encode, compute) = (median(&mut encoding), median(&mut computing));
        println!("{size:4}  {batches:7}  {encode:9.1}  {compute:10.1}  {:6.0}", size as f64 / (encode + compute) * 1e6);
    }
    Ok(())
}
