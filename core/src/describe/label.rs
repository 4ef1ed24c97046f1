//! What people call a track, and what it is for.

use crate::boxes::TrackUserData;
use crate::request::TrackKind;

/// The scheme of the roles of DASH (ISO/IEC 23009-1, 5.8.5.5).
const DASH_ROLE: &str = "urn:mpeg:dash:role:2011";

/// The scheme of the kinds of HTML (HTML, 4.8.11.10), as a `kind` (8.10.4) has it.
const HTML_KIND: &str = "about:html-kind";

/// Kinds of HTML, and the roles of DASH that mean the same.
const OF_HTML: [(&str, &str); 8] = [
    ("alternative", "alternate"),
    ("captions", "caption"),
    ("commentary", "commentary"),
    ("descriptions", "description"),
    ("main", "main"),
    ("sign", "sign"),
    ("subtitles", "subtitle"),
    ("translation", "dub"),
];

/// Apple's media characteristics, and the roles of DASH that mean the same.
const OF_APPLE: [(&str, &str); 9] = [
    ("public.accessibility.describes-music-and-sound", "caption"),
    ("public.accessibility.describes-video", "description"),
    ("public.accessibility.enhances-speech-intelligibility", "enhanced-audio-intelligibility"),
    ("public.accessibility.transcribes-spoken-dialog", "caption"),
    ("public.auxiliary-content", "supplementary"),
    ("public.easy-to-read", "easyreader"),
    ("public.main-program-content", "main"),
    ("public.subtitles.forced-only", FORCED),
    ("public.translation.dubbed", "dub"),
];

/// The role of text that is shown even where subtitles are off.
const FORCED: &str = "forced-subtitle";

/// How names say that text is for the deaf and hard of hearing.
const FOR_THE_DEAF: [&str; 2] = ["SDH", "CC"];

/// What the boxes for people say of a track.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Labels {
    pub(super) name: Option<String>,
    pub(super) is_forced: bool,
    /// Roles of DASH, each once.
    pub(super) roles: Vec<String>,
}

impl Labels {
    /// Those of a track with these user data, and this name in its `hdlr`.
    pub(super) fn of(data: &TrackUserData, handler_name: Option<&str>, kind: Option<TrackKind>) -> Self {
        let name = data.name.as_deref().and_then(readable).or_else(|| {
            let name = readable(handler_name?)?;
            (!is_stock(&name)).then_some(name)
        });
        let mut roles: Vec<String> = Vec::new();
        let mut add = |role: &str| {
            if is_role(role) && !roles.iter().any(|known| known == role) {
                roles.push(role.to_owned());
            }
        };
        for (scheme, value) in &data.kinds {
            match scheme.as_str() {
                // An older spelling.
                DASH_ROLE if value == "forced_subtitle" => add(FORCED),
                DASH_ROLE => add(value),
                HTML_KIND => look_up(&OF_HTML, value).into_iter().for_each(&mut add),
                _ => {}
            }
        }
        for tag in &data.characteristics {
            look_up(&OF_APPLE, tag).into_iter().for_each(&mut add);
        }
        let words =
            |name: &str| name.split(|c: char| !c.is_alphanumeric()).any(|w| FOR_THE_DEAF.contains(&w));
        if kind == Some(TrackKind::Text) && name.as_deref().is_some_and(words) {
            add("caption");
        }
        let is_forced = roles.iter().any(|role| role == FORCED);
        Self { name, is_forced, roles }
    }
}

