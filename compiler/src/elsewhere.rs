//! What people write who know other languages and libraries, and what says the same here.
//!
//! Lives here: words and signs of elsewhere, each with one line of help. Never: what is a mistake, which the parser and the checks find: these
//! ask here once they have found one, so that nothing here can refuse a sound program.

/// Words of elsewhere, and what says the same here.
type Words = &'static [(&'static [&'static str], &'static str)];

fn said(words: Words, word: &str) -> Option<&'static str> {
    words.iter().find(|(all, _)| all.contains(&word)).map(|(_, said)| *said)
}

/// Words that begin a statement.
const STATEMENTS: Words = &[
    (
        &["for", "while", "loop", "foreach"],
        "there are no loops: `let h = repeat 3 from x as h { fc(h, 64) }` computes one thing on top of another, and a `block b[1..3] { … }` \
         has instances that can be connected",
    ),
    (&["return", "yield", "result"], "the last line of a body is what it gives: leave the word out"),
    (&["var", "val", "local", "auto", "set"], "`let` gives a value a name"),
    (
        &["choice", "switch", "match", "one_of", "oneof", "select"],
        "alternatives are a value: `let h = choose { a; b }`",
    ),
    (
        &["param", "parameter", "variable", "hyperparameter"],
        "a parameter of a space stands behind its name, `space s(dim = 16)`; one that is trained is `weight(n)`",
    ),
    (&["output", "outputs", "predict"], "what a space predicts is `logit = …`"),
    (
        &["print", "assert"],
        "`test small { raw(s) == 128 }` states what is to hold, and `nasrecc cost` and `sample` show what there is",
    ),
];

/// What a statement is called here that begins with a word of elsewhere.
pub(crate) fn statement(word: &str) -> Option<&'static str> {
    said(STATEMENTS, word)
}

/// Words that begin an item of a file.
const ITEMS: Words = &[
    (
        &["def", "fn", "func", "function", "fun", "proc", "lambda", "layer"],
        "an operator is `op name(x: dense, w: size) -> dense[w] = …`, or with a body in `{ }`",
    ),
    (
        &["class", "model", "module", "struct", "network", "net", "arch_space", "search_space"],
        "a model is a `space name { … }`, with choices in it or without any",
    ),
    (
        &["from", "use", "using", "include", "require", "load"],
        "names come from another file by `import \"std/ctr.nasrec\" { fc }`",
    ),
    (
        &["let", "var", "val", "set", "define"],
        "a number for all of a file is `const name = …`; all else stands in a space or an operator",
    ),
    (&["table", "data", "dataset", "dataframe", "columns"], "columns of a table are a `schema name { … }`"),
    (
        &["experiment", "run", "fit", "config", "tune"],
        "how a space is searched is a `search name on space with schema { … }`",
    ),
];

/// What an item is called here.
pub(crate) fn item(word: &str) -> Option<&'static str> {
    said(ITEMS, word)
}

/// Operators of libraries.
const OPERATORS: Words = &[
    (
        &["param", "parameter", "Parameter", "variable", "Variable", "get_variable", "free", "trainable"],
        "numbers that are trained and depend on nothing are `weight(n)`, or `weight_fields(n, dim)` as fields",
    ),
    (
        &["Linear", "Dense", "dense", "FC", "fully_connected", "project"],
        "`linear(x, 64)`; with a norm and ReLU, `fc` of `std/ctr.nasrec`",
    ),
    (
        &["Embedding", "embedding", "lookup", "embedding_bag", "EmbeddingBag"],
        "`embed(fields, dim)` looks categories up",
    ),
    (&["cat", "concatenate", "hstack", "vstack", "stack", "join"], "`concat(a, b)` puts tensors behind each other"),
    (
        &["reshape", "view", "unsqueeze", "squeeze", "permute"],
        "`flatten(s)` makes fields numbers, `rows(x, fields, dim)` numbers fields, `transpose(s)` swaps the two",
    ),
    (&["sum", "reduce_sum"], "`sum_last(x)` adds up the numbers of each field, `sum_fields(s)` the fields"),
    (
        &["mean", "reduce_mean", "avg", "average"],
        "`mean_last(x)` is the mean of the numbers of each field; `sum_fields(s)` adds up the fields",
    ),
    (
        &["dot", "inner", "einsum", "bmm", "mm", "outer"],
        "`matmul(a, b)` multiplies fields as matrices, `gram(s)` all pairs of fields",
    ),
    (&["LayerNorm", "layernorm", "norm", "normalize", "rms_norm"], "`layer_norm(x)`, or `batch_norm(x)`"),
    (&["BatchNorm", "BatchNorm1d", "batchnorm", "bn"], "`batch_norm(x)`"),
    (&["Dropout"], "`dropout(x, 20%)`"),
    (&["ReLU", "Relu"], "`relu(x)`"),
    (&["Sigmoid"], "`sigmoid(x)`"),
    (
        &["where", "cond", "ifelse", "switch"],
        "`if c { a } else { b }` chooses by what the compiler knows, `choose { a; b }` is open",
    ),
    (&["optional", "skip"], "`maybe x` is a part that may be left out"),
    (
        &["one_of", "oneof", "choice", "random_choice", "Choice", "OneOf"],
        "alternatives are `choose { a; b }`, sources `pick 1..3 from [a, b, c]`",
    ),
    (&["range", "linspace", "arange"], "a range is `16..256 step 16`"),
];

