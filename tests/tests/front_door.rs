//! `make install`, `make uninstall` and `tests/setup.sh`, as one uses them.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tests::servers::has_nginx;
use tests::{built, target_dir};

const APACHE_CONF: &str = "etc/apache2/mods-available/h264_streaming.conf";
const NGINX_CONF: &str = "etc/nginx/modules-available/mod-http-h264-streaming.conf";

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace")
}

/// Runs make with the modules that are built, through a target directory with a space in its path.
fn make(dir: &Path, arguments: &[&str]) -> String {
    let target = dir.join("a target");
    fs::create_dir_all(&target).expect("a directory of our own");
    symlink(target_dir().join("release").canonicalize().expect("modules"), target.join("release")).ok();
    let mut make = make_alone();
    make.args(["--no-print-directory", "-C"])
        .arg(workspace())
        .args(arguments)
        .env("CARGO_TARGET_DIR", target);
    said(make.output().expect("make"))
}

/// A `make` that does not heed the arguments of one that runs the tests.
fn make_alone() -> Command {
    let mut make = Command::new("make");
    for name in ["MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL"] {
        make.env_remove(name);
    }
    make
}

fn said(output: Output) -> String {
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

/// All files under `dir`.
fn files(dir: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(next) = dirs.pop() {
        for entry in fs::read_dir(next).expect("a directory of our own").flatten() {
            let path = entry.path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                found.insert(path.strip_prefix(dir).expect("a path under it").to_owned());
            }
        }
    }
    found
}

#[test]
fn what_is_installed_is_small_and_can_be_uninstalled() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let root = dir.path().join("a root");
    let destination = format!("DESTDIR={}", root.display());
    make(dir.path(), &["install", &destination]);
    let wanted = [
        APACHE_CONF,
        "etc/apache2/mods-available/h264_streaming.load",
        "etc/lighttpd/conf-available/10-h264-streaming.conf",
        "usr/lib/apache2/modules/mod_h264_streaming.so",
        "usr/lib/lighttpd/mod_h264_streaming.so",
        "usr/local/bin/mp4seek",
    ];
    let nginx = ["usr/lib/nginx/modules/ngx_http_h264_streaming_module.so", NGINX_CONF];
    let nginx = if has_nginx() { nginx.as_slice() } else { &[] };
    assert_eq!(files(&root), wanted.iter().chain(nginx).map(PathBuf::from).collect());
    let whole = built("H264_APACHE_MODULE", "libmod_h264_streaming_apache.so");
    let has_lines = |module: &Path| {
        let sections = Command::new("readelf").args(["--sections", "--wide"]).arg(module).output();
        said(sections.expect("readelf, of binutils")).contains(".debug_line")
    };
    assert!(
        has_lines(&whole) && wanted[3..].iter().chain(nginx.first()).all(|file| !has_lines(&root.join(file)))
    );
    let version = Command::new(root.join(wanted[5])).arg("--version").output().expect("mp4seek");
    assert!(said(version).contains("mp4seek"));

    // What an administrator writes is kept, by both.
    let conf = root.join(APACHE_CONF);
    fs::write(&conf, "H264Streaming Off\n").expect("a file of our own");
    for goal in ["install", "uninstall"] {
        let said = make(dir.path(), &[goal, &destination]);
        assert!(said.contains(&format!("kept: {}", conf.display())), "{said}");
        assert_eq!(fs::read_to_string(&conf).expect("a file"), "H264Streaming Off\n");
    }
    assert_eq!(files(&root), BTreeSet::from([PathBuf::from(APACHE_CONF)]));
}

/// All folders of the servers of a machine, under `dir`.
fn folders(dir: &Path) -> Vec<String> {
    let names = [
        ("PREFIX", "prefix"),
        ("APACHE_MODULES", "modules"),
        ("APACHE_CONF", "apache2"),
        ("LIGHTTPD_MODULES", "modules/lighttpd"),
        ("LIGHTTPD_CONF", "lighttpd"),
        ("NGINX_MODULES", "nginx-modules"),
        ("NGINX_CONF", "nginx"),
        ("NGINX_ENABLED", "nginx-enabled"),
    ];
    names.map(|(variable, name)| format!("{variable}={}", dir.join(name).display())).into()
}

/// A program of that name, which does as `script` says, and a `PATH` with it in front.
fn path_with(dir: &Path, name: &str, script: &str) -> String {
    let bin = dir.join("bin");
    fs::create_dir_all(&bin).expect("a directory of our own");
    fs::write(bin.join(name), format!("#!/bin/sh\n{script}\n")).expect("a file of our own");
    fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).expect("a file of our own");
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default())
}

