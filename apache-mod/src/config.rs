//! The directives, for every context from the server to `.htaccess`.
//!
//! | directive | value | where it is not set |
//! |---|---|---|
//! | `H264Streaming` | `On` or `Off` | on for files with our handler, off for others |
//! | `H264StreamingMode` | `keyframe` or `exact` | `exact` |
//! | `H264StreamingExtensions` | one or more extensions | the core's list |
//! | `H264StreamingParameters` | one or more `parameter=name` | the core's names |
//! | `H264StreamingVersionHeader` | `On` or `Off` | on |
//! | `H264StreamingCacheSize` | bytes, or with `K`, `M` or `G`; 0 for none | 16M |
//!
//! The last is a process's, so it stands in the server's configuration alone.
//! `.htaccess` needs `AllowOverride FileInfo`. A narrower context replaces what it
//! sets, the list of extensions as a whole.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::iter;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

use mp4seek::answer::DEFAULT_CACHE_SIZE;
use mp4seek::request::{Mode, Parameters, has_default_extension, has_extension, is_extension, parse_size};
use mp4seek::server::boundary;

use crate::ffi;

/// What one context sets. It lives in a pool of the server, so nothing in it may
/// need to be dropped.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Config {
    enabled: Option<bool>,
    mode: Option<Mode>,
    version_header: Option<bool>,
    extensions: Option<NonNull<Extension>>,
    parameters: Parameters,
}

/// A link of the list of extensions, newest first, in the pool of the configuration.
#[derive(Debug, Clone, Copy)]
struct Extension {
    name: *const c_char,
    next: Option<NonNull<Extension>>,
}

/// What the process may keep of movies between requests, in bytes.
static CACHE_SIZE: AtomicU64 = AtomicU64::new(DEFAULT_CACHE_SIZE);

pub(crate) fn cache_size() -> u64 {
    CACHE_SIZE.load(Ordering::Relaxed)
}

/// Before a configuration is read: the library may have served one before.
pub(crate) fn reset() {
    CACHE_SIZE.store(DEFAULT_CACHE_SIZE, Ordering::Relaxed);
}

impl Config {
    /// Whether files are ours by their extension.
    pub(crate) fn is_on(&self) -> bool {
        self.enabled == Some(true)
    }

    /// Whether no file is ours, whatever its handler.
    pub(crate) fn is_off(&self) -> bool {
        self.enabled == Some(false)
    }

    /// The mode where the query names none.
    pub(crate) fn mode(&self) -> Mode {
        self.mode.unwrap_or_default()
    }

    /// What the parameters of a query are called.
    pub(crate) fn parameters(&self) -> Parameters {
        self.parameters
    }

    /// Whether answers carry `X-Mod-H264-Streaming`.
    pub(crate) fn sends_version(&self) -> bool {
        self.version_header.unwrap_or(true)
    }

    /// Whether `path` has one of the configured extensions.
    pub(crate) fn covers(&self, path: &[u8]) -> bool {
        match self.extensions {
            None => has_default_extension(path),
            Some(first) => has_extension(path, names(first)),
        }
    }

    fn merged_with(&self, narrower: &Self) -> Self {
        Self {
            enabled: narrower.enabled.or(self.enabled),
            mode: narrower.mode.or(self.mode),
            version_header: narrower.version_header.or(self.version_header),
            extensions: narrower.extensions.or(self.extensions),
            parameters: self.parameters.overridden_by(&narrower.parameters),
        }
    }
}

fn names<'a>(first: NonNull<Extension>) -> impl Iterator<Item = &'a [u8]> {
    // SAFETY: links are written once, before they are linked, and the server frees no pool
    // of a configuration while a request uses it; so are the strings, which end in NUL.
    iter::successors(Some(first), |link| unsafe { link.as_ref() }.next)
        .map(|link| unsafe { CStr::from_ptr(link.as_ref().name) }.to_bytes())
}

