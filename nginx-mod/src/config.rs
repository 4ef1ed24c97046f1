//! What the directives of a place say. A narrower place replaces what it sets.

use std::sync::Arc;

use mp4seek::answer::DEFAULT_CACHE_SIZE;
use mp4seek::pace::Pace;
use mp4seek::request::{
    Asked, Canonical, ClipRequest, Form, Format, Keys, Mode, Packaging, Parameters, Refused, RequestError,
    Restrictions, SegmentDuration, Settings, Time, Window, has_default_extension, has_extension,
};
use mp4seek::server::KeyFile;

/// The directives of one place, and after the merge those of the wider ones, too.
#[derive(Debug, Clone, Default)]
pub(crate) struct Section {
    /// The names of those that stand here.
    pub(crate) seen: Vec<Vec<u8>>,
    pub(crate) enable: Option<bool>,
    pub(crate) extensions: Option<Vec<Vec<u8>>>,
    pub(crate) mode: Option<Mode>,
    pub(crate) format: Option<Format>,
    pub(crate) packaging: Option<Packaging>,
    pub(crate) segment_duration: Option<SegmentDuration>,
    pub(crate) form: Option<Form>,
    pub(crate) parameters: Parameters,
    /// The keys that links are signed with; `Some(None)` takes back what a wider place says.
    pub(crate) key_file: Option<Option<Arc<KeyFile>>>,
    pub(crate) window: Option<Option<Window>>,
    pub(crate) longest: Option<Option<Time>>,
    pub(crate) shortest: Option<Option<Time>>,
    pub(crate) refused: Option<Refused>,
    /// In seconds.
    pub(crate) lead_in: Option<u32>,
    /// In bytes a second.
    pub(crate) rate: Option<u32>,
    pub(crate) clips_per_client: Option<u32>,
    pub(crate) canonical: Option<Canonical>,
    pub(crate) max_age: Option<u32>,
    pub(crate) server_timing: Option<bool>,
    pub(crate) version_header: Option<bool>,
    pub(crate) log_client_errors: Option<bool>,
    /// In bytes.
    pub(crate) cache_size: Option<u64>,
}

impl Section {
    /// Takes what is not set here from a wider place.
    pub(crate) fn inherit(&mut self, wide: &Self) {
        macro_rules! inherit {
            ($($field:ident),+) => { $(if self.$field.is_none() { self.$field.clone_from(&wide.$field); })+ };
        }
        inherit!(enable, extensions, mode, format, packaging, segment_duration, form, key_file, window);
        inherit!(longest, shortest, refused, canonical, max_age, server_timing, version_header);
        inherit!(log_client_errors, cache_size, lead_in, rate, clips_per_client);
        self.parameters = wide.parameters.overridden_by(&self.parameters);
    }

    /// How requests are read and answered.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            mode: self.mode.unwrap_or_default(),
            parameters: self.parameters,
            is_strict: false,
            format: self.format.unwrap_or_default(),
            packaging: self.packaging.unwrap_or_default(),
            segment_duration: self.segment_duration.unwrap_or_default(),
            form: self.form.unwrap_or_default(),
            has_plain_links: false,
            restrictions: self.restrictions(),
            now: None,
            lays_out_whole: self.pace().is_on(),
            canonical: self.canonical.unwrap_or_default(),
            max_age: self.max_age,
        }
    }

    /// How fast answers are sent.
    pub(crate) fn pace(&self) -> Pace {
        Pace { lead_in: self.lead_in.unwrap_or(0), rate: self.rate.unwrap_or(0) }
    }

    fn restrictions(&self) -> Restrictions {
        Restrictions {
            window: self.window.flatten(),
            longest: self.longest.flatten(),
            shortest: self.shortest.flatten(),
            refused: self.refused.unwrap_or_default(),
        }
    }

    /// The keys that links are signed with; `None` where links need no signature.
    pub(crate) fn keys(&self) -> Option<Keys<'_>> {
        self.key_file.as_ref()?.as_ref().map(|file| file.keys())
    }

    pub(crate) fn sends_version(&self) -> bool {
        self.version_header.unwrap_or(true)
    }

    pub(crate) fn cache_size(&self) -> u64 {
        self.cache_size.unwrap_or(DEFAULT_CACHE_SIZE)
    }

    /// Whether parts of a film are refused to somebody: the server's own handler of files may not
    /// send it then.
    pub(crate) fn is_guarded(&self) -> bool {
        self.keys().is_some() || self.restrictions().hide_parts()
    }

    /// Whether a query asks for a clip, and for nothing else.
    pub(crate) fn asks_for_clip(&self, query: &[u8]) -> bool {
        let is_clip =
            |request: Result<ClipRequest, RequestError>| request.map_or(true, |request| !request.is_plain());
        Asked::parse(query, &self.settings())
            .map_or(true, |asked| !asked.request.is_plain() && asked.otherwise.is_none_or(is_clip))
    }

    fn serves(&self, path: &[u8]) -> bool {
        match &self.extensions {
            Some(extensions) => has_extension(path, extensions.iter().map(Vec::as_slice)),
            None => has_default_extension(path),
        }
    }

    /// Whether films are ours. Where nothing says so, they are by what guards them.
    pub(crate) fn is_on(&self) -> bool {
        self.enable.unwrap_or_else(|| self.has_guard())
    }

    /// Whether signatures are asked for, or anything is restricted.
    pub(crate) fn has_guard(&self) -> bool {
        self.keys().is_some() || self.restrictions().are_any()
    }

    /// Where the first name of a film ends in `uri` that ends behind `after`.
    pub(crate) fn film_end(&self, uri: &[u8], after: usize) -> Option<usize> {
        if !self.is_on() {
            return None;
        }
        let is_end = |end: usize| matches!(uri.get(end), None | Some(b'/'));
        (after.saturating_add(1)..=uri.len())
            .filter(|&end| is_end(end))
            .find(|&end| uri.get(..end).is_some_and(|path| self.serves(path)))
    }
}
