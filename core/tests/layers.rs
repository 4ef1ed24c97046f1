//! Stages import only from stages before them, and no files import each other.
//!
//! The arrows are the `use` lines and other `crate::` paths of `core/src`, without tests.

#![expect(clippy::unwrap_used, reason = "what fails here is a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The stages, in the order in which data flows. A stage may import from those before it.
const STAGES: [&str; 27] = [
    "limits",
    "numbers",
    "offsets",
    "time",
    "source",
    "request",
    "http",
    "boxes",
    "movie",
    "fragments",
    "index",
    "describe",
    "seek",
    "extents",
    "plan",
    "generate",
    "text",
    "poster",
    "packaging",
    "explanation",
    "virtual_file",
    "pace",
    "server",
    "cache",
    "answer",
    "address_answer",
    "lib",
];

/// Modules that only tests have.
const OF_TESTS: [&str; 2] = ["testing", "tests"];

/// An arrow between two files, by their paths in `src`.
type Arrow = (String, String);

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The files of product code: their module paths, and their paths in `src`.
fn modules() -> BTreeMap<Vec<String>, String> {
    let mut all = BTreeMap::new();
    let mut folders = vec![sources()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            if OF_TESTS.contains(&stem.as_str()) || stem == "bin" {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let file = path.strip_prefix(sources()).unwrap().to_string_lossy().replace('\\', "/");
            let module = file.trim_end_matches(".rs").split('/').map(str::to_owned);
            all.insert(module.filter(|name| name != "mod" && name != "lib").collect(), file);
        }
    }
    all
}

