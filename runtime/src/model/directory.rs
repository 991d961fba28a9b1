//! A model's directory: `model.json` says what it is, `weights.safetensors` holds what was trained, and `encoder.safetensors`
//! what the schema learnt of the training rows, where it learns something. Of an embedding table
//! only the rows that training touched are there, so its size is that of what was learnt, not of the table.

use std::fs;
use std::path::{Path, PathBuf};

use nasrec_compiler::plan::{Lookup, Node, PLAN_VERSION, ParamKind, Plan, sound};
use nasrec_compiler::primitives::Primitive;
use nasrec_compiler::recipe::Storage;
use nasrec_compiler::schema::Schema;
use serde::{Deserialize, Serialize};

use super::{Evidence, Model};
use crate::data::Encoder;
use crate::error::{FileError, ModelError, WeightsError};
use crate::machine::available_memory;
use crate::supernet::{Keep, Label, Memory, Store};
use crate::train::Scaling;
use crate::{Error, Result, files};

pub(super) const RECORD: &str = "model.json";
const WEIGHTS: &str = "weights.safetensors";
pub(super) const ENCODER: &str = "encoder.safetensors";
/// Version of `model.json`.
const VERSION: u32 = 2;

/// No `model.json` is longer.
pub(super) const LONGEST: u64 = 64 << 20;
/// No `encoder.safetensors` is longer.
const LONGEST_ENCODER: u64 = 16 << 30;
/// No sound model computes more bytes of values for a sample: those that ship stay below a hundredth of this.
const MOST_ACTIVATIONS: u64 = 1 << 30;

/// `model.json`
#[derive(Serialize, Deserialize)]
struct Record {
    version: u32,
    /// Version of nasrecc that wrote it.
    nasrecc: String,
    name: String,
    evidence: Evidence,
    schema: Schema,
    seed: u64,
    /// What is done to logits, where outputs are calibrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scaling: Option<Scaling>,
    storage: Storage,
    /// BLAKE3 of `weights.safetensors`.
    weights: String,
    /// BLAKE3 of `encoder.safetensors`, where the schema learns something.
    encoder: Option<String>,
    plan: Plan,
}

/// What is read of a record before all of it can be.
#[derive(Deserialize)]
pub(super) struct Header {
    pub version: u32,
    pub nasrecc: String,
}

/// How a model has its embedding tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tables {
    /// In memory.
    #[default]
    Read,
    /// Where they lie in `weights.safetensors`, in memory that the system shares between all that read the file, and takes back when it is short of
    /// it. The file must stay as it is: what is written over changes what the model says, and where it is cut off the process ends. Another
    /// model may take its name by renaming, as all that nasrecc writes does. What takes no whole words of 32 bits a row is read into memory.
    Mapped,
}

impl Model {
    /// The files of a model's directory, of which the last is there where the schema learns something.
    pub const FILES: [&str; 3] = [RECORD, WEIGHTS, ENCODER];

    /// Writes it into a directory, which is new, empty or that of a model. Gives its checksum, which no other model has.
    ///
    /// # Errors
    /// The directory holds something else, or the disk takes no more.
    pub fn save(&self, folder: &Path) -> Result<String> {
        let ours = |name: &str| Self::FILES.contains(&name) || name.ends_with(files::UNFINISHED);
        let others = fs::read_dir(folder).into_iter().flatten().flatten();
        if others.into_iter().any(|entry| !ours(&entry.file_name().to_string_lossy())) {
            return Err(ModelError::NotEmpty { path: folder.to_owned() }.into());
        }
        files::create_folder(folder)?;
        let weights = self.store.save_values(&folder.join(WEIGHTS), &label(&self.plan))?;
        let encoder = save_encoder(folder, &self.schema, self.encoder.as_ref())?;
        // Last: with it the directory is a model.
        let record = files::seal(&Record {
            version: form(VERSION, &self.schema, &self.plan),
            nasrecc: env!("CARGO_PKG_VERSION").to_owned(),
            name: self.name.clone(),
            evidence: self.evidence.clone(),
            schema: self.schema.clone(),
            seed: self.seed,
            scaling: self.scaling,
            storage: self.store.kept_as().storage,
            weights,
            encoder,
            plan: self.plan.clone(),
        })?;
        files::replace(&folder.join(RECORD), |file| std::io::Write::write_all(file, &record))?;
        Ok(read(folder)?.1)
    }

    /// Reads it from its directory.
    ///
    /// # Errors
    /// There is none, another version wrote it, or something in it is not what was written.
    pub fn load(folder: &Path) -> Result<Self> {
        Ok(Self::load_known(folder)?.0)
    }

    /// The same, and its checksum, which no other model has.
    ///
    /// # Errors
    /// Those of [`Model::load`].
    pub fn load_known(folder: &Path) -> Result<(Self, String)> {
        Self::load_as(folder, Tables::Read)
    }

