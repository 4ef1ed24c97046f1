//! Apache httpd 2.4: headers found through `apxs` and `apr-1-config`.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use crate::common::{self, Error};

const INSTALL: &str = "install Apache's development files (Debian: apache2-dev; Fedora: httpd-devel) or set APXS to the path of apxs";

const SOURCES: [&str; 6] = [
    "apache/records.c",
    "apache/request.c",
    "apache/buckets.c",
    "apache/filters.c",
    "apache/hold.c",
    "apache/measures.c",
];

/// Compiles the accessors and writes the bindings of the Apache module.
///
/// # Errors
/// Where the headers, the compiler or libclang are missing: what to install or set.
pub fn build() -> Result<(), Error> {
    for variable in ["APXS", "APR_CONFIG", "APU_CONFIG"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let flags = flags()?;
    let header = common::own_file("apache/h264_apache.h");
    common::own_file("apache/internal.h");
    common::compile(&SOURCES, "h264_apache", &flags)?;
    common::bind(&header, &flags, &[])
}

/// The preprocessor flags to compile against the server and its runtime library.
fn flags() -> Result<Vec<String>, Error> {
    let apxs = env::var_os("APXS").filter(|value| !value.is_empty());
    let query = |name| output(apxs.clone().unwrap_or_else(|| "apxs".into()), &["-q", name]);
    let headers = query("INCLUDEDIR")?;
    let mut flags = vec![format!("-I{headers}")];
    flags.extend(words(&query("EXTRA_CPPFLAGS")?));
    // The APR the server was built with need not be the first in PATH.
    for (variable, options) in
        [("APR_CONFIG", &["--includes", "--cppflags"][..]), ("APU_CONFIG", &["--includes"])]
    {
        let program = match env::var_os(variable).filter(|value| !value.is_empty()) {
            Some(path) => path,
            None => query(variable)?.into(),
        };
        flags.extend(words(&output(program, options)?));
    }
    if !Path::new(&headers).join("httpd.h").is_file() {
        return Err(Error(format!("no httpd.h in {headers}: {INSTALL}")));
    }
    Ok(flags)
}

/// What `program` prints, trimmed.
fn output(program: OsString, arguments: &[&str]) -> Result<String, Error> {
    let name = program.to_string_lossy().into_owned();
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| Error(format!("cannot run {name} ({error}): {INSTALL}")))?;
    if !output.status.success() {
        return Err(Error(format!("{name} {} failed ({}): {INSTALL}", arguments.join(" "), output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
