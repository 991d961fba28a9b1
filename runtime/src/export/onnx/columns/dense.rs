//! Numeric columns: those that are made by the same steps are computed side by side.

use nasrec_compiler::schema::{DenseColumn, Fill, Transform};

use super::super::graph::Writing;
use super::super::inputs::{MISSING, Takes};
use super::super::numbers::{bounded, log1p, seconds};
use super::super::proto::Kind;
use super::{Columns, Rows, Several, any, beyond, category, sayable};
use crate::Result;
use crate::data::Encoder;

/// From here on a number of 64 bits is infinite as one of 32.
const INFINITE: f64 = 340_282_356_779_733_661_637_539_395_458_142_568_448.0;

impl Columns<'_> {
    /// These numeric columns, `[batch, width]`; all of them where none are named.
    pub fn numeric(&mut self, to: &mut Writing, called: &str, which: &[usize]) -> Result<String> {
        if self.schema.dense.is_empty() {
            // One column of zeros, as many as there are rows.
            let Some(&field) = self.fields.first() else {
                return Err(beyond("a model that reads no column".to_owned(), "export one that reads some"));
            };
            let Rows { ids, .. } = self.rows(to, field)?;
            let (first, axes) = (to.int(0), to.ints(&[1]));
            let first = to.gather("first", &ids, &first, 1);
            let first = to.op("Unsqueeze", &[&first, &axes]);
            let zeros = to.op("Sub", &[&first, &first]);
            return Ok(to.cast(&zeros, Kind::Float));
        }
        let all: Vec<usize> = (0..self.schema.dense.len()).collect();
        let which = if which.is_empty() { &all } else { which };
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for &at in which {
            let column = &self.schema.dense[at];
            match groups.iter_mut().find(|group| alike(&self.schema.dense[group[0]], column)) {
                Some(group) => group.push(at),
                None => groups.push(vec![at]),
            }
        }
        let numbers: Vec<String> = groups.iter().map(|group| self.dense(to, group)).collect::<Result<_>>()?;
        let order: Vec<usize> = groups.concat();
        if order == *which {
            let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
            return Ok(to.concat(called, &numbers, 1));
        }
        let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        let grouped = to.concat("numbers", &numbers, 1);
        let places = which.iter().filter_map(|at| order.iter().position(|column| column == at));
        let places: Vec<i64> = places.map(|place| place as i64).collect();
        let places = to.ints(&places);
        Ok(to.gather(called, &grouped, &places, 1))
    }

    /// A value whose first axis is the batch.
    pub fn any(&mut self, to: &mut Writing) -> Result<String> {
        match self.fields.first() {
            Some(&field) => Ok(self.rows(to, field)?.ids),
            None if !self.schema.dense.is_empty() => self.raw(to, 0),
            None => Err(beyond("a model that reads no column".to_owned(), "export one that reads some")),
        }
    }

    /// Numeric columns that are made alike, side by side: `[batch, columns]` numbers of 32 bits.
    fn dense(&mut self, to: &mut Writing, group: &[usize]) -> Result<String> {
        let (schema, encoder) = (self.schema, self.encoder);
        let column = &schema.dense[group[0]];
        let each: Vec<String> = group.iter().map(|&at| self.raw(to, at)).collect::<Result<_>>()?;
        let each: Vec<&str> = each.iter().map(String::as_str).collect();
        let mut x = if let [one] = each[..] { one.to_owned() } else { to.concat("columns", &each, 1) };
        let mut there = None;
        if column.encoding.is_none() {
            self.whole(to, &column.kind, &x);
            x = seconds(to, &column.kind, x);
            let missing = to.op("IsNaN", &[&x]);
            there = Some(to.op("Not", &[&missing]));
        }
        for (step, transform) in column.transforms.iter().enumerate() {
            let learnt = |which: usize| -> Vec<f64> {
                let of =
                    |&at: &usize| encoder.and_then(|encoder| encoder.steps(at).get(step).copied()).unwrap_or_default();
                group.iter().map(of).map(|found: [f64; 2]| found[which]).collect()
            };
            let said = || -> Vec<f64> {
                let each = group.iter().map(|&at| match schema.dense[at].transforms[step] {
                    Transform::Max(number) | Transform::Min(number) | Transform::Missing(Fill::Constant(number)) => {
                        number
                    }
                    _ => 0.0,
                });
                each.collect()
            };
            match *transform {
                Transform::Max(_) => x = bounded(to, &x, &said(), "GreaterOrEqual"),
                Transform::Min(_) => x = bounded(to, &x, &said(), "LessOrEqual"),
                Transform::Log1p => x = log1p(to, &x),
                Transform::Missing(fill) => {
                    let fills = if matches!(fill, Fill::Constant(_)) { said() } else { learnt(0) };
                    let fills = to.doubles(&fills);
                    if let Some(there) = there.take() {
                        x = to.either(&there, &x, &fills);
                    }
                }
                Transform::Standardise | Transform::MinMax => {
                    let (shift, scale) = (to.doubles(&learnt(0)), to.doubles(&learnt(1)));
                    x = to.op("Sub", &[&x, &shift]);
                    x = to.op("Mul", &[&x, &scale]);
                }
            }
            if *transform == Transform::MinMax {
                // Not Clip: what is no number stays none.
                let (least, most) = (to.double(0.0), to.double(1.0));
                let (below, above) = (to.op("Less", &[&x, &least]), to.op("Greater", &[&x, &most]));
                x = to.either(&below, &least, &x);
                x = to.either(&above, &most, &x);
            }
        }
        let zero = to.double(0.0);
        if let Some(there) = there {
            x = to.either(&there, &x, &zero);
        }
        let (size, infinite) = (to.op("Abs", &[&x]), to.double(INFINITE));
        let finite = to.op("Less", &[&size, &infinite]);
        if !column.is_fitted() {
            let refused = to.op("Not", &[&finite]);
            let refused = any(to, &refused);
            self.refused.push(refused);
        }
        let x = to.either(&finite, &x, &zero);
        Ok(to.cast(&x, Kind::Float))
    }

    /// What a numeric column is before its steps, `[batch, 1]`.
    fn raw(&mut self, to: &mut Writing, at: usize) -> Result<String> {
        let column = &self.schema.dense[at];
        if let Some(encoder) = self.encoder.filter(|_| column.encoding.is_some()) {
            return self.encoded(to, at, encoder);
        }
        let separator = column.element.as_ref().map(|element| element.separator.clone());
        let several = Several { separator, of: column.element.as_ref().map(|element| element.of), field: None };
        let x = self.input(to, &column.from, (&column.kind, Takes::Numbers), several);
        let Some(element) = &column.element else { return Ok(x) };
        let index = to.ints(&[element.index as i64]);
        Ok(to.gather(&column.name, &x, &index, 1))
    }

    /// The number of a category.
    fn encoded(&mut self, to: &mut Writing, at: usize, encoder: &Encoder) -> Result<String> {
        let column = &self.schema.dense[at];
        let Some(numbers) = encoder.numbers_of(self.schema, at) else {
            return Err(beyond(
                format!("column {} has learnt nothing", column.name),
                "export a model that was trained",
            ));
        };
        let takes = category(&column.kind);
        let Some(takes) = takes.filter(|_| sayable(&column.kind, numbers.known.iter().map(|(value, _)| *value))) else {
            let what = match takes {
                Some(Takes::Texts) => format!("column {} has a category that is no UTF-8", column.name),
                Some(_) => {
                    format!("column {} has the category {MISSING}, which stands for a missing one there", column.name)
                }
                None => format!("column {} is made of categories, and its type has none", column.name),
            };
            return Err(beyond(what, "leave that column out, or export the model as torch or C"));
        };
        let x = self.input(to, &column.from, (&column.kind, takes), Several::default());
        let count = numbers.known.len() as i64;
        let known: Vec<(&[u8], i64)> = numbers.known.iter().map(|(value, _)| *value).zip(0..).collect();
        let place = self.look_up(to, &x, takes, &known, (count, count + 1));
        let becomes: Vec<f64> =
            numbers.known.iter().map(|(_, number)| *number).chain([numbers.missing, numbers.unknown]).collect();
        let becomes = to.doubles(&becomes);
        Ok(to.gather(&column.name, &becomes, &place, 0))
    }
}

/// Whether two numeric columns are made by the same steps, whatever numbers are in these.
fn alike(a: &DenseColumn, b: &DenseColumn) -> bool {
    let step = |transform: &Transform| match *transform {
        Transform::Missing(Fill::Constant(_)) => (std::mem::discriminant(transform), true),
        _ => (std::mem::discriminant(transform), false),
    };
    a.kind == b.kind
        && a.encoding.is_some() == b.encoding.is_some()
        && a.is_fitted() == b.is_fitted()
        && a.transforms.iter().map(step).eq(b.transforms.iter().map(step))
}
