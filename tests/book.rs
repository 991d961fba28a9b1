//! The book is whole: `docs/SUMMARY.md` lists every page, and what pages link to is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The pages below a folder, as paths from `docs/`.
fn pages(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("a folder entry").path();
        if path.is_dir() {
            pages(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let page = path.strip_prefix(root().join("docs")).expect("inside of docs").display().to_string();
            found.insert(page);
        }
    }
}

/// The targets of links in a page, without code: blocks between fences and what is in backquotes.
fn links(text: &str) -> Vec<String> {
    let mut prose = String::new();
    for (at, part) in text.split("```").enumerate() {
        if at % 2 == 0 {
            prose.extend(part.split('`').step_by(2));
        }
    }
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).collect()
}

#[test]
fn every_page_is_in_the_summary_once() {
    let mut all = BTreeSet::new();
    pages(&root().join("docs"), &mut all);
    all.remove("SUMMARY.md");
    let summary = std::fs::read_to_string(root().join("docs/SUMMARY.md")).expect("the summary is there");
    let listed: Vec<String> = links(&summary).into_iter().filter(|target| !target.is_empty()).collect();
    let once: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), once.len(), "a page is listed twice");
    assert_eq!(once, all);
}

#[test]
fn every_link_to_a_file_leads_somewhere() {
    let mut all = BTreeSet::new();
    pages(&root().join("docs"), &mut all);
    let outside = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"].map(|page| root().join(page));
    let pages = all.iter().map(|page| root().join("docs").join(page)).chain(outside);
    let mut wrong = Vec::new();
    let mut count = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page).expect("a page is text");
        for target in links(&text) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || target.contains("://") {
                continue;
            }
            count += 1;
            if !page.parent().expect("a page has a folder").join(file).exists() {
                wrong.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(count > 40, "{count} links");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
