//! The directives: what each is called, where it may stand, and what it sets.
//!
//! | directive | value | where it is not set |
//! |---|---|---|
//! | `H264Streaming` | `On` or `Off` | on for files with our handler and where films are guarded, off for others |
//! | `H264StreamingMode` | `keyframe` or `exact` | `exact` |
//! | `H264StreamingExtensions` | one or more extensions | the core's list |
//! | `H264StreamingParameters` | one or more `parameter=name` | the core's names |
//! | `H264StreamingFormat` | `flat`, `fmp4` or `auto` | `flat` |
//! | `H264StreamingPackaging` | `hls`, `dash`, both, or `none` | `none` |
//! | `H264StreamingSegmentDuration` | seconds, 1 to 60 | 6 |
//! | `H264StreamingSegments` | `ranges` or `files` | `ranges` |
//! | `H264StreamingSecretFile` | a file with keys, or `none` | none |
//! | `H264StreamingWindow` | a part of films, as `10-60`, or `none` | none |
//! | `H264StreamingLongestClip`, `H264StreamingShortestClip` | seconds; 0 for any | 0 |
//! | `H264StreamingRefuse` | words for what a query may not name, or `none` | none |
//! | `H264StreamingClipsPerClient` | how many clips a client may have at a time, up to 32; 0 for any | 0 |
//! | `H264StreamingCanonical` | `off` or `redirect` | `off` |
//! | `H264StreamingMaxAge` | seconds | none |
//! | `H264StreamingBufferSeconds` | seconds of a clip that are sent at once, the rest as it is played; 0 for all | 0 |
//! | `H264StreamingRate` | bytes a second, or with `K`, `M` or `G`; 0 for no limit | 0 |
//! | `H264StreamingVersionHeader` | `On` or `Off` | on |
//! | `H264StreamingServerTiming` | `On` or `Off` | off |
//! | `H264StreamingCacheSize` | bytes, or with `K`, `M` or `G`; 0 for none | 16M |
//!
//! The last is a process's, so it stands in the server's configuration alone. A file of keys is read
//! before the server gives up its rights, so it does not stand in `.htaccess`.
//! `.htaccess` needs `AllowOverride FileInfo`.

use std::borrow::Cow;
use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{self, NonNull};

use mp4seek::request::Keys;
use mp4seek::server::{KeyFile, about_key_file, boundary};

use crate::config::{Config, Extension, Signing, in_pool, set_cache_size};
use crate::ffi;

mod values;

use values::{
    check_extension, check_size, parse_buffer_seconds, parse_canonical, parse_clips_per_client, parse_form,
    parse_format, parse_longest, parse_max_age, parse_mode, parse_packaging, parse_rate, parse_refused,
    parse_segment_duration, parse_shortest, parse_window, rename_parameters,
};

