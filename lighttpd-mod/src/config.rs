//! The options, and what they say for a request.

use std::ffi::{OsStr, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use mp4seek::limits::CLIPS_PER_CLIENT;
use mp4seek::pace::Pace;
use mp4seek::request::{
    Asked, Canonical, ClipRequest, Form, Format, Keys, Mode, Packaging, Parameters, Refused, RequestError,
    SegmentDuration, Settings, Time, Window, has_default_extension, has_extension, is_extension,
};
use mp4seek::server::{KeyFile, about_key_file};

use crate::ffi::{self, Module, h264_key};
use crate::pace::buffer_seconds;

/// The options of one place in the configuration.
#[derive(Default)]
pub(crate) struct Section {
    /// The number of the condition around it; `None` outside of all.
    pub(crate) condition: Option<c_int>,
    enable: Option<bool>,
    extensions: Option<Vec<Vec<u8>>>,
    mode: Option<Mode>,
    version_header: Option<bool>,
    log_client_errors: Option<bool>,
    server_timing: Option<bool>,
    metrics_url: Option<Vec<u8>>,
    static_excluded: Option<Vec<Vec<u8>>>,
    static_etags: Option<bool>,
    /// In bytes.
    pub(crate) cache_size: Option<u64>,
    parameters: Option<Parameters>,
    format: Option<Format>,
    packaging: Option<Packaging>,
    segment_duration: Option<SegmentDuration>,
    form: Option<Form>,
    /// The keys that links are signed with; none where links need no signature.
    key_file: Option<Option<KeyFile>>,
    /// `Some(None)` takes back what a wider section says.
    window: Option<Option<Window>>,
    longest: Option<Option<Time>>,
    shortest: Option<Option<Time>>,
    refused: Option<Refused>,
    buffer_seconds: Option<u32>,
    rate: Option<u32>,
    clips_per_client: Option<u32>,
    canonical: Option<Canonical>,
    max_age: Option<u32>,
}

/// The options that hold for a request.
pub(crate) struct Config<'a> {
    enable: bool,
    extensions: Option<&'a [Vec<u8>]>,
    /// How queries are read.
    pub(crate) settings: Settings,
    pub(crate) version_header: bool,
    pub(crate) log_client_errors: bool,
    pub(crate) server_timing: bool,
    /// The path of the counts.
    pub(crate) metrics_url: Option<&'a [u8]>,
    /// Ends of paths that the server does not serve as files.
    excluded: &'a [Vec<u8>],
    /// Whether files have entity tags.
    pub(crate) etags: bool,
    /// The keys that links are signed with; `None` where links need no signature.
    pub(crate) keys: Option<Keys<'a>>,
    /// How fast answers are sent.
    pub(crate) pace: Pace,
    /// How many clips a client may have at a time; 0 for any.
    pub(crate) clips_per_client: u32,
}

impl Section {
    pub(crate) fn read(module: Module<'_>, index: c_int) -> Result<Self, String> {
        let mut section = Self::default();
        // The first is the one outside of all conditions, even where it is empty.
        if index > 0 {
            // SAFETY: `index` is below the number of contexts.
            section.condition = Some(unsafe { ffi::h264_config_condition(module.raw, index) });
        }
        for number in 0.. {
            let mut value = ffi::h264_value {
                key: h264_key::H264_KEY_ENABLE,
                number: 0,
                string: ffi::bytes(&[]),
                list: std::ptr::null(),
            };
            // SAFETY: `index` is below the number of contexts; the end of its
            // values is answered with 0.
            if unsafe { ffi::h264_config_value(module.raw, index, number, &raw mut value) } == 0 {
                break;
            }
            section.set(&value)?;
        }
        Ok(section)
    }

    /// Where the counts can be asked for.
    pub(crate) fn metrics_url(&self) -> Option<&[u8]> {
        self.metrics_url.as_deref()
    }

