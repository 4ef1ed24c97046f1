//! What the directives say, for every context from the server to `.htaccess`. A narrower context
//! replaces what it sets, the list of extensions as a whole.

use std::ffi::{CStr, c_char, c_void};
use std::iter;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

use mp4seek::Settings;
use mp4seek::answer::DEFAULT_CACHE_SIZE;
use mp4seek::pace::Pace;
use mp4seek::request::{
    Canonical, Form, Format, Keys, Mode, Packaging, Parameters, Refused, Restrictions, SegmentDuration, Time,
    Window, has_default_extension, has_extension,
};
use mp4seek::server::boundary;

use crate::ffi;

/// What one context sets. It lives in a pool of the server, so nothing in it may
/// need to be dropped.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Config {
    pub(crate) enabled: Option<bool>,
    pub(crate) mode: Option<Mode>,
    pub(crate) version_header: Option<bool>,
    pub(crate) server_timing: Option<bool>,
    pub(crate) extensions: Option<NonNull<Extension>>,
    pub(crate) parameters: Parameters,
    pub(crate) format: Option<Format>,
    pub(crate) packaging: Option<Packaging>,
    pub(crate) segment_duration: Option<SegmentDuration>,
    pub(crate) form: Option<Form>,
    pub(crate) signing: Option<Signing>,
    /// `Some(None)` takes back what a wider context says.
    pub(crate) window: Option<Option<Window>>,
    pub(crate) longest: Option<Option<Time>>,
    pub(crate) shortest: Option<Option<Time>>,
    pub(crate) refused: Option<Refused>,
    pub(crate) canonical: Option<Canonical>,
    pub(crate) max_age: Option<u32>,
    pub(crate) buffer_seconds: Option<u32>,
    pub(crate) rate: Option<u32>,
    pub(crate) clips_per_client: Option<u32>,
}

/// Whether links have to be signed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Signing {
    Off,
    /// With one of these keys, which live in the pool of the configuration.
    On(Keys<'static>),
}

/// A link of the list of extensions, newest first, in the pool of the configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extension {
    pub(crate) name: *const c_char,
    pub(crate) next: Option<NonNull<Extension>>,
}

/// What the process may keep of movies between requests, in bytes.
static CACHE_SIZE: AtomicU64 = AtomicU64::new(DEFAULT_CACHE_SIZE);

pub(crate) fn cache_size() -> u64 {
    CACHE_SIZE.load(Ordering::Relaxed)
}

pub(crate) fn set_cache_size(bytes: u64) {
    CACHE_SIZE.store(bytes, Ordering::Relaxed);
}

/// Before a configuration is read: the library may have served one before.
pub(crate) fn reset() {
    set_cache_size(DEFAULT_CACHE_SIZE);
}

impl Config {
    /// Whether files are ours by their extension. Where nothing says so, they are by what guards them.
    pub(crate) fn is_on(&self) -> bool {
        self.enabled.unwrap_or_else(|| self.has_guard())
    }

    /// Whether no file is ours, whatever its handler.
    pub(crate) fn is_off(&self) -> bool {
        self.enabled == Some(false)
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

    /// What is allowed of films.
    pub(crate) fn restrictions(&self) -> Restrictions {
        Restrictions {
            window: self.window.flatten(),
            longest: self.longest.flatten(),
            shortest: self.shortest.flatten(),
            refused: self.refused.unwrap_or_default(),
        }
    }

    /// How fast answers are sent.
    pub(crate) fn pace(&self) -> Pace {
        Pace { lead_in: self.buffer_seconds.unwrap_or_default(), rate: self.rate.unwrap_or_default() }
    }

    /// How many clips a client may have at a time; `None` for any.
    pub(crate) fn clips_per_client(&self) -> Option<u32> {
        self.clips_per_client.filter(|&most| most > 0)
    }

    /// Whether answers carry `X-Mod-H264-Streaming`.
    pub(crate) fn sends_version(&self) -> bool {
        self.version_header.unwrap_or(true)
    }

    /// Whether answers carry `Server-Timing`.
    pub(crate) fn sends_timing(&self) -> bool {
        self.server_timing.unwrap_or(false)
    }

    /// The keys that links are signed with; `None` where links need no signature.
    pub(crate) fn keys(&self) -> Option<Keys<'_>> {
        match self.signing {
            Some(Signing::On(keys)) => Some(keys),
            Some(Signing::Off) | None => None,
        }
    }

    /// Whether signatures are asked for, or anything is restricted.
    pub(crate) fn has_guard(&self) -> bool {
        self.keys().is_some() || self.restrictions().are_any()
    }

