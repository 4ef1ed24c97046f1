//! lighttpd 1.4: there is no package of its headers, so they come from a source
//! tree of exactly the version that is installed.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Output};

use crate::common::{self, Error};

const SOURCES: [&str; 6] = [
    "lighttpd/module.c",
    "lighttpd/config.c",
    "lighttpd/events.c",
    "lighttpd/request.c",
    "lighttpd/answer.c",
    "lighttpd/measures.c",
];

/// Compiles the accessors and writes the bindings of the lighttpd module.
///
/// `LIGHTTPD_SRC` names a source tree, `LIGHTTPD_BIN` the server to build for.
/// Without them it is the installed server, and its distribution's source package,
/// fetched once into the target directory.
///
/// # Errors
/// Where the server, its sources, the compiler or libclang are missing: what to
/// install or set.
pub fn build() -> Result<(), Error> {
    for variable in ["LIGHTTPD_SRC", "LIGHTTPD_BIN"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let server = Server::find()?;
    let tree = match path_from_env("LIGHTTPD_SRC") {
        Some(tree) => tree,
        None => fetch_source()?,
    };
    check_tree(&tree, &server)?;
    common::compile(&["lighttpd/h264_version.c"], "h264_version", &[])?;
    for header in ["lighttpd/h264_config.h", "lighttpd/internal.h"] {
        common::own_file(header);
    }
    let header = common::own_file("lighttpd/h264_lighttpd.h");
    let mut flags = vec![
        format!("-DLIGHTTPD_VERSION_ID={:#x}", server.version_id()?),
        "-isystem".to_owned(),
        tree.join("src").display().to_string(),
    ];
    // In newer versions each request has its client's address; in older ones the connection alone.
    if fs::read_to_string(tree.join("src/request.h")).is_ok_and(|text| text.contains("dst_addr_buf")) {
        flags.push("-DH264_CLIENT_OF_REQUEST".to_owned());
    }
    common::compile(&SOURCES, "h264_lighttpd", &flags)?;
    // C code of ours alone writes such a value, and only those that the header lists.
    common::bind(&header, &[], &["h264_key"])
}

/// The server to build for.
struct Server {
    binary: PathBuf,
    /// As it prints it: `1.4.69`.
    version: String,
}

impl Server {
    fn find() -> Result<Self, Error> {
        let binary = match path_from_env("LIGHTTPD_BIN") {
            Some(binary) => binary,
            None => in_path("lighttpd").ok_or_else(|| {
                error("lighttpd is not installed: install lighttpd or set LIGHTTPD_BIN to its path")
            })?,
        };
        println!("cargo::rerun-if-changed={}", binary.display());
        let output =
            run(Command::new(&binary).arg("-v"), "install lighttpd or set LIGHTTPD_BIN to its path")?;
        let version = String::from_utf8_lossy(&output.stdout)
            .strip_prefix("lighttpd/")
            .and_then(|rest| rest.split_whitespace().next())
            .map(str::to_owned)
            .ok_or_else(|| error(format!("{} -v does not print a version of lighttpd", binary.display())))?;
        Ok(Self { binary, version })
    }

    /// What modules must carry to be loaded. It follows from the version and from
    /// the build system, so the server itself is asked, by a module that prints it.
    fn version_id(&self) -> Result<u64, Error> {
        let out = out_dir()?;
        let (module, config) = (out.join("h264_probe.so"), out.join("h264_probe.conf"));
        let mut compile = cc::Build::new().get_compiler().to_command();
        compile.args(["-shared", "-fPIC", "-o"]).arg(&module);
        for source in ["lighttpd/h264_probe.c", "lighttpd/h264_version.c"] {
            compile.arg(common::own_file(source));
        }
        run(&mut compile, "install a C compiler (Debian: gcc)")?;
        let text = "server.document-root = \"/\"\nserver.compat-module-load = \"disable\"\nserver.modules = ( \"h264_probe\" )\n";
        fs::write(&config, text).map_err(|e| error(format!("{}: {e}", config.display())))?;
        let mut probe = Command::new(&self.binary);
        probe.arg("-tt").arg("-m").arg(&out).arg("-f").arg(&config);
        let output = run(&mut probe, "set LIGHTTPD_BIN to a server that loads modules")?;
        String::from_utf8_lossy(&output.stderr)
            .lines()
            .find_map(|line| line.strip_prefix("h264_probe=")?.parse().ok())
            .filter(|&id| id != 0)
            .ok_or_else(|| error(format!("cannot tell the version id of {}", self.binary.display())))
    }
}

/// A tree of another version would compile, and corrupt the server's memory.
fn check_tree(tree: &Path, server: &Server) -> Result<(), Error> {
    if !tree.join("src/plugin.h").is_file() {
        return Err(error(format!(
            "{} is not a source tree of lighttpd (no src/plugin.h): set LIGHTTPD_SRC",
            tree.display()
        )));
    }
    let configure = fs::read_to_string(tree.join("configure.ac")).unwrap_or_default();
    let found = configure
        .split_once("AC_INIT([lighttpd],[")
        .and_then(|(_, rest)| rest.split_once(']'))
        .map(|(version, _)| version)
        .ok_or_else(|| error(format!("{}/configure.ac names no version of lighttpd", tree.display())))?;
    if found != server.version {
        return Err(error(format!(
            "{} holds lighttpd {found}, but {} is {}: set LIGHTTPD_SRC to the sources of that version",
            tree.display(),
            server.binary.display(),
            server.version
        )));
    }
    Ok(())
}

/// The source package of the installed server, unpacked.
fn fetch_source() -> Result<PathBuf, Error> {
    let mut query = Command::new("dpkg-query");
    query.args(["-W", "-f", "${source:Package}=${source:Version}", "lighttpd"]);
    let output = run(&mut query, "set LIGHTTPD_SRC to the sources of the installed lighttpd")?;
    let package = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let out = out_dir()?;
    // <target>/<profile>/build/<package>/out
    let target = out.ancestors().nth(4).unwrap_or(&out);
    let tree = target.join("lighttpd-src").join(&package);
    if !tree.is_dir() {
        // Whoever comes first puts the finished tree in place; debug and release
        // builds may well fetch at the same time.
        let work = target.join(format!("lighttpd-src/fetch-{}", process::id()));
        let fetched = fetch_into(&work, &package).and_then(|fetched| {
            fs::rename(&fetched, &tree)
                .or_else(|e| if tree.is_dir() { Ok(()) } else { Err(io_error(&tree, &e)) })
        });
        let _ = fs::remove_dir_all(&work);
        fetched?;
    }
    Ok(tree)
}

/// Fetches with a configuration of our own, derived from that of the machine, that asks its
/// mirrors for sources: most machines ask them for binaries only.
fn fetch_into(work: &Path, package: &str) -> Result<PathBuf, Error> {
    const INSTALL: &str = "or set LIGHTTPD_SRC to the sources of the installed lighttpd";
    if in_path("dpkg-source").is_none() {
        return Err(error(format!("dpkg-source is not installed: install dpkg-dev, {INSTALL}")));
    }
    let parts = work.join("sources.list.d");
    for dir in [&parts, &work.join("lists/partial"), &work.join("cache/archives/partial")] {
        fs::create_dir_all(dir).map_err(|e| io_error(dir, &e))?;
    }
    let mut configured = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        configured.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
    }
    for file in configured {
        let (Some(name), Ok(text)) = (file.file_name(), fs::read_to_string(&file)) else { continue };
        let to = parts.join(name);
        fs::write(&to, sources_of(&text)).map_err(|e| io_error(&to, &e))?;
    }
    let config = work.join("apt.conf");
    let text = format!(
        "Dir::Etc::sourcelist \"/dev/null\";\n\
         Dir::Etc::sourceparts \"{0}/sources.list.d\";\n\
         Dir::State::lists \"{0}/lists\";\n\
         Dir::Cache \"{0}/cache\";\n\
         APT::Sandbox::User \"root\";\n\
         #clear APT::Update::Pre-Invoke;\n\
         #clear APT::Update::Post-Invoke;\n\
         #clear APT::Update::Post-Invoke-Success;\n",
        work.display()
    );
    fs::write(&config, text).map_err(|e| io_error(&config, &e))?;
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.arg("-c").arg(&config).arg("-q").current_dir(work).env("LC_ALL", "C");
        apt
    };
    // Some other configured mirror may have no sources: only the next step decides.
    let update = apt().arg("update").output().map(|output| output.stderr).unwrap_or_default();
    let advice = format!("check the package mirrors, {INSTALL}");
    run(apt().args(["--only-source", "source", package]), &advice).map_err(|failed| {
        let said = String::from_utf8_lossy(&update);
        match said.lines().find(|line| line.starts_with("W: Failed") || line.starts_with("E:")) {
            Some(reason) => error(format!("{failed}; apt-get update had said: {reason}")),
            None => failed,
        }
    })?;
    let unpacked = fs::read_dir(work)
        .map_err(|e| io_error(work, &e))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.join("src/plugin.h").is_file());
    unpacked.ok_or_else(|| error(format!("the source package {package} holds no lighttpd: set LIGHTTPD_SRC")))
}