/// Programs in the place of those of this machine's servers, which are not asked. They write down what
/// they are asked, and fail.
fn without_servers(dir: &Path) -> String {
    let script = "echo \"$0 $*\" >> \"${0%/bin/*}/asked\"; exit 1";
    let paths = ["nginx", "apachectl", "a2dismod"].map(|program| path_with(dir, program, script));
    format!("PATH={}", paths[0])
}

/// `make install` on a machine with all servers, and then the same in reverse.
struct Machine {
    dir: tempfile::TempDir,
    path: String,
}

impl Machine {
    /// With a program of that name.
    fn with(name: &str, script: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for name in
            ["modules/lighttpd", "apache2/mods-enabled", "lighttpd/conf-enabled", "nginx", "nginx-enabled"]
        {
            fs::create_dir_all(dir.path().join(name)).expect("a directory of our own");
        }
        without_servers(dir.path());
        let path = path_with(dir.path(), name, script);
        Self { dir, path }
    }

    /// What was asked of the programs of its servers.
    fn asked(&self) -> String {
        fs::read_to_string(self.path("asked")).unwrap_or_default()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn make(&self, goal: &str) -> String {
        let folders = folders(self.dir.path());
        let path = format!("PATH={}", self.path);
        let arguments: Vec<&str> =
            [goal, &path].into_iter().chain(folders.iter().map(String::as_str)).collect();
        make(self.dir.path(), &arguments)
    }

    fn link(&self, to: &str, name: &str) {
        symlink(to, self.path(name)).expect("a link of our own");
    }

    fn has(&self, name: &str) -> bool {
        fs::symlink_metadata(self.path(name)).is_ok()
    }
}

#[test]
fn whatever_loads_a_module_goes_with_it() {
    // As it is where it is not in PATH.
    let machine = Machine::with("a2dismod", "exit 127");
    let said = machine.make("install");
    let from = format!("Installed from {}, built on 2", machine.path("a target/release").display());
    assert!(said.contains(&from), "{said}");
    let links = [
        ("../mods-available/h264_streaming.load", "apache2/mods-enabled/h264_streaming.load"),
        ("../mods-available/h264_streaming.conf", "apache2/mods-enabled/h264_streaming.conf"),
        ("../conf-available/10-h264-streaming.conf", "lighttpd/conf-enabled/10-h264-streaming.conf"),
        ("../nginx/mod-http-h264-streaming.conf", "nginx-enabled/50-mod-http-h264-streaming.conf"),
        ("../nginx/mod-http-h264-streaming.conf", "nginx-enabled/70-films.conf"),
    ];
    fs::write(machine.path("nginx/other.conf"), "# of somebody else").expect("a file of our own");
    machine.link("../nginx/other.conf", "nginx-enabled/50-other.conf");
    for (to, name) in links {
        machine.link(to, name);
    }
    machine.make("uninstall");
    for (_, name) in links.into_iter().filter(|(_, name)| has_nginx() || !name.starts_with("nginx")) {
        assert!(!machine.has(name), "{name} is left");
    }
    assert!(machine.has("nginx-enabled/50-other.conf") && !machine.has("modules/mod_h264_streaming.so"));
}

#[test]
fn what_belongs_to_a_package_is_kept() {
    // Packages of Apache's module alone, as dpkg tells of them.
    let dpkg = "case $2 in */apache2/*|*/modules/mod_h264*) echo \"libapache2-mod-x:amd64: $2\" ;; *) exit 1 ;; esac";
    let machine = Machine::with("dpkg-query", dpkg);
    let packaged = ["modules/mod_h264_streaming.so", "apache2/mods-available/h264_streaming.conf"];
    fs::create_dir(machine.path("apache2/mods-available")).expect("a directory of our own");
    packaged
        .iter()
        .for_each(|name| fs::write(machine.path(name), "H264Streaming On\n").expect("a file of our own"));
    machine.link("../mods-available/h264_streaming.conf", "apache2/mods-enabled/h264_streaming.load");
    for goal in ["install", "uninstall"] {
        let said = machine.make(goal);
        for name in packaged {
            let kept = format!(
                "kept: {}, which belongs to the package libapache2-mod-x\n",
                machine.path(name).display()
            );
            assert!(said.contains(&kept), "{said}");
            assert_eq!(
                fs::read(machine.path(name)).expect("a file"),
                b"H264Streaming On\n",
                "{goal}: {name}"
            );
        }
        assert!(machine.has("apache2/mods-enabled/h264_streaming.load"), "{goal} turns it off");
        let others = ["modules/lighttpd/mod_h264_streaming.so", "prefix/bin/mp4seek"];
        assert!(others.iter().all(|name| machine.has(name) == (goal == "install")), "{goal}");
    }
}

/// As apt-get remove leaves it: with the configuration files alone, which dpkg still knows.
#[test]
fn what_a_package_left_is_kept_and_turned_off() {
    let dpkg = "case $1,$2 in -S,*/apache2/*|-S,*/lighttpd/conf*) echo \"mod-x: $2\" ;; \
         -W,*) echo config-files ;; *) exit 1 ;; esac";
    let machine = Machine::with("dpkg-query", dpkg);
    let left =
        ["apache2/mods-available/h264_streaming.load", "lighttpd/conf-available/10-h264-streaming.conf"];
    let links = ["apache2/mods-enabled/h264_streaming.load", "lighttpd/conf-enabled/10-h264-streaming.conf"];
    for (file, link) in left.iter().zip(links) {
        fs::create_dir_all(machine.path(file).parent().expect("a folder")).expect("a directory of our own");
        fs::write(machine.path(file), "# of a package").expect("a file of our own");
        machine.link(&format!("../../{file}"), link);
    }
    let said = machine.make("install");
    for file in left {
        let kept = format!("kept: {}, which the package mod-x left", machine.path(file).display());
        assert!(said.contains(&kept), "{said}");
    }
    assert!(links.iter().all(|link| machine.has(link)), "{said}");
    machine.make("uninstall");
    assert!(!machine.has("modules/mod_h264_streaming.so"));
    assert!(left.iter().all(|file| machine.has(file)), "dpkg puts back no file that somebody removed");
    assert!(!links.iter().any(|link| machine.has(link)), "servers load what is gone");
    let asked = machine.asked();
    assert!(asked.contains("nginx -t") && asked.contains("a2dismod"), "{asked}");
}

/// As where nginx's development files went since the last build.
#[test]
fn a_module_that_is_not_built_now_is_not_installed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let module = dir.path().join("release/libmod_h264_streaming_nginx.so");
    fs::create_dir(dir.path().join("release")).expect("a directory of our own");
    fs::write(&module, "of an earlier build").expect("a file of our own");
    for (nginx, is_kept) in [("-p mod_h264_streaming_nginx", true), ("", false)] {
        let mut make = make_alone();
        // Nothing is to be installed for it.
        make.env("NGINX_SRC", "none");
        make.args(["-C"]).arg(workspace()).args(["build", "CARGO=true", &format!("NGINX_MODULE={nginx}")]);
        said(make.env("CARGO_TARGET_DIR", dir.path()).output().expect("make"));
        assert_eq!(module.exists(), is_kept, "{nginx:?}");
    }
}

