//! Rows as JSON objects, whose keys are columns: one, or a list of them.

use std::fmt;
use std::io::Write;

use nasrec_runtime::data::Given;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Form, Request, told};
use crate::inputs::{Inputs, Kind, Place, shown};
use crate::refusal::Refusal;
use crate::tensor::{Element, Elements, Left, Push, Values};

/// Values of a list that one value is made of.
const MOST_LISTED: usize = 1 << 16;

/// Reads rows. `most`: how many there may be.
///
/// # Errors
/// What is wrong with them: in which row, and of which column.
pub fn objects(body: &[u8], inputs: &Inputs, most: usize) -> Result<Request, Refusal> {
    let mut reading = Reading {
        inputs,
        most,
        rows: 0,
        one: false,
        too_many: false,
        columns: inputs.all.iter().map(|_| Elements::default()).collect(),
        list: Elements::default(),
        said: vec![0; inputs.all.len()],
    };
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = Body(&mut reading).deserialize(&mut json).and_then(|()| json.end());
    if reading.too_many {
        return Err(Refusal::of(
            413,
            format!("there are more than {most} rows, and a request may have {most}: send several"),
        ));
    }
    read.map_err(|error| Refusal::bad(told(&error)))?;
    let Reading { rows, one, columns, .. } = reading;
    if rows == 0 {
        return Err(Refusal::bad("there is no row: the list is empty"));
    }
    let columns = columns.into_iter().map(|Elements { all, texts }| Values::Single(all, texts.into())).collect();
    Ok(Request { rows, columns, id: None, form: Form::Rows { one } })
}

/// What was read of rows so far.
struct Reading<'a> {
    inputs: &'a Inputs,
    most: usize,
    rows: usize,
    /// Whether there is an object without a list around it.
    one: bool,
    too_many: bool,
    columns: Vec<Elements>,
    /// Values of a list that one value is made of.
    list: Elements,
    /// The row, counted from 1, that each column was last said of.
    said: Vec<usize>,
}

struct Body<'r, 'a>(&'r mut Reading<'a>);

impl<'de> DeserializeSeed<'de> for Body<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Body<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a row, which is an object of columns, or a list of rows")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.one = true;
        Row(self.0).visit_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Row(&mut *self.0))?.is_some() {}
        Ok(())
    }
}

struct Row<'r, 'a>(&'r mut Reading<'a>);

impl<'de> DeserializeSeed<'de> for Row<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Row<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a row, which is an object of columns")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(reading) = self;
        let row = reading.rows;
        if row == reading.most {
            reading.too_many = true;
            return Err(A::Error::custom("too many rows"));
        }
        reading.rows += 1;
        let (mut said, mut next) = (0, 0);
        while let Some(place) = map.next_key_seed(Key { inputs: reading.inputs, row, next })? {
            let Place::Input(at) = place else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            next = at + 1;
            let name = &reading.inputs.all[at].name;
            if std::mem::replace(&mut reading.said[at], row + 1) == row + 1 {
                return Err(A::Error::custom(format_args!("row {row} has column {} twice", shown(name))));
            }
            said += 1;
            reading.value(at, row, &mut map)?;
        }
        if said < reading.inputs.all.len() {
            let missing = reading.said.iter().position(|&of| of != row + 1).unwrap_or_default();
            let input = &reading.inputs.all[missing];
            let (name, words) = (shown(&input.name), input.kind.words());
            return Err(A::Error::custom(format_args!(
                "row {row} has no column {name}, which the model reads: {words}"
            )));
        }
        Ok(())
    }
}

