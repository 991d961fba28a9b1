//! Live parameters: dense ones at their full shape, tables of one shape side by side, and beside each what its optimiser
//! remembers of it.

use candle_core::{DType, Tensor};
use nasrec_compiler::plan::{Param, Plan};
use nasrec_compiler::recipe::Storage;
use rayon::prelude::*;
use smallvec::SmallVec;

use super::loss::Losses;
use super::traffic::Traffic;
use super::update::followed;
use crate::data::{Batch, EMPTY};
use crate::supernet::{Average, Memory, Rule, Store, Stored, Table};
use crate::{Result, WeightsError};

/// Values that pass at a time when a table is brought or taken back.
const CHUNK: usize = 1 << 20;

/// Most values of a table: the kernels of a GPU count a table's places in 32 bits.
const MOST: usize = u32::MAX as usize;

/// Values, and what the optimiser remembers of each: as many tensors as it remembers numbers. They have the shape of the
/// values, but for what is remembered of whole rows, which has one column. Where an average is kept, its means follow, and of
/// tables how many steps the means of each row have seen.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub values: Tensor,
    pub memory: SmallVec<[Tensor; 2]>,
}

impl State {
    /// The same of each of its tensors.
    pub fn map(&self, f: impl Fn(&Tensor) -> candle_core::Result<Tensor>) -> candle_core::Result<Self> {
        Ok(Self { values: f(&self.values)?, memory: self.memory.iter().map(f).collect::<candle_core::Result<_>>()? })
    }

    /// All of them.
    pub fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        std::iter::once(&self.values).chain(&self.memory)
    }
}

/// The parameters of a store, on a device.
pub struct Params {
    /// The store without its numbers: what its parameters are, how they are kept, and how rows are drawn.
    bare: Store,
    /// One a stored parameter.
    places: Vec<Place>,
    /// Tables that follow each other in the store and have one shape: values `[tables, rows, dim]`.
    banks: Vec<State>,
    pub(super) losses: Losses,
}

enum Place {
    Dense(State),
    Table { bank: usize, index: usize, touched: Touched },
}

/// Which rows of a table training looked up, one bit each: those of a batch whose loss is not finite too, of which the
/// host is not told.
struct Touched(Vec<u64>);

impl Touched {
    fn none(rows: usize) -> Self {
        Self(vec![0; rows.div_ceil(64)])
    }

    fn insert(&mut self, row: usize) {
        self.0[row / 64] |= 1 << (row % 64);
    }

    /// Ascending.
    fn rows(&self) -> impl Iterator<Item = u32> + '_ {
        let of_word = |(word, &bits): (usize, &u64)| {
            let here = move |bit: &u32| bits >> bit & 1 == 1;
            (0..64u32).filter(here).map(move |bit| word as u32 * 64 + bit)
        };
        self.0.iter().enumerate().filter(|(_, bits)| **bits != 0).flat_map(of_word)
    }
}

impl Params {
    /// Brings a store's parameters to the device. Of tables all rows are drawn: there is no memory there that grows.
    pub(super) fn load(traffic: &Traffic, mut store: Store) -> Result<Self> {
        let shapes = bank_shapes(&store)?;
        let zeros = |shape: [usize; 3], dtype| Tensor::zeros(&shape, dtype, traffic.device());
        let bank = |&[tables, rows, dim]: &[usize; 3]| {
            let width = if store.keep.memory == Memory::RowSquares { 1 } else { dim };
            let widths = (0..store.keep.memory.of_value()).map(|_| width);
            let widths = widths.chain([dim, 1].into_iter().filter(|_| store.keep.average));
            let memory = widths.map(|width| zeros([tables, rows, width], DType::F32));
            let values = zeros([tables, rows, dim], dtype(store.keep.storage))?;
            Ok(State { values, memory: memory.collect::<candle_core::Result<_>>()? })
        };
        let banks = shapes.iter().map(bank).collect::<candle_core::Result<Vec<_>>>()?;
        let (mut bank, mut index) = (0, 0);
        let mut places = Vec::with_capacity(store.params.len());
        for (def, stored) in store.defs.iter().zip(&mut store.params) {
            places.push(match stored {
                Stored::Dense(dense) => {
                    let memory = dense.memory.iter().chain([&dense.average]).filter(|memory| !memory.is_empty());
                    let full = def.full.as_slice();
                    let state = State {
                        values: traffic.upload(&dense.values, full)?,
                        memory: memory
                            .map(|memory| traffic.upload(memory, full))
                            .collect::<candle_core::Result<_>>()?,
                    };
                    dense.values = Vec::new();
                    dense.memory = Default::default();
                    dense.average = Vec::new();
                    Place::Dense(state)
                }
                Stored::Table(table) => {
                    if index == shapes[bank][0] {
                        (bank, index) = (bank + 1, 0);
                    }
                    let state = banks[bank].map(|all| all.narrow(0, index, 1))?;
                    let touched = bring(traffic, table, &state)?;
                    table.forget_all();
                    index += 1;
                    Place::Table { bank, index: index - 1, touched }
                }
            });
        }
        let losses = Losses::new(traffic.device())?;
        Ok(Self { bare: store, places, banks, losses })
    }

