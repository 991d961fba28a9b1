//! A model of nasrecc in a program of candle's: probabilities of the rows of a file, and the model trained further.
//!
//! `cargo run --release -- FOLDER ROWS.tsv`: a line for each row, with tabs between its columns, those of the schema.
//! `cargo run --release -- FOLDER ROWS.tsv CLICKS.txt TRAINED.safetensors`: trains on those rows; CLICKS.txt has 1 or 0 for each.

#![allow(clippy::print_stdout, reason = "it prints what it found")]

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use candle_core::{DType, Device, Tensor};
use candle_nn::loss::binary_cross_entropy_with_logit;
use candle_nn::{AdamW, Optimizer, VarBuilder, VarMap};
use nasrec_runtime::model::{Config, Network};

/// Rows that are computed together.
const TOGETHER: usize = 512;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(Path::new).collect::<Vec<_>>().as_slice() {
        [folder, rows] => predict(folder, rows),
        [folder, rows, clicks, trained] => train(folder, rows, clicks, trained),
        _ => Err("usage: FOLDER ROWS.tsv [CLICKS.txt TRAINED.safetensors]".into()),
    }
}

/// The texts of each row, in the order of the schema's columns.
fn texts(lines: &str) -> Vec<Vec<&str>> {
    lines.lines().map(|line| line.split('\t').collect()).collect()
}

fn predict(folder: &Path, rows: &Path) -> Result<(), Box<dyn Error>> {
    let device = Device::Cpu;
    let config = Config::load(folder)?;
    let weights = fs::read(folder.join("weights.safetensors"))?;
    let network = Network::load(VarBuilder::from_buffered_safetensors(weights, DType::F32, &device)?, &config)?;
    for rows in texts(&fs::read_to_string(rows)?).chunks(TOGETHER) {
        let xs = config.encode(rows, &device)?;
        for probability in network.probabilities(&xs)?.to_vec1::<f32>()? {
            println!("{probability:e}");
        }
    }
    Ok(())
}

fn train(folder: &Path, rows: &Path, clicks: &Path, trained: &Path) -> Result<(), Box<dyn Error>> {
    let device = Device::Cpu;
    let config = Config::load(folder)?;
    // Variables, which the network makes, and which then are given the weights of the file.
    let mut variables = VarMap::new();
    let network = Network::load(VarBuilder::from_varmap(&variables, DType::F32, &device), &config)?;
    variables.load(folder.join("weights.safetensors"))?;
    let (rows, clicks) = (fs::read_to_string(rows)?, fs::read_to_string(clicks)?);
    let clicks = clicks.lines().map(|line| line.trim().parse()).collect::<Result<Vec<f32>, _>>()?;
    let xs = config.encode(&texts(&rows), &device)?;
    let clicks = Tensor::from_vec(clicks, xs.dim(0)?, &device)?;
    let mut optimiser = AdamW::new_lr(variables.all_vars(), 1e-3)?;
    for epoch in 1..=10 {
        let mut sum = 0.0;
        for start in (0..xs.dim(0)?).step_by(TOGETHER) {
            let some = TOGETHER.min(xs.dim(0)? - start);
            let logits = network.forward_train(&xs.narrow(0, start, some)?)?;
            let loss = binary_cross_entropy_with_logit(&logits, &clicks.narrow(0, start, some)?)?;
            optimiser.backward_step(&loss)?;
            sum += f64::from(loss.to_scalar::<f32>()?) * some as f64;
        }
        println!("epoch {epoch}: log loss {:.4}", sum / xs.dim(0)? as f64);
    }
    variables.save(trained)?;
    Ok(())
}
