//! A model as a module of candle's, for programs that are written in it.
//!
//! Lives here: the module (`Network`), what it is told beside its weights (`config`), and what it looks up for its input (`rows`). Never:
//! what an op computes (`ops`), or how a plan is gone through (`backend::device`), which are those of training on a device.

mod config;
mod rows;

use std::collections::HashMap;
use std::sync::Arc;

use candle_core::{DType, Device, Error, Module, Result, Tensor, Var, bail};
use candle_nn::VarBuilder;
use nasrec_compiler::plan::{Init, Node, Param, ParamKind, Plan};
use nasrec_compiler::primitives::Primitive;

pub use config::Config;
use rows::{Looked, Slots};

use super::Model;
use crate::backend::device;
use crate::backend::device::pass::{self, Leaves, Pass};
use crate::ops::device::Indices;
use crate::ops::unbiased;
use crate::train::Scaling;

/// A model's plan over tensors of candle's: from encoded rows to logits, on any device of candle's, and differentiable by its tape.
///
/// Its input is one tensor `[batch, columns]`, as [`Module`] has it: first the numbers of a row, then the rows of embedding tables that
/// are looked up for it, -1 where a bag holds fewer; [`Config::columns`] names them. It is of 64 bits (`f64`), which hold numbers of 32
/// bits and every row's number exactly; one of 32 bits (`f32`) is taken where no table has more than 2^24 rows. [`Network::logits`] takes
/// the two parts apart, for devices without numbers of 64 bits. [`Config::encode`] makes such a tensor of the texts of a row.
///
/// What comes out are logits `[batch]`, for a loss; [`Network::probabilities`] says what `nasrecc predict` says of the same rows, but for
/// the last digits.
///
/// ```
/// use candle_core::{DType, Device, Module};
/// use candle_nn::{Optimizer, VarBuilder, VarMap};
/// use nasrec_runtime::model::{Config, Network};
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// # use nasrec_compiler::{ItemKind, Program, Space, loader::Memory, recipe::Counts, streams::Streams};
/// # use nasrec_runtime::{export::Exporter, model::{Evidence, Model}, supernet::Store};
/// # let text = "schema clicks { label click; dense I[1..2]; sparse C[1..2]: int | modulo(rows: 40) }
/// # space net {
/// #   input numeric: dense
/// #   input fields: categorical
/// #   logit = linear(concat(numeric, flatten(embed(fields, 4))), 1)
/// # }
/// # search s on net with clicks { data { synthetic { rows: 10 } } }";
/// # let (program, _) = Program::load("net.nasrec", &Memory::new([("net.nasrec", text)]));
/// # let search = program.search(&program.find(ItemKind::Search, "s").unwrap(), &[]).unwrap();
/// # let space = Space::bind(&search.space, &search.schema).unwrap();
/// # let plan = space.plan(&space.sample(Counts::Uniform, &mut Streams::new(5).rng("arch", 0))).unwrap().standalone();
/// # let store = Store::standalone(&plan, 1)?;
/// # let model = Model::new("net", (search.schema, None), plan, store, 1, Evidence::default())?;
/// # Exporter::named("candle").unwrap().export(&model, folder)?;
/// let device = Device::Cpu;
/// // A folder that `nasrecc export --format candle` wrote.
/// let config = Config::load(folder)?;
/// let weights = std::fs::read(folder.join("weights.safetensors"))?;
/// let network = Network::load(VarBuilder::from_buffered_safetensors(weights, DType::F32, &device)?, &config)?;
/// // The texts of two rows, in the order of the schema's columns: the label's is not looked at.
/// let xs = config.encode(&[["", "0.5", "3.25", "17", "4"], ["", "", "-1", "23", ""]], &device)?;
/// assert_eq!(config.columns(), ["I1", "I2", "C1", "C2"]);
/// assert_eq!(network.probabilities(&xs)?.to_vec1::<f32>()?.len(), 2);
///
/// // Trained further: the same tensors as variables.
/// let mut variables = VarMap::new();
/// let network = Network::load(VarBuilder::from_varmap(&variables, DType::F32, &device), &config)?;
/// variables.load(folder.join("weights.safetensors"))?;
/// let mut optimiser = candle_nn::AdamW::new_lr(variables.all_vars(), 1e-3)?;
/// let clicks = candle_core::Tensor::new(&[1f32, 0.0], &device)?;
/// let before = network.forward(&xs)?.to_vec1::<f32>()?;
/// let loss = candle_nn::loss::binary_cross_entropy_with_logit(&network.forward_train(&xs)?, &clicks)?;
/// optimiser.backward_step(&loss)?;
/// assert_ne!(network.forward(&xs)?.to_vec1::<f32>()?, before);
/// variables.save(folder.join("trained.safetensors"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Network {
    plan: Arc<Plan>,
    /// One a plan parameter: tables whole.
    params: Vec<Tensor>,
    /// Those of `params` that are kept statistics, which [`Network::forward_train`] moves.
    statistics: Vec<Option<Var>>,
    /// One a node: what it looks up.
    looked_up: Vec<Vec<Looked>>,
    slots: Slots,
    scaling: Option<Scaling>,
    indices: Arc<Indices>,
    dtype: DType,
    device: Device,
}

