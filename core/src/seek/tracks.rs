//! Which tracks of a film a request gets.

use crate::boxes::BoxType;
use crate::index::{Index, Track};
use crate::movie::is_text;
use crate::request::{ClipRequest, RequestError, TrackKind, TrackSelector};

/// For each track whether the clip has it. Hint tracks never come along: they speak of the samples of another
/// track by number, and of packets that nobody sends any more.
///
/// # Errors
/// When the film has none of the tracks asked for.
pub fn chosen_tracks(index: &Index, request: &ClipRequest) -> Result<Vec<bool>, RequestError> {
    let mut chosen: Vec<bool> = index
        .tracks
        .iter()
        .enumerate()
        .map(|(n, track)| &track.handler.0 != b"hint" && is_selected(index, n, track, &request.tracks))
        .collect();
    if let Some(lang) = &request.lang {
        keep_language(index, lang, &mut chosen);
    }
    if !request.tracks.is_empty() && !chosen.contains(&true) {
        return Err(RequestError::NoSuchTrack);
    }
    Ok(chosen)
}

/// What kind of track a handler makes; `None` for those that are neither seen nor heard.
pub fn kind_of(handler: BoxType) -> Option<TrackKind> {
    match &handler.0 {
        b"vide" => Some(TrackKind::Video),
        b"soun" => Some(TrackKind::Audio),
        _ if is_text(handler) => Some(TrackKind::Text),
        _ => None,
    }
}

fn is_selected(index: &Index, n: usize, track: &Track, selectors: &[TrackSelector]) -> bool {
    let kind = kind_of(track.handler);
    let place = index.tracks.iter().take(n + 1).filter(|t| kind_of(t.handler) == kind).count();
    selectors.is_empty()
        || selectors.iter().any(|selector| match *selector {
            TrackSelector::Kind(wanted) => kind == Some(wanted),
            TrackSelector::Nth(wanted, number) => kind == Some(wanted) && place == number as usize,
            TrackSelector::Id(id) => track.tkhd.track_id == id,
        })
}

/// Of sound and of text, leaves those in a language. Where the film has none of a kind in it, all of that kind stay:
/// a viewer who asks for a language wants to hear something.
fn keep_language(index: &Index, lang: &str, chosen: &mut [bool]) {
    let wanted = subtags(lang);
    // The tag itself, then what begins with it, with less and less of it: zh-Hant-TW, zh-Hant, zh.
    let equal = std::iter::once((wanted.len(), true));
    let lengths: Vec<_> = equal.chain((1..=wanted.len()).rev().map(|n| (n, false))).collect();
    for kind in [TrackKind::Audio, TrackKind::Text] {
        for &(length, equal) in &lengths {
            let speaks = |t: &Track| {
                let spoken = subtags(&t.language);
                let begins = wanted.get(..length).is_some_and(|wanted| spoken.starts_with(wanted));
                kind_of(t.handler) == Some(kind) && begins && (!equal || spoken.len() == length)
            };
            if index.tracks.iter().zip(&*chosen).any(|(t, c)| *c && speaks(t)) {
                for (track, chosen) in index.tracks.iter().zip(&mut *chosen) {
                    *chosen &= kind_of(track.handler) != Some(kind) || speaks(track);
                }
                break;
            }
        }
    }
}

/// The parts of a language tag, in lower case, the language itself as three letters.
fn subtags(tag: &str) -> Vec<String> {
    let mut parts: Vec<_> = tag.split('-').map(str::to_ascii_lowercase).collect();
    if let Some(first) = parts.first_mut() {
        // Two letters (ISO 639-1), three (639-2/T), or the three of librarians (639-2/B): the same language.
        let terminology = BIBLIOGRAPHIC.iter().find(|(b, _)| b == first).map(|(_, t)| (*t).to_string());
        let two_letters = || isolang::Language::from_639_1(first).map(|l| l.to_639_3().to_string());
        if let Some(language) = terminology.or_else(two_letters) {
            *first = language;
        }
    }
    parts
}

/// ISO 639-2/B codes that differ from 639-2/T; films that were once Matroska have them.
const BIBLIOGRAPHIC: [(&str, &str); 20] = [
    ("alb", "sqi"),
    ("arm", "hye"),
    ("baq", "eus"),
    ("bur", "mya"),
    ("chi", "zho"),
    ("cze", "ces"),
    ("dut", "nld"),
    ("fre", "fra"),
    ("geo", "kat"),
    ("ger", "deu"),
    ("gre", "ell"),
    ("ice", "isl"),
    ("mac", "mkd"),
    ("mao", "mri"),
    ("may", "msa"),
    ("per", "fas"),
    ("rum", "ron"),
    ("slo", "slk"),
    ("tib", "bod"),
    ("wel", "cym"),
];