/// The directives. A row is all that a directive needs beside its field of [`Config`].
static DIRECTIVES: [Directive; 21] = [
    Directive {
        name: c"H264Streaming",
        usage: c"On or Off: seek in films with ?start= and ?end=",
        place: Place::AnyContext,
        set: Set::Flag(|config, on| config.enabled = Some(on)),
    },
    Directive {
        name: c"H264StreamingMode",
        usage: c"keyframe or exact: where a clip begins",
        place: Place::AnyContext,
        set: Set::Value(set_mode),
    },
    Directive {
        name: c"H264StreamingExtensions",
        usage: c"extensions of films, such as .mp4 .m4v",
        place: Place::AnyContext,
        set: Set::EachValue(add_extension),
    },
    Directive {
        name: c"H264StreamingParameters",
        usage: c"names of the parameters of a query, such as start=from end=to",
        place: Place::AnyContext,
        set: Set::Line(set_parameters),
    },
    Directive {
        name: c"H264StreamingFormat",
        usage: c"flat, fmp4 or auto: the format of the answer to ?start= without ?format=",
        place: Place::AnyContext,
        set: Set::Value(|config, _, value| parse_format(value).map(|format| config.format = Some(format))),
    },
    Directive {
        name: c"H264StreamingPackaging",
        usage: c"hls, dash, both, or none: what players of playlists find behind a film's address",
        place: Place::AnyContext,
        set: Set::Line(|config, _, line| parse_packaging(line).map(|it| config.packaging = Some(it))),
    },
    Directive {
        name: c"H264StreamingSegmentDuration",
        usage: c"seconds, 1 to 60: how long segments are",
        place: Place::AnyContext,
        set: Set::Value(|config, _, value| {
            parse_segment_duration(value).map(|duration| config.segment_duration = Some(duration))
        }),
    },
    Directive {
        name: c"H264StreamingSegments",
        usage: c"ranges or files: how playlists address segments",
        place: Place::AnyContext,
        set: Set::Value(|config, _, value| parse_form(value).map(|form| config.form = Some(form))),
    },
    Directive {
        name: c"H264StreamingSecretFile",
        usage: c"a file with keys that links have to be signed with, or none",
        place: Place::ServerOrDirectory,
        set: Set::Path(set_secret_file),
    },
    Directive {
        name: c"H264StreamingWindow",
        usage: c"the part of films that may be seen, such as 10-60 or -60, or none",
        place: Place::AnyContext,
        set: Set::Value(|config, _, value| parse_window(value).map(|window| config.window = Some(window))),
    },
    Directive {
        name: c"H264StreamingLongestClip",
        usage: c"seconds that a clip may have at most; 0 for any",
        place: Place::AnyContext,
        set: Set::Value(|config, _, value| parse_longest(value).map(|time| config.longest = Some(time))),
    },
    Directive {
        name: c"H264StreamingShortestClip",
        usage: c"seconds that a clip has to have; 0 for any",
        place: Place::AnyContext,
        set: Set::Value(|config, _, value| parse_shortest(value).map(|time| config.shortest = Some(time))),
    },
    Directive {
        name: c"H264StreamingRefuse",
        usage: c"what a query may not name: times, tracks, exact, keyframe, flat, fmp4, or none",
        place: Place::AnyContext,
        set: Set::Line(|config, _, line| parse_refused(line).map(|refused| config.refused = Some(refused))),
    },
    Directive {
        name: c"H264StreamingClipsPerClient",
        usage: c"clips that a client may have at a time, up to 32; 0 for any",
        place: Place::AnyContext,
        set: Set::Value(|config, _, value| {
            parse_clips_per_client(value).map(|most| config.clips_per_client = Some(most))
        }),
    },
    Directive {
        name: c"H264StreamingCanonical",
        usage: c"off or redirect: what happens to other queries than the canonical one",
        place: Place::AnyContext,
        set: Set::Value(|config, _, value| parse_canonical(value).map(|it| config.canonical = Some(it))),
    },
    Directive {
        name: c"H264StreamingMaxAge",
        usage: c"seconds that caches may send an answer without asking",
        place: Place::AnyContext,
        set: Set::Value(|config, _, value| parse_max_age(value).map(|it| config.max_age = Some(it))),
    },
    Directive {
        name: c"H264StreamingBufferSeconds",
        usage: c"seconds of a clip that are sent at once, the rest as it is played; 0 for all at once",
        place: Place::AnyContext,
        set: Set::Value(|config, _, value| {
            parse_buffer_seconds(value).map(|seconds| config.buffer_seconds = Some(seconds))
        }),
    },
    Directive {
        name: c"H264StreamingRate",
        usage: c"bytes of a clip that are sent in a second, such as 500K; 0 for no limit",
        place: Place::AnyContext,
        set: Set::Value(|config, _, value| parse_rate(value).map(|rate| config.rate = Some(rate))),
    },
    Directive {
        name: c"H264StreamingVersionHeader",
        usage: c"On or Off: send X-Mod-H264-Streaming",
        place: Place::AnyContext,
        set: Set::Flag(|config, on| config.version_header = Some(on)),
    },
    Directive {
        name: c"H264StreamingServerTiming",
        usage: c"On or Off: send Server-Timing",
        place: Place::AnyContext,
        set: Set::Flag(|config, on| config.server_timing = Some(on)),
    },
    Directive {
        name: c"H264StreamingCacheSize",
        usage: c"bytes that a process may keep of films, such as 16M; 0 for none",
        place: Place::WholeServer,
        set: Set::Value(|_, _, value| check_size(value).map(set_cache_size)),
    },
];

/// A directive.
struct Directive {
    name: &'static CStr,
    /// What the server says behind the line of a directive that has too many values or too few.
    usage: &'static CStr,
    place: Place,
    set: Set,
}

/// Where a directive may stand.
enum Place {
    AnyContext,
    /// Everywhere but in `.htaccess`.
    ServerOrDirectory,
    /// Outside of all sections.
    WholeServer,
}