/// The table of directives.
#[repr(transparent)]
pub(crate) struct Commands(pub(crate) [ffi::h264_command; 7]);

// SAFETY: the table is never written to, and all it points to is static.
unsafe impl Sync for Commands {}

pub(crate) static COMMANDS: Commands = Commands([
    flag(c"H264Streaming", set_enabled, c"On or Off: seek in films with ?start= and ?end="),
    one(c"H264StreamingMode", ffi::H264_TAKE1, set_mode, c"keyframe or exact: where a clip begins"),
    one(
        c"H264StreamingExtensions",
        ffi::H264_ITERATE,
        add_extension,
        c"extensions of films, such as .mp4 .m4v",
    ),
    one(
        c"H264StreamingParameters",
        ffi::H264_RAW_ARGS,
        set_parameters,
        c"names of the parameters of a query, such as start=from end=to",
    ),
    flag(c"H264StreamingVersionHeader", set_version_header, c"On or Off: send X-Mod-H264-Streaming"),
    ffi::h264_command {
        overrides: ffi::H264_RSRC_CONF,
        ..one(
            c"H264StreamingCacheSize",
            ffi::H264_TAKE1,
            set_cache_size,
            c"bytes that a process may keep of films, such as 16M; 0 for none",
        )
    },
    ffi::h264_command { name: ptr::null(), ..flag(c"", set_enabled, c"") },
]);

type SetFlag = unsafe extern "C" fn(*mut ffi::cmd_parms, *mut c_void, c_int) -> *const c_char;
type SetOne = unsafe extern "C" fn(*mut ffi::cmd_parms, *mut c_void, *const c_char) -> *const c_char;

const fn flag(name: &'static CStr, set: SetFlag, usage: &'static CStr) -> ffi::h264_command {
    command(name, ffi::h264_setter { flag: Some(set) }, ffi::H264_FLAG, usage)
}

const fn one(name: &'static CStr, arguments: c_int, set: SetOne, usage: &'static CStr) -> ffi::h264_command {
    command(name, ffi::h264_setter { one: Some(set) }, arguments, usage)
}

const fn command(
    name: &'static CStr,
    set: ffi::h264_setter,
    arguments: c_int,
    usage: &'static CStr,
) -> ffi::h264_command {
    ffi::h264_command {
        name: name.as_ptr(),
        set,
        data: ptr::null_mut(),
        overrides: ffi::H264_OR_FILEINFO,
        arguments,
        usage: usage.as_ptr(),
    }
}

pub(crate) unsafe extern "C" fn create(pool: *mut ffi::apr_pool_t, _directory: *mut c_char) -> *mut c_void {
    // SAFETY: the server's own pool.
    boundary(ptr::null_mut, || unsafe { in_pool(pool, Config::default()) }.as_ptr().cast())
}

pub(crate) unsafe extern "C" fn merge(
    pool: *mut ffi::apr_pool_t,
    base: *mut c_void,
    add: *mut c_void,
) -> *mut c_void {
    // SAFETY: the server's own pool, and two configurations from `create` or this function.
    boundary(ptr::null_mut, || unsafe {
        let merged = (*base.cast::<Config>()).merged_with(&*add.cast::<Config>());
        in_pool(pool, merged).as_ptr().cast()
    })
}

unsafe extern "C" fn set_enabled(_: *mut ffi::cmd_parms, config: *mut c_void, on: c_int) -> *const c_char {
    // SAFETY: the server hands a setter what `create` returned for the context it reads.
    unsafe {
        directive(config, |config| {
            config.enabled = Some(on != 0);
            Ok(())
        })
    }
}

unsafe extern "C" fn set_version_header(
    _: *mut ffi::cmd_parms,
    config: *mut c_void,
    on: c_int,
) -> *const c_char {
    // SAFETY: as in `set_enabled`.
    unsafe {
        directive(config, |config| {
            config.version_header = Some(on != 0);
            Ok(())
        })
    }
}