    fn set(&mut self, value: &ffi::h264_value) -> Result<(), String> {
        let is_on = value.number != 0;
        match value.key {
            h264_key::H264_KEY_ENABLE => self.enable = Some(is_on),
            h264_key::H264_KEY_VERSION_HEADER => self.version_header = Some(is_on),
            h264_key::H264_KEY_LOG_CLIENT_ERRORS => self.log_client_errors = Some(is_on),
            h264_key::H264_KEY_SERVER_TIMING => self.server_timing = Some(is_on),
            h264_key::H264_KEY_METRICS_URL => self.metrics_url = Some(metrics_url(string(value))?),
            h264_key::H264_KEY_STATIC_ETAGS => self.static_etags = Some(is_on),
            h264_key::H264_KEY_STATIC_EXCLUDED => {
                self.static_excluded = Some(items(value).map(|(_, item)| item.to_vec()).collect());
            }
            h264_key::H264_KEY_CACHE_SIZE if self.condition.is_some() => {
                let message =
                    "h264-streaming.cache-size is the server's: it must stand outside of all conditions";
                return Err(message.into());
            }
            h264_key::H264_KEY_CACHE_SIZE => self.cache_size = Some(u64::from(value.number) << 10),
            h264_key::H264_KEY_MODE => self.mode = Some(mode(string(value))?),
            h264_key::H264_KEY_FORMAT => self.format = Some(format(string(value))?),
            h264_key::H264_KEY_SEGMENTS => self.form = Some(form(string(value))?),
            h264_key::H264_KEY_BUFFER_SECONDS => self.buffer_seconds = Some(buffer_seconds(value.number)?),
            h264_key::H264_KEY_CLIPS_PER_CLIENT => {
                self.clips_per_client = Some(clips_per_client(value.number)?);
            }
            h264_key::H264_KEY_RATE => self.rate = Some(value.number),
            h264_key::H264_KEY_SECRET_FILE => self.key_file = Some(key_file(string(value))?),
            h264_key::H264_KEY_WINDOW => self.window = Some(window(string(value))?),
            h264_key::H264_KEY_LONGEST_CLIP => self.longest = Some(seconds(value)),
            h264_key::H264_KEY_SHORTEST_CLIP => self.shortest = Some(seconds(value)),
            h264_key::H264_KEY_REFUSE => self.refused = Some(refused(&words(value))?),
            h264_key::H264_KEY_CANONICAL => self.canonical = Some(canonical(string(value))?),
            h264_key::H264_KEY_MAX_AGE => self.max_age = Some(value.number),
            h264_key::H264_KEY_SEGMENT_DURATION => {
                self.segment_duration = Some(segment_duration(value.number)?);
            }
            h264_key::H264_KEY_PACKAGING => {
                self.packaging = Some(packaging(&words(value))?);
            }
            h264_key::H264_KEY_PARAMETERS => {
                self.parameters = Some(parameters(&items(value).collect::<Vec<_>>())?);
            }
            h264_key::H264_KEY_EXTENSIONS => {
                let extensions = items(value).map(|(_, item)| extension(item));
                self.extensions = Some(extensions.collect::<Result<_, _>>()?);
            }
        }
        Ok(())
    }
}

/// The string of a value that is one.
fn string(value: &ffi::h264_value) -> &[u8] {
    // SAFETY: the server keeps its configuration unchanged.
    unsafe { ffi::slice_of(value, value.string) }
}

/// The keys and strings of a value that is a list; none of another. Where the items have no keys,
/// those are empty.
fn items(value: &ffi::h264_value) -> impl Iterator<Item = (&[u8], &[u8])> {
    // SAFETY: `list` is null or a list of strings, and each `index` is below its length. The server
    // keeps its configuration unchanged.
    let (count, item) = unsafe {
        let item = |index| {
            let (key, item) = (ffi::h264_list_key(value.list, index), ffi::h264_list_item(value.list, index));
            (ffi::slice_of(value, key), ffi::slice_of(value, item))
        };
        (ffi::h264_list_len(value.list), item)
    };
    (0..count).map(item)
}

impl Default for Config<'_> {
    fn default() -> Self {
        Self {
            enable: true,
            extensions: None,
            settings: Settings::default(),
            version_header: true,
            log_client_errors: false,
            server_timing: false,
            metrics_url: None,
            excluded: &[],
            etags: true,
            keys: None,
            pace: Pace::default(),
            clips_per_client: 0,
        }
    }
}