    /// The same, with its tables read or left where they lie.
    ///
    /// # Errors
    /// Those of [`Model::load`].
    pub fn load_as(folder: &Path, tables: Tables) -> Result<(Self, String)> {
        let (record, checksum) = read(folder)?;
        let Record { name, evidence, schema, seed, scaling, storage, weights, encoder, plan, .. } = record;
        sound(&folder.join(RECORD), &plan, &schema, scaling)?;
        let path = folder.join(WEIGHTS);
        // Room is made for what the file holds, not for what the plan says.
        Store::check_file(&path, &plan).map_err(|error| damaged(&path, error))?;
        let keep = Keep { memory: Memory::Nothing, storage, average: false };
        let mut store = Store::standalone_kept(&plan, seed, keep)?;
        let kept = match tables {
            Tables::Read => store.load(&path, &label(&plan)),
            Tables::Mapped => store.load_mapped(&path, &label(&plan)),
        };
        let kept = kept.map_err(|error| damaged(&path, error))?;
        if kept.checksum != weights {
            return Err(changed(&path, "it belongs to another model"));
        }
        let encoder = self::encoder(folder, (&folder.join(RECORD), &schema), encoder)?;
        Ok((Self { name, schema, encoder, plan, store, seed, scaling, evidence }, checksum))
    }

    /// Whether a directory holds the model with this checksum, to the last bit.
    ///
    /// # Errors
    /// In words why not.
    pub(crate) fn verify(folder: &Path, checksum: &str) -> Result<()> {
        let (record, found) = read(folder)?;
        if found != checksum {
            return Err(changed(&folder.join(RECORD), "it is of another model"));
        }
        let path = folder.join(WEIGHTS);
        if Store::checksum_of(&path)? != record.weights {
            return Err(changed(&path, "it belongs to another model"));
        }
        record.encoder.map_or(Ok(()), |known| encoder_bytes(folder, &known).map(drop))
    }
}

/// What is known of the model in a directory beside its weights: its name, its columns with what they learnt, its plan, its calibration.
pub(super) type Described = (String, (Schema, Option<Encoder>), Plan, Option<Scaling>);

/// Reads that; the weights are not looked at.
pub(super) fn described(folder: &Path) -> Result<Described> {
    let Record { name, schema, scaling, encoder, plan, .. } = read(folder)?.0;
    let path = folder.join(RECORD);
    sound(&path, &plan, &schema, scaling)?;
    let encoder = self::encoder(folder, (&path, &schema), encoder)?;
    Ok((name, (schema, encoder), plan, scaling))
}

/// Fails where the record at `path` says what cannot be.
pub(super) fn sound(path: &Path, plan: &Plan, schema: &Schema, scaling: Option<Scaling>) -> Result<()> {
    check(plan, schema).map_err(|error| changed(path, &error.to_string()))?;
    if scaling.is_some_and(|scaling| !scaling.is_sound()) {
        return Err(changed(path, "its outputs are calibrated with what would turn them around"));
    }
    Ok(())
}

/// Writes what a schema learnt, where it learnt something: the checksum of that.
pub(super) fn save_encoder(folder: &Path, schema: &Schema, encoder: Option<&Encoder>) -> Result<Option<String>> {
    let path = folder.join(ENCODER);
    let Some(encoder) = encoder else { return files::remove(&path).map(|()| None) };
    let bytes = encoder.to_bytes(schema)?;
    files::replace(&path, |file| std::io::Write::write_all(file, &bytes))?;
    Ok(Some(blake3::hash(&bytes).to_hex().to_string()))
}

/// What the schema of the record at `path` learnt, with the checksum that is known of it.
pub(super) fn encoder(
    folder: &Path,
    (path, schema): (&Path, &Schema),
    known: Option<String>,
) -> Result<Option<Encoder>> {
    let encoder = known.map(|known| Encoder::from_bytes(&encoder_bytes(folder, &known)?, schema)).transpose()?;
    if schema.is_fitted() != encoder.is_some() {
        return Err(changed(path, "it says nothing of what its schema learnt"));
    }
    Ok(encoder)
}

/// What the schema learnt, with this checksum.
fn encoder_bytes(folder: &Path, known: &str) -> Result<Vec<u8>> {
    let path = folder.join(ENCODER);
    // Room is made for what the file holds, and that no more than there is memory for.
    let most = available_memory().map_or(LONGEST_ENCODER, |free| (free.0 / 2).min(LONGEST_ENCODER));
    let bytes = files::read(&path, most).map_err(|error| damaged(&path, error))?;
    if blake3::hash(&bytes).to_hex().as_str() != known {
        return Err(changed(&path, "it belongs to another model"));
    }
    Ok(bytes)
}

