//! What a training or evaluation step reads.

use nasrec_compiler::plan::Lookup;
use nasrec_compiler::schema::{Schema, Table};

use super::record::Layout;

/// Rows of a batch that are turned into columns together: written column by column right away, a batch of 512 has its
/// columns in a few sets of the processor's first cache, where they drive each other out. Sixteen values fill a line of
/// it.
const TILE: usize = 16;

/// What stands for a row in the ids of a bag that holds fewer.
pub const EMPTY: u32 = u32::MAX;

/// Encoded samples, the batch as the last axis, row-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Number of samples, `B`.
    pub rows: usize,
    /// `[numeric width, B]`
    pub numeric: Vec<f32>,
    /// `[fields, B]`: row indices into each field's table; a bag has several columns, one behind the other.
    pub ids: Vec<u32>,
    /// Of each field the number of the column of ids that its own end at; nothing, where each field has one.
    pub ends: Vec<usize>,
    /// `[labels, B]`: 0 or 1, in the order of the schema.
    pub labels: Vec<f32>,
    /// `[B]`: how many times each counts where it is learnt from; nothing, where each counts once.
    pub weights: Vec<f32>,
    /// `[B]`: alike for rows of one group; nothing, where rows have none.
    pub groups: Vec<u64>,
}

impl Batch {
    /// The rows that are looked up for a field, `[slots, B]`; none, where the batch has no such field.
    pub fn ids_of(&self, field: usize) -> Option<&[u32]> {
        let (start, end) = match self.ends.get(field) {
            Some(&end) => (field.checked_sub(1).map_or(0, |before| self.ends[before]), end),
            None if self.ends.is_empty() => (field, field.checked_add(1)?),
            None => return None,
        };
        self.ids.get(start.checked_mul(self.rows)?..end.checked_mul(self.rows)?)
    }

    /// What came true of one label of the schema, `[B]`; nothing, where the batch does not tell.
    pub fn labels_of(&self, label: usize) -> &[f32] {
        let start = label.saturating_mul(self.rows);
        self.labels.get(start..).and_then(|labels| labels.get(..self.rows)).unwrap_or_default()
    }

    /// The rows of a lookup, `[slots, B]`: those of a field, or of one place of it, `[1, B]`; none, where the batch has no such.
    pub fn looked_up(&self, of: Lookup) -> Option<&[u32]> {
        let ids = self.ids_of(of.field)?;
        let Some(place) = of.place else { return Some(ids) };
        let start = place.checked_mul(self.rows)?;
        ids.get(start..start.checked_add(self.rows)?)
    }
}

/// How records become the columns of a batch.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    layout: Layout,
    /// See [`Schema::numeric_width`].
    numeric_width: usize,
    /// See [`Batch::ends`].
    ends: Vec<usize>,
    /// What is looked up of crossed columns, behind all that records hold.
    crosses: Vec<Cross>,
}

/// A crossed column.
#[derive(Clone, Debug)]
struct Cross {
    /// Rows of its table.
    rows: usize,
    /// The columns of ids that it is made of.
    of: Vec<usize>,
}

impl Columns {
    pub fn of(schema: &Schema, layout: Layout) -> Self {
        let bags = schema.sparse.iter().any(|column| column.list.is_some());
        let slots: Vec<_> = schema.slots().collect();
        let ends = slots.iter().map(|slots| slots.end).filter(|_| bags).collect();
        let crosses = schema.sparse.iter().enumerate().filter(|(_, column)| column.is_crossed());
        let crosses = crosses.map(|(field, column)| {
            let of = schema.crossed(field).into_iter().map(|of| slots[of].start).collect();
            Cross { rows: column.rows, of }
        });
        Self { layout, numeric_width: schema.numeric_width(), ends, crosses: crosses.collect() }
    }

    /// Bytes of a record.
    pub fn stride(&self) -> usize {
        self.layout.stride()
    }

    /// The batch of some records, in their order.
    pub fn batch(&self, records: &[u8]) -> Batch {
        let mut batch = Batch::default();
        self.fill(&mut batch, records);
        batch
    }

    /// The same in the memory of another batch of these columns.
    pub fn fill(&self, batch: &mut Batch, records: &[u8]) {
        let (layout, stride) = (self.layout, self.layout.stride());
        let rows = records.len() / stride;
        batch.rows = rows;
        // All of it is written below, but for a column of zeros where there are no numbers.
        batch.numeric.resize(self.numeric_width * rows, 0.0);
        batch.ids.resize((layout.fields + self.crosses.len()) * rows, 0);
        batch.labels.resize((1 + layout.other_labels) * rows, 0.0);
        batch.ends.clone_from(&self.ends);
        let words = layout.numeric + layout.fields;
        let mut tile = vec![0u32; words * TILE];
        if layout.weight {
            batch.weights = records.chunks_exact(stride).filter_map(|record| layout.weight(record)).collect();
        }
        if layout.group {
            batch.groups = records.chunks_exact(stride).filter_map(|record| layout.group(record)).collect();
        }
        let (first, others) = batch.labels.split_at_mut(rows);
        if layout.other_labels > 0 {
            for (row, record) in records.chunks_exact(stride).enumerate() {
                let labels = layout.other_labels(record).iter().map(|&label| f32::from(u8::from(label != 0)));
                others.iter_mut().skip(row).step_by(rows).zip(labels).for_each(|(to, label)| *to = label);
            }
        }
        for (index, records) in records.chunks(TILE * stride).enumerate() {
            let (start, count) = (index * TILE, records.len() / stride);
            let records = records.chunks_exact(stride).zip(tile.chunks_exact_mut(words));
            for ((record, words), label) in records.zip(&mut first[start..]) {
                layout.words(record).zip(words).for_each(|(word, to)| *to = word);
                *label = f32::from(layout.label(record));
            }
            let column = |at: usize| tile[at..].iter().step_by(words).take(count).copied();
            for (at, values) in batch.numeric.chunks_exact_mut(rows).take(layout.numeric).enumerate() {
                values[start..].iter_mut().zip(column(at)).for_each(|(value, word)| *value = f32::from_bits(word));
            }
            for (at, ids) in batch.ids.chunks_exact_mut(rows).take(layout.fields).enumerate() {
                ids[start..].iter_mut().zip(column(layout.numeric + at)).for_each(|(id, word)| *id = word);
            }
        }
        let (read, crossed) = batch.ids.split_at_mut(layout.fields * rows);
        for (cross, ids) in self.crosses.iter().zip(crossed.chunks_exact_mut(rows.max(1))) {
            for (row, id) in ids.iter_mut().enumerate() {
                *id = Table::crossed(cross.rows, cross.of.iter().map(|&of| read[of * rows + row]));
            }
        }
    }
}
