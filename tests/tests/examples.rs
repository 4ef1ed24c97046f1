//! Each example of README and the pages of `docs/` is tried: a server takes it, and what it stands for has
//! a test.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tests::servers::{APACHE, Builder, Engine, engines};
use tests::{built, key_file};

/// The test of an example: its page, the heading above it, its language, and the file with the name of
/// the test. A script of `make fresh` runs all commands under a heading.
const TRIED: [(&str, &str, &str, &str); 33] = [
    ("README.md", "Two commands", "sh", "tests/fresh/newcomer.sh: commands_of 'Two commands'"),
    ("README.md", "Install", "sh", "tests/fresh/operator.sh: commands_of Install"),
    ("docs/caching.md", "Varnish", "vcl", "tests/tests/caches.rs: varnish_keeps_one_object_for_each_clip"),
    ("docs/command-line.md", "Command line", "sh", COMMANDS),
    (
        "docs/limits.md",
        "Signed links",
        "text",
        "tests/tests/limits/signed.rs: the_text_of_the_page_is_what_is_signed",
    ),
    ("docs/limits.md", "Signed links", "php", SIGNED),
    ("docs/limits.md", "Signed links", "python", SIGNED),
    ("docs/limits.md", "Signed links", "js", SIGNED),
    ("docs/limits.md", "Signed links", "sh", COMMANDS),
    (
        "docs/measures.md",
        "Alerts",
        "yaml",
        "tests/tests/slow.rs: the_alert_sees_one_worker_whose_threads_are_taken",
    ),
    ("docs/nginx.md", "nginx", "nginx", WHOLE),
    ("docs/nginx.md", "Install", "sh", "tests/fresh/operator.sh: commands_of Install docs/nginx.md"),
    (
        "docs/nginx.md",
        "Addresses behind a film",
        "text",
        "tests/tests/pages.rs: nginx_sees_addresses_behind_a_film_as_documented",
    ),
    (
        "docs/nginx.md",
        "Who may see a film",
        "text",
        "tests/tests/pages.rs: nginx_sends_the_clip_that_an_application_names",
    ),
    ("docs/nginx.md", "What waits for the disk", "nginx", WHOLE),
    (
        "docs/operations.md",
        "Is it on?",
        "sh",
        "tests/tests/pages.rs: whoever_asks_whether_it_is_on_is_answered",
    ),
    ("docs/packages.md", "Build", "sh", "tests/fresh/packager.sh: commands_of Build docs/packages.md"),
    ("docs/packages.md", "Install", "sh", "tests/fresh/admin.sh: documented Install"),
    ("docs/packages.md", "Repository", "sh", "tests/fresh/admin.sh: documented Repository"),
    ("docs/packages.md", "Upgrade", "sh", "tests/fresh/admin.sh: documented Upgrade"),
    ("docs/packages.md", "Remove", "sh", "tests/fresh/admin.sh: documented Remove"),
    ("docs/packages.md", "Sources", "sh", "tests/fresh/packager.sh: commands_of Sources docs/packages.md"),
    ("docs/recipes.md", "A course site", "html", "tests/tests/pages.rs: links_of_the_recipes_are_clips"),
    (
        "docs/recipes.md",
        "A paywall",
        "php",
        "tests/tests/x_sendfile.rs: the_paywall_of_the_recipes_sends_what_may_be_watched",
    ),
    (
        "docs/recipes.md",
        "A podcast with chapters",
        "html",
        "tests/tests/pages.rs: links_of_the_recipes_are_clips",
    ),
    (
        "docs/recipes.md",
        "CCTV and other recordings",
        "sh",
        "tests/tests/pages.rs: what_is_recorded_as_documented_grows",
    ),
    ("docs/streaming.md", "Several qualities", "sh", COMMANDS),
    ("docs/web-players.md", "hls.js", "html", PLAYED),
    ("docs/web-players.md", "dash.js", "html", PLAYED),
    ("docs/web-players.md", "Shaka Player", "html", "tests/tests/firefox.rs: assert_play"),
    ("docs/web-players.md", "Safari", "html", PLAYED),
    // Beside that a server takes it.
    ("docs/caching.md", "nginx with slices", "nginx", "tests/tests/caches.rs: slices_of"),
    (
        "docs/recipes.md",
        "Behind a reverse proxy",
        "apache",
        "tests/tests/pages.rs: apache_takes_the_examples_that_need_other_modules",
    ),
];

const COMMANDS: &str = "tests/tests/command/main.rs: the_commands_of_the_pages_run";
const SIGNED: &str = "tests/tests/limits/signed.rs: pages_sign_as_documented";
const WHOLE: &str = "tests/tests/pages.rs: nginx_takes_the_examples_of_whole_configurations";
const PLAYED: &str = "tests/tests/recipes.rs: recipes_play";

struct Example {
    page: String,
    heading: String,
    language: String,
    lines: String,
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace")
}