fn label(plan: &Plan) -> Label {
    Label { of: format!("model {}", plan.fingerprint()), step: 0 }
}

pub(super) fn changed(path: &Path, what: &str) -> Error {
    let remedy = "take the model from where it came from again".to_owned();
    FileError::Changed { path: path.to_owned(), what: what.to_owned(), remedy }.into()
}

/// The same of a file that is not there, or that holds other tensors.
fn damaged(path: &Path, error: Error) -> Error {
    match error {
        Error::Weights(WeightsError::File { what, .. }) => changed(path, &what),
        error if files::is_missing(&error) => changed(path, "it is not there"),
        error => error,
    }
}

fn read(folder: &Path) -> Result<(Record, String)> {
    let path = folder.join(RECORD);
    let bytes = match files::read(&path, LONGEST) {
        Err(_) if folder.is_file() => return Err(ModelError::File { path: PathBuf::from(folder) }.into()),
        Err(error) if files::is_missing(&error) => {
            return Err(ModelError::None { path: PathBuf::from(folder), record: RECORD }.into());
        }
        read => read?,
    };
    if let Ok(Header { version, nasrecc }) = serde_json::from_slice(&bytes)
        && !(VERSION..=VERSION + 1).contains(&version)
    {
        let here = env!("CARGO_PKG_VERSION").to_owned();
        let form = format!(", whose models have form {version}, where this one's have form {VERSION}");
        return Err(ModelError::OtherVersion { path: folder.to_owned(), there: nasrecc, here, form }.into());
    }
    let (mut record, checksum) = files::unseal::<Record>(&bytes).map_err(|what| changed(&path, what))?;
    if record.plan.version != PLAN_VERSION {
        let here = env!("CARGO_PKG_VERSION").to_owned();
        let form =
            format!(", whose plans have form {}, where this one's have form {PLAN_VERSION}", record.plan.version);
        return Err(ModelError::OtherVersion { path: folder.to_owned(), there: record.nasrecc, here, form }.into());
    }
    record.plan.count_slots(&record.schema);
    Ok((record, checksum))
}

/// Whether a schema has the fields that a node looks up: each as it is, or all places of one list in one table.
fn is_of(node: &Node, schema: &Schema) -> bool {
    let lookups = &node.lookups;
    let is_sequence =
        matches!(node.primitive, Primitive::Mask(_)) || lookups.iter().any(|lookup| lookup.place.is_some());
    if !is_sequence {
        return lookups.iter().all(|lookup| {
            let column = schema.sparse.get(lookup.field);
            column.is_some_and(|column| lookup.pool == column.list.as_ref().map(|list| list.pool))
        });
    }
    let Some(field) = lookups.first().map(|lookup| lookup.field) else { return false };
    let places = schema.sparse.get(field).and_then(|column| column.list.as_ref()).map_or(0, |list| list.most);
    *lookups == Lookup::of_sequence(field, places) && node.params.windows(2).all(|pair| pair[0] == pair[1])
}

/// The form that a record has: a higher one where earlier readers would read something else than is meant.
pub(super) fn form(plain: u32, schema: &Schema, plan: &Plan) -> u32 {
    let from_the_end = schema.sparse.iter().filter_map(|column| column.list.as_ref()).any(|list| list.last);
    let places = plan.nodes.iter().flat_map(|node| &node.lookups).any(|lookup| lookup.place.is_some());
    plain + u32::from(from_the_end || places)
}

/// Whether a plan is sound and reads no other columns than a schema has.
pub(super) fn check(plan: &Plan, schema: &Schema) -> Result<()> {
    let unfit = |what: String| Err(Error::from(ModelError::Unfit { what }));
    if let Err(damage) = sound::check(&plan.nodes, &plan.params, &[plan.logit], &plan.heads) {
        return unfit(damage.to_string());
    }
    if let Some(column) = schema.unsound_cross() {
        return unfit(format!(
            "crossed column {} of schema {} is of no columns that are read",
            column.name, schema.name
        ));
    }
    let alone = plan.params.iter().enumerate().all(|(id, param)| param.id == id && param.is_whole());
    if !alone {
        return unfit("the plan takes slices of a supernet; a model has parameters of its own".to_owned());
    }
    if plan.activation_bytes() > MOST_ACTIVATIONS {
        return unfit(format!("a sample would take {} bytes of values", plan.activation_bytes()));
    }
    for param in &plan.params {
        if let ParamKind::Table { field } = param.kind
            && schema.sparse.get(field).is_none_or(|column| column.rows != param.full[0])
        {
            return unfit(format!("table {} is of no column of schema {}", param.name, schema.name));
        }
    }
    for node in &plan.nodes {
        if !is_of(node, schema) {
            return unfit(format!("{} reads fields as schema {} does not have them", node.path, schema.name));
        }
    }
    Ok(())
}