/// What an operator of a library is called here.
pub(crate) fn operator(name: &str) -> Option<&'static str> {
    said(OPERATORS, name)
}

/// Parameters of other libraries' layers.
const PARAMETERS: Words = &[
    (
        &["activation", "act", "nonlinearity", "act_fn", "activation_fn"],
        "an activation is an operator around it, such as `relu(linear(x, 64))`",
    ),
    (&["use_bias"], "a bias is left out by `bias: off`, where there is one"),
    (&["dropout", "drop", "dropout_rate", "p"], "`dropout(x, 20%)` stands around it"),
    (
        &["units", "out_features", "hidden_units", "in_features", "num_units"],
        "the width is its second argument, and what comes in is known",
    ),
    (
        &["norm", "batch_norm", "layer_norm", "use_bn"],
        "a norm is an operator around it, such as `batch_norm(linear(x, 64))`",
    ),
];

/// What a parameter is called here, or where it stands.
pub(crate) fn parameter(name: &str) -> Option<&'static str> {
    said(PARAMETERS, name)
}

/// Words that begin a line of a schema.
const COLUMNS: Words = &[
    (
        &["sequence", "seq", "history", "bag", "list", "multi", "varlen", "ragged", "multivalent"],
        "several categories of one value are `sparse history: int | list(\"^\", last: 50) | modulo(rows: 100_000)`; with the table of \
         another column, `same(item)` in place of its last step; a space reads them in their order as `input history: sequence from history`",
    ),
    (
        &["categorical", "category", "cat", "id", "discrete", "token", "string", "text"],
        "categories are `sparse`, such as `sparse city: text | vocabulary`",
    ),
    (
        &["numeric", "numerical", "number", "float", "continuous", "int"],
        "numbers are `dense`, such as `dense price | log1p`",
    ),
    (&["target", "y", "click", "labels"], "the label is `label click`, or `label rating >= 4`"),
    (&["ignore", "drop", "unused"], "a column of the file that is not read is `skip name`"),
    (&["separator", "delimiter", "sep", "header", "csv", "tsv", "parquet"], "how the file is written is `format csv`"),
];

/// What a line of a schema begins with here.
pub(crate) fn column(word: &str) -> Option<&'static str> {
    said(COLUMNS, word)
}

/// Steps of a column.
const STEPS: Words = &[
    (
        &["shared", "share", "shared_with", "share_embedding"],
        "a column has the table of another by `same(item)`, as its last step",
    ),
    (
        &["split", "separator", "sequence", "explode"],
        "several categories of one value are `list(\"^\", most: 50)`, before the step to a row",
    ),
    (
        &["max_length", "max_len", "maxlen", "last", "truncate", "pad"],
        "how many categories a value may have is `list(\"^\", most: 50)`, or `list(\"^\", last: 50)`",
    ),
    (
        &["onehot", "one_hot", "embedding", "label_encode", "encode", "categorize"],
        "a category's row is `vocabulary`, `hash(rows: 100_000)` or `modulo(rows: 100_000)`",
    ),
    (&["log", "ln"], "`log1p` is the logarithm of 1 and the number"),
    (
        &["normalize", "normalise", "zscore", "scale", "standardize"],
        "`standardise` subtracts the mean and divides by the deviation, `min_max` brings numbers to between 0 and 1",
    ),
    (
        &["fillna", "fill", "impute", "default"],
        "`missing(mean)`, `missing(median)` or `missing(0)` stands for what is missing",
    ),
    (
        &["bucketize", "bucket", "bins", "cut", "qcut", "discretize"],
        "`quantiles(20)` makes numbers categories, as do `log_buckets` and `log_square`",
    ),
];