fn look_up(table: &[(&str, &'static str)], word: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == word).map(|(_, role)| *role)
}

/// Whether a value is a word, as all roles are.
fn is_role(value: &str) -> bool {
    let is_of_word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    (1..=64).contains(&value.len()) && value.bytes().all(is_of_word)
}

/// A text without control characters and without spaces around it; `None` where nothing is left.
fn readable(text: &str) -> Option<String> {
    let words = text.split(|c: char| c.is_control() || c.is_whitespace() || c == char::REPLACEMENT_CHARACTER);
    let text = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

/// How names begin that software gives to all its tracks.
const STOCK_BEGINNINGS: [&str; 9] = [
    "ambarella",
    "apple ",
    "core media",
    "gopro ",
    "gpac",
    "l-smash",
    "mainconcept",
    "twitter-vork",
    "vireo eyes",
];

/// Whole names that software gives to all its tracks.
const STOCK_NAMES: [&str; 16] = [
    "audio",
    "audio track",
    "data",
    "soun",
    "sound",
    "sound track",
    "sbtl",
    "subtitle",
    "subtitles",
    "subt",
    "text",
    "track",
    "vide",
    "video",
    "video track",
    "none",
];

/// Whether the name of a handler is the one that some software gives to all of them.
fn is_stock(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("handle")
        || name.contains("@gpac")
        || name.contains("google inc")
        || STOCK_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        || STOCK_NAMES.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: Option<&str>, handler: Option<&str>) -> Option<String> {
        let data = TrackUserData { name: name.map(str::to_owned), ..TrackUserData::default() };
        Labels::of(&data, handler, Some(TrackKind::Audio)).name
    }

    fn labels(kinds: &[(&str, &str)], characteristics: &[&str]) -> Labels {
        let kinds = kinds.iter().map(|(scheme, value)| ((*scheme).to_owned(), (*value).to_owned())).collect();
        let characteristics = characteristics.iter().map(|tag| (*tag).to_owned()).collect();
        Labels::of(&TrackUserData { name: None, kinds, characteristics }, None, Some(TrackKind::Text))
    }

    #[test]
    fn a_name_is_what_somebody_gave() {
        assert_eq!(named(Some("Director's cut"), Some("Commentary")).as_deref(), Some("Director's cut"));
        assert_eq!(named(Some(" \n"), Some("Commentary")).as_deref(), Some("Commentary"));
        assert_eq!(named(None, Some("a\nb\u{7}\"c\"  d")).as_deref(), Some("a b \"c\" d"));
        assert_eq!(named(None, None), None);
    }

    #[test]
    fn names_that_software_gives_are_none() {
        let stock = [
            "VideoHandler",
            "SoundHandler",
            "SubtitleHandler",
            "GPAC ISO Video Handler",
            "*xyz.264#trackID=1:fps=25@GPAC0.5.1",
            "Core Media Audio",
            "L-SMASH Audio Handler",
            "Apple Video Media Handler",
            "ISO Media file produced by Google Inc. Created on: 01/01/2020.",
            "(C) 2007 Google Inc. v08.13.2007.",
            "soun",
        ];
        for name in stock {
            assert_eq!(named(None, Some(name)), None, "{name}");
        }
        // Somebody may have given it, though.
        assert_eq!(named(Some("soun"), None).as_deref(), Some("soun"));
    }

    #[test]
    fn roles_are_those_of_dash() {
        let read = labels(
            &[(DASH_ROLE, "main"), (HTML_KIND, "captions"), ("urn:x", "sign"), (DASH_ROLE, "a\" b")],
            &["public.accessibility.transcribes-spoken-dialog", "public.easy-to-read", "com.example"],
        );
        assert_eq!(read.roles, ["main", "caption", "easyreader"]);
        assert!(!read.is_forced);
    }

    #[test]
    fn forced_text_is_known_by_each_word_for_it() {
        for kind in [(DASH_ROLE, "forced-subtitle"), (DASH_ROLE, "forced_subtitle")] {
            assert!(labels(&[kind], &[]).is_forced);
        }
        assert_eq!(labels(&[], &["public.subtitles.forced-only"]).roles, [FORCED]);
    }

    #[test]
    fn a_name_may_say_that_text_is_for_the_deaf() {
        let roles = |name: &str, kind| {
            let data = TrackUserData { name: Some(name.to_owned()), ..TrackUserData::default() };
            Labels::of(&data, None, Some(kind)).roles
        };
        assert_eq!(roles("English (SDH)", TrackKind::Text), ["caption"]);
        assert!(
            roles("English (SDH)", TrackKind::Audio).is_empty() && roles("SDHC", TrackKind::Text).is_empty()
        );
    }
}
