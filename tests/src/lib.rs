//! Real servers, the same scenarios on both.
//!
//! `servers` starts Apache, lighttpd and nginx with a configuration of their own; `place` finds
//! where they can be served from; `client` talks to them, and `http2` by hand; `films` writes films whose frames and
//! audio say their own time; `demo_film` paints that of `make demo`, and `demo_page` and `demo_tool`
//! try its page; `probe` reads films through ffmpeg, and judges clips; `short_tracks`
//! plays some of them in a browser, and `poster` looks at pictures of some; `slow_disk` keeps a server waiting for some of its files, and
//! `bad_disk` fails to read them; `pages` reads examples out of `docs/`; `scripts` are programs that servers run; `tls` lets servers speak
//! TLS; `warden` ends servers whose test was killed.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "a test helper that cannot go on fails its test"
)]

pub mod bad_disk;
#[cfg(feature = "judges")]
pub mod browser;
pub mod client;
pub mod demo_film;
#[cfg(feature = "judges")]
pub mod demo_page;
#[cfg(feature = "judges")]
pub mod demo_tool;
pub mod films;
pub mod http2;
#[cfg(feature = "judges")]
pub mod mp4box;
pub mod names;
pub mod pages;
pub mod place;
#[cfg(feature = "judges")]
pub mod poster;
mod preload;
#[cfg(feature = "judges")]
pub mod probe;
#[cfg(feature = "judges")]
pub mod recipes;
pub mod scripts;
pub mod servers;
#[cfg(feature = "judges")]
pub mod short_tracks;
pub mod slow_disk;
pub mod tls;
pub mod warden;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Where cargo puts what it builds: the modules, and under `h264-tests` the films
/// and the servers' directories.
pub fn target_dir() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    workspace.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// A directory of the tests' own under [`target_dir`], created if need be.
///
/// Sets the umask, so that the films and directories are readable for the user that serves them.
pub fn work_dir(name: &str) -> PathBuf {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let dir = target_dir().join("h264-tests").join(name);
    std::fs::create_dir_all(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    dir.canonicalize().expect("a directory just created")
}

/// A file of keys that servers can read, whatever user they run as.
///
/// # Panics
/// Where the disk has no room.
pub fn key_file(name: &str, text: &str) -> PathBuf {
    static SWEPT: Once = Once::new();
    SWEPT.call_once(remove_keys_of_the_dead);
    let path = work_dir("keys").join(format!("{name}-{}", std::process::id()));
    // Servers of other tests read a file of this name at the same time.
    let part = tempfile::NamedTempFile::new_in(work_dir("keys")).expect("a folder of our own");
    std::fs::write(part.path(), text).expect("a file of our own");
    std::fs::set_permissions(part.path(), std::fs::Permissions::from_mode(0o644)).expect("a file of our own");
    part.persist(&path).expect("a folder of our own");
    path
}

/// Removes the files of keys whose process has ended.
fn remove_keys_of_the_dead() {
    for file in std::fs::read_dir(work_dir("keys")).into_iter().flatten().flatten() {
        let name = file.file_name();
        let id = name.to_str().and_then(|name| name.rsplit('-').next()?.parse::<u32>().ok());
        if id.is_some_and(|id| !Path::new(&format!("/proc/{id}")).exists()) {
            std::fs::remove_file(file.path()).ok();
        }
    }
}

/// Where `tests/setup.sh conformance` puts what comes from npm; `H264_NPM` names another directory.
pub fn npm_dir() -> PathBuf {
    std::env::var_os("H264_NPM").map_or_else(|| work_dir("npm"), PathBuf::from)
}

/// The demo page.
const PAGE: [(&str, &str); 10] = [
    ("index.html", include_str!("../demo/index.html")),
    ("page.css", include_str!("../demo/page.css")),
    ("page.js", include_str!("../demo/page.js")),
    ("figures.js", include_str!("../demo/figures.js")),
    ("film.js", include_str!("../demo/film.js")),
    ("keys.js", include_str!("../demo/keys.js")),
    ("players.js", include_str!("../demo/players.js")),
    ("reel.js", include_str!("../demo/reel.js")),
    ("time.js", include_str!("../demo/time.js")),
    ("timeline.js", include_str!("../demo/timeline.js")),
];

/// Puts the demo page on a server, for films on the servers that are named: names and addresses.
pub fn put_page<'a>(site: &servers::Site, films: impl IntoIterator<Item = (&'a str, String)>) {
    for (name, text) in PAGE {
        site.put(name, text);
    }
    let servers: Vec<_> =
        films.into_iter().map(|(name, url)| serde_json::json!({ "name": name, "url": url })).collect();
    site.put("servers.json", serde_json::json!(servers).to_string());
}

/// Puts the libraries that the demo page plays HLS and DASH with beside it, those that
/// `tests/demo/players.sh` could get.
pub fn put_players(site: &servers::Site) {
    for name in ["hls.js", "dash.js"] {
        if let Ok(script) = std::fs::read(work_dir("demo-players").join(name)) {
            site.put(name, script);
        }
    }
}

/// Waits until something holds, at most so many seconds; `what` does not, then.
pub fn wait_until(what: &str, seconds: u64, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        sleep(Duration::from_millis(20));
    }
}

/// A file that `make build` makes; `variable` in the environment names another.
pub fn built(variable: &str, name: &str) -> PathBuf {
    let path =
        std::env::var_os(variable).map_or_else(|| target_dir().join("release").join(name), PathBuf::from);
    assert!(path.exists(), "{} is missing: run `make build` or set {variable}", path.display());
    path.canonicalize().expect("a file that exists")
}