    /// Whether parts of a film are refused to somebody: no other handler may send it then.
    pub(crate) fn is_guarded(&self) -> bool {
        self.keys().is_some() || self.restrictions().hide_parts()
    }

    /// Whether films are guarded, held back or counted: the server's own handler of files may send none.
    pub(crate) fn holds_films(&self) -> bool {
        self.is_guarded() || self.pace().is_on() || self.clips_per_client().is_some()
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
            server_timing: narrower.server_timing.or(self.server_timing),
            extensions: narrower.extensions.or(self.extensions),
            parameters: self.parameters.overridden_by(&narrower.parameters),
            format: narrower.format.or(self.format),
            packaging: narrower.packaging.or(self.packaging),
            segment_duration: narrower.segment_duration.or(self.segment_duration),
            form: narrower.form.or(self.form),
            signing: narrower.signing.or(self.signing),
            window: narrower.window.or(self.window),
            longest: narrower.longest.or(self.longest),
            shortest: narrower.shortest.or(self.shortest),
            refused: narrower.refused.or(self.refused),
            canonical: narrower.canonical.or(self.canonical),
            max_age: narrower.max_age.or(self.max_age),
            buffer_seconds: narrower.buffer_seconds.or(self.buffer_seconds),
            rate: narrower.rate.or(self.rate),
            clips_per_client: narrower.clips_per_client.or(self.clips_per_client),
        }
    }
}

fn names<'a>(first: NonNull<Extension>) -> impl Iterator<Item = &'a [u8]> {
    // SAFETY: links are written once, before they are linked, and the server frees no pool
    // of a configuration while a request uses it; so are the strings, which end in NUL.
    iter::successors(Some(first), |link| unsafe { link.as_ref() }.next)
        .map(|link| unsafe { CStr::from_ptr(link.as_ref().name) }.to_bytes())
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

/// Moves `value`, which needs no drop, into a pool.
///
/// # Safety
/// `pool` is a pool of the server that this thread may use.
pub(crate) unsafe fn in_pool<T: Copy>(pool: *mut ffi::apr_pool_t, value: T) -> NonNull<T> {
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
    use super::*;

    #[test]
    fn a_narrower_context_replaces_only_what_it_sets() {
        let base = Config { enabled: Some(true), mode: Some(Mode::Keyframe), ..Config::default() };
        let narrower = Config { enabled: Some(false), version_header: Some(false), ..Config::default() };
        let merged = base.merged_with(&narrower);
        assert!(merged.is_off() && !merged.is_on() && !merged.sends_version());
        assert_eq!(merged.settings().mode, Mode::Keyframe);
        let unset = base.merged_with(&Config::default());
        assert!(unset.is_on() && unset.sends_version());
    }

    #[test]
    fn a_guard_turns_it_on_where_nothing_else_does() {
        let window = Window::from_directive(b"0-60");
        let refused = Refused::from_directive([&b"times"[..]]);
        let guards = [
            Config {
                signing: Some(Signing::On(Keys::read(b"a key that nobody knows").unwrap())),
                ..Config::default()
            },
            Config { window: Some(window), ..Config::default() },
            Config { longest: Some(Time::from_directive(b"60").unwrap()), ..Config::default() },
            Config { shortest: Some(Time::from_directive(b"2").unwrap()), ..Config::default() },
            Config { refused, ..Config::default() },
        ];
        let off = Config { enabled: Some(false), ..Config::default() };
        for guard in guards {
            assert!(guard.is_on() && Config::default().merged_with(&guard).is_on(), "{guard:?}");
            assert!(guard.merged_with(&Config::default()).is_on(), "{guard:?}");
            assert!(!off.merged_with(&guard).is_on() && !guard.merged_with(&off).is_on(), "{guard:?}");
        }
        let wide = Config { window: Some(window), ..Config::default() };
        assert!(!wide.merged_with(&Config { window: Some(None), ..Config::default() }).is_on());
        assert!(!Config::default().is_on());
    }

    #[test]
    fn packaging_can_be_turned_off_again() {
        let hls = Packaging { hls: true, dash: false };
        let wide = Config { packaging: Some(hls), ..Config::default() };
        let narrower = Config { packaging: Some(Packaging::default()), ..Config::default() };
        assert_eq!(wide.merged_with(&Config::default()).settings().packaging, hls);
        assert!(!wide.merged_with(&narrower).settings().packaging.is_on());
        assert!(!Config::default().settings().packaging.is_on());
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
}
