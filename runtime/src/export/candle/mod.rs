//! candle: the model as what [`Network`] is loaded from, and a program that does so.
//!
//! Lives here: the folder, and its check, which this program does itself. Never: the module, which is one of the runtime
//! ([`Network`]), and the program (`runtime/examples/network.rs`), which is built with it.

use std::fs;
use std::path::Path;

use candle_core::{DType, Device};
use candle_nn::VarBuilder;

use super::example::{EXPECTED, Example, ROWS, WITHIN};
use super::{Exported, Exporter, Verified, folder};
use crate::error::{Error, ExportError};
use crate::model::{Config, Model, Network};
use crate::{Result, files};

const WEIGHTS: &str = "weights.safetensors";
const PROGRAM: &str = "main.rs";
const PACKAGE: &str = "Cargo.toml";
const README: &str = "README.md";
/// What Cargo leaves beside a program.
const BUILT: [&str; 2] = ["Cargo.lock", "target"];

/// Whole weights under the plan's names.
pub(super) const EXPORTER: Exporter = Exporter {
    name: "candle",
    writes: "weights as safetensors and what a module of candle is made of, with a program in Rust",
    export,
    verify,
};

fn export(model: &Model, folder: &Path) -> Result<Exported> {
    let [config, encoder] = Config::FILES;
    let known = [config, WEIGHTS, PROGRAM, PACKAGE, README, ROWS, EXPECTED];
    folder::is_free(folder, &[&known[..], &[encoder], &BUILT].concat())?;
    files::create_folder(folder)?;
    let at = |name: &str| folder.join(name);
    model.store().export(&at(WEIGHTS))?;
    Config::of(model)?.save(folder)?;
    let example = Example::of(model, &at(ROWS))?;
    let texts = [
        (PROGRAM, include_str!("../../../examples/network.rs").to_owned()),
        (PACKAGE, include_str!("parts/package.toml").to_owned()),
        (README, readme(model)),
        (EXPECTED, example.expected()),
        (ROWS, example.lines),
    ];
    folder::write(folder, &texts)?;
    let fitted = model.encoder().map(|_| at(encoder));
    let files = known.map(at).into_iter().chain(fitted).collect();
    Ok(Exported { files, example: example.probabilities.len() })
}

/// Reads what was written, and says what it says of the example.
fn verify(folder: &Path) -> Result<Verified> {
    let text = |name: &str| fs::read_to_string(folder.join(name)).map_err(Error::io("read", folder.join(name)));
    let differs = |what: String| Error::from(ExportError::Differs { path: folder.join(WEIGHTS), what });
    let config = Config::load(folder)?;
    let weights = fs::read(folder.join(WEIGHTS)).map_err(Error::io("read", folder.join(WEIGHTS)))?;
    let vb = VarBuilder::from_buffered_safetensors(weights, DType::F32, &Device::Cpu)?;
    let network = Network::load(vb, &config)?;
    let (rows, expected) = (text(ROWS)?, text(EXPECTED)?);
    let rows: Vec<Vec<&str>> = rows.lines().map(|line| line.split('\t').collect()).collect();
    let said: Vec<f32> = network.probabilities(&config.encode(&rows, &Device::Cpu)?)?.to_vec1()?;
    let expected: Vec<f32> = expected.lines().filter_map(|line| line.parse().ok()).collect();
    if said.len() != expected.len() {
        return Err(differs(format!("it says {} probabilities, expected {}", said.len(), expected.len())));
    }
    let far = |(said, expected): (&f32, &f32)| said.is_nan() || (said - expected).abs() > WITHIN;
    if let Some(row) = said.iter().zip(&expected).position(far) {
        return Err(differs(format!("row {} is {}, expected {}", row + 1, said[row], expected[row])));
    }
    Ok(Verified { by: "candle on the CPU".to_owned(), rows: said.len(), within: Some(WITHIN) })
}

fn readme(model: &Model) -> String {
    include_str!("parts/README.md")
        .replace("@NAME@", &model.name)
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
        .replace("@COLUMNS@", &model.schema().columns.join(", "))
}

#[cfg(test)]
mod tests {
    /// A program whose candle is another than this crate's has other tensors.
    #[test]
    fn the_package_asks_for_the_candle_that_this_crate_is_built_with() {
        let (package, own) = (include_str!("parts/package.toml"), include_str!("../../../../Cargo.toml"));
        for name in ["candle-core", "candle-nn"] {
            let line = own.lines().find(|line| line.starts_with(&format!("{name} = "))).expect("it is named");
            assert!(package.lines().any(|other| other == line), "{line}");
        }
    }
}