impl<'a> Config<'a> {
    /// Replaces what a narrower section sets.
    pub(crate) fn override_with(&mut self, section: &'a Section) {
        let Section {
            // Neither is a request's.
            condition: _,
            cache_size: _,
            enable,
            extensions,
            mode,
            version_header,
            log_client_errors,
            server_timing,
            metrics_url,
            static_excluded,
            static_etags,
            parameters,
            format,
            packaging,
            segment_duration,
            form,
            key_file,
            window,
            longest,
            shortest,
            refused,
            buffer_seconds,
            rate,
            clips_per_client,
            canonical,
            max_age,
        } = section;
        self.enable = enable.unwrap_or(self.enable);
        self.extensions = extensions.as_deref().or(self.extensions);
        self.version_header = version_header.unwrap_or(self.version_header);
        self.log_client_errors = log_client_errors.unwrap_or(self.log_client_errors);
        self.server_timing = server_timing.unwrap_or(self.server_timing);
        self.metrics_url = metrics_url.as_deref().or(self.metrics_url);
        self.excluded = static_excluded.as_deref().unwrap_or(self.excluded);
        self.etags = static_etags.unwrap_or(self.etags);
        if let Some(key_file) = key_file {
            self.keys = key_file.as_ref().map(KeyFile::keys);
        }
        self.pace.lead_in = buffer_seconds.unwrap_or(self.pace.lead_in);
        self.pace.rate = rate.unwrap_or(self.pace.rate);
        self.clips_per_client = clips_per_client.unwrap_or(self.clips_per_client);
        let settings = &mut self.settings;
        settings.lays_out_whole = self.pace.is_on();
        settings.mode = mode.unwrap_or(settings.mode);
        settings.format = format.unwrap_or(settings.format);
        settings.packaging = packaging.unwrap_or(settings.packaging);
        settings.segment_duration = segment_duration.unwrap_or(settings.segment_duration);
        settings.form = form.unwrap_or(settings.form);
        let restrictions = &mut settings.restrictions;
        restrictions.window = window.unwrap_or(restrictions.window);
        restrictions.longest = longest.unwrap_or(restrictions.longest);
        restrictions.shortest = shortest.unwrap_or(restrictions.shortest);
        restrictions.refused = refused.unwrap_or(restrictions.refused);
        settings.canonical = canonical.unwrap_or(settings.canonical);
        settings.max_age = max_age.or(settings.max_age);
        if let Some(parameters) = parameters {
            settings.parameters = settings.parameters.overridden_by(parameters);
        }
    }

    /// Whether a query asks for a clip, and for nothing else.
    pub(crate) fn asks_for_clip(&self, query: &[u8]) -> bool {
        let is_clip =
            |request: Result<ClipRequest, RequestError>| request.map_or(true, |request| !request.is_plain());
        Asked::parse(query, &self.settings)
            .map_or(true, |asked| !asked.request.is_plain() && asked.otherwise.is_none_or(is_clip))
    }

    /// Whether signatures are asked for, or anything is restricted.
    pub(crate) fn has_guard(&self) -> bool {
        self.keys.is_some() || self.settings.restrictions.are_any()
    }

    /// Whether parts of a film are refused to somebody: the server's own handler of files may not
    /// send it then.
    pub(crate) fn is_guarded(&self) -> bool {
        self.keys.is_some() || self.settings.restrictions.hide_parts()
    }

    /// Whether films are guarded, held back or counted: the server's own handler of files may send none.
    pub(crate) fn holds_films(&self) -> bool {
        self.is_guarded() || self.pace.is_on() || self.clips_per_client > 0
    }

    /// Whether a movie of this path is ours to answer.
    pub(crate) fn serves(&self, path: &[u8]) -> bool {
        self.enable
            && !self.excluded.iter().any(|end| path.ends_with(end))
            && match self.extensions {
                Some(extensions) => has_extension(path, extensions.iter().map(Vec::as_slice)),
                None => has_default_extension(path),
            }
    }
}

fn mode(value: &[u8]) -> Result<Mode, String> {
    Mode::from_directive(value).ok_or_else(|| {
        let value = String::from_utf8_lossy(value);
        format!("h264-streaming.mode = \"{value}\": it must be \"keyframe\" or \"exact\"")
    })
}