/// A list of package mirrors, in either of APT's two formats, turned from binary
/// to source packages.
fn sources_of(text: &str) -> String {
    let mut sources = String::new();
    for line in text.lines() {
        let types = line.get(..6).is_some_and(|field| field.eq_ignore_ascii_case("types:"));
        let sources_line = match line.trim_start().strip_prefix("deb") {
            _ if types => "Types: deb-src".to_owned(),
            Some(rest) if rest.starts_with([' ', '\t']) => format!("deb-src{rest}"),
            _ => line.to_owned(),
        };
        sources.push_str(&sources_line);
        sources.push('\n');
    }
    sources
}

fn out_dir() -> Result<PathBuf, Error> {
    path_from_env("OUT_DIR").ok_or_else(|| error("OUT_DIR is not set"))
}

fn path_from_env(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Servers are often not in the PATH of those who build.
    let also = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    env::split_paths(&path).chain(also).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// Runs `command` to success; `advice` says what to do when that fails.
fn run(command: &mut Command, advice: &str) -> Result<Output, Error> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|e| error(format!("cannot run {name} ({e}): {advice}")))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no message");
    Err(error(format!("{name} failed ({last}): {advice}")))
}

fn io_error(path: &Path, e: &io::Error) -> Error {
    error(format!("{}: {e}", path.display()))
}

fn error(message: impl Into<String>) -> Error {
    Error(message.into())
}

#[cfg(test)]
mod tests {
    use super::sources_of;

    #[test]
    fn mirrors_are_asked_for_sources() {
        let one_line = "# deb not this\ndeb [signed-by=/k.gpg] http://m/debian bookworm main\ndeb-src http://m/debian x main\n";
        assert_eq!(
            sources_of(one_line),
            "# deb not this\ndeb-src [signed-by=/k.gpg] http://m/debian bookworm main\ndeb-src http://m/debian x main\n"
        );
        let stanza = "Types: deb\nURIs: http://m/debian\nSuites: bookworm bookworm-updates\n";
        assert_eq!(
            sources_of(stanza),
            "Types: deb-src\nURIs: http://m/debian\nSuites: bookworm bookworm-updates\n"
        );
    }
}
