//! The parts of C that are the same for all models, of which each takes what it needs.

use std::collections::BTreeSet;

const SOURCES: [&str; 4] = [
    include_str!("parts/base.c"),
    include_str!("parts/elementary.c"),
    include_str!("parts/values.c"),
    include_str!("parts/ops.c"),
];

/// What begins a part: its name, and those that it needs.
const HEAD: &str = "//: ";

/// Which parts are needed.
#[derive(Default)]
pub(super) struct Pieces(BTreeSet<&'static str>);

struct Piece {
    name: &'static str,
    needs: Vec<&'static str>,
    text: &'static str,
}

fn all() -> impl Iterator<Item = Piece> {
    let parts = SOURCES.iter().flat_map(|source| source.split(HEAD).skip(1));
    parts.filter_map(|part| {
        let (head, text) = part.split_once('\n')?;
        let mut words = head.split(' ');
        Some(Piece { name: words.next()?, needs: words.skip(1).collect(), text })
    })
}

impl Pieces {
    /// Takes a part, and those that it needs.
    pub fn need(&mut self, name: &str) {
        if let Some(piece) = all().find(|piece| piece.name == name)
            && self.0.insert(piece.name)
        {
            piece.needs.iter().for_each(|name| self.need(name));
        }
    }

    /// Those that are needed, each behind what it needs.
    pub fn text(&self) -> String {
        let needed = all().filter(|piece| self.0.contains(piece.name));
        needed.map(|piece| format!("{}\n\n", piece.text.trim_end())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_behind_what_they_need() {
        let mut known: Vec<&str> = Vec::new();
        for piece in all() {
            assert!(piece.needs.iter().all(|name| known.contains(name)), "{} needs {:?}", piece.name, piece.needs);
            assert!(!known.contains(&piece.name), "{} is there twice", piece.name);
            known.push(piece.name);
        }
        let mut pieces = Pieces::default();
        pieces.need("attention");
        assert_eq!(pieces.0.into_iter().collect::<Vec<_>>(), ["attention", "base", "exp", "inner_product", "linear"]);
    }
}