/// All blocks between fences. Those of the directives are tried in `docs.rs`.
fn examples() -> Vec<Example> {
    let docs = fs::read_dir(workspace().join("docs")).expect("a directory of this repository").flatten();
    let docs = docs.filter_map(|entry| entry.file_name().into_string().ok());
    let docs = docs.filter(|name| name.ends_with(".md")).map(|name| format!("docs/{name}"));
    let mut examples = Vec::new();
    for page in docs.chain(["README.md".to_owned()]) {
        let text = fs::read_to_string(workspace().join(&page)).expect("a page");
        let (mut heading, mut open): (_, Option<Example>) = (String::new(), None);
        for line in text.lines() {
            // One in a list is indented.
            let fence = line.trim_start().strip_prefix("```");
            match (fence, open.take()) {
                (Some(_), Some(example)) => examples.push(example),
                (Some(language), None) => {
                    let (page, heading) = (page.clone(), heading.clone());
                    open = Some(Example { page, heading, language: language.into(), lines: String::new() });
                }
                (None, Some(mut example)) => {
                    example.lines.push_str(line);
                    example.lines.push('\n');
                    open = Some(example);
                }
                (None, None) if line.starts_with('#') => {
                    line.trim_start_matches('#').trim().clone_into(&mut heading);
                }
                (None, None) => (),
            }
        }
        assert!(open.is_none(), "{page} ends within an example");
    }
    assert!(examples.len() > 70, "{} examples", examples.len());
    examples
}

fn engine_of(language: &str) -> Option<Engine> {
    match language {
        "apache" => Some(APACHE),
        "lighttpd" => Some(Engine::Lighttpd),
        "nginx" => Some(Engine::Nginx),
        _ => None,
    }
}

/// What is no configuration has a test in the table, and the table names nothing that is not there.
#[test]
fn each_example_has_its_test() {
    let mut left: BTreeSet<_> =
        TRIED.iter().map(|&(page, heading, language, _)| (page, heading, language)).collect();
    assert_eq!(left.len(), TRIED.len(), "twice in the table");
    let examples = examples();
    for Example { page, heading, language, .. } in &examples {
        let is_listed = TRIED.iter().any(|tried| (tried.0, tried.1, tried.2) == (page, heading, language));
        assert!(
            is_listed || engine_of(language).is_some(),
            "{page}, {heading}: no test tries this {language}"
        );
        left.remove(&(page, heading, language));
    }
    assert!(left.is_empty(), "no such examples: {left:?}");
    for (page, heading, language, test) in TRIED {
        let (file, name) = test.split_once(": ").expect("a file and a test");
        let text = fs::read_to_string(workspace().join(file)).expect(file);
        let name = if file.ends_with(".rs") && name != "assert_play" {
            format!("fn {name}(")
        } else {
            name.to_owned()
        };
        assert!(text.contains(&name), "{page}, {heading}, {language}: {file} has no {name}");
    }
}

/// Each by itself, and none of them is served.
#[test]
fn a_server_takes_each_example() {
    let keys = key_file("pages", "a key of some length\n");
    let engines = engines();
    let (mut taken, mut tried) = (0, Vec::new());
    for example in examples() {
        let Some(engine) = engine_of(&example.language).filter(|engine| engines.contains(engine)) else {
            continue;
        };
        // Those that stand around `http` and beside it.
        let is_whole = ["http {", "thread_pool "].iter().any(|word| example.lines.contains(word));
        // What such a module is tried with.
        let is_sent = example.lines.contains("XSendFile");
        if is_whole || is_sent {
            let is_listed = |page, heading| example.page == page && example.heading.starts_with(heading);
            assert!(is_listed("docs/nginx.md", "") || is_listed("docs/recipes.md", "A paywall"));
            continue;
        }
        let lines = example
            .lines
            .replace("/etc/h264-streaming.keys", &keys.to_string_lossy())
            .replace("/var/log/apache2", "{dir}")
            .replace("/var/log/nginx", "{dir}")
            .replace("/var/cache/nginx", "{dir}/tmp")
            .replace("apache.example", "127.0.0.1")
            .replace("lighttpd.example", "127.0.0.1")
            .replace("listen 80;", "listen 127.0.0.1:{port};")
            // The server has such a line already.
            .replace("accesslog.format =", "accesslog.format :=");
        // lighttpd passes over what it does not know.
        let test = |lines: &str| {
            let (passed, said) = configured(engine, lines).test_config();
            (passed && !said.contains("unknown config-key: h26"), said)
        };
        let (passed, said) = test(&lines);
        assert!(passed, "{}, {}: {said}\n{lines}", example.page, example.heading);
        // A name that no directive has is noticed: else the test above proves nothing.
        let wrong = ["H264S", "h264_s", "h264-s"];
        let wrong =
            wrong.iter().fold(lines.clone(), |lines, name| lines.replace(name, &name.replace('4', "5")));
        if wrong != lines && !tried.contains(&example.language) {
            assert!(!test(&wrong).0, "{wrong}");
            tried.push(example.language);
        }
        taken += 1;
    }
    assert!(taken > 10 * engines.len(), "{taken} examples");
}

fn configured(engine: Engine, lines: &str) -> Builder {
    const MODULES: [&str; 4] = ["proxy", "proxy_http", "cache", "cache_disk"];
    let builder = Builder::new(engine).without_defaults();
    match engine {
        Engine::Apache(_) => {
            let path = "/usr/lib/apache2/modules";
            let load = |name| format!("LoadModule {name}_module {path}/mod_{name}.so\n");
            let ours = built("H264_APACHE_MODULE", "libmod_h264_streaming_apache.so");
            let lines = lines.replace("modules/mod_h264_streaming.so", &ours.to_string_lossy());
            let builder = if lines.contains("LoadModule") { builder.without_module() } else { builder };
            builder.config(&(MODULES.map(load).concat() + &lines))
        }
        Engine::Nginx if lines.contains("log_format") || lines.contains("proxy_cache_path") => {
            builder.http(lines)
        }
        _ => builder.config(lines),
    }
}
