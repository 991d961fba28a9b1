//! The columns that a model reads, as inputs of a request: what they are called, and which values they take.

use std::collections::HashMap;

use nasrec_compiler::diagnostics::nearest;
use nasrec_compiler::schema::{Schema, TimeFormat, Type};

use crate::tensor::{Datatype, Element};

/// Names that a message lists.
const LISTED: usize = 12;

/// What the values of a column are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Numbers, among them times in seconds.
    Number,
    /// Whole numbers.
    Whole,
    /// True or false.
    Truth,
    /// Texts; what they have to say beside that is for the schema.
    Text,
    /// Several categories: a text with this between them, or a list.
    Bag(String),
    /// So many numbers: a text with this between them, or a list.
    Numbers(String, usize),
    /// What is read in several ways: as it stands in a file.
    Any,
}

/// A column that a model reads.
#[derive(Clone, Debug)]
pub struct Input {
    /// As files call it.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
}

/// Where the values of a name go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// To this input.
    Input(usize),
    /// Nowhere: the schema knows it, and predicting does not read it.
    Unread,
}

/// All that a model reads.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// In the order of the schema.
    pub all: Vec<Input>,
    places: HashMap<String, Place>,
}

impl Inputs {
    /// Those of a schema, of which `columns` are read.
    pub fn new(schema: &Schema, columns: &[String]) -> Self {
        let all: Vec<Input> =
            columns.iter().map(|name| Input { name: name.clone(), kind: kind_of(schema, name) }).collect();
        let said = [Some(&schema.label.column), schema.weight.as_ref(), schema.group.as_ref(), schema.part.as_ref()];
        let time = schema.time.as_ref().map(|time| &time.column);
        let unread = said.into_iter().chain([time]).flatten().chain(&schema.columns);
        let mut places: HashMap<String, Place> = unread.map(|name| (name.clone(), Place::Unread)).collect();
        places.extend(all.iter().enumerate().map(|(at, input)| (input.name.clone(), Place::Input(at))));
        Self { all, places }
    }

    /// Where a name's values go.
    ///
    /// # Errors
    /// Nowhere, in words.
    pub fn place(&self, name: &str) -> Result<Place, String> {
        self.places.get(name).copied().ok_or_else(|| {
            let near = nearest(name, self.all.iter().map(|input| input.name.as_str()));
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            format!("the model knows no column {}{near} It reads {}", shown(name), self.listed())
        })
    }

    /// Values that a row may have, those among them that are not read.
    pub fn values(&self) -> usize {
        let more = self.places.len() - self.all.len();
        self.all.iter().map(|input| input.kind.width().unwrap_or(1)).sum::<usize>() + more
    }

    fn listed(&self) -> String {
        let names: Vec<&str> = self.all.iter().take(LISTED).map(|input| input.name.as_str()).collect();
        let more = self.all.len().saturating_sub(LISTED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", names.join(", "))
    }
}

impl Kind {
    /// The type of its tensors, as it is announced.
    pub fn datatype(&self) -> Datatype {
        match self {
            Self::Number | Self::Numbers(..) => Datatype::Fp64,
            Self::Whole => Datatype::Int(8),
            Self::Truth => Datatype::Bool,
            Self::Text | Self::Bag(_) | Self::Any => Datatype::Bytes,
        }
    }

    /// Numbers of a row, where a row has several.
    pub fn width(&self) -> Option<usize> {
        match self {
            Self::Numbers(_, of) => Some(*of),
            _ => None,
        }
    }

    /// Whether tensors of a type have its values. Texts are read as they are in a file.
    pub fn takes(&self, datatype: Datatype) -> bool {
        datatype == Datatype::Bytes
            || match self {
                Self::Number | Self::Whole => datatype.is_whole() || datatype.is_real(),
                Self::Truth => datatype == Datatype::Bool || datatype.is_whole(),
                Self::Text | Self::Bag(_) => false,
                Self::Numbers(..) => datatype.is_real(),
                Self::Any => true,
            }
    }

    /// The types of tensors that have its values, for a message.
    pub fn datatypes(&self) -> &'static str {
        match self {
            Self::Number | Self::Whole => "FP64, FP32, INT64 and other whole numbers, or BYTES",
            Self::Truth => "BOOL, a whole number, or BYTES",
            Self::Text | Self::Bag(_) => "BYTES",
            Self::Numbers(..) => "FP64, FP32 or BYTES",
            Self::Any => "any of the protocol's but FP16",
        }
    }

    /// Whether it has a value of JSON.
    pub fn takes_element(&self, element: Element) -> bool {
        match element {
            Element::Missing => true,
            Element::Object => false,
            Element::Text(..) => matches!(self, Self::Text | Self::Bag(_) | Self::Numbers(..) | Self::Any),
            Element::Truth(_) => matches!(self, Self::Truth | Self::Any),
            Element::Int(_) | Element::Unsigned(_) => {
                matches!(self, Self::Number | Self::Whole | Self::Truth | Self::Any)
            }
            Element::Single(_) | Element::Real(_) => matches!(self, Self::Number | Self::Whole | Self::Any),
        }
    }

    /// What its values are in JSON, for a message.
    pub fn words(&self) -> String {
        match self {
            Self::Number => "a number or null".to_owned(),
            Self::Whole => "a whole number or null".to_owned(),
            Self::Truth => "true, false or null".to_owned(),
            Self::Text => "a text or null".to_owned(),
            Self::Bag(_) => "a list of texts, a text or null".to_owned(),
            Self::Numbers(_, of) => format!("a list of {of} numbers, a text or null"),
            Self::Any => "a value or null".to_owned(),
        }
    }
}

/// What all that is made of a column takes for its values.
fn kind_of(schema: &Schema, name: &str) -> Kind {
    let dense = schema.dense.iter().filter(|column| column.from == name).map(|column| match &column.element {
        Some(element) => Kind::Numbers(element.separator.clone(), element.of),
        None => of_type(&column.kind),
    });
    let sparse = schema.sparse.iter().filter(|column| column.from == name).map(|column| match &column.list {
        Some(list) => Kind::Bag(list.separator.clone()),
        None => of_type(&column.kind),
    });
    let joined = |one: Kind, other: Kind| match (one, other) {
        (one, other) if one == other => one,
        (Kind::Number, Kind::Whole) | (Kind::Whole, Kind::Number) => Kind::Number,
        _ => Kind::Any,
    };
    dense.chain(sparse).reduce(joined).unwrap_or(Kind::Any)
}

fn of_type(kind: &Type) -> Kind {
    match kind {
        Type::Number | Type::Time(TimeFormat::Seconds | TimeFormat::Milliseconds) => Kind::Number,
        Type::Int => Kind::Whole,
        Type::Bool => Kind::Truth,
        Type::Hex | Type::Text | Type::Time(TimeFormat::Pattern(_)) => Kind::Text,
    }
}

/// A name of a stranger's in a message: in quotes, without what a terminal obeys, and no longer than it takes.
pub(crate) fn shown(name: &str) -> String {
    const LONGEST: usize = 60;
    let short: String = name.chars().take(LONGEST).collect();
    let more = if short.len() < name.len() { "…" } else { "" };
    format!("`{}{more}`", short.escape_debug())
}
