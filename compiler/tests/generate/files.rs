//! Random programs of several files: the items of one, dealt out over files that import each other, under names that
//! other files use for something else.

use std::collections::{BTreeMap, BTreeSet};

use rand_chacha::ChaCha8Rng;

use super::{Generator, items};

/// Files by name, the entry last; it has a space, and imports the schema `table` of `table.nasrec`, which is not among
/// them.
pub struct Files {
    pub all: Vec<(String, String)>,
    pub entry: String,
}

/// Where files lie: some of one name, some in the place of what ships.
const PATHS: [&str; 7] = [
    "a/parts.nasrec",
    "b/parts.nasrec",
    "parts.nasrec",
    "schemas.nasrec",
    "std/cross.nasrec",
    "a/std/fields.nasrec",
    "b/deep/parts.nasrec",
];
/// What many items are called, if their files allow it: names that ship, and ours.
const NAMES: [&str; 8] = ["cross", "cross_2", "fc", "gating", "plus_2", "best", "fit", "attention"];
/// What constants are called, and operators where they are not checked: names of the language.
const LANGUAGE: [&str; 7] = ["gram", "tanh", "shift", "sum_last", "mean_last", "field_products", "pair_products"];
const KINDS: [&str; 5] = ["const ", "op ", "space ", "block ", "schema "];

/// An item as it was drawn: its name is the only one of its kind in the program.
struct Part {
    name: String,
    kind: &'static str,
    text: String,
    file: usize,
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// The text with these words in place of others; `name_2` numbers what is called `name`.
fn substituted(text: &str, new: &BTreeMap<&str, &str>) -> String {
    let mut out = String::new();
    for piece in text.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_')) {
        let word = words(piece).next().unwrap_or_default();
        let numbered = word.rsplit_once('_').filter(|(_, n)| n.parse::<u32>().is_ok());
        let with = match (new.get(word), numbered) {
            (Some(new), _) => (*new).to_owned(),
            (None, Some((name, n))) if new.contains_key(name) => format!("{}_{n}", new[name]),
            _ => word.to_owned(),
        };
        out.push_str(&with);
        out.push_str(&piece[word.len()..]);
    }
    out
}

/// The path by which one file imports another.
fn path_between(from: &str, to: &str) -> String {
    format!("{}{to}", "../".repeat(from.matches('/').count()))
}