    /// The store that holds these values: of tables, the rows that training touched.
    pub(super) fn save(&self, traffic: &Traffic) -> Result<Store> {
        let mut store = self.bare.clone();
        for (stored, place) in store.params.iter_mut().zip(&self.places) {
            match (stored, place) {
                (Stored::Dense(dense), Place::Dense(state)) => {
                    dense.values = traffic.download(&state.values)?;
                    let (memory, means) =
                        state.memory.split_at(state.memory.len() - usize::from(self.bare.keep.average));
                    for (to, from) in dense.memory.iter_mut().zip(memory) {
                        *to = traffic.download(from)?;
                    }
                    for from in means {
                        dense.average = traffic.download(from)?;
                    }
                }
                (Stored::Table(table), Place::Table { bank, index, touched }) => {
                    let state = self.banks[*bank].map(|all| all.narrow(0, *index, 1)?.squeeze(0))?;
                    take_back(traffic, table, &state, touched)?;
                }
                _ => unreachable!("a parameter is where its kind is"),
            }
        }
        Ok(store)
    }

    /// Fails unless every parameter of the plan is a slice of one of these.
    pub(super) fn check(&self, plan: &Plan) -> Result<()> {
        self.bare.check(plan)
    }

    /// Fails unless they remember what a rule needs.
    pub(super) fn check_rule(&self, rule: Rule) -> Result<()> {
        self.bare.check_rule(rule)
    }

    /// The dense parameter that a plan's is a slice of. The plan was checked.
    pub(super) fn dense(&self, param: &Param) -> &State {
        match &self.places[param.id] {
            Place::Dense(state) => state,
            Place::Table { .. } => unreachable!("the plan was checked against these parameters"),
        }
    }

    /// Where the table lies that a plan's is a slice of: its bank and its place there. The plan was checked.
    pub(super) fn table(&self, param: &Param) -> (usize, usize) {
        match &self.places[param.id] {
            Place::Table { bank, index, .. } => (*bank, *index),
            Place::Dense(_) => unreachable!("the plan was checked against these parameters"),
        }
    }

    pub(super) fn bank(&self, bank: usize) -> &State {
        &self.banks[bank]
    }

    /// What moves averages, where they are kept.
    pub(super) fn average(&self, update: Option<Average>) -> Option<Average> {
        update.filter(|_| self.bare.keep.average)
    }

    /// Moves the means of all dense parameters, as the end of a step does.
    pub(super) fn follow_all(&mut self, average: Average) -> candle_core::Result<()> {
        for place in &mut self.places {
            if let Place::Dense(State { values, memory }) = place
                && let Some(mean) = memory.last_mut()
            {
                *mean = followed(average, mean, values)?;
            }
        }
        Ok(())
    }

    /// Notes all rows of the trained tables of a plan.
    pub(super) fn touch_all(&mut self, plan: &Plan, trains: impl Fn(usize) -> bool) {
        for (_, param) in plan.params.iter().enumerate().filter(|(index, _)| trains(*index)) {
            if let Place::Table { touched, .. } = &mut self.places[param.id] {
                (0..param.full[0]).for_each(|row| touched.insert(row));
            }
        }
    }

    /// Notes the rows that a batch looks up in the trained tables of a plan.
    pub(super) fn touch(&mut self, plan: &Plan, trains: impl Fn(usize) -> bool, batch: &Batch) {
        for node in &plan.nodes {
            for (index, &param) in node.params.iter().enumerate().filter(|(_, param)| trains(**param)) {
                let Some(lookup) = node.lookup(&plan.params, index) else { continue };
                if let Place::Table { touched, .. } = &mut self.places[plan.params[param].id] {
                    let ids = batch.looked_up(lookup).unwrap_or_default().iter();
                    ids.filter(|&&row| row != EMPTY).for_each(|&row| touched.insert(row as usize));
                }
            }
        }
    }
}