impl Network {
    /// The network of a model with the tensors that a builder has under the names of the plan's parameters, such as
    /// `b[2].d.fc.linear.weight`, in numbers of 32 or of 64 bits. Where the builder makes variables ([`VarBuilder::from_varmap`]), they
    /// are drawn as nasrecc draws the weights that a training begins with.
    ///
    /// # Errors
    /// A tensor is missing or has another shape; the builder is of another type of numbers; plan and columns do not fit together.
    pub fn load(vb: VarBuilder, config: &Config) -> Result<Self> {
        let (dtype, device) = (vb.dtype(), vb.device().clone());
        if !matches!(dtype, DType::F32 | DType::F64) {
            bail!(
                "a network computes with numbers of 32 or 64 bits; the builder is of {dtype:?}, expected DType::F32 or DType::F64"
            );
        }
        let plan = config.plan();
        if plan.heads.len() > 1 {
            bail!("the model predicts {} labels, and a network one: make it of `Model::of_label`", plan.heads.len());
        }
        let width = config.numbers();
        // All of them, or some.
        let misread = |node: &Node| match (&node.primitive, node.columns.iter().max()) {
            (Primitive::Numeric(_), None) => Some(node.shape[0]).filter(|&found| found != width),
            (Primitive::Numeric(_), Some(last)) => Some(last + 1).filter(|&found| found > width),
            _ => None,
        };
        if let Some(found) = plan.nodes.iter().find_map(misread) {
            bail!("the plan reads {found} numbers of a row, and schema {} has {width}", config.schema().name);
        }
        let (slots, looked_up) = Slots::of(config, &device)?;
        let mut params = Vec::with_capacity(plan.params.len());
        let mut statistics = Vec::with_capacity(plan.params.len());
        for param in &plan.params {
            let tensor = vb.get_with_hints(param.shape().to_vec(), &param.name, drawn(param))?;
            // Of a map of variables it is the map's own. No gradient reaches it: it is moved by what passes through.
            let kept = (param.kind == ParamKind::Statistic).then(|| Var::from_tensor(&tensor)).transpose()?;
            params.push(kept.as_ref().map_or(tensor, |kept| kept.detach()));
            statistics.push(kept);
        }
        let (indices, plan, scaling) =
            (Arc::new(Indices::new(device.clone())), Arc::new(plan.clone()), config.scaling());
        Ok(Self { plan, params, statistics, looked_up, slots, scaling, indices, dtype, device })
    }

    /// The network of a model that is in memory, with its weights in numbers of 32 bits.
    ///
    /// # Errors
    /// The device has no memory for them.
    pub fn of(model: &Model, device: &Device) -> crate::Result<Self> {
        let mut tensors = HashMap::new();
        for (index, param) in model.plan().params.iter().enumerate() {
            let mut bytes = Vec::with_capacity(4 * param.len());
            model.store().write_values(index, &mut bytes).map_err(Error::wrap)?;
            let values = bytes.as_chunks().0.iter().map(|&bytes| f32::from_ne_bytes(bytes)).collect();
            tensors.insert(param.name.to_string(), Tensor::from_vec::<_, f32>(values, param.shape().to_vec(), device)?);
        }
        Ok(Self::load(VarBuilder::from_tensors(tensors, DType::F32, device), &Config::of(model)?)?)
    }

    /// What it computes.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The click probability of each row, `[batch]`, calibrated where the model is: what `nasrecc predict` says, but for the last digits.
    ///
    /// # Errors
    /// Those of [`Network::forward`].
    pub fn probabilities(&self, xs: &Tensor) -> Result<Tensor> {
        let logits = self.forward(xs)?;
        candle_nn::ops::sigmoid(&match self.scaling {
            Some(Scaling { scale, offset }) => logits.affine(scale, offset)?,
            None => logits,
        })
    }

    /// The same as [`Network::forward`] of the two parts of an input: numbers `[batch, numbers]` of 32 or 64 bits, and rows of tables
    /// `[batch, looked up]` in `i64`, -1 where a bag holds fewer.
    ///
    /// # Errors
    /// Those of [`Network::forward`].
    pub fn logits(&self, numbers: &Tensor, rows: &Tensor) -> Result<Tensor> {
        let rows = self.slots.rows(rows)?;
        Ok(self.compute(numbers, &rows, false)?.0)
    }

