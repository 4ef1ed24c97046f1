//! The examples of the pages in `docs/`.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;

/// A page of `docs/`, by its file name.
///
/// # Panics
/// Where there is none.
pub fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    fs::read_to_string(path).expect("a page of docs")
}

/// The examples in a language of a section of a page.
///
/// # Panics
/// Where there is none.
pub fn blocks(name: &str, section: &str, language: &str) -> Vec<String> {
    let page = page(name);
    let section = page.split("\n## ").find_map(|part| part.strip_prefix(section)).expect("a section");
    let fence = format!("```{language}\n");
    let blocks: Vec<_> =
        section.split(&fence).skip(1).filter_map(|rest| Some(rest.split_once("```")?.0.to_owned())).collect();
    assert!(!blocks.is_empty(), "{name} has no example in {language}");
    blocks
}

/// The first of them.
///
/// # Panics
/// Where there is none.
pub fn block(name: &str, section: &str, language: &str) -> String {
    blocks(name, section, language).swap_remove(0)
}
