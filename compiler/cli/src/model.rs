//! A model that is named on the command line, and the rows that it is to look at.

use std::path::{Path, PathBuf};

use anyhow::Result;
use nasrec_runtime::data::Located;
use nasrec_runtime::machine::limit_threads;
use nasrec_runtime::model::{Model, Tables};

use crate::device::{self, Device};
use crate::rows;

/// Where a model looks at rows.
#[derive(clap::Args)]
pub(crate) struct Where {
    /// The table: files, folders or patterns, as `data.files` of a recipe has them, or - for standard input
    #[arg(long = "data", value_name = "FILE", required = true, num_args = 1..)]
    files: Vec<String>,
    /// Threads to compute with on the CPU; all cores otherwise. The results do not depend on it
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Where to compute: cpu, cuda or cuda:N; cpu:portable is what a device runs, on the CPU
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Leave embedding tables where they lie in the model's directory, and have the system read what is looked up. Its files must stay as they
    /// are meanwhile; another model may take their place by renaming
    #[arg(long)]
    map_tables: bool,
    /// Compute batch norms as part of the linear layers before them: a little less work, and other last digits
    #[arg(long)]
    fold_norms: bool,
}

impl Where {
    /// The device, and the files with rows.
    pub(crate) fn found(&self) -> Result<(Device, Vec<Located>)> {
        let device = device::named(&self.device, self.threads)?;
        limit_threads(device.threads())?;
        Ok((device, rows::files(&self.files)?))
    }

    /// Reads a model from its directory, or from that of its run, with its tables as asked for.
    pub(crate) fn load(&self, path: &Path) -> Result<(Model, PathBuf)> {
        let directory = Model::directory(path);
        let tables = if self.map_tables { Tables::Mapped } else { Tables::Read };
        let model = Model::load_as(&directory, tables)?.0;
        let model = if self.fold_norms { model.folded()?.0 } else { model };
        Ok((model, directory))
    }
}

/// Reads a model from its directory, or from that of its run.
pub(crate) fn load(path: &Path) -> Result<(Model, PathBuf)> {
    let directory = Model::directory(path);
    Ok((Model::load(&directory)?, directory))
}
