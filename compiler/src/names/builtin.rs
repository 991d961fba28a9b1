//! What the language itself names, in words: primitives, functions, types, sizes and keywords.

use crate::check::FUNCTIONS;
use crate::primitives::{self, Default, Wants};

/// The switch that every space has and every operator sees.
pub(crate) const NORMALISE: &str = "normalise";
/// Sizes of tensors.
pub(crate) const SIZES: [&str; 3] = ["width", "fields", "dim"];
/// What an argument is that leaves a width open for each of several things.
pub(crate) const WIDTHS: &str = "width in list";
/// How many there are in an input or a list.
pub(crate) const COUNT: &str = "count";
/// What an operator's parameter can be, with what each is.
pub(crate) const TYPES: [(&str, &str); 7] = [
    ("dense", "a tensor of `width` numbers a sample"),
    ("sparse", "a tensor of `fields` rows of `dim` numbers a sample"),
    ("square", "a tensor of all pairs of fields"),
    ("tensor", "dense or sparse"),
    ("size", "a whole number, which may depend on choices"),
    ("switch", "`on` or `off`, or a condition on sizes"),
    ("number", "a number with or without a fraction, which must not depend on choices where it is used"),
];

/// The names of everything that can be called without a definition.
pub(crate) fn callables() -> impl Iterator<Item = &'static str> {
    primitives::names().chain(["concat"]).chain(FUNCTIONS.iter().map(|&(name, _)| name))
}

/// What can be called in `require`, `forbid` and `test`.
const OF_CONDITIONS: [&str; 7] = ["all", "any", "sum", "count", "raw", "valid", "distinct"];

/// Whether a call of this name means the language's, whatever a file defines.
pub(crate) fn is_reserved(name: &str) -> bool {
    name == "concat" || FUNCTIONS.iter().any(|&(known, _)| known == name)
}

/// Whether it is called in expressions without a definition, so that no operator may have its name.
pub(crate) fn is_operator(name: &str) -> bool {
    callables().any(|known| known == name)
}

pub(crate) fn is_callable(name: &str) -> bool {
    callables().chain(OF_CONDITIONS).any(|known| known == name)
}

/// The word of the language for what a parameter takes.
pub(crate) fn type_word(wants: Wants) -> &'static str {
    match wants {
        Wants::Dense => "dense",
        Wants::Sparse => "sparse",
        Wants::Square | Wants::Matrix => "square",
        Wants::Tensor => "tensor",
        Wants::Categorical => "categorical",
        Wants::Sequence => "sequence",
        Wants::Size => "size",
        Wants::Switch => "switch",
        Wants::Widths => WIDTHS,
        Wants::Number | Wants::Share | Wants::Positive => "number",
    }
}

/// The parameters of something built in: each name with its type.
pub(crate) fn params(name: &str) -> Vec<(&'static str, &'static str)> {
    let params = primitives::find(name).map(|signature| signature.params).unwrap_or_default();
    params.iter().map(|(name, wants, _)| (*name, type_word(*wants))).collect()
}

/// How something built in is called, such as `linear(x: tensor, width: size, bias: switch = on)`.
pub(crate) fn signature(name: &str) -> Option<String> {
    if let Some(signature) = primitives::find(name) {
        let params = signature.params.iter().map(|(name, wants, default)| {
            let word = type_word(*wants);
            match default {
                Default::Required => format!("{name}: {word}"),
                Default::Switch(on) => format!("{name}: {word} = {}", if *on { "on" } else { "off" }),
                Default::Number(number) => format!("{name}: {word} = {number}"),
                Default::Absent => format!("{name}?: {word}"),
            }
        });
        return Some(format!("{name}({})", params.collect::<Vec<_>>().join(", ")));
    }
    Some(match name {
        "concat" => "concat(a: tensor, b: tensor, …)".to_owned(),
        "max" | "min" => format!("{name}(a: size, b: size)"),
        "sqrt" | "round" => format!("{name}(a: size)"),
        "all" | "any" | "count" => format!("{name}(condition for name in values)"),
        "sum" => "sum(number for name in values)".to_owned(),
        "raw" => "raw(space)".to_owned(),
        "valid" | "distinct" => format!("{name}(space, schema)"),
        _ => return None,
    })
}

/// What stands behind a `.` of a value, in a sentence.
pub(crate) fn member(name: &str) -> &'static str {
    match name {
        COUNT => "How many columns an input has, how many places a sequence, or how many items a list.",
        size => meaning(size),
    }
}

/// What something built in computes.
pub(crate) fn meaning(name: &str) -> &'static str {
    if let Some(signature) = primitives::find(name) {
        return signature.meaning;
    }
    match name {
        "concat" => "Dense tensors side by side, or sparse ones, field after field.",
        "max" => "The larger of two numbers.",
        "min" => "The smaller of two numbers.",
        "sqrt" => "The square root of a number, or of every element of a tensor.",
        "round" => "The nearest whole number, half away from zero.",
        "all" => "Whether a condition holds for every value.",
        "any" => "Whether a condition holds for some value.",
        "count" => "For how many values a condition holds; of a choice, how many it takes.",
        "sum" => "A number for every value, added up.",
        "raw" => "The number of encodings of a space.",
        "valid" => "The number of encodings that the constraints on choices allow.",
        "distinct" => "The number of architectures that differ, among those that the constraints on choices allow.",
        NORMALISE => "A parameter that every space has (`on` unless it says otherwise) and that every operator sees.",
        "width" => "The width of a dense tensor, and the last size of a sparse one.",
        "fields" => "The number of fields of a sparse tensor.",
        "dim" => "How many numbers each field of a sparse tensor has.",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_built_in_is_explained() {
        for name in callables().chain(SIZES).chain([NORMALISE]) {
            assert!(!meaning(name).is_empty(), "say what `{name}` computes in names/builtin.rs");
        }
        assert!(callables().all(|name| signature(name).is_some()));
        let linear = signature("linear");
        assert_eq!(linear.as_deref(), Some("linear(x: tensor, width: size, bias: switch = on)"));
    }

    #[test]
    fn keywords_are_no_names() {}
}
