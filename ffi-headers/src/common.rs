//! What both servers' build scripts share.

use std::path::{Path, PathBuf};
use std::{env, fmt, panic};

use bindgen::callbacks::{AttributeInfo, ParseCallbacks};

/// Why a module cannot be built: one line that says what to install or to set.
#[derive(Debug)]
pub struct Error(pub(crate) String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// Ends a build script: a failure becomes Cargo's own one-line error.
pub fn report(result: Result<(), Error>) {
    if let Err(error) = result {
        println!("cargo::error={}", error.0.trim().replace('\n', " · "));
    }
}

/// A file of this crate.
pub(crate) fn own_file(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    println!("cargo::rerun-if-changed={}", path.display());
    path
}

/// Compiles our accessors `sources`, files of this crate, against the server's headers.
pub(crate) fn compile(sources: &[&str], library: &str, flags: &[String]) -> Result<(), Error> {
    let mut build = cc::Build::new();
    build.files(sources.iter().map(|source| own_file(source))).flags(flags).warnings(true);
    // A compiler that warns only takes an unknown function's pointer for an `int`.
    build.flag_if_supported("-Werror=implicit-function-declaration");
    build.try_compile(library).map_err(|error| {
        Error(format!(
            "cannot compile {} ({error}): install a C compiler (Debian: gcc libc6-dev) or set CC",
            sources.join(", ")
        ))
    })
}

/// Writes bindings for what our own narrow `header` declares, and nothing it includes, to
/// `$OUT_DIR/bindings.rs`. Each of `enums` becomes an enum, of which a `match` has to name all
/// values; the other enums become numbers.
pub(crate) fn bind(header: &Path, flags: &[String], enums: &[&'static str]) -> Result<(), Error> {
    let out = env::var_os("OUT_DIR").ok_or_else(|| Error("OUT_DIR is not set".into()))?;
    let header_name = header.to_string_lossy().into_owned();
    let builder = bindgen::Builder::default()
        .allowlist_file(regex_escape(&header_name))
        .header(header_name)
        .clang_args(flags)
        .rust_edition(bindgen::RustEdition::Edition2024)
        .prepend_enum_name(false)
        .derive_debug(false)
        .layout_tests(false)
        .generate_comments(false);
    let builder = enums.iter().fold(builder, |builder, name| {
        builder.rustified_enum(name).parse_callbacks(Box::new(ConstructedByC(name)))
    });
    // Where it finds no libclang it panics.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let generated = panic::catch_unwind(panic::AssertUnwindSafe(|| builder.generate()));
    panic::set_hook(hook);
    let bindings = generated
        .map_err(|_| {
            Error("cannot load libclang: install it (Debian: libclang-dev) or set LIBCLANG_PATH".into())
        })?
        .map_err(|error| Error(format!("{}: {error}", header.display())))?;
    bindings
        .write_to_file(Path::new(&out).join("bindings.rs"))
        .map_err(|error| Error(format!("cannot write the bindings: {error}")))
}

/// The enum of this name, whose values Rust never constructs.
#[derive(Debug)]
struct ConstructedByC(&'static str);

impl ParseCallbacks for ConstructedByC {
    fn add_attributes(&self, info: &AttributeInfo<'_>) -> Vec<String> {
        let attribute = r#"#[expect(dead_code, reason = "C constructs the values")]"#;
        if info.name == self.0 { vec![attribute.to_owned()] } else { Vec::new() }
    }
}

fn regex_escape(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, c| {
        if !c.is_ascii_alphanumeric() && c != '/' {
            escaped.push('\\');
        }
        escaped.push(c);
        escaped
    })
}
