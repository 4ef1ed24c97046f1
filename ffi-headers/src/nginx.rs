//! nginx: headers from the package for its modules (Debian: nginx-dev), which has to be configured
//! once as the server was.
//!
//! Where they are missing, the module compiles and cannot be linked: lints and checks of the whole
//! workspace need no nginx. Its bindings come from our own header alone.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{self, Error};

const SOURCES: [&str; 8] = [
    "nginx/module.c",
    "nginx/directives.c",
    "nginx/handler.c",
    "nginx/file.c",
    "nginx/request.c",
    "nginx/body.c",
    "nginx/threads.c",
    "nginx/variables.c",
];
const INSTALL: &str = "install nginx's development files (Debian: nginx-dev) or set NGINX_SRC to the sources of the installed nginx";

/// Compiles the accessors and writes the bindings of the nginx module.
///
/// # Errors
/// Where the headers, the compiler or libclang are missing: what to install or set.
pub fn build() -> Result<(), Error> {
    println!("cargo::rerun-if-env-changed=NGINX_SRC");
    let tree = env::var_os("NGINX_SRC")
        .filter(|value| !value.is_empty())
        .map_or_else(|| PathBuf::from("/usr/share/nginx/src"), PathBuf::from);
    let header = common::own_file("nginx/h264_nginx.h");
    common::bind(&header, &[], &[])?;
    println!("cargo::rerun-if-changed={}", tree.display());
    if !tree.join("configure").is_file() || !tree.join("conf_flags").is_file() {
        let missing = format!("no sources of nginx in {}: {INSTALL}", tree.display());
        println!("cargo::warning=the nginx module cannot be linked: {missing}");
        println!("cargo::rustc-link-arg-cdylib=-l:no_sources_of_nginx_see_the_warning_above");
        return Ok(());
    }
    println!("cargo::rerun-if-changed={}", tree.join("conf_flags").display());
    let out = env::var_os("OUT_DIR").ok_or_else(|| Error("OUT_DIR is not set".into()))?;
    let objects = Path::new(&out).join("nginx");
    configure(&tree, &objects)?;
    common::own_file("nginx/internal.h");
    common::own_file("nginx/exports.h");
    let folders = [
        "src/core",
        "src/event",
        "src/event/modules",
        "src/os/unix",
        "src/http",
        "src/http/modules",
        "src/http/v2",
        // Of an nginx that can speak HTTP/3.
        "src/event/quic",
        "src/http/v3",
    ];
    let flags: Vec<_> = folders
        .iter()
        .map(|folder| tree.join(folder))
        .chain([objects])
        .flat_map(|folder| ["-isystem".to_owned(), folder.display().to_string()])
        .collect();
    common::compile(&SOURCES, "h264_nginx", &flags)
}

/// Writes the server's configured headers to `objects`, and nothing into its sources.
fn configure(tree: &Path, objects: &Path) -> Result<(), Error> {
    let script = r#". ./conf_flags && exec ./configure "${NGX_CONF_FLAGS[@]}" --builddir="$0""#;
    let output = Command::new("bash")
        .args(["-c", script])
        .arg(objects)
        .current_dir(tree)
        .output()
        .map_err(|error| Error(format!("cannot run bash ({error}): install it")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().filter(|line| line.contains("error")).collect::<Vec<_>>().join(" ");
    Err(Error(format!("nginx's configure fails in {} ({last}): {INSTALL}", tree.display())))
}
