//! Tensors of a request: what types they have, and the values of one column of rows.

use std::cell::Cell;
use std::fmt;

use bytes::Bytes;
use nasrec_runtime::data::Given;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Lists within lists that are taken for the rows of a tensor.
pub(crate) const DEEPEST: usize = 8;

/// The type of a tensor's elements, by the names of the Open Inference Protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datatype {
    /// `BOOL`: a byte, 0 or 1.
    Bool,
    /// `INT8` to `INT64`, of so many bytes.
    Int(u8),
    /// `UINT8` to `UINT64`, of so many bytes.
    Uint(u8),
    /// `FP32`
    Fp32,
    /// `FP64`
    Fp64,
    /// `BYTES`: texts of any length.
    Bytes,
}

impl Datatype {
    const ALL: [(&'static str, Self); 12] = [
        ("BOOL", Self::Bool),
        ("INT8", Self::Int(1)),
        ("INT16", Self::Int(2)),
        ("INT32", Self::Int(4)),
        ("INT64", Self::Int(8)),
        ("UINT8", Self::Uint(1)),
        ("UINT16", Self::Uint(2)),
        ("UINT32", Self::Uint(4)),
        ("UINT64", Self::Uint(8)),
        ("FP32", Self::Fp32),
        ("FP64", Self::Fp64),
        ("BYTES", Self::Bytes),
    ];

    /// By its name; none for what is not known here, such as `FP16`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, datatype)| *datatype)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }

    /// Bytes of an element; none where each has its own length.
    pub fn width(self) -> Option<usize> {
        match self {
            Self::Bool => Some(1),
            Self::Int(width) | Self::Uint(width) => Some(usize::from(width)),
            Self::Fp32 => Some(4),
            Self::Fp64 => Some(8),
            Self::Bytes => None,
        }
    }

    /// Whether it is a whole number.
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Int(_) | Self::Uint(_))
    }

    /// Whether it is a number with a fraction.
    pub fn is_real(self) -> bool {
        matches!(self, Self::Fp32 | Self::Fp64)
    }
}

/// A value of JSON, or of a tensor of texts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Element {
    /// `null`
    Missing,
    /// `true` or `false`.
    Truth(bool),
    /// A whole number.
    Int(i64),
    /// One that is beyond those with a sign.
    Unsigned(u64),
    /// A number of 32 bits.
    Single(f32),
    /// Any other number.
    Real(f64),
    /// A text: where it begins among the texts, and its bytes.
    Text(u32, u32),
    /// What is no value of a tensor.
    Object,
}

impl Element {
    /// What it is, for a message.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Missing => "null",
            Self::Truth(_) => "a truth",
            Self::Int(_) | Self::Unsigned(_) => "a whole number",
            Self::Single(_) | Self::Real(_) => "a number",
            Self::Text(..) => "a text",
            Self::Object => "an object",
        }
    }
}

/// Values of JSON, one after the other, whatever lists they are in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Elements {
    /// The values.
    pub all: Vec<Element>,
    /// Their texts.
    pub texts: Vec<u8>,
}

impl Elements {
    /// Adds a text.
    pub fn text(&mut self, text: &[u8]) {
        // A body is far below four gigabytes.
        let (at, length) = (self.texts.len() as u32, text.len() as u32);
        self.texts.extend_from_slice(text);
        self.all.push(Element::Text(at, length));
    }
}

/// How many more values may be read: memory is taken for what a request may have, not for all that a body could hold.
#[derive(Debug)]
pub(crate) struct Left(Cell<usize>);

impl Left {
    /// So many.
    pub fn new(values: usize) -> Self {
        Self(Cell::new(values))
    }

    /// Whether there was one too many.
    pub fn passed(&self) -> bool {
        self.0.get() == 0
    }

    /// One fewer.
    pub fn take<E: serde::de::Error>(&self) -> Result<(), E> {
        let left = self.0.get().saturating_sub(1);
        self.0.set(left);
        if left == 0 { Err(E::custom("there are more values than a request may have")) } else { Ok(()) }
    }
}

/// Adds what is read to elements.
pub(crate) struct Push<'e> {
    pub to: &'e mut Elements,
    /// Lists that may be within each other.
    pub room: usize,
    pub left: &'e Left,
}

impl Push<'_> {
    fn put<E: serde::de::Error>(self, element: Element) -> Result<(), E> {
        self.left.take()?;
        self.to.all.push(element);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Push<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Push<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value, or a list of values")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.put(Element::Missing)
    }

    fn visit_bool<E: serde::de::Error>(self, truth: bool) -> Result<(), E> {
        self.put(Element::Truth(truth))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        self.put(Element::Int(number))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        self.put(i64::try_from(number).map_or(Element::Unsigned(number), Element::Int))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        self.put(Element::Real(number))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.left.take()?;
        self.to.text(text.as_bytes());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Some(room) = self.room.checked_sub(1) else { return Err(A::Error::custom("lists are nested too deeply")) };
        while list.next_element_seed(Push { to: &mut *self.to, room, left: self.left })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.put(Element::Object)
    }
}

/// The values of one column, row after row.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Of a type whose elements have one length, as bytes, the lowest first.
    Packed(Datatype, Bytes),
    /// One by one, and the bytes that their texts are in.
    Single(Vec<Element>, Bytes),
}

impl Values {
    /// The value of a row.
    ///
    /// # Panics
    /// When there are not that many.
    #[inline]
    pub fn given(&self, row: usize) -> Given<'_> {
        match self {
            Self::Packed(datatype, bytes) => packed(*datatype, bytes, row),
            Self::Single(all, texts) => match all[row] {
                Element::Missing | Element::Object => Given::Missing,
                Element::Truth(truth) => Given::Truth(truth),
                Element::Int(number) => Given::Int(number),
                Element::Unsigned(number) => Given::Unsigned(number),
                Element::Single(number) => Given::Single(number),
                Element::Real(number) => Given::Real(number),
                Element::Text(at, length) => Given::Text(&texts[at as usize..][..length as usize]),
            },
        }
    }
}

fn packed(datatype: Datatype, bytes: &[u8], row: usize) -> Given<'static> {
    fn at<const N: usize>(bytes: &[u8], row: usize) -> [u8; N] {
        bytes.as_chunks::<N>().0[row]
    }
    match datatype {
        Datatype::Bool => Given::Truth(bytes[row] != 0),
        Datatype::Int(1) => Given::Int(i64::from(bytes[row].cast_signed())),
        Datatype::Int(2) => Given::Int(i64::from(i16::from_le_bytes(at(bytes, row)))),
        Datatype::Int(4) => Given::Int(i64::from(i32::from_le_bytes(at(bytes, row)))),
        Datatype::Int(_) => Given::Int(i64::from_le_bytes(at(bytes, row))),
        Datatype::Uint(1) => Given::Unsigned(u64::from(bytes[row])),
        Datatype::Uint(2) => Given::Unsigned(u64::from(u16::from_le_bytes(at(bytes, row)))),
        Datatype::Uint(4) => Given::Unsigned(u64::from(u32::from_le_bytes(at(bytes, row)))),
        Datatype::Uint(_) => Given::Unsigned(u64::from_le_bytes(at(bytes, row))),
        Datatype::Fp32 => Given::Single(f32::from_le_bytes(at(bytes, row))),
        Datatype::Fp64 => Given::Real(f64::from_le_bytes(at(bytes, row))),
        Datatype::Bytes => Given::Missing,
    }
}
