//! Selects the tracks in a language.

use crate::describe::{three_letters, track_kind};
use crate::index::{Index, Track};
use crate::request::TrackKind;

/// Keeps only the audio and text tracks in a language. If no audio track (or no text track) is in
/// that language, all audio (or text) tracks stay: a viewer who asks for a language still wants to
/// hear something.
pub(super) fn keep_language(index: &Index, lang: &str, chosen: &mut [bool]) {
    let wanted = subtags(lang);
    // The tag itself, then tags that begin with it, then with its shorter prefixes: zh-Hant-TW,
    // zh-Hant, zh.
    let equal = std::iter::once((wanted.len(), true));
    let lengths: Vec<_> = equal.chain((1..=wanted.len()).rev().map(|n| (n, false))).collect();
    for kind in [TrackKind::Audio, TrackKind::Text] {
        for &(length, equal) in &lengths {
            let speaks = |t: &Track| {
                let spoken = subtags(&t.language);
                let begins = wanted.get(..length).is_some_and(|wanted| spoken.starts_with(wanted));
                track_kind(t.handler) == Some(kind) && begins && (!equal || spoken.len() == length)
            };
            if index.tracks.iter().zip(&*chosen).any(|(t, c)| *c && speaks(t)) {
                for (track, chosen) in index.tracks.iter().zip(&mut *chosen) {
                    *chosen &= track_kind(track.handler) != Some(kind) || speaks(track);
                }
                break;
            }
        }
    }
}

/// The subtags of a language tag in lower case, with the language in three letters.
fn subtags(tag: &str) -> Vec<String> {
    let mut parts: Vec<_> = tag.split('-').map(str::to_ascii_lowercase).collect();
    if let Some(first) = parts.first_mut() {
        if let Some(language) = three_letters(first) {
            *first = language;
        }
    }
    parts
}