/// A sound program of two to five files.
pub fn program(rng: ChaCha8Rng) -> Files {
    let mut g = Generator::new(rng);
    let (count, mut drawn) = (g.below(12) + 4, Vec::new());
    for at in 0..=count {
        g.out.clear();
        if at == count {
            items::space(&mut g)
        } else {
            g.item()
        }
        drawn.extend(apart(&g.out));
    }
    let count = drawn.len() - 1;
    let files = g.below(4) + 2;
    let mut dealt: Vec<usize> = (0..count).map(|_| g.below(files)).collect();
    dealt.sort_unstable();
    dealt.push(files - 1);
    let parts: Vec<Part> = drawn.into_iter().zip(dealt).map(|(text, file)| part(text, file)).collect();

    let mut paths: Vec<&str> = Vec::new();
    while paths.len() < files - 1 {
        let path = g.one(&PATHS);
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths.push("entry.nasrec");
    // What each file imports: from which, and what; all of it where nothing is listed.
    let mut imports: Vec<Vec<(usize, Vec<usize>)>> = Vec::new();
    let mut seen: Vec<BTreeSet<usize>> = Vec::new();
    for file in 0..files {
        let own: Vec<&Part> = parts.iter().filter(|part| part.file == file).collect();
        let used: BTreeSet<&str> = own.iter().flat_map(|part| words(&part.text)).collect();
        let needed = |of: usize| {
            let of_file = (0..parts.len()).filter(|&at| parts[at].file == of && !parts[at].name.is_empty());
            of_file.collect::<Vec<usize>>()
        };
        let mut own_imports = Vec::new();
        let mut visible: BTreeSet<usize> = needed(file).into_iter().collect();
        for from in 0..file {
            let mut listed: Vec<usize> =
                needed(from).into_iter().filter(|&at| used.contains(parts[at].name.as_str())).collect();
            if listed.is_empty() {
                continue;
            }
            if g.chance(25) {
                listed.clear();
                visible.extend(needed(from));
            }
            visible.extend(&listed);
            own_imports.push((from, listed));
        }
        imports.push(own_imports);
        seen.push(visible);
    }

    let header = |file: usize| {
        let table = if file == files - 1 { "import \"table.nasrec\" { table }\n" } else { "" };
        format!("import \"std/ctr.nasrec\" {{ fc, norm, gating, plus, efc, fm }}\n{table}")
    };
    let texts: Vec<String> = (0..files)
        .map(|file| {
            let own = parts.iter().filter(|part| part.file == file).map(|part| part.text.as_str());
            header(file) + &own.collect::<String>()
        })
        .collect();
    let taken: Vec<BTreeSet<&str>> = texts.iter().map(|text| words(text).collect()).collect();
    let mut names: Vec<String> = parts.iter().map(|part| part.name.clone()).collect();
    for at in 0..parts.len() {
        if parts[at].kind.is_empty() || g.chance(25) {
            continue;
        }
        let other = g.below(files);
        let inner: Vec<&str> = taken[other].iter().copied().filter(|word| is_ours(word)).collect();
        let wanted = match parts[at].kind {
            "op " | "const " if g.chance(60) => g.one(&LANGUAGE),
            _ if inner.is_empty() || g.chance(50) => g.one(&NAMES),
            _ => g.one(&inner),
        };
        let allowed = (0..files).filter(|&file| seen[file].contains(&at)).all(|file| {
            let rival = seen[file].iter().any(|&item| names[item] == wanted);
            // Where it is checked, no operator may have a name of the language.
            let checked =
                file == files - 1 && parts[at].file == file && parts[at].kind == "op " && LANGUAGE.contains(&wanted);
            !rival && !checked && !taken[file].contains(wanted)
        });
        if allowed {
            names[at] = wanted.to_owned();
        }
    }

    let mut all = Vec::new();
    for (file, path) in paths.iter().enumerate() {
        let mut text = String::new();
        for (from, listed) in &imports[file] {
            let listed: Vec<&str> = listed.iter().map(|&at| names[at].as_str()).collect();
            let listed = if listed.is_empty() { String::new() } else { format!(" {{ {} }}", listed.join(", ")) };
            text.push_str(&format!("import \"{}\"{listed}\n", path_between(path, paths[*from])));
        }
        let new: BTreeMap<&str, &str> =
            seen[file].iter().map(|&at| (parts[at].name.as_str(), names[at].as_str())).collect();
        text.push_str(&substituted(&texts[file], &new));
        all.push(((*path).to_owned(), text));
    }
    Files { all, entry: "entry.nasrec".to_owned() }
}

/// What an item's first line says: its keyword and its name.
fn head(line: &str) -> Option<(&'static str, &str)> {
    let mut kinds = KINDS.iter().chain(&["search ", "arch ", "test "]).copied();
    kinds.find_map(|kind| Some((kind, words(line.strip_prefix(kind)?).next()?)))
}

/// The items of a text, each by itself: a search may be drawn with its schema.
fn apart(text: &str) -> Vec<String> {
    let mut items: Vec<String> = vec![String::new()];
    let mut headed = false;
    for line in text.split_inclusive('\n') {
        let last = items.last_mut().expect("there is one");
        if head(line).is_some() && std::mem::replace(&mut headed, true) {
            // With what is said right above it.
            let said = last.lines().rev().take_while(|line| line.starts_with("//")).map(|line| line.len() + 1);
            let item = last.split_off(last.len() - said.sum::<usize>()) + line;
            items.push(item);
        } else {
            last.push_str(line);
        }
    }
    items
}

fn part(text: String, file: usize) -> Part {
    let (kind, name) = text.lines().find_map(head).unwrap_or_default();
    // Nothing refers to a test.
    let name = if kind == "test " { String::new() } else { name.to_owned() };
    Part { name, kind: if KINDS.contains(&kind) { kind } else { "" }, text, file }
}

/// Whether a word is a name that the generator made.
fn is_ours(word: &str) -> bool {
    let start = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let starts = ["op_", "space_", "cell_", "ws", "k", "y", "w", "b", "x", "s", "h", "i", "d"];
    start != word && starts.contains(&start)
}