impl Reading<'_> {
    /// Takes the next value of a row, which is of this input.
    fn value<'de, A: MapAccess<'de>>(&mut self, at: usize, row: usize, map: &mut A) -> Result<(), A::Error> {
        let Self { inputs, columns, list, .. } = self;
        let (input, to) = (&inputs.all[at], &mut columns[at]);
        let wrong = |what: &str| {
            let (name, words) = (shown(&input.name), input.kind.words());
            A::Error::custom(format_args!("row {row}, column {name}: it is {what}, and has to be {words}"))
        };
        let (before, left) = (to.all.len(), Left::new(MOST_LISTED));
        let (Kind::Bag(separator) | Kind::Numbers(separator, _)) = &input.kind else {
            let is_list = map.next_value_seed(Listed { to, left: &left })?;
            return match columns[at].all[before..] {
                _ if is_list => Err(wrong("a list")),
                [element] if input.kind.takes_element(element) => Ok(()),
                [element] => Err(wrong(element.kind())),
                _ => Err(wrong("no value")),
            };
        };
        list.all.clear();
        list.texts.clear();
        let is_list = map.next_value_seed(Listed { to: list, left: &left })?;
        if !is_list {
            let element = list.all[0];
            if !input.kind.takes_element(element) {
                return Err(wrong(element.kind()));
            }
            match element {
                Element::Text(..) => to.text(&list.texts),
                _ => to.all.push(Element::Missing),
            }
            return Ok(());
        }
        let numbers = matches!(input.kind, Kind::Numbers(..));
        for element in &list.all {
            let fits = match element {
                Element::Int(_) | Element::Unsigned(_) => true,
                Element::Real(_) | Element::Single(_) | Element::Missing => numbers,
                Element::Text(at, length) => {
                    let text = &list.texts[*at as usize..][..*length as usize];
                    !numbers && memchr::memmem::find(text, separator.as_bytes()).is_none()
                }
                Element::Truth(_) | Element::Object => false,
            };
            if !fits {
                let what = match element {
                    Element::Text(..) if !numbers => {
                        "a list of a text with the separator of the column in it".to_owned()
                    }
                    _ => format!("a list with {} in it", element.kind()),
                };
                return Err(wrong(&what));
            }
        }
        let count = list.all.len();
        if let Kind::Numbers(_, of) = input.kind
            && count != of
        {
            return Err(wrong(&format!("a list of {count}")));
        }
        let values = Values::Single(std::mem::take(&mut list.all), std::mem::take(&mut list.texts).into());
        to.text(&joined((0..count).map(|part| values.given(part)), separator.as_bytes()));
        Ok(())
    }
}

/// Values as one text, as a file has it.
pub(super) fn joined<'v>(values: impl Iterator<Item = Given<'v>>, separator: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for (at, value) in values.enumerate() {
        if at > 0 {
            text.extend_from_slice(separator);
        }
        // To memory nothing is refused.
        let _written = match value {
            Given::Missing => Ok(()),
            Given::Text(part) => text.write_all(part),
            Given::Truth(truth) => write!(text, "{truth}"),
            Given::Int(number) => write!(text, "{number}"),
            Given::Unsigned(number) => write!(text, "{number}"),
            Given::Single(number) if number.is_nan() => Ok(()),
            Given::Real(number) if number.is_nan() => Ok(()),
            Given::Single(number) => write!(text, "{number:?}"),
            Given::Real(number) => write!(text, "{number:?}"),
        };
    }
    text
}

/// The column that a key names.
struct Key<'a> {
    inputs: &'a Inputs,
    row: usize,
    /// The one that it is where columns come in the order of the schema, and need not be looked up.
    next: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Place;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Place, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Place;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("the name of a column")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Place, E> {
        let Self { inputs, row, next } = self;
        match inputs.all.get(next) {
            Some(input) if input.name == name => Ok(Place::Input(next)),
            _ => inputs.place(name).map_err(|what| E::custom(format_args!("row {row}: {what}"))),
        }
    }
}

/// A value, or a list of values; and whether it was a list.
struct Listed<'e> {
    to: &'e mut Elements,
    left: &'e Left,
}

impl Listed<'_> {
    fn alone(&mut self) -> Push<'_> {
        Push { to: &mut *self.to, room: 0, left: self.left }
    }
}

impl<'de> DeserializeSeed<'de> for Listed<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Listed<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value, or a list of values")
    }

    fn visit_unit<E: serde::de::Error>(mut self) -> Result<bool, E> {
        self.alone().visit_unit().map(|()| false)
    }

    fn visit_bool<E: serde::de::Error>(mut self, truth: bool) -> Result<bool, E> {
        self.alone().visit_bool(truth).map(|()| false)
    }

    fn visit_i64<E: serde::de::Error>(mut self, number: i64) -> Result<bool, E> {
        self.alone().visit_i64(number).map(|()| false)
    }

    fn visit_u64<E: serde::de::Error>(mut self, number: u64) -> Result<bool, E> {
        self.alone().visit_u64(number).map(|()| false)
    }

    fn visit_f64<E: serde::de::Error>(mut self, number: f64) -> Result<bool, E> {
        self.alone().visit_f64(number).map(|()| false)
    }

    fn visit_str<E: serde::de::Error>(mut self, text: &str) -> Result<bool, E> {
        self.alone().visit_str(text).map(|()| false)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<bool, A::Error> {
        while list.next_element_seed(self.alone())?.is_some() {}
        Ok(true)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<bool, A::Error> {
        self.alone().visit_map(map).map(|()| false)
    }
}
