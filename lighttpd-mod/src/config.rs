//! The options, and what they say for a request.

use std::ffi::c_int;

use mp4seek::request::{
    Asked, ClipRequest, Mode, Parameters, RequestError, Settings, has_default_extension, has_extension,
    is_extension,
};

use crate::ffi::{self, Module};

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
    static_excluded: Option<Vec<Vec<u8>>>,
    static_etags: Option<bool>,
    /// In bytes.
    pub(crate) cache_size: Option<u64>,
    parameters: Option<Parameters>,
}

/// The options that hold for a request.
pub(crate) struct Config<'a> {
    enable: bool,
    extensions: Option<&'a [Vec<u8>]>,
    pub(crate) mode: Mode,
    pub(crate) version_header: bool,
    pub(crate) parameters: Parameters,
    pub(crate) log_client_errors: bool,
    /// Ends of paths that the server does not serve as files.
    excluded: &'a [Vec<u8>],
    /// Whether files have entity tags.
    pub(crate) etags: bool,
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
            let mut value =
                ffi::h264_value { key: 0, number: 0, string: ffi::bytes(&[]), list: std::ptr::null() };
            // SAFETY: `index` is below the number of contexts; the end of its
            // values is answered with 0.
            if unsafe { ffi::h264_config_value(module.raw, index, number, &raw mut value) } == 0 {
                break;
            }
            section.set(&value)?;
        }
        Ok(section)
    }

    fn set(&mut self, value: &ffi::h264_value) -> Result<(), String> {
        match value.key {
            ffi::H264_KEY_ENABLE => self.enable = Some(value.number != 0),
            ffi::H264_KEY_VERSION_HEADER => self.version_header = Some(value.number != 0),
            ffi::H264_KEY_LOG_CLIENT_ERRORS => self.log_client_errors = Some(value.number != 0),
            ffi::H264_KEY_STATIC_ETAGS => self.static_etags = Some(value.number != 0),
            ffi::H264_KEY_STATIC_EXCLUDED => {
                self.static_excluded = Some(items(value).map(<[u8]>::to_vec).collect());
            }
            ffi::H264_KEY_CACHE_SIZE if self.condition.is_some() => {
                let message =
                    "h264-streaming.cache-size is the server's: it must stand outside of all conditions";
                return Err(message.into());
            }
            ffi::H264_KEY_CACHE_SIZE => self.cache_size = Some(u64::from(value.number) << 10),
            ffi::H264_KEY_MODE => {
                // SAFETY: the server keeps its configuration unchanged.
                self.mode = Some(mode(unsafe { ffi::slice_of(value, value.string) })?);
            }
            ffi::H264_KEY_PARAMETERS => {
                // SAFETY: for this key the value is a list whose items have keys, and each `index`
                // is below its length. The server keeps its configuration unchanged.
                let pairs: Vec<(&[u8], &[u8])> = unsafe {
                    let item = |index| {
                        let (key, item) =
                            (ffi::h264_list_key(value.list, index), ffi::h264_list_item(value.list, index));
                        (ffi::slice_of(value, key), ffi::slice_of(value, item))
                    };
                    (0..ffi::h264_list_len(value.list)).map(item).collect()
                };
                self.parameters = Some(parameters(&pairs)?);
            }
            ffi::H264_KEY_EXTENSIONS => {
                self.extensions = Some(items(value).map(extension).collect::<Result<_, _>>()?);
            }
            _ => {}
        }
        Ok(())
    }
}

/// The strings of a value that is a list.
fn items(value: &ffi::h264_value) -> impl Iterator<Item = &[u8]> {
    // SAFETY: the keys that ask for it have lists.
    let count = unsafe { ffi::h264_list_len(value.list) };
    // SAFETY: `index` is below the length of the list, and the server keeps its configuration
    // unchanged.
    (0..count).map(|index| unsafe { ffi::slice_of(value, ffi::h264_list_item(value.list, index)) })
}

impl Default for Config<'_> {
    fn default() -> Self {
        Self {
            enable: true,
            extensions: None,
            mode: Mode::default(),
            version_header: true,
            parameters: Parameters::default(),
            log_client_errors: false,
            excluded: &[],
            etags: true,
        }
    }
}

impl<'a> Config<'a> {
    /// Replaces what a narrower section sets.
    pub(crate) fn override_with(&mut self, section: &'a Section) {
        self.enable = section.enable.unwrap_or(self.enable);
        self.extensions = section.extensions.as_deref().or(self.extensions);
        self.mode = section.mode.unwrap_or(self.mode);
        self.version_header = section.version_header.unwrap_or(self.version_header);
        if let Some(parameters) = &section.parameters {
            self.parameters = self.parameters.overridden_by(parameters);
        }
        self.excluded = section.static_excluded.as_deref().unwrap_or(self.excluded);
        self.etags = section.static_etags.unwrap_or(self.etags);
        self.log_client_errors = section.log_client_errors.unwrap_or(self.log_client_errors);
    }

    /// How queries are read.
    pub(crate) fn settings(&self) -> Settings {
        Settings { mode: self.mode, parameters: self.parameters, is_strict: false }
    }

    /// Whether a query asks for a clip, and for nothing else.
    pub(crate) fn asks_for_clip(&self, query: &[u8]) -> bool {
        let is_clip =
            |request: Result<ClipRequest, RequestError>| request.map_or(true, |request| request.is_cut);
        Asked::parse(query, &self.settings())
            .map_or(true, |asked| asked.request.is_cut && asked.otherwise.is_none_or(is_clip))
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

    use super::{Config, Mode, extension, mode, parameters};

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