fn format(value: &[u8]) -> Result<Format, String> {
    Format::from_directive(value).ok_or_else(|| {
        let value = String::from_utf8_lossy(value);
        format!("h264-streaming.format = \"{value}\": it must be \"flat\", \"fmp4\" or \"auto\"")
    })
}

fn form(value: &[u8]) -> Result<Form, String> {
    Form::from_directive(value).ok_or_else(|| {
        let value = String::from_utf8_lossy(value);
        format!("h264-streaming.segments = \"{value}\": it must be \"ranges\" or \"files\"")
    })
}

fn canonical(value: &[u8]) -> Result<Canonical, String> {
    Canonical::from_directive(value).ok_or_else(|| {
        let value = String::from_utf8_lossy(value);
        format!("h264-streaming.canonical = \"{value}\": it must be \"off\" or \"redirect\"")
    })
}

fn segment_duration(seconds: u32) -> Result<SegmentDuration, String> {
    SegmentDuration::from_directive(seconds.to_string().as_bytes()).ok_or_else(|| {
        format!("h264-streaming.segment-duration = {seconds}: it must be a number of seconds, 1 to 60")
    })
}

fn packaging(words: &[&[u8]]) -> Result<Packaging, String> {
    Packaging::from_directive(words.iter().copied()).ok_or_else(|| {
        let words = String::from_utf8_lossy(&words.join(&b", "[..])).into_owned();
        format!(
            "h264-streaming.packaging has {words}: it must be a list of \"hls\" and \"dash\", or ( \"none\" )"
        )
    })
}

fn metrics_url(value: &[u8]) -> Result<Vec<u8>, String> {
    if value.starts_with(b"/") {
        return Ok(value.to_vec());
    }
    let value = String::from_utf8_lossy(value);
    Err(format!("h264-streaming.metrics-url = \"{value}\": it must be a path that begins with /"))
}

fn clips_per_client(number: u32) -> Result<u32, String> {
    if number <= CLIPS_PER_CLIENT {
        return Ok(number);
    }
    Err(format!("h264-streaming.clips-per-client = {number}: it must be a number, 0 to {CLIPS_PER_CLIENT}"))
}

fn words(value: &ffi::h264_value) -> Vec<&[u8]> {
    items(value).map(|(_, word)| word).collect()
}

/// A number of seconds; 0 is none.
fn seconds(value: &ffi::h264_value) -> Option<Time> {
    Time::from_directive(value.number.to_string().as_bytes()).flatten()
}

fn window(value: &[u8]) -> Result<Option<Window>, String> {
    if value.eq_ignore_ascii_case(b"none") {
        return Ok(None);
    }
    Window::from_directive(value).map(Some).ok_or_else(|| {
        let value = String::from_utf8_lossy(value);
        format!(
            "h264-streaming.window = \"{value}\": it must be two times, such as \"10-60\", \"-1:30\" or \"10-\", or \"none\""
        )
    })
}

fn refused(words: &[&[u8]]) -> Result<Refused, String> {
    Refused::from_directive(words.iter().copied()).ok_or_else(|| {
        let words = String::from_utf8_lossy(&words.join(&b", "[..])).into_owned();
        format!(
            "h264-streaming.refuse has {words}: it must be a list of \"times\", \"tracks\", \"exact\", \"keyframe\", \"flat\" and \"fmp4\", or ( \"none\" )"
        )
    })
}

/// Reads a file of keys, as the user that the server runs as.
fn key_file(value: &[u8]) -> Result<Option<KeyFile>, String> {
    if value.eq_ignore_ascii_case(b"none") {
        return Ok(None);
    }
    if value.is_empty() {
        return Err(
            "h264-streaming.secret-file = \"\": it must be the path of a file with keys, or \"none\"".into(),
        );
    }
    let path = Path::new(OsStr::from_bytes(value));
    let file = KeyFile::read(path)
        .map_err(|error| format!("h264-streaming.secret-file: {}", about_key_file(path, &error)))?;
    if let Some(warning) = file.warning() {
        ffi::log(&about_key_file(path, &warning));
    }
    Ok(Some(file))
}