#[test]
fn a_configuration_that_names_what_is_gone_is_reported() {
    let machine =
        Machine::with("apachectl", "test -e \"$(dirname \"$0\")/../modules/mod_h264_streaming.so\"");
    machine.make("install");
    let said = machine.make("uninstall");
    assert!(said.contains("apachectl -t says where"), "{said}");
    let said = machine.make("uninstall");
    assert!(!said.contains("apachectl"), "it was so before: {said}");
}

#[test]
fn nothing_is_installed_for_a_server_that_is_not_there() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let folder = |name: &str| dir.path().join(name).display().to_string();
    fs::create_dir(folder("modules")).expect("a directory of our own");
    let mut folders = folders(dir.path());
    folders.push(format!("LIGHTTPD_MODULES={}", folder("no-modules")));
    folders.push(without_servers(dir.path()));
    let with_folders = |goal: &'static str| {
        let arguments: Vec<&str> = [goal].into_iter().chain(folders.iter().map(String::as_str)).collect();
        make(dir.path(), &arguments)
    };
    let said = with_folders("install");
    let mut skips = vec![folder("apache2"), folder("no-modules")];
    skips.extend(has_nginx().then(|| folder("nginx")));
    for skipped in skips {
        let line = said.lines().find(|line| line.contains(&skipped)).unwrap_or_default();
        assert!(line.starts_with("skipped: "), "{said}");
        assert!(!Path::new(&skipped).exists());
    }
    let installed = |name: &str| dir.path().join(name).is_file();
    assert!(installed("modules/mod_h264_streaming.so") && installed("prefix/bin/mp4seek"), "{said}");
    with_folders("uninstall");
    assert!(!installed("modules/mod_h264_streaming.so") && !installed("prefix/bin/mp4seek"));
}

/// `PATH` without cargo and rustup. A folder that has one of them may have everything else, too:
/// links to that take its place.
fn path_without_rust(dir: &Path) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let without = path.split(':').enumerate().map(|(n, folder)| {
        let is_rust = |name: &str| ["cargo", "rustup"].contains(&name);
        let entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
        if !entries.iter().any(|entry| entry.file_name().to_str().is_some_and(is_rust)) {
            return folder.to_owned();
        }
        let links = dir.join(format!("links-{n}"));
        fs::create_dir(&links).expect("a directory of our own");
        for entry in entries.iter().filter(|entry| !entry.file_name().to_str().is_some_and(is_rust)) {
            symlink(entry.path(), links.join(entry.file_name())).expect("a directory of our own");
        }
        links.display().to_string()
    });
    without.collect::<Vec<_>>().join(":")
}

