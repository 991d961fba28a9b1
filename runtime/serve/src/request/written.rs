//! An inference request as it is written, read with a bound on its values.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::tensor::{DEEPEST, Elements, Left, Push};

/// Sizes of a shape.
const MOST_AXES: usize = 16;

/// A request.
pub(super) struct Written {
    pub id: Option<String>,
    pub parameters: Option<Parameters>,
    pub inputs: Vec<Tensor>,
    pub outputs: Option<Vec<Output>>,
}

/// An input.
pub(super) struct Tensor {
    pub name: String,
    pub shape: Vec<i64>,
    pub datatype: String,
    pub parameters: Option<Parameters>,
    pub data: Option<Elements>,
}

/// An output that is asked for.
#[derive(Deserialize)]
pub(super) struct Output {
    pub name: String,
    #[serde(default)]
    pub parameters: Option<Parameters>,
}

/// What is said of a request, an input or an output.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Parameters {
    pub binary_data_size: Option<u64>,
    pub binary_data: Option<bool>,
    pub binary_data_output: Option<bool>,
    pub shared_memory_region: Option<IgnoredAny>,
    pub classification: Option<IgnoredAny>,
}

/// Reads a request of at most so many values.
pub(super) fn read(json: &[u8], left: &Left) -> serde_json::Result<Written> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let written = Request(left).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(written)
}

/// Takes the value of a field that is there once.
fn once<'de, A: MapAccess<'de>, T, S: DeserializeSeed<'de, Value = T>>(
    map: &mut A,
    field: &'static str,
    to: &mut Option<T>,
    seed: S,
) -> Result<(), A::Error> {
    match to.replace(map.next_value_seed(seed)?) {
        None => Ok(()),
        Some(_) => Err(A::Error::duplicate_field(field)),
    }
}

struct Request<'l>(&'l Left);

impl<'de> DeserializeSeed<'de> for Request<'_> {
    type Value = Written;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Written, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Request<'_> {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object with `inputs`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
        let (mut id, mut parameters, mut inputs, mut outputs) = (None, None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "id" => once(&mut map, "id", &mut id, PhantomData::<Option<String>>)?,
                "parameters" => {
                    once(&mut map, "parameters", &mut parameters, PhantomData::<Option<Parameters>>)?;
                }
                "inputs" => once(&mut map, "inputs", &mut inputs, Inputs(self.0))?,
                "outputs" => {
                    once(&mut map, "outputs", &mut outputs, PhantomData::<Option<Vec<Output>>>)?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let inputs = inputs.ok_or_else(|| A::Error::missing_field("inputs"))?;
        Ok(Written { id: id.flatten(), parameters: parameters.flatten(), inputs, outputs: outputs.flatten() })
    }
}

struct Inputs<'l>(&'l Left);

impl<'de> DeserializeSeed<'de> for Inputs<'_> {
    type Value = Vec<Tensor>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Tensor>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Inputs<'_> {
    type Value = Vec<Tensor>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of tensors")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Tensor>, A::Error> {
        let mut inputs = Vec::new();
        while let Some(input) = list.next_element_seed(Input(self.0))? {
            inputs.push(input);
        }
        Ok(inputs)
    }
}

struct Input<'l>(&'l Left);

impl<'de> DeserializeSeed<'de> for Input<'_> {
    type Value = Tensor;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tensor, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Input<'_> {
    type Value = Tensor;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a tensor, which is an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tensor, A::Error> {
        let (mut name, mut shape, mut datatype, mut parameters, mut data) = (None, None, None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "name" => once(&mut map, "name", &mut name, PhantomData::<String>)?,
                "shape" => once(&mut map, "shape", &mut shape, Shape)?,
                "datatype" => once(&mut map, "datatype", &mut datatype, PhantomData::<String>)?,
                "parameters" => {
                    once(&mut map, "parameters", &mut parameters, PhantomData::<Option<Parameters>>)?;
                }
                "data" => once(&mut map, "data", &mut data, Data(self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let missing = A::Error::missing_field;
        Ok(Tensor {
            name: name.ok_or_else(|| missing("name"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
            datatype: datatype.ok_or_else(|| missing("datatype"))?,
            parameters: parameters.flatten(),
            data,
        })
    }
}

struct Shape;

impl<'de> DeserializeSeed<'de> for Shape {
    type Value = Vec<i64>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<i64>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Shape {
    type Value = Vec<i64>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a shape, which is a list of whole numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<i64>, A::Error> {
        let mut sizes = Vec::new();
        while let Some(size) = list.next_element()? {
            if sizes.len() == MOST_AXES {
                return Err(A::Error::custom(format_args!("a shape has more than {MOST_AXES} sizes")));
            }
            sizes.push(size);
        }
        Ok(sizes)
    }
}

struct Data<'l>(&'l Left);

impl<'de> DeserializeSeed<'de> for Data<'_> {
    type Value = Elements;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Elements, D::Error> {
        let mut elements = Elements::default();
        Push { to: &mut elements, room: DEEPEST, left: self.0 }.deserialize(deserializer)?;
        Ok(elements)
    }
}