unsafe extern "C" fn set_mode(
    _: *mut ffi::cmd_parms,
    config: *mut c_void,
    value: *const c_char,
) -> *const c_char {
    // SAFETY: as in `set_enabled`; the value is a string.
    unsafe {
        directive(config, |config| {
            config.mode = Some(parse_mode(CStr::from_ptr(value))?);
            Ok(())
        })
    }
}

unsafe extern "C" fn set_cache_size(
    command: *mut ffi::cmd_parms,
    _: *mut c_void,
    value: *const c_char,
) -> *const c_char {
    boundary(
        || FAILED.as_ptr(),
        || {
            // SAFETY: the directive that the server reads now, and its value, a string.
            let (refusal, value) =
                unsafe { (ffi::h264_refuse_unless_global(command), CStr::from_ptr(value)) };
            if !refusal.is_null() {
                return refusal;
            }
            match check_size(value) {
                Ok(size) => {
                    CACHE_SIZE.store(size, Ordering::Relaxed);
                    ptr::null()
                }
                Err(message) => message.as_ptr(),
            }
        },
    )
}

unsafe extern "C" fn add_extension(
    command: *mut ffi::cmd_parms,
    config: *mut c_void,
    value: *const c_char,
) -> *const c_char {
    // SAFETY: as in `set_mode`; the server takes the value from the pool it hands out here,
    // which is that of the configuration.
    unsafe {
        directive(config, |config| {
            check_extension(CStr::from_ptr(value))?;
            let link = Extension { name: value, next: config.extensions };
            config.extensions = Some(in_pool(ffi::h264_command_pool(command), link));
            Ok(())
        })
    }
}

unsafe extern "C" fn set_parameters(
    _: *mut ffi::cmd_parms,
    config: *mut c_void,
    value: *const c_char,
) -> *const c_char {
    // SAFETY: as in `set_mode`.
    unsafe {
        directive(config, |config| {
            config.parameters = rename_parameters(&config.parameters, CStr::from_ptr(value))?;
            Ok(())
        })
    }
}

/// Reads all of a directive's line at once, so that two parameters can exchange their names.
fn rename_parameters(parameters: &Parameters, line: &CStr) -> Result<Parameters, &'static CStr> {
    const ALLOWED: &CStr = c"H264StreamingParameters must be parameter=name, once or more, such as \
        start=from end=to; the parameters are start, end, vbegin, vend, t, mode, tracks and lang; a name is 1 \
        to 31 letters, digits and - . _ ~; no two names are the same, the default names included";
    let mut pairs = Vec::new();
    for word in line.to_bytes().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        let word = word.strip_prefix(b"\"").and_then(|word| word.strip_suffix(b"\"")).unwrap_or(word);
        let equals = word.iter().position(|&byte| byte == b'=').ok_or(ALLOWED)?;
        let (parameter, name) = word.split_at(equals);
        pairs.push((parameter, name.get(1..).unwrap_or_default()));
    }
    if pairs.is_empty() { Err(ALLOWED) } else { parameters.rename(pairs).map_err(|_| ALLOWED) }
}

fn parse_mode(value: &CStr) -> Result<Mode, &'static CStr> {
    Mode::from_directive(value.to_bytes()).ok_or(c"H264StreamingMode must be keyframe or exact")
}

fn check_size(value: &CStr) -> Result<u64, &'static CStr> {
    parse_size(value.to_bytes()).ok_or(
        c"H264StreamingCacheSize must be a number of bytes, which may end in K, M or G; 0 for no cache",
    )
}

fn check_extension(value: &CStr) -> Result<(), &'static CStr> {
    is_extension(value.to_bytes())
        .then_some(())
        .ok_or(c"H264StreamingExtensions must be extensions of file names, such as .mp4 .m4v")
}

