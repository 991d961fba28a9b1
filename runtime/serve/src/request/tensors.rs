//! Rows as tensors, one a column: the inference request of the Open Inference Protocol, as JSON, and as JSON with the bytes of tensors
//! behind it (the binary tensor data extension).

use bytes::Bytes;

use super::written::{self, Output, Parameters, Tensor};
use super::{Form, Request, Told, told};
use crate::inputs::{Input, Inputs, Place, shown};
use crate::refusal::Refusal;
use crate::tensor::{Datatype, Element, Elements, Left, Values};

/// Reads a request to a model with these inputs, and outputs of these names. `header`: bytes of the JSON, where bytes of tensors follow it;
/// `most`: rows that it may have.
///
/// # Errors
/// What is wrong with it, and of which input.
pub fn tensors(
    body: &Bytes,
    header: Option<usize>,
    (inputs, outputs): (&Inputs, &[String]),
    most: usize,
) -> Result<Request, Refusal> {
    let (json, binary) = match header {
        None => (body.clone(), None),
        Some(header) if header <= body.len() => (body.slice(..header), Some(body.slice(header..))),
        Some(header) => {
            return Err(Refusal::bad(format!(
                "Inference-Header-Content-Length says {header} bytes of JSON, and the body has {}",
                body.len()
            )));
        }
    };
    // One more, at which it is too many.
    let left = Left::new(most.saturating_mul(inputs.values()).saturating_add(1));
    let written = written::read(&json, &left).map_err(|error| match left.passed() {
        true => Refusal::of(
            413,
            format!("its tensors have more values than {most} rows, and a request may have {most}: send several"),
        ),
        false => Refusal::bad(format!("the body is no inference request: {}", told(&error))),
    })?;
    let mut reading = Reading { inputs, most, rows: None, binary, at: 0 };
    let mut columns: Vec<Option<Values>> = vec![None; inputs.all.len()];
    let mut first: Option<String> = None;
    for tensor in written.inputs {
        let name = tensor.name.clone();
        let place = inputs.place(&name).map_err(|what| Refusal::bad(format!("input {}: {what}", shown(&name))))?;
        let values = reading.values(tensor, place, first.as_deref())?;
        if let Place::Input(at) = place
            && columns[at].replace(values).is_some()
        {
            return Err(Refusal::bad(format!("input {} is there twice", shown(&name))));
        }
        first.get_or_insert(name);
    }
    reading.end()?;
    let rows = reading.rows.unwrap_or(0);
    let columns = columns.into_iter().zip(&inputs.all).map(|(values, input)| values.ok_or_else(|| missing(input)));
    let columns = columns.collect::<Result<_, _>>()?;
    if rows == 0 {
        return Err(Refusal::bad("there is no row: every tensor has a shape of 0 rows"));
    }
    let form = form(outputs, written.outputs.as_deref(), written.parameters.as_ref())?;
    Ok(Request { rows, columns, id: written.id, form })
}

fn missing(input: &Input) -> Refusal {
    let (name, datatype) = (shown(&input.name), input.kind.datatype().name());
    Refusal::bad(format!("there is no input {name}, which the model reads: a tensor of {datatype}, one value a row"))
}

/// In which form the answer is wanted: of all outputs, where none is named.
fn form(known: &[String], wanted: Option<&[Output]>, parameters: Option<&Parameters>) -> Result<Form, Refusal> {
    let all = parameters.and_then(|parameters| parameters.binary_data_output).unwrap_or(false);
    let mut told: Vec<Told> = Vec::new();
    for wanted in wanted.unwrap_or_default() {
        let Some(output) = known.iter().position(|name| *name == wanted.name) else {
            let (name, many) = (shown(&wanted.name), if known.len() == 1 { "one, " } else { "" });
            let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            return Err(Refusal::bad(format!(
                "there is no output {name}: a model here has {many}{}",
                known.join(", ")
            )));
        };
        let name = &known[output];
        let mut binary = all;
        if let Some(parameters) = &wanted.parameters {
            if parameters.shared_memory_region.is_some() {
                return Err(Refusal::bad(format!(
                    "output `{name}`: shared memory is not served; ask for it in the answer"
                )));
            }
            if parameters.classification.is_some() {
                return Err(Refusal::bad(format!(
                    "output `{name}`: it has no classes, but the probability of a click"
                )));
            }
            binary = parameters.binary_data.unwrap_or(all);
        }
        match told.iter_mut().find(|told| told.output == output) {
            Some(known) => known.binary = binary,
            None => told.push(Told { output, binary }),
        }
    }
    if told.is_empty() {
        told.extend((0..known.len()).map(|output| Told { output, binary: all }));
    }
    Ok(Form::Tensors(told))
}

/// What was read of a request so far.
struct Reading<'a> {
    inputs: &'a Inputs,
    most: usize,
    rows: Option<usize>,
    /// The bytes of tensors, where there are any, and how many of them were read.
    binary: Option<Bytes>,
    at: usize,
}

