//! The codes: stable, one idea each. `E01` syntax, `E02` names, `E03` types and arguments, `E04` shapes, `E05` data and
//! recipes, `E06` architectures and requirements. `W07` are warnings: what is sound, and hardly meant.

macro_rules! codes {
    ($($name:ident = $code:literal $title:literal),* $(,)?) => {
        /// The code of a diagnostic.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $title] $name),* }

        impl Code {
            /// Every code, by its number.
            pub const ALL: &[Code] = &[$(Code::$name),*];

            /// Such as `E0201`.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $code),* }
            }

            /// Its page in `docs/errors/`: what it means, a wrong example, the right one.
            pub fn page(self) -> &'static str {
                match self {
                    $(Code::$name => include_str!(concat!("../../../docs/errors/", $code, ".md"))),*
                }
            }

            /// What the code is about, in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Code::$name => $title),* }
            }
        }
    };
}

codes! {
    Syntax = "E0101" "text that the grammar does not accept",
    Unbalanced = "E0102" "a bracket without its partner",
    Version = "E0103" "a language version that this compiler does not know",
    TooLarge = "E0104" "a file or expression beyond the limits",
    UnknownName = "E0201" "a name that is not defined here",
    Duplicate = "E0202" "a name defined twice",
    Import = "E0203" "an import that cannot be read",
    ImportCycle = "E0204" "files that import each other",
    Forbidden = "E0205" "an import from a folder that is not allowed",
    Kind = "E0301" "a value of another kind than is expected",
    Arguments = "E0302" "arguments that do not match the parameters",
    NotConstant = "E0303" "a value that must not depend on choices",
    MaybeEmpty = "E0304" "a `maybe` where its absence has no meaning",
    Unlabelled = "E0305" "a choice that nothing names",
    Recursion = "E0306" "an operator that calls itself",
    Shape = "E0401" "shapes that do not agree under every choice",
    Size = "E0402" "a size that is not a positive whole number",
    Pick = "E0403" "a pick that cannot be satisfied",
    Block = "E0404" "a block or space that misses a part",
    Schema = "E0501" "a schema line that is not understood",
    Recipe = "E0502" "a setting that is not understood",
    Unbound = "E0503" "an input that the schema cannot fill",
    Choice = "E0601" "an architecture's value that its space does not offer",
    Missing = "E0602" "an architecture that leaves out a live choice",
    Disallowed = "E0603" "an architecture that its space does not allow",
    Conflict = "E0604" "requirements that no architecture satisfies",
    UnusedImport = "W0701" "an import that nothing uses",
    Unused = "W0702" "a definition that nothing uses",
    Shadowed = "W0703" "a name that hides another",
    DeadChoice = "W0704" "a choice that no logit depends on",
    Alike = "W0705" "alternatives that are the same",
    Unread = "W0706" "an output that no logit reads",
    DeadWidth = "W0707" "a width that no shape has",
    Always = "W0708" "a requirement that always holds",
    Settled = "W0709" "an `if` that is decided the same way every time",
    Undecided = "W0710" "requirements that cannot be decided",
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
