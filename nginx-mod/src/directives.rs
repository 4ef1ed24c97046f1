//! The directives: what each takes, and what is said of one that is wrong.
//!
//! | directive | value | where it is not set |
//! |---|---|---|
//! | `h264_streaming` | `on` or `off` | on where films are guarded, else off |
//! | `h264_streaming_extensions` | one or more extensions | the core's list |
//! | `h264_streaming_mode` | `exact` or `keyframe` | `exact` |
//! | `h264_streaming_format` | `flat`, `fmp4` or `auto` | `flat` |
//! | `h264_streaming_packaging` | `hls`, `dash`, both, or `none` | `none` |
//! | `h264_streaming_segment_duration` | a time, `1s` to `60s` | `6s` |
//! | `h264_streaming_segments` | `ranges` or `files` | `ranges` |
//! | `h264_streaming_parameters` | one or more `parameter=name` | the core's names |
//! | `h264_streaming_secret_file` | a file with keys, or `off` | `off` |
//! | `h264_streaming_window` | a part of films, as `10-60`, or `none` | `none` |
//! | `h264_streaming_longest_clip`, `h264_streaming_shortest_clip` | a time; 0 for any | 0 |
//! | `h264_streaming_refuse` | words for what a query may not name, or `none` | `none` |
//! | `h264_streaming_buffer_seconds` | a time that is sent at once, up to 1d; 0 for none | 0 |
//! | `h264_streaming_rate` | a size a second, in the place of the pace at which it is played; 0 for none | 0 |
//! | `h264_streaming_clips_per_client` | how many clips a client may have at a time, up to 32; 0 for any | 0 |
//! | `h264_streaming_canonical` | `off` or `redirect` | `off` |
//! | `h264_streaming_max_age` | a time | none |
//! | `h264_streaming_server_timing` | `on` or `off` | `off` |
//! | `h264_streaming_version_header` | `on` or `off` | `on` |
//! | `h264_streaming_log_client_errors` | `on` or `off` | `off` |
//! | `h264_streaming_cache_size` | a size; 0 for none; in `http` alone | `16m` |
//! | `h264_streaming_metrics` | none; in a `location` alone: it answers with the counts | |

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use mp4seek::limits::CLIPS_PER_CLIENT;
use mp4seek::pace::LONGEST_LEAD_IN;
use mp4seek::request::{
    Canonical, Form, Format, Mode, Packaging, Parameters, Refused, SegmentDuration, Time, Window,
    is_extension,
};
use mp4seek::server::{KeyFile, about_key_file};

use crate::config::Section;
use crate::ffi;

/// A directive that is being read.
pub(crate) struct Command(*mut ffi::ngx_conf_s);

impl Command {
    /// # Safety
    /// The server reads it now.
    pub(crate) unsafe fn new(raw: *mut ffi::ngx_conf_s) -> Self {
        Self(raw)
    }

    fn words(&self) -> Vec<&[u8]> {
        // SAFETY: by the promise of `new`; each index is below the number of words, which the
        // server keeps while it reads the directive.
        unsafe {
            (0..ffi::h264_words(self.0))
                .map(|index| ffi::slice_of(self, ffi::h264_word(self.0, index)))
                .collect()
        }
    }

    /// A path as the server's own directives take it: relative to its configuration.
    fn resolve(&self, path: &[u8]) -> &[u8] {
        // SAFETY: by the promise of `new`; the path lies in the pool of the configuration.
        unsafe { ffi::slice_of(self, ffi::h264_conf_path(self.0, ffi::bytes(path))) }
    }

    fn log(&self, is_error: bool, line: &str) {
        // SAFETY: by the promise of `new`; the server copies the line.
        unsafe { ffi::h264_conf_log(self.0, is_error.into(), ffi::bytes(line.as_bytes())) };
    }

    /// Reads it into `section`. Where it is wrong, a line in the log says so.
    pub(crate) fn read(&self, section: &mut Section) -> bool {
        let words = self.words();
        let Some((&name, values)) = words.split_first() else { return false };
        let name_text = String::from_utf8_lossy(name);
        if section.seen.iter().any(|seen| seen == name) {
            self.log(true, &format!("\"{name_text}\" directive is duplicate"));
            return false;
        }
        section.seen.push(name.to_vec());
        let told = match name.strip_prefix(b"h264_streaming").unwrap_or_default() {
            b"_secret_file" => self.set_key_file(section, values),
            option => set(section, option, values).map_err(|expected| {
                let values = String::from_utf8_lossy(&values.join(&b' ')).into_owned();
                format!("invalid value \"{values}\" in \"{name_text}\" directive, it must be {expected}")
            }),
        };
        told.map_err(|line| self.log(true, &line)).is_ok()
    }

    /// Reads the file of keys, with the rights that the server has while it starts.
    fn set_key_file(&self, section: &mut Section, values: &[&[u8]]) -> Result<(), String> {
        let value = values.first().copied().unwrap_or_default();
        if value == b"off" {
            section.key_file = Some(None);
            return Ok(());
        }
        let path = Path::new(OsStr::from_bytes(self.resolve(value)));
        let about = |what: &dyn std::fmt::Display| {
            format!("h264_streaming_secret_file: {}", about_key_file(path, what))
        };
        let file = KeyFile::read(path).map_err(|error| about(&error))?;
        if let Some(warning) = file.warning() {
            self.log(false, &about(&warning));
        }
        section.key_file = Some(Some(Arc::new(file)));
        Ok(())
    }
}

/// What would be right.
type Expected = &'static str;