fn parameters(pairs: &[(&[u8], &[u8])]) -> Result<Parameters, String> {
    Parameters::default().rename(pairs.iter().copied()).map_err(|error| {
        format!("h264-streaming.parameters must be a list such as ( \"start\" => \"from\", \"end\" => \"to\" ): {error}")
    })
}

fn extension(value: &[u8]) -> Result<Vec<u8>, String> {
    if !is_extension(value) {
        let value = String::from_utf8_lossy(value);
        return Err(format!(
            "h264-streaming.extensions has \"{value}\": it must be a list of file name extensions such as \".mp4\""
        ));
    }
    Ok(value.to_vec())
}

#[cfg(test)]
mod tests {
    use mp4seek::request::Parameter;

    use super::{
        Canonical, Config, Form, Format, Mode, Packaging, canonical, extension, form, format, mode,
        packaging, parameters, segment_duration,
    };

    #[test]
    fn modes_are_the_two() {
        assert_eq!(mode(b"keyframe"), Ok(Mode::Keyframe));
        assert_eq!(mode(b"Exact"), Ok(Mode::Exact));
        for wrong in [&b"fast"[..], b"", b"\xff"] {
            assert!(mode(wrong).unwrap_err().contains("\"keyframe\" or \"exact\""));
        }
    }

    #[test]
    fn extensions_are_parts_of_a_name() {
        assert_eq!(extension(b".mp4"), Ok(b".mp4".to_vec()));
        assert_eq!(extension(b"mp4"), Ok(b"mp4".to_vec()));
        for wrong in [&b""[..], b".", b".mp4/"] {
            assert!(extension(wrong).unwrap_err().contains("such as \".mp4\""));
        }
    }

    #[test]
    fn forms_of_answers_are_those_that_the_refusals_name() {
        assert_eq!((format(b"FMP4"), form(b"files")), (Ok(Format::Fragmented), Ok(Form::Segments)));
        assert!(format(b"mp4").unwrap_err().contains("\"fmp4\" or \"auto\""));
        assert_eq!(canonical(b"REDIRECT"), Ok(Canonical::Redirect));
        assert!(canonical(b"on").unwrap_err().contains("\"off\" or \"redirect\""));
        assert!(form(b"range").unwrap_err().contains("\"ranges\" or \"files\""));
        assert_eq!(segment_duration(60).unwrap().seconds(), 60);
        assert!(segment_duration(0).unwrap_err().contains("1 to 60"));
        assert_eq!(packaging(&[b"dash", b"hls"]), Ok(Packaging { hls: true, dash: true }));
        assert_eq!(
            (packaging(&[]), packaging(&[b"none"])),
            (Ok(Packaging::default()), Ok(Packaging::default()))
        );
        let refusal = packaging(&[b"hls", b"mss"]).unwrap_err();
        assert!(refusal.contains("has hls, mss") && refusal.contains("( \"none\" )"), "{refusal}");
    }

    #[test]
    fn parameters_have_names_of_their_own() {
        let renamed = parameters(&[(b"start", b"end"), (b"end", b"start")]).unwrap();
        assert_eq!(renamed.find(b"start"), Some(Parameter::End));
        for wrong in [(&b"from"[..], &b"start"[..]), (b"start", b""), (b"start", b"a b"), (b"start", b"end")]
        {
            assert!(parameters(&[wrong]).unwrap_err().contains("\"start\" => \"from\""));
        }
    }

    #[test]
    fn what_is_served_is_what_is_configured() {
        let excluded = [b".mp4".to_vec()];
        let without = Config { excluded: &excluded, ..Config::default() };
        assert!(!without.serves(b"/films/a.mp4") && without.serves(b"/films/a.m4v"));
        let config = |enable, extensions| Config { enable, extensions, ..Config::default() };
        let only_mkv = [b".mkv".to_vec()];
        assert!(config(true, None).serves(b"/films/a.MP4"));
        assert!(!config(true, None).serves(b"/films/a.mkv"));
        assert!(!config(false, None).serves(b"/films/a.mp4"));
        assert!(config(true, Some(&only_mkv)).serves(b"/films/a.mkv"));
        assert!(!config(true, Some(&only_mkv)).serves(b"/films/a.mp4"));
        assert!(!config(true, Some(&[])).serves(b"/films/a.mp4"));
    }
}
