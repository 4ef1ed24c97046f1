//! The documentation of the directives, against the code and the real servers.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mp4seek::answer::DEFAULT_CACHE_SIZE;
use mp4seek::request::{DEFAULT_EXTENSIONS, Parameter};
use regex::Regex;
use tests::films::film;
use tests::key_file;
use tests::servers::{APACHE, Builder, Engine, engines};

fn read(path: &str) -> String {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    fs::read_to_string(workspace.join(path)).expect("a file of this repository")
}

/// What the first group of a regular expression matches, wherever it does.
fn all(pattern: &str, text: &str) -> BTreeSet<String> {
    let pattern = Regex::new(pattern).expect("a regular expression");
    pattern.captures_iter(text).map(|found| found[1].to_string()).collect()
}

/// The page of a server, and the directives that its module has.
fn page_and_directives(engine: Engine) -> (String, BTreeSet<String>) {
    match engine {
        Engine::Lighttpd => {
            let keys = read("ffi-headers/lighttpd/h264_lighttpd.h");
            let directives = all(r#""(h264-streaming\.[a-z-]+)""#, &keys);
            (read("docs/directives/lighttpd.md"), directives)
        }
        Engine::Nginx => {
            let commands = read("ffi-headers/nginx/directives.c");
            let directives = all(r#"(?:ONE|MORE|DIRECTIVE|ngx_string)\("(h264_streaming\w*)""#, &commands);
            (read("docs/directives/nginx.md"), directives)
        }
        _ => {
            let commands = read("apache-mod/src/directives.rs");
            let directives = all(r#"name: c"(H264Streaming\w*)""#, &commands);
            (read("docs/directives/apache.md"), directives)
        }
    }
}

/// The section of a directive.
fn section<'a>(page: &'a str, directive: &str) -> &'a str {
    let from = page.find(&format!("\n## {directive}\n")).expect("a heading");
    let section = page.get(from + 4..).unwrap_or_default();
    section.split("\n## ").next().unwrap_or_default()
}

/// The code blocks of a section.
fn examples(section: &str) -> Vec<&str> {
    let parts = section.split("```").skip(1).step_by(2);
    parts.map(|block| block.split_once('\n').map_or("", |(_, lines)| lines)).collect()
}

const ENGINES: [Engine; 3] = [APACHE, Engine::Lighttpd, Engine::Nginx];

#[test]
fn every_directive_has_its_section_and_every_section_its_directive() {
    for engine in ENGINES {
        let (page, directives) = page_and_directives(engine);
        let headings = all(r"(?m)^## ([Hh]264\S+)$", &page);
        assert_eq!(headings, directives, "the headings, and the directives of the code ({engine:?})");
        for directive in &directives {
            let section = section(&page, directive);
            for row in ["| Syntax | ", "| Default | ", "| Context | "] {
                assert!(section.contains(row), "{directive} has no row {row}");
            }
            assert!(examples(section).iter().any(|example| example.contains(directive)), "{directive}");
        }
    }
}

/// Other than by wrong values and by its documentation, on each server.
#[test]
fn every_directive_is_tried_by_a_test() {
    fn sources(dir: &Path, text: &mut String) {
        for entry in fs::read_dir(dir).expect("a directory of this repository").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if path.is_dir() {
                sources(&path, text);
            } else if name != "values.rs" && name != "docs.rs" {
                text.push_str(&fs::read_to_string(&path).expect("a test"));
            }
        }
    }
    let mut text = String::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), &mut text);
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/servers"), &mut text);
    for engine in ENGINES {
        for directive in page_and_directives(engine).1 {
            // Others begin with the same words.
            let name = Regex::new(&format!(r"{}(?:[^\w-]|$)", regex::escape(&directive)));
            assert!(name.expect("a regular expression").is_match(&text), "no test has {directive}");
        }
    }
}

#[test]
fn the_documented_defaults_are_those_of_the_code() {
    let (apache, _) = page_and_directives(APACHE);
    let (lighttpd, _) = page_and_directives(Engine::Lighttpd);
    let (nginx, _) = page_and_directives(Engine::Nginx);
    let quoted: Vec<_> = DEFAULT_EXTENSIONS.iter().map(|extension| format!("\"{extension}\"")).collect();
    for (page, directive, default) in [
        (&apache, "H264StreamingExtensions", DEFAULT_EXTENSIONS.join(" ")),
        (&apache, "H264StreamingCacheSize", format!("{}M", DEFAULT_CACHE_SIZE >> 20)),
        (&lighttpd, "h264-streaming.extensions", format!("( {} )", quoted.join(", "))),
        (&lighttpd, "h264-streaming.cache-size", (DEFAULT_CACHE_SIZE >> 10).to_string()),
        (
            &nginx,
            "h264_streaming_extensions",
            format!("h264_streaming_extensions {};", DEFAULT_EXTENSIONS.join(" ")),
        ),
        (
            &nginx,
            "h264_streaming_cache_size",
            format!("h264_streaming_cache_size {}m;", DEFAULT_CACHE_SIZE >> 20),
        ),
    ] {
        let row = format!("| Default | `{default}` |");
        assert!(section(page, directive).contains(&row), "{directive} has not the row {row}");
    }
}