/// The shapes of the banks of a store's tables, in order.
fn bank_shapes(store: &Store) -> Result<Vec<[usize; 3]>> {
    let mut shapes: Vec<[usize; 3]> = Vec::new();
    for (def, stored) in store.defs.iter().zip(&store.params) {
        let Stored::Table(table) = stored else { continue };
        if table.rows.checked_mul(table.dim).is_none_or(|values| values > MOST) {
            let (parameter, rows, dim) = (def.name.to_string(), table.rows, table.dim);
            return Err(WeightsError::TooLarge { parameter, rows, dim }.into());
        }
        match shapes.last_mut() {
            Some([tables, rows, dim]) if [*rows, *dim] == [table.rows, table.dim] => *tables += 1,
            _ => shapes.push([1, table.rows, table.dim]),
        }
    }
    Ok(shapes)
}

fn dtype(storage: Storage) -> DType {
    match storage {
        // Whole numbers are for models at rest: a device has what they stand for.
        Storage::F32 | Storage::Int8 => DType::F32,
        Storage::Bf16 => DType::BF16,
    }
}

/// Fills a table of the device, all `[1, rows, …]`, and says which rows were touched.
fn bring(traffic: &Traffic, table: &Table, to: &State) -> Result<Touched> {
    let mut touched = Touched::none(table.rows);
    let mut records = table.records().peekable();
    let together = (CHUNK / table.dim).clamp(1, table.rows);
    let mut values = vec![0f32; together * table.dim];
    for start in (0..table.rows).step_by(together) {
        let rows = together.min(table.rows - start);
        let values = &mut values[..rows * table.dim];
        let draw = |(row, to): (usize, &mut [f32])| to.copy_from_slice(&table.row(start + row));
        values.par_chunks_exact_mut(table.dim).enumerate().for_each(draw);
        let values = traffic.upload(values, (1, rows, table.dim))?;
        to.values.slice_set(&values.to_dtype(to.values.dtype())?, 1, start)?;
        // What is remembered of untouched rows is nothing.
        let mut memory: SmallVec<[(usize, Vec<f32>); 2]> = SmallVec::new();
        while let Some((row, _, record)) = records.next_if(|(row, ..)| *row < start + rows) {
            touched.insert(row);
            if memory.is_empty() {
                let widths = to.memory.iter().map(|memory| memory.dim(2)).collect::<candle_core::Result<Vec<_>>>()?;
                memory = widths.into_iter().map(|width| (width, vec![0f32; rows * width])).collect();
            }
            let mut record = record;
            for (width, memory) in &mut memory {
                let (part, rest) = record.split_at(*width);
                memory[(row - start) * *width..][..*width].copy_from_slice(part);
                record = rest;
            }
        }
        for (to, (width, memory)) in to.memory.iter().zip(&memory) {
            to.slice_set(&traffic.upload(memory, (1, rows, *width))?, 1, start)?;
        }
    }
    Ok(touched)
}

/// Makes records of the touched rows of a table of the device, all `[rows, …]`.
fn take_back(traffic: &Traffic, table: &mut Table, from: &State, touched: &Touched) -> Result<()> {
    let rows: Vec<u32> = touched.rows().collect();
    for rows in rows.chunks((CHUNK / table.dim).max(1)) {
        let ids = traffic.upload(rows, rows.len())?;
        let picked = from.map(|all| all.index_select(&ids, 0)?.to_dtype(DType::F32))?;
        let values: Vec<f32> = traffic.download(&picked.values)?;
        let memory = picked.memory.iter().map(|memory| traffic.download::<f32>(memory));
        let memory = memory.collect::<candle_core::Result<SmallVec<[_; 2]>>>()?;
        let mut record = Vec::new();
        for (at, (&row, values)) in rows.iter().zip(values.chunks_exact(table.dim)).enumerate() {
            record.clear();
            for memory in &memory {
                let width = memory.len() / rows.len();
                record.extend_from_slice(&memory[at * width..][..width]);
            }
            table.put_with(row as usize, values, &record);
        }
    }
    Ok(())
}
