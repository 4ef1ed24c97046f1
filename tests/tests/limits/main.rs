//! What a publisher allows of a film: signed links, and parts of it.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

mod parts;
mod signed;

use std::fs;
use std::path::Path;

/// The code in a language of a section of the page about it.
fn block(section: &str, language: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/limits.md");
    let page = fs::read_to_string(page).expect("the page");
    let section = page.split("\n## ").find_map(|part| part.strip_prefix(section)).expect("a section");
    let code = section.split(&format!("```{language}\n")).nth(1).expect("code");
    code.split("```").next().expect("its end").to_owned()
}