#[test]
fn the_examples_are_accepted_by_the_servers() {
    for engine in engines() {
        let (page, directives) = page_and_directives(engine);
        let examples: Vec<_> =
            directives.iter().flat_map(|directive| examples(section(&page, directive))).collect();
        assert_eq!(examples.len(), directives.len(), "{examples:#?}");
        let keys = key_file("example", "a key of some length\n");
        // What stands in the `http` of nginx alone.
        let (wide, examples): (Vec<_>, Vec<_>) =
            examples.into_iter().partition(|example| example.starts_with("h264_streaming_cache_size"));
        let examples = examples.join("\n").replace("/etc/h264-streaming.keys", &keys.to_string_lossy());
        let site = Builder::new(engine).without_defaults().http(&wide.concat()).config(&examples).start();
        site.allow_log("can be read by every user");
        let path = site.publish(&film("bframes"));
        assert_eq!(site.get(&path).status, 200);
    }
}

/// Who leaves one out of the key of a cache gets one film for another there.
#[test]
fn all_parameters_are_listed_where_all_are_meant() {
    let parameters = BTreeSet::from(Parameter::ALL.map(|parameter| parameter.default_name().to_owned()));
    let between = |text: &str, from: &str, to: &str| {
        let (_, text) = text.split_once(from).expect("what the list begins with");
        all("`([a-z]+)`", text.split(to).next().unwrap_or_default())
    };
    let caching = read("docs/caching.md");
    assert_eq!(between(&caching, "cache key. Leave ", " in it"), parameters, "docs/caching.md");
    for (engine, directive) in [
        (APACHE, "H264StreamingParameters"),
        (Engine::Lighttpd, "h264-streaming.parameters"),
        (Engine::Nginx, "h264_streaming_parameters"),
    ] {
        let (page, _) = page_and_directives(engine);
        let listed = between(section(&page, directive), "The parameters are ", ".");
        assert_eq!(listed, parameters, "{directive}");
    }
}

/// The Markdown files of the repository.
fn pages() -> Vec<String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    let mut pages = Vec::new();
    for dir in ["", "docs", "docs/directives", "core/docs"] {
        for entry in fs::read_dir(workspace.join(dir)).expect("a directory of this repository").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".md") {
                pages.push(if dir.is_empty() { name } else { format!("{dir}/{name}") });
            }
        }
    }
    pages
}

/// The anchors of a page, as GitHub makes them of its headings.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = all(r"(?m)^#+ (.+)$", page);
    let anchor = |heading: &String| {
        let kept = heading.chars().filter(|&c| c.is_alphanumeric() || c == ' ' || c == '-' || c == '_');
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    headings.iter().map(anchor).collect()
}

#[test]
fn links_between_pages_lead_somewhere() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    let pages = pages();
    assert!(pages.len() >= 10, "{pages:?}");
    for name in &pages {
        let page = read(name);
        for link in all(r"\]\(([^)\s]+)\)", &page).iter().filter(|link| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let dir = Path::new(name).parent().expect("a directory");
            let target = if path.is_empty() { Path::new(name).to_owned() } else { dir.join(path) };
            assert!(workspace.join(&target).exists(), "{name}: {link}");
            if !anchor.is_empty() {
                let found = anchors(&read(&target.to_string_lossy()));
                assert!(found.contains(anchor), "{name}: {link} is none of {found:?}");
            }
        }
    }
}

#[test]
fn files_that_pages_name_are_there() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    let folders = "core|apache-mod|lighttpd-mod|ffi-headers|tests|docs|[.]ci|[.]github|[.]packaging";
    let mut named = 0;
    for page in pages() {
        for path in all(&format!(r"`((?:{folders})/[\w./-]+)`"), &read(&page)) {
            assert!(workspace.join(&path).exists(), "{page} names {path}, which is not there");
            named += 1;
        }
    }
    assert!(named >= 20, "only {named} files are named");
}

#[test]
fn the_row_of_fresh_has_what_ci_runs_of_it() {
    let runs = all(r"(?m)^[^#\n]*\btests/fresh\.sh ([a-z/ ]*[a-z])", &read(".ci/run"));
    let runs: BTreeSet<_> = runs.iter().flat_map(|roots| roots.split(' ')).map(ToOwned::to_owned).collect();
    let page = read("docs/make.md");
    let row = page.lines().find(|line| line.starts_with("| `make fresh` |")).expect("a row");
    let (_, said) = row.split_once("CI runs ").expect("what CI runs");
    assert!(!runs.is_empty());
    assert_eq!(all("`([a-z/]+)`", said), runs, "{said}");
}

#[test]
fn the_readme_is_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= 150, "README.md has {lines} lines; what is about one subject has a page in docs/");
}

/// `make screens` writes the page anew, and would undo what was changed in it alone.
#[test]
fn the_page_of_players_is_that_of_screens_and_its_table() {
    let page = read("docs/players.md");
    assert!(page.starts_with(&read("tests/src/bin/screens/players.md")), "change both of them");
}