    /// The logits of a step of training, `[batch]`: values are dropped out at the rates of the space, drawn by candle on the device, and
    /// norms over the batch take its own statistics, which move the kept ones.
    ///
    /// # Errors
    /// Those of [`Network::forward`].
    pub fn forward_train(&self, xs: &Tensor) -> Result<Tensor> {
        let (numbers, rows) = self.slots.parts(xs)?;
        let (logits, pass) = self.compute(&numbers, &rows, true)?;
        let samples = xs.dim(0)?;
        for (node, found) in self.plan.nodes.iter().zip(&pass.statistics) {
            let (Some(found), Primitive::BatchNorm(norm)) = (found, node.primitive) else { continue };
            let found = found.detach();
            let found = [found.get(0)?, (found.get(1)? * unbiased(samples))?];
            let kept = node.params.iter().filter_map(|&param| self.statistics[param].as_ref());
            for (kept, found) in kept.zip(found) {
                kept.set(&((kept.detach() * (1.0 - norm.momentum))? + (found * norm.momentum)?)?)?;
            }
        }
        Ok(logits)
    }

    /// The logits, `[batch]`. `rows` are sound.
    fn compute(&self, numbers: &Tensor, rows: &Tensor, trains: bool) -> Result<(Tensor, Pass)> {
        let (samples, width) = numbers.dims2()?;
        if (width, rows.dims2()?) != (self.slots.numbers(), (samples, self.slots.looked_up())) {
            let (found, expected) = ([numbers.shape(), rows.shape()], [self.slots.numbers(), self.slots.looked_up()]);
            bail!(
                "numbers and rows of tables are {found:?}; expected [batch, {}] and [batch, {}]",
                expected[0],
                expected[1]
            );
        }
        let numbers = numbers.to_dtype(self.dtype)?.contiguous()?;
        let leaf = |(node, looked_up): (&Node, &Vec<Looked>)| match node.primitive {
            Primitive::Numeric(_) => device::columns(node, &numbers).map(Some),
            Primitive::Weight(_) | Primitive::Fill(_) => {
                device::zeros(node, samples, self.dtype, &self.device).map(Some)
            }
            Primitive::Embed(_) => rows::look_up(looked_up, &self.params, rows).map(Some),
            Primitive::Mask(_) => rows::there(looked_up, rows, self.dtype).map(Some),
            Primitive::Dropout(dropout) if trains => {
                let shape: Vec<usize> = std::iter::once(samples).chain(node.shape.iter().copied()).collect();
                let kept = Tensor::rand(0f32, 1f32, shape, &self.device)?.ge(dropout.rate)?;
                (kept.to_dtype(self.dtype)? * (1.0 / (1.0 - dropout.rate))).map(Some)
            }
            _ => Ok(None),
        };
        let dense = |(param, tensor): (&Param, &Tensor)| (!param.kind.is_table()).then(|| tensor.clone());
        let plan = &self.plan;
        let leaves = Leaves {
            params: plan.params.iter().zip(&self.params).map(dense).collect(),
            nodes: plan.nodes.iter().zip(&self.looked_up).map(leaf).collect::<Result<_>>()?,
            of_batch: trains,
            stepwise: true,
        };
        let wanted = vec![false; plan.nodes.len()];
        let pass = pass::forward(plan, &[plan.logit], &leaves, &wanted, &self.indices)?;
        Ok((pass.logits[0].squeeze(1)?, pass))
    }
}

impl Module for Network {
    /// The logit of each row, `[batch]`, not calibrated, of an input `[batch, columns]` of 64 bits: numbers, then rows of tables.
    fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        let (numbers, rows) = self.slots.parts(xs)?;
        Ok(self.compute(&numbers, &rows, false)?.0)
    }
}

/// How a parameter is drawn, as candle says it.
fn drawn(param: &Param) -> candle_nn::Init {
    let fans = (param.full[0] + param.full.get(1).copied().unwrap_or(1)) as f64;
    let normal = |stdev| candle_nn::Init::Randn { mean: 0.0, stdev };
    match param.init {
        Init::Constant(value) => candle_nn::Init::Const(value),
        Init::XavierUniform => {
            let up = (6.0 / fans).sqrt();
            candle_nn::Init::Uniform { lo: -up, up }
        }
        Init::LecunUniform => {
            let up = (3.0 / (fans - param.full[0] as f64)).sqrt();
            candle_nn::Init::Uniform { lo: -up, up }
        }
        Init::XavierNormal => normal((2.0 / fans).sqrt()),
        Init::Normal(deviation) => normal(deviation),
    }
}