/// What a step is called here.
pub(crate) fn step(word: &str) -> Option<&'static str> {
    said(STEPS, word)
}

/// A sign of elsewhere at the beginning of a text, what says the same here, and what would put it right: how many bytes of it are to be replaced by
/// what.
pub(crate) fn sign(rest: &str) -> Option<(&'static str, Option<(usize, &'static str)>)> {
    const SIGNS: [(&str, &str, Option<&str>); 16] = [
        ("#", "comments begin with `//`", Some("//")),
        ("/*", "comments begin with `//` on each line", None),
        ("--", "comments begin with `//`", Some("//")),
        ("&&", "both is `and`", Some("and")),
        ("||", "one or the other is `or`", Some("or")),
        ("&", "both is `and`", None),
        ("|", "one or the other is `or`", None),
        ("!=", "`!=` compares, in `require`, `forbid` and `if`", None),
        ("!", "the opposite is `not`", None),
        ("**", "a square is `square(x)`, any power of a number is a product", None),
        ("^", "a square is `square(x)`, any power of a number is a product", None),
        ("@", "a product of fields as matrices is `matmul(a, b)`", None),
        ("'", "a text is in double quotes", None),
        ("->", "what an operator gives stands behind `->` in its first line alone", None),
        ("=>", "an alternative with a label is `label: value`", None),
        ("?", "`if c { a } else { b }` chooses by what the compiler knows, `maybe x` may be left out", None),
    ];
    let (sign, help, right) = SIGNS.iter().find(|(sign, ..)| rest.starts_with(sign))?;
    // What stands before nothing is no sign of elsewhere, but a slip.
    let is_before = rest[sign.len()..].trim_start_matches(' ').starts_with(|c: char| !c.is_whitespace());
    if !is_before && *sign == "!" {
        return None;
    }
    Some((help, right.map(|right| (sign.len(), right))))
}

/// Values of elsewhere.
const VALUES: Words = &[
    (
        &["i", "j", "k", "idx", "index"],
        "the number of a turn is named by `repeat i in 1..3 from …`, that of an instance by `block b[i in 1..3] { … }`",
    ),
    (&["True", "true", "yes", "enabled"], "a switch is `on` or `off`"),
    (&["False", "false", "no", "disabled"], "a switch is `on` or `off`"),
    (
        &["None", "null", "nil", "none", "nothing"],
        "what may be missing is `maybe x`, and an alternative that does nothing is its source: `choose { layer: fc(x, 64); none: x }`",
    ),
];

/// What a value is called here.
pub(crate) fn value(name: &str) -> Option<&'static str> {
    said(VALUES, name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{DENSE_STEPS, KEYWORDS, SPARSE_STEPS};
    use crate::primitives;

    /// What is a word of the language is none of elsewhere, where it could stand.
    #[test]
    fn no_word_of_the_language_is_of_elsewhere() {
        let words = |of: Words| of.iter().flat_map(|(words, _)| words.iter().copied()).collect::<Vec<&str>>();
        for name in primitives::names() {
            assert!(!words(OPERATORS).contains(&name), "{name}");
        }
        for keyword in KEYWORDS {
            assert!(!words(COLUMNS).contains(&keyword), "{keyword}");
        }
        for (name, all) in [("statements", STATEMENTS), ("items", ITEMS), ("columns", COLUMNS), ("steps", STEPS)] {
            let mut all = words(all);
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count, "a word of {name} is there twice");
        }
    }

    /// What is called in a line of help is there to be called.
    #[test]
    fn what_is_said_instead_is_of_the_language() {
        let std: Vec<&str> =
            crate::library::FILES.iter().filter(|(path, _)| path.starts_with("std/")).map(|(_, text)| *text).collect();
        let is_known = |name: &str| {
            primitives::find(name).is_some()
                || std.iter().any(|text| text.contains(&format!("\nop {name}(")))
                || SPARSE_STEPS.iter().any(|(step, ..)| *step == name)
                || DENSE_STEPS.iter().any(|(step, ..)| *step == name)
                || ["concat", "raw", "name", "s", "f"].contains(&name)
        };
        for (_, said) in [STATEMENTS, ITEMS, OPERATORS, PARAMETERS, COLUMNS, STEPS, VALUES].into_iter().flatten() {
            for code in said.split('`').skip(1).step_by(2) {
                for (at, _) in code.match_indices('(') {
                    let before = &code[..at];
                    let start =
                        before.rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).map_or(0, |end| end + 1);
                    assert!(is_known(&before[start..]), "`{}` in {said}", &before[start..]);
                }
            }
        }
    }
}