impl Reading<'_> {
    /// The values of a tensor. `first`: the input that said how many rows there are.
    fn values(&mut self, tensor: Tensor, place: Place, first: Option<&str>) -> Result<Values, Refusal> {
        let name = shown(&tensor.name);
        let bad = |what: String| Refusal::bad(format!("input {name}: {what}"));
        let input = match place {
            Place::Input(at) => Some(&self.inputs.all[at]),
            Place::Unread => None,
        };
        let Some(datatype) = Datatype::named(&tensor.datatype) else {
            let known = input.map_or("those of the protocol", |input| input.kind.datatypes());
            return Err(bad(format!("the datatype {} is not known here; it takes {known}", shown(&tensor.datatype))));
        };
        if let Some(input) = input
            && !input.kind.takes(datatype)
        {
            return Err(bad(format!("its datatype is {}, and it takes {}", datatype.name(), input.kind.datatypes())));
        }
        let width = input.and_then(|input| input.kind.width()).filter(|_| datatype != Datatype::Bytes);
        let (rows, count) = shape(&tensor.shape, (input.is_some(), width), self.most)
            .map_err(|refusal| Refusal { message: format!("input {name}: {}", refusal.message), ..refusal })?;
        if *self.rows.get_or_insert(rows) != rows && input.is_some() {
            let (before, first) = (self.rows.unwrap_or(0), shown(first.unwrap_or_default()));
            return Err(bad(format!("it has {rows} rows, and input {first} has {before}")));
        }
        let parameters = tensor.parameters.unwrap_or_default();
        if parameters.shared_memory_region.is_some() {
            return Err(bad("shared memory is not served; send its values".to_owned()));
        }
        let values = match (parameters.binary_data_size, tensor.data) {
            (Some(_), Some(_)) => {
                return Err(bad("it has `data` and `binary_data_size`, of which a tensor has one".to_owned()));
            }
            (None, None) => {
                return Err(bad("it has no values: neither `data` nor a parameter `binary_data_size`".to_owned()));
            }
            (None, Some(elements)) => of_json(elements, datatype, count).map_err(bad)?,
            (Some(size), None) => {
                let bytes = self.take(size).map_err(bad)?;
                of_bytes(bytes, datatype, count).map_err(bad)?
            }
        };
        match input.map(|input| &input.kind) {
            Some(crate::inputs::Kind::Numbers(separator, of)) if width.is_some() => {
                Ok(joined(&values, separator, *of, rows))
            }
            _ => Ok(values),
        }
    }

    /// The next bytes of tensors.
    fn take(&mut self, size: u64) -> Result<Bytes, String> {
        let Some(binary) = &self.binary else {
            return Err(
                "it has a `binary_data_size`, and the request no header Inference-Header-Content-Length".to_owned()
            );
        };
        let left = binary.len() - self.at;
        let size = usize::try_from(size)
            .ok()
            .filter(|&size| size <= left)
            .ok_or_else(|| format!("its `binary_data_size` is {size}, and {left} bytes are left behind the JSON"))?;
        self.at += size;
        Ok(binary.slice(self.at - size..self.at))
    }

    fn end(&self) -> Result<(), Refusal> {
        let left = self.binary.as_ref().map_or(0, |binary| binary.len() - self.at);
        if left == 0 {
            return Ok(());
        }
        Err(Refusal::bad(format!(
            "{left} bytes behind the JSON are of no input: the `binary_data_size` of all of them add up to less"
        )))
    }
}

/// How many rows a shape says, and how many values.
fn shape(shape: &[i64], (read, width): (bool, Option<usize>), most: usize) -> Result<(usize, usize), Refusal> {
    let told = || {
        let shown: Vec<String> = shape.iter().take(8).map(i64::to_string).collect();
        format!("[{}{}]", shown.join(", "), if shape.len() > 8 { ", …" } else { "" })
    };
    let expected = match width {
        Some(width) => format!("[rows, {width}]"),
        None => "[rows] or [rows, 1]".to_owned(),
    };
    let wrong = || Refusal::bad(format!("its shape is {}, and it takes {expected}", told()));
    if shape.iter().any(|&size| size < 0) {
        return Err(Refusal::bad(format!("its shape is {}, and no size is negative", told())));
    }
    let (Some(&rows), width) = (shape.first(), width.unwrap_or(1)) else { return Err(wrong()) };
    let rest = &shape[1..];
    let fits = match rest {
        [] => width == 1,
        [size] => usize::try_from(*size) == Ok(width),
        _ => false,
    };
    if read && !fits {
        return Err(wrong());
    }
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    if rows > most {
        return Err(Refusal::of(413, format!("it has {rows} rows, and a request may have {most}: send several")));
    }
    // Of what is not read any shape will do that can be counted.
    let each = rest.iter().try_fold(1usize, |product, &size| product.checked_mul(usize::try_from(size).ok()?));
    let count = each.and_then(|each| each.checked_mul(rows)).ok_or_else(wrong)?;
    Ok((rows, count))
}