#[test]
fn a_cargo_that_is_too_old_is_named_before_anything_is_installed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let old = dir.path().join("cargo");
    fs::write(&old, "#!/bin/sh\necho cargo 1.63.0\n").expect("a file of our own");
    fs::set_permissions(&old, fs::Permissions::from_mode(0o755)).expect("a file of our own");
    let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap_or_default());
    let setup = |path: &str| {
        let mut setup = Command::new(workspace().join("tests/setup.sh"));
        let output = setup.arg("build").env("PATH", path).output().expect("a shell");
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(said.lines().count() == 1 && said.contains(&old.display().to_string()), "{said}");
        said
    };
    let said = setup(&path);
    assert!(said.contains("first in PATH") && said.contains("run PATH="), "{said}");
    // Without another, what to install, with Rust.
    let without = format!("{}:{}", dir.path().display(), path_without_rust(dir.path()));
    let said = setup(&without);
    assert!(said.contains("older than") && !said.contains("first in PATH"), "{said}");
}

#[test]
fn whoever_makes_packages_may_have_any_name() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let control = dir.path().join("control");
    for name in ["Smith & Sons", "A/B", r"back\slash", "Zoë"] {
        fs::copy(workspace().join(".packaging/debian/control"), &control).expect("a file");
        let mut write = Command::new(workspace().join(".packaging/maintainer.sh"));
        said(write.arg(&control).arg(format!("{name} <x@example.org>")).output().expect("a shell"));
        let control = fs::read_to_string(&control).expect("a file");
        assert!(control.contains(&format!("Maintainer: {name} <x@example.org>\n")), "{control}");
    }
}

#[test]
fn what_is_packed_is_the_same_again_and_knows_its_version() {
    // In what was packed itself, there is nothing to pack.
    if workspace().join(".packaging/version").exists() {
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    // As strong as `make dist` wants it, compression takes longer than all else here.
    let path = path_with(dir.path(), "xz", "PATH=${PATH#*:} exec xz -0 \"$3\"");
    let packed = ["one", "two"].map(|target| {
        let mut make = make_alone();
        make.env("PATH", &path);
        make.args(["--no-print-directory", "dist", "-C"]).arg(workspace());
        said(make.env("CARGO_TARGET_DIR", dir.path().join(target)).output().expect("make"));
        let dist = dir.path().join(target).join("dist");
        let files = files(&dist);
        assert_eq!(files.len(), 1, "{files:?}");
        dist.join(files.first().expect("a file"))
    });
    let bytes = packed.each_ref().map(|file| fs::read(file).expect("a file"));
    assert!(bytes[0] == bytes[1] && packed[0].file_name() == packed[1].file_name(), "{packed:?}");

    let tree = dir.path().join("tree");
    fs::create_dir(&tree).expect("a directory of our own");
    said(Command::new("tar").arg("-C").arg(&tree).arg("-xf").arg(&packed[0]).output().expect("tar"));
    let top: Vec<_> = fs::read_dir(&tree).expect("a directory of our own").flatten().collect();
    assert_eq!(top.len(), 1, "{top:?}");
    let version = |root: &Path, path: &str| {
        said(Command::new(root.join(".packaging/version.sh")).env("PATH", path).output().expect("a shell"))
    };
    let without_git = path_with(dir.path(), "git", "exit 1");
    let about = version(&top[0].path(), &without_git);
    let path = std::env::var("PATH").unwrap_or_default();
    assert_eq!(about.trim_end(), version(workspace(), &path).trim_end());
    // The folder is named for the version, and has what builds it.
    let name = format!("mod_h264_streaming-{}", about.split(' ').next().unwrap_or_default());
    assert_eq!(top[0].file_name().to_string_lossy(), name);
    let needed = ["Cargo.lock", "Makefile", "core/src/lib.rs", ".packaging/debian/control", "docs/make.md"];
    for file in needed {
        assert_eq!(fs::read(top[0].path().join(file)).ok(), committed(file), "{file}");
    }
}

/// A file as it is committed.
fn committed(file: &str) -> Option<Vec<u8>> {
    let mut show = Command::new("git");
    let output = show.arg("-C").arg(workspace()).arg("show").arg(format!("HEAD:{file}")).output().ok()?;
    output.status.success().then_some(output.stdout)
}