/// Sets an option, by its name behind that of the module.
fn set(section: &mut Section, option: &[u8], values: &[&[u8]]) -> Result<(), Expected> {
    let value = values.first().copied().unwrap_or_default();
    let words = || values.iter().copied();
    match option {
        b"" => section.enable = Some(flag(value)?),
        b"_server_timing" => section.server_timing = Some(flag(value)?),
        b"_version_header" => section.version_header = Some(flag(value)?),
        b"_log_client_errors" => section.log_client_errors = Some(flag(value)?),
        b"_extensions" => section.extensions = Some(extensions(values)?),
        b"_mode" => {
            section.mode = Some(Mode::from_directive(value).ok_or("\"exact\" or \"keyframe\"")?);
        }
        b"_format" => {
            section.format = Some(Format::from_directive(value).ok_or("\"flat\", \"fmp4\" or \"auto\"")?);
        }
        b"_packaging" => {
            let packaging = Packaging::from_directive(words());
            section.packaging = Some(packaging.ok_or("\"hls\", \"dash\", both, or \"none\" alone")?);
        }
        b"_segments" => section.form = Some(Form::from_directive(value).ok_or("\"ranges\" or \"files\"")?),
        b"_parameters" => section.parameters = parameters(values)?,
        b"_window" => section.window = Some(window(value)?),
        b"_refuse" => {
            let refused = Refused::from_directive(words());
            section.refused = Some(refused.ok_or(
                "\"times\", \"tracks\", \"exact\", \"keyframe\", \"flat\", \"fmp4\", or \"none\" alone",
            )?);
        }
        b"_canonical" => {
            section.canonical = Some(Canonical::from_directive(value).ok_or("\"off\" or \"redirect\"")?);
        }
        _ => set_amount(section, option, value)?,
    }
    Ok(())
}

/// Sets an option that is a time or a size.
fn set_amount(section: &mut Section, option: &[u8], value: &[u8]) -> Result<(), Expected> {
    match option {
        b"_segment_duration" => {
            let duration = seconds(value)
                .and_then(|seconds| SegmentDuration::from_directive(seconds.to_string().as_bytes()));
            section.segment_duration = Some(duration.ok_or("a time, 1s to 60s")?);
        }
        b"_longest_clip" => section.longest = Some(time(value)?),
        b"_shortest_clip" => section.shortest = Some(time(value)?),
        b"_max_age" => section.max_age = Some(seconds(value).ok_or("a time, such as 1h")?),
        b"_buffer_seconds" => {
            let lead_in = seconds(value).filter(|&seconds| seconds <= LONGEST_LEAD_IN);
            section.lead_in = Some(lead_in.ok_or("a time up to 1d, such as 30s, or 0 for none")?);
        }
        b"_rate" => {
            let rate = size(value).and_then(|size| u32::try_from(size).ok());
            section.rate = Some(rate.ok_or("a size below 4g, such as 500k, or 0 for none")?);
        }
        b"_clips_per_client" => {
            let number = size(value).and_then(|number| u32::try_from(number).ok());
            let number = number.filter(|&number| number <= CLIPS_PER_CLIENT);
            section.clips_per_client = Some(number.ok_or("a number, 0 to 32")?);
        }
        b"_cache_size" => {
            section.cache_size = Some(size(value).ok_or("a size, such as 16m, or 0 for none")?);
        }
        _ => return Err("known to this version"),
    }
    Ok(())
}

fn flag(value: &[u8]) -> Result<bool, Expected> {
    match value {
        value if value.eq_ignore_ascii_case(b"on") => Ok(true),
        value if value.eq_ignore_ascii_case(b"off") => Ok(false),
        _ => Err("\"on\" or \"off\""),
    }
}

/// A time as the server reads it.
fn seconds(value: &[u8]) -> Option<u32> {
    // SAFETY: the call asks nothing, and keeps nothing.
    u32::try_from(unsafe { ffi::h264_parse_time(ffi::bytes(value)) }).ok()
}

/// A size as the server reads it.
fn size(value: &[u8]) -> Option<u64> {
    // SAFETY: the call asks nothing, and keeps nothing.
    u64::try_from(unsafe { ffi::h264_parse_size(ffi::bytes(value)) }).ok()
}

/// 0 is none.
fn time(value: &[u8]) -> Result<Option<Time>, Expected> {
    seconds(value)
        .and_then(|seconds| Time::from_directive(seconds.to_string().as_bytes()))
        .ok_or("a time, such as 90s, or 0 for any")
}

fn window(value: &[u8]) -> Result<Option<Window>, Expected> {
    if value.eq_ignore_ascii_case(b"none") {
        return Ok(None);
    }
    Window::from_directive(value).map(Some).ok_or("two times, such as 10-60, -1:30 or 10-, or \"none\"")
}

fn extensions(values: &[&[u8]]) -> Result<Vec<Vec<u8>>, Expected> {
    if values.iter().all(|value| is_extension(value)) {
        Ok(values.iter().map(|value| value.to_vec()).collect())
    } else {
        Err("extensions of file names, such as .mp4 .m4v")
    }
}

fn parameters(values: &[&[u8]]) -> Result<Parameters, Expected> {
    const ALLOWED: Expected = "parameter=name, once or more, such as start=from end=to; the parameters are \
        start, end, vbegin, vend, t, clip, scene, mode, tracks, lang, format, poster, expires and sig; a \
        name is 1 to 31 letters, digits and - . _ ~; no two names are the same, the default names included";
    let mut pairs = Vec::new();
    for word in values {
        let equals = word.iter().position(|&byte| byte == b'=').ok_or(ALLOWED)?;
        let (parameter, name) = word.split_at(equals);
        pairs.push((parameter, name.get(1..).unwrap_or_default()));
    }
    Parameters::default().rename(pairs).map_err(|_| ALLOWED)
}