/// Values of JSON, each of which is of the datatype.
fn of_json(elements: Elements, datatype: Datatype, count: usize) -> Result<Values, String> {
    let Elements { mut all, texts } = elements;
    if all.len() != count {
        return Err(format!("its shape has {count} values, and its `data` {}", all.len()));
    }
    for (at, element) in all.iter_mut().enumerate() {
        let fits = match (*element, datatype) {
            (Element::Missing, _)
            | (Element::Truth(_), Datatype::Bool)
            | (Element::Text(..), Datatype::Bytes)
            | (Element::Real(_) | Element::Int(_) | Element::Unsigned(_), Datatype::Fp64) => true,
            (Element::Real(number), Datatype::Fp32) => {
                *element = Element::Single(number as f32);
                true
            }
            (Element::Int(number), Datatype::Fp32) => {
                *element = Element::Single(number as f32);
                true
            }
            (Element::Unsigned(number), Datatype::Fp32) => {
                *element = Element::Single(number as f32);
                true
            }
            (Element::Int(number), Datatype::Int(width)) => {
                let bits = 8 * u32::from(width) - 1;
                number >= -(1i128 << bits) as i64 && i128::from(number) < 1i128 << bits
            }
            (Element::Int(number), Datatype::Uint(width)) => number >= 0 && i128::from(number) < 1i128 << (8 * width),
            (Element::Unsigned(_), Datatype::Uint(8)) => true,
            _ => false,
        };
        if !fits {
            return Err(format!("value {at} of its `data` is {}, and no {}", said(*element, &texts), datatype.name()));
        }
    }
    Ok(Values::Single(all, texts.into()))
}

/// An element in a message.
fn said(element: Element, texts: &[u8]) -> String {
    match element {
        Element::Truth(truth) => truth.to_string(),
        Element::Int(number) => number.to_string(),
        Element::Unsigned(number) => number.to_string(),
        Element::Single(number) => number.to_string(),
        Element::Real(number) => format!("{number:?}"),
        Element::Text(at, length) => {
            let text = String::from_utf8_lossy(&texts[at as usize..][..length as usize]).into_owned();
            format!("the text {}", shown(&text))
        }
        Element::Missing | Element::Object => element.kind().to_owned(),
    }
}

/// Values as bytes.
fn of_bytes(bytes: Bytes, datatype: Datatype, count: usize) -> Result<Values, String> {
    let Some(width) = datatype.width() else { return texts(bytes, count) };
    if count.checked_mul(width) != Some(bytes.len()) {
        return Err(format!(
            "its shape has {count} values of {}, which are {} bytes, and its `binary_data_size` is {}",
            datatype.name(),
            count as u128 * width as u128,
            bytes.len()
        ));
    }
    if datatype == Datatype::Bool
        && let Some(at) = bytes.iter().position(|&byte| byte > 1)
    {
        return Err(format!("byte {at} is {}, and a BOOL is 0 or 1", bytes[at]));
    }
    Ok(Values::Packed(datatype, bytes))
}

/// Texts, each behind its length in four bytes, the lowest first.
fn texts(bytes: Bytes, count: usize) -> Result<Values, String> {
    // What is claimed to be there takes four bytes each.
    if count > bytes.len() / 4 {
        return Err(format!("its shape has {count} texts, and {} bytes do not hold as many", bytes.len()));
    }
    let mut all = Vec::with_capacity(count);
    let mut at = 0;
    for text in 0..count {
        let length =
            bytes.get(at..at + 4).and_then(|length| length.first_chunk()).map(|&length| u32::from_le_bytes(length));
        let cut = || format!("its bytes end within text {text} of {count}");
        let length = length.ok_or_else(cut)?;
        at += 4;
        let end = at.checked_add(length as usize).filter(|&end| end <= bytes.len()).ok_or_else(cut)?;
        let begin = u32::try_from(at).map_err(|_| "its texts take more than four gigabytes".to_owned())?;
        all.push(Element::Text(begin, length));
        at = end;
    }
    if at != bytes.len() {
        return Err(format!("{} bytes are left behind its {count} texts", bytes.len() - at));
    }
    Ok(Values::Single(all, bytes))
}

/// Rows of several numbers, as texts.
fn joined(values: &Values, separator: &str, of: usize, rows: usize) -> Values {
    let mut elements = Elements::default();
    for row in 0..rows {
        let text = super::objects::joined((row * of..(row + 1) * of).map(|at| values.given(at)), separator.as_bytes());
        elements.text(&text);
    }
    Values::Single(elements.all, elements.texts.into())
}