/// What a directive sets, by the way the server reads its values.
enum Set {
    Flag(fn(&mut Config, bool)),
    /// The one value.
    Value(SetText),
    /// One or more values: called for each.
    EachValue(SetText),
    /// All that follows the name, as it stands in the file.
    Line(SetText),
    /// The path of a file, which is read at once.
    Path(fn(&mut Config, &Command<'_>, &CStr) -> Result<(), CString>),
}

type SetText = fn(&mut Config, &Command<'_>, &CStr) -> Result<(), Refusal>;

/// The line with which the server refuses a configuration.
type Refusal = &'static CStr;

fn set_mode(config: &mut Config, _: &Command<'_>, value: &CStr) -> Result<(), Refusal> {
    config.mode = Some(parse_mode(value)?);
    Ok(())
}

fn add_extension(config: &mut Config, command: &Command<'_>, value: &CStr) -> Result<(), Refusal> {
    check_extension(value)?;
    // The server takes the value from the same pool.
    let link = Extension { name: value.as_ptr(), next: config.extensions };
    config.extensions = Some(command.keep(link));
    Ok(())
}

fn set_parameters(config: &mut Config, _: &Command<'_>, line: &CStr) -> Result<(), Refusal> {
    config.parameters = rename_parameters(&config.parameters, line)?;
    Ok(())
}

/// Reads the file of keys, with the rights that the server has while it starts.
fn set_secret_file(config: &mut Config, command: &Command<'_>, value: &CStr) -> Result<(), CString> {
    if value.to_bytes().eq_ignore_ascii_case(b"none") {
        config.signing = Some(Signing::Off);
        return Ok(());
    }
    let resolved = command.resolve(value).unwrap_or(value);
    let path = Path::new(OsStr::from_bytes(resolved.to_bytes()));
    let refusal = |what: &dyn std::fmt::Display| {
        let line = format!("H264StreamingSecretFile: {}", about_key_file(path, what));
        CString::new(line).unwrap_or_default()
    };
    let file = KeyFile::read(path).map_err(|error| refusal(&error))?;
    if let Some(warning) = file.warning() {
        ffi::log(ffi::H264_LOG_WARNING, &about_key_file(path, &warning));
    }
    let keys = Keys::read(command.keep_bytes(file.text())).map_err(|error| refusal(&error))?;
    config.signing = Some(Signing::On(keys));
    Ok(())
}

/// The table that the server reads.
#[repr(transparent)]
pub(crate) struct Commands(pub(crate) [ffi::h264_command; DIRECTIVES.len() + 1]);

// SAFETY: the table is never written to, and all it points to is static.
unsafe impl Sync for Commands {}

pub(crate) static COMMANDS: Commands = {
    const END: ffi::h264_command = ffi::h264_command {
        name: ptr::null(),
        set: ffi::h264_setter { flag: None },
        data: ptr::null_mut(),
        overrides: 0,
        arguments: ffi::H264_FLAG,
        usage: ptr::null(),
    };
    let mut commands = [END; DIRECTIVES.len() + 1];
    let mut row = 0;
    while row < DIRECTIVES.len() {
        commands[row] = DIRECTIVES[row].command();
        row += 1;
    }
    Commands(commands)
};

impl Directive {
    const fn command(&'static self) -> ffi::h264_command {
        let (arguments, set) = match self.set {
            Set::Flag(_) => (ffi::H264_FLAG, ffi::h264_setter { flag: Some(set_flag) }),
            Set::Value(_) => (ffi::H264_TAKE1, ffi::h264_setter { one: Some(set_text) }),
            Set::EachValue(_) => (ffi::H264_ITERATE, ffi::h264_setter { one: Some(set_text) }),
            Set::Line(_) => (ffi::H264_RAW_ARGS, ffi::h264_setter { one: Some(set_text) }),
            Set::Path(_) => (ffi::H264_TAKE1, ffi::h264_setter { one: Some(set_text) }),
        };
        let overrides = match self.place {
            Place::AnyContext => ffi::H264_OR_FILEINFO,
            Place::ServerOrDirectory => ffi::H264_RSRC_CONF | ffi::H264_ACCESS_CONF,
            Place::WholeServer => ffi::H264_RSRC_CONF,
        };
        let data = ptr::from_ref(self).cast_mut().cast();
        ffi::h264_command {
            name: self.name.as_ptr(),
            set,
            data,
            overrides,
            arguments,
            usage: self.usage.as_ptr(),
        }
    }
}

unsafe extern "C" fn set_flag(command: *mut ffi::cmd_parms, config: *mut c_void, on: c_int) -> *const c_char {
    // SAFETY: the server calls it for a directive of ours.
    unsafe {
        read(command, config, |command, config| match command.directive().set {
            Set::Flag(set) => {
                set(config, on != 0);
                Ok(())
            }
            Set::Value(_) | Set::EachValue(_) | Set::Line(_) | Set::Path(_) => Err(FAILED.into()),
        })
    }
}

unsafe extern "C" fn set_text(
    command: *mut ffi::cmd_parms,
    config: *mut c_void,
    value: *const c_char,
) -> *const c_char {
    // SAFETY: the server calls it for a directive of ours, and the value is a string.
    unsafe {
        read(command, config, |command, config| match command.directive().set {
            Set::Value(set) | Set::EachValue(set) | Set::Line(set) => {
                set(config, command, CStr::from_ptr(value)).map_err(Into::into)
            }
            Set::Path(set) => set(config, command, CStr::from_ptr(value)).map_err(Into::into),
            Set::Flag(_) => Err(FAILED.into()),
        })
    }
}

const FAILED: Refusal = c"mod_h264_streaming failed, see the error log";

/// Reads a directive. Null, or the line with which the server refuses the configuration.
///
/// # Safety
/// The server reads the directive now, which is one of [`COMMANDS`]. `config` comes from
/// [`create`](crate::config::create), and nothing else uses it meanwhile.
unsafe fn read(
    command: *mut ffi::cmd_parms,
    config: *mut c_void,
    set: impl FnOnce(&Command<'_>, &mut Config) -> Result<(), Cow<'static, CStr>>,
) -> *const c_char {
    boundary(
        || FAILED.as_ptr(),
        || {
            // SAFETY: the caller's.
            let (command, config) = unsafe { (Command::new(command), &mut *config.cast::<Config>()) };
            let misplaced = command.misplaced();
            if !misplaced.is_null() {
                return misplaced;
            }
            match set(&command, config) {
                Ok(()) => ptr::null(),
                Err(Cow::Borrowed(refusal)) => refusal.as_ptr(),
                Err(Cow::Owned(refusal)) => command.keep_bytes(refusal.as_bytes_with_nul()).as_ptr().cast(),
            }
        },
    )
}

/// A directive of ours that the server reads now.
struct Command<'c> {
    raw: *mut ffi::cmd_parms,
    server: PhantomData<&'c mut ffi::cmd_parms>,
}

impl Command<'_> {
    /// # Safety
    /// The server reads the directive now, on this thread, and it is one of [`COMMANDS`].
    unsafe fn new(raw: *mut ffi::cmd_parms) -> Self {
        Self { raw, server: PhantomData }
    }

    fn directive(&self) -> &'static Directive {
        // SAFETY: `Self::new` promises a directive of `COMMANDS`, whose `data` are static rows.
        unsafe { &*ffi::h264_command_data(self.raw).cast::<Directive>() }
    }

    /// Null, or the line that refuses the place where the directive stands.
    fn misplaced(&self) -> *const c_char {
        match self.directive().place {
            Place::AnyContext | Place::ServerOrDirectory => ptr::null(),
            // SAFETY: `Self::new` promises that the server reads the directive now.
            Place::WholeServer => unsafe { ffi::h264_refuse_unless_global(self.raw) },
        }
    }

    /// A path as the server's own directives take it: relative to `ServerRoot`.
    fn resolve(&self, path: &CStr) -> Option<&CStr> {
        // SAFETY: `Self::new` promises that the server reads the directive now, on this thread. The
        // result is null or a string in the pool.
        unsafe {
            let resolved = ffi::ap_server_root_relative(ffi::h264_command_pool(self.raw), path.as_ptr());
            (!resolved.is_null()).then(|| CStr::from_ptr(resolved))
        }
    }

    /// Copies bytes into the pool of the configuration. They live as long as what [`Config`] says
    /// of them, and nothing looks into a configuration whose pool is gone.
    fn keep_bytes(&self, bytes: &[u8]) -> &'static [u8] {
        // SAFETY: `Self::new` promises that the server reads the directive now, on this thread. The
        // pool ends the process where memory is out; `place` has as many bytes as are copied.
        unsafe {
            let place = ffi::apr_palloc(ffi::h264_command_pool(self.raw), bytes.len()).cast::<u8>();
            let place = NonNull::new(place).unwrap_or_else(|| std::process::abort());
            ptr::copy_nonoverlapping(bytes.as_ptr(), place.as_ptr(), bytes.len());
            std::slice::from_raw_parts(place.as_ptr(), bytes.len())
        }
    }

    /// Moves `value`, which needs no drop, into the pool of the configuration.
    fn keep<T: Copy>(&self, value: T) -> NonNull<T> {
        // SAFETY: `Self::new` promises that the server reads the directive now, on this thread.
        unsafe { in_pool(ffi::h264_command_pool(self.raw), value) }
    }
}