const FAILED: &CStr = c"mod_h264_streaming failed, see the error log";

/// One directive: null, or the line with which the server refuses the configuration.
///
/// # Safety
/// `config` comes from [`create`] and nothing else uses it meanwhile.
unsafe fn directive(
    config: *mut c_void,
    set: impl FnOnce(&mut Config) -> Result<(), &'static CStr>,
) -> *const c_char {
    boundary(
        || FAILED.as_ptr(),
        || {
            // SAFETY: the caller's.
            match set(unsafe { &mut *config.cast::<Config>() }) {
                Ok(()) => ptr::null(),
                Err(message) => message.as_ptr(),
            }
        },
    )
}

/// Moves `value`, which needs no drop, into a pool.
///
/// # Safety
/// `pool` is a pool of the server that this thread may use.
unsafe fn in_pool<T: Copy>(pool: *mut ffi::apr_pool_t, value: T) -> NonNull<T> {
    const { assert!(align_of::<T>() <= 8, "a pool aligns to 8 bytes") };
    // SAFETY: the caller's; a pool ends the process where memory is out, but a null would be a way
    // to write to 0.
    let place = unsafe { ffi::apr_palloc(pool, size_of::<T>()) }.cast::<T>();
    let place = NonNull::new(place).unwrap_or_else(|| std::process::abort());
    // SAFETY: fresh memory of that size, aligned to 8.
    unsafe { place.write(value) };
    place
}

#[cfg(test)]
mod tests {
    use mp4seek::request::Parameter;

    use super::*;

    #[test]
    fn a_narrower_context_replaces_only_what_it_sets() {
        let base = Config { enabled: Some(true), mode: Some(Mode::Keyframe), ..Config::default() };
        let narrower = Config { enabled: Some(false), version_header: Some(false), ..Config::default() };
        let merged = base.merged_with(&narrower);
        assert!(merged.is_off() && !merged.is_on() && !merged.sends_version());
        assert_eq!(merged.mode(), Mode::Keyframe);
        let unset = base.merged_with(&Config::default());
        assert!(unset.is_on() && unset.sends_version());
    }

    #[test]
    fn a_list_of_extensions_replaces_the_default_one() {
        let mut first = Extension { name: c".foo".as_ptr(), next: None };
        let mut second = Extension { name: c"bar".as_ptr(), next: Some(NonNull::from(&mut first)) };
        let narrower = Config { extensions: Some(NonNull::from(&mut second)), ..Config::default() };
        let merged = Config::default().merged_with(&narrower);
        assert!(merged.covers(b"/a/film.FOO") && merged.covers(b"film.bar") && !merged.covers(b"film.mp4"));
        assert!(Config::default().covers(b"film.mp4") && !Config::default().covers(b"film.txt"));
    }

    #[test]
    fn values_are_checked() {
        assert_eq!(parse_mode(c"Keyframe"), Ok(Mode::Keyframe));
        assert!(parse_mode(c"fast").unwrap_err().to_str().unwrap().contains("keyframe or exact"));
        assert_eq!(check_size(c"8M"), Ok(8 << 20));
        assert!(check_size(c"8MB").unwrap_err().to_str().unwrap().contains("K, M or G"));
        let renamed = rename_parameters(&Parameters::default(), c" start=end \t \"end=start\" ").unwrap();
        assert_eq!(renamed.find(b"start"), Some(Parameter::End));
        for bad in
            [c"", c" ", c"start", c"=x", c"start=", c"from=start", c"start=end", c"t=x lang=x", c"t=a=b"]
        {
            let refused = rename_parameters(&Parameters::default(), bad).unwrap_err();
            assert!(refused.to_str().unwrap().contains("start=from end=to"), "{bad:?}");
        }
        assert_eq!(check_extension(c".mp4"), Ok(()));
        assert!(check_extension(c"a/b").unwrap_err().to_str().unwrap().contains(".mp4"));
    }
}