/// Product code without comments: all before the tests, which stand at the end of a file.
fn product(text: &str) -> String {
    let product = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = product.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// A path, and the name that it has where it is imported.
#[derive(Clone)]
struct Import {
    path: Vec<String>,
    name: String,
    /// Whether it is a `pub use`.
    is_public: bool,
}

/// The paths that a `use` tree names.
fn expand(prefix: &[String], tree: &str, is_public: bool, out: &mut Vec<Import>) {
    let mut depth = 0;
    let mut start = 0;
    let mut branches = Vec::new();
    for (at, c) in tree.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                branches.push(&tree[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    branches.push(&tree[start..]);
    for branch in branches.iter().map(|branch| branch.trim()).filter(|branch| !branch.is_empty()) {
        let (path, inner) =
            branch.split_once('{').map_or((branch, None), |(path, inner)| (path, Some(inner)));
        let (path, alias) = path.split_once(" as ").map_or((path, None), |(path, name)| (path, Some(name)));
        let names = path.split("::").map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let full: Vec<String> = prefix.iter().cloned().chain(names).collect();
        match inner {
            Some(inner) => expand(&full, inner.trim_end().strip_suffix('}').unwrap_or(inner), is_public, out),
            None => {
                let last = full.last().map(String::as_str);
                let name = alias.or(last).unwrap_or_default().trim().to_owned();
                out.push(Import { path: full, name, is_public });
            }
        }
    }
}

/// Whether the words before a `use` are just how far it is visible.
fn is_visibility(words: &str) -> bool {
    words.starts_with("pub") && !words.trim_start_matches("pub(in ").contains(' ')
}

/// What product code imports.
fn imports(code: &str) -> Vec<Import> {
    let mut out = Vec::new();
    let mut rest = String::new();
    for statement in code.split_inclusive(';') {
        let before_use = |at: usize| statement[..at].rsplit('\n').next().unwrap_or_default().trim();
        let mut found = statement.match_indices("use ").map(|(at, _)| (at, before_use(at)));
        match found.find(|(_, before)| before.is_empty() || is_visibility(before)) {
            Some((at, before)) => {
                rest.push_str(&statement[..at]);
                expand(&[], statement[at + 4..].trim_end_matches(';'), !before.is_empty(), &mut out);
            }
            None => rest.push_str(statement),
        }
    }
    for (at, _) in rest.match_indices("crate::") {
        let path = rest[at..].split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').next();
        expand(&[], path.unwrap_or_default().trim_end_matches(':'), false, &mut out);
    }
    out
}

/// What each module of product code imports.
struct Sources {
    files: BTreeMap<Vec<String>, String>,
    imports: BTreeMap<Vec<String>, Vec<Import>>,
}

impl Sources {
    fn read() -> Self {
        let files = modules();
        let read = |file| imports(&product(&fs::read_to_string(sources().join(file)).unwrap()));
        let imports = files.iter().map(|(module, file)| (module.clone(), read(file))).collect();
        Self { files, imports }
    }

    /// The module that has what a path names; `None` outside this crate. A `pub use` of something
    /// in the module's own folder is followed, because the folder's files import by way of it.
    fn target(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        if path.iter().any(|name| OF_TESTS.contains(&name.as_str())) {
            return None;
        }
        let mut at: Vec<String> = match first.as_str() {
            "crate" => Vec::new(),
            "self" => module.to_vec(),
            "super" => module[..module.len().checked_sub(1)?].to_vec(),
            child => [module, &[child.to_owned()]].concat(),
        };
        if !self.files.contains_key(&at) {
            return None;
        }
        for name in rest {
            let child = [&at[..], std::slice::from_ref(name)].concat();
            if name == "super" {
                at.pop();
            } else if self.files.contains_key(&child) {
                at = child;
            } else {
                let exports = self.imports.get(&at)?.iter().filter(|import| import.is_public);
                let inside = exports.filter(|import| import.name == *name && import.path != [name.clone()]);
                let target = inside.filter_map(|import| self.target(&at, &import.path)).next();
                return Some(target.filter(|target| target.starts_with(&at)).unwrap_or(at));
            }
        }
        Some(at)
    }

    fn arrows(&self) -> BTreeSet<Arrow> {
        let mut all = BTreeSet::new();
        for (module, imports) in &self.imports {
            for import in imports {
                let Some(target) = self.target(module, &import.path) else { continue };
                let is_facade = import.is_public && target.starts_with(module);
                if target != *module && !is_facade {
                    all.insert((self.files[module].clone(), self.files[&target].clone()));
                }
            }
        }
        all
    }
}

fn arrows() -> BTreeSet<Arrow> {
    Sources::read().arrows()
}

fn stage(file: &str) -> &str {
    file.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

#[test]
fn a_stage_imports_only_from_those_before_it() {
    let place = |file: &str| {
        let place = STAGES.iter().position(|name| *name == stage(file));
        place.unwrap_or_else(|| panic!("{file} has no place in STAGES"))
    };
    let files = modules();
    for name in STAGES {
        assert!(files.values().any(|file| stage(file) == name), "no file is in {name}: take it off the list");
    }
    let mut arrows = arrows();
    arrows.retain(|(from, to)| place(from) < place(to));
    let arrows: Vec<_> = arrows.iter().map(|(from, to)| format!("{from} -> {to}")).collect();
    assert!(arrows.is_empty(), "these import from a later stage:\n{}", arrows.join("\n"));
}

/// Bytes that are not those of a box: the head of an MP3 packet.
const NO_BOXES: [&str; 1] = ["seek/bit_reservoir.rs"];

/// What of a file reads or writes fields of boxes, which `boxes` alone does.
fn box_layout(code: &str) -> Vec<&'static str> {
    // The last is a place behind fixed fields of a box.
    let marks = ["be_bytes", "le_bytes", "payload() +"];
    marks.into_iter().filter(|mark| code.contains(mark)).collect()
}

#[test]
fn no_stage_but_boxes_knows_how_a_box_is_laid_out() {
    let files = modules();
    let code = |file: &String| product(&fs::read_to_string(sources().join(file)).unwrap());
    let is_other = |file: &&String| stage(file) != "boxes" && !NO_BOXES.contains(&file.as_str());
    let found = files.values().filter(is_other).map(|file| (file, box_layout(&code(file))));
    let found: Vec<_> = found.filter(|(_, marks)| !marks.is_empty()).collect();
    assert!(found.is_empty(), "these read or write fields of boxes: {found:?}");
    // The marks are those of the files that do.
    assert_eq!(box_layout(&code(&"boxes/meta.rs".to_owned())), ["payload() +"]);
    assert_eq!(box_layout(&code(&"boxes/write.rs".to_owned())), ["be_bytes"]);
}

/// Files that import each other, one after the other, from `file` back to it.
fn circle(arrows: &BTreeSet<Arrow>, file: &str) -> Option<Vec<String>> {
    let mut paths = vec![vec![file.to_owned()]];
    let mut seen = BTreeSet::new();
    while let Some(path) = paths.pop() {
        let last = path.last()?;
        for (_, to) in arrows.iter().filter(|(from, _)| from == last) {
            let longer = [&path[..], std::slice::from_ref(to)].concat();
            if to == file {
                return Some(longer);
            }
            if seen.insert(to.clone()) {
                paths.insert(0, longer);
            }
        }
    }
    None
}

#[test]
fn no_files_import_each_other() {
    let arrows = arrows();
    let files: BTreeSet<_> = arrows.iter().map(|(from, _)| from.clone()).collect();
    let circles: Vec<_> = files.iter().filter_map(|file| circle(&arrows, file)).collect();
    let shortest = circles.iter().min_by_key(|circle| circle.len());
    assert!(shortest.is_none(), "a circle: {}", shortest.map(|c| c.join(" -> ")).unwrap_or_default());
}

#[test]
fn imports_are_found_however_they_are_written() {
    let code = "
        use super::{a::{B, c as d}, e};
        pub(crate) use f::{self, *};
        fn g() { crate::limits::SMALL_BOX.min(crate::h()) }
        use self::i::J;
    ";
    let found: Vec<String> = imports(code).iter().map(|import| import.path.join("::")).collect();
    let expected = [
        "super::a::B",
        "super::a::c",
        "super::e",
        "f::self",
        "f::*",
        "self::i::J",
        "crate::limits::SMALL_BOX",
        "crate::h",
    ];
    assert_eq!(found, expected);
    let arrows = arrows();
    // The last is found behind the `pub use` of a folder.
    let expected = [
        ("plan/flat/clip.rs", "plan/assembly.rs"),
        ("generate/window.rs", "source/read_at.rs"),
        ("answer.rs", "plan/fragmented/segmenting.rs"),
    ];
    for (from, to) in expected {
        assert!(arrows.contains(&(from.to_owned(), to.to_owned())), "{from} imports from {to}");
    }
}
