//! Whatever a movie and a request say, the texts are well formed.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::describe::{AudioDescription, TrackDescription, VideoDescription, VideoRange};
use crate::plan::Spacing;
use crate::request::TrackKind;

fn segment() -> impl Strategy<Value = Segment> {
    let number = || prop_oneof![0..100_000u64, any::<u64>()];
    (number(), number(), number(), number(), number(), any::<bool>()).prop_map(
        |(start, duration, from, to, first_sample_end, is_independent)| Segment {
            start,
            duration,
            bytes: from..to,
            first_sample_end,
            is_independent,
        },
    )
}

/// Texts with what ends strings, lines, attributes and elements.
fn text() -> impl Strategy<Value = String> {
    vec(prop_oneof!["[\"'\r\n\t&<>#,=%$?\u{0}\u{85}\u{2028}\u{fffe}é]", "[a-z]{1,4}"], 0..8)
        .prop_map(|parts| parts.concat())
}

fn track() -> impl Strategy<Value = TrackDescription> {
    let kind = prop_oneof![
        Just(Some(TrackKind::Video)),
        Just(Some(TrackKind::Audio)),
        Just(Some(TrackKind::Text)),
        Just(None),
    ];
    let codec = option::of(prop_oneof!["mp4a\\.40\\.[25]".boxed(), text().boxed()]);
    let role = prop_oneof!["caption|commentary|description|main".boxed(), text().boxed()];
    let rate = option::of((any::<u64>(), any::<u64>()));
    let pictures =
        (any::<(u16, u16)>(), any::<(u32, u32)>(), rate).prop_map(|(coded, presented, frame_rate)| {
            VideoDescription { coded, presented, frame_rate, range: VideoRange::Hlg, supplemental: None }
        });
    let sound = any::<(u16, u32)>()
        .prop_map(|(channels, sampling_rate)| AudioDescription { channels, sampling_rate });
    let words = (codec, option::of(text()), option::of(text()), vec(role, 0..3));
    (kind, words, any::<[bool; 3]>(), option::of(pictures), option::of(sound)).prop_map(
        |(kind, (codec, language, name, roles), [is_enabled, is_forced, is_encrypted], video, audio)| {
            TrackDescription {
                track: 0,
                kind,
                codec,
                language,
                name,
                is_enabled,
                alternate_group: 0,
                is_forced,
                roles,
                video,
                audio,
                is_encrypted,
                protection: None,
            }
        },
    )
}

fn presentation() -> impl Strategy<Value = Presentation> {
    let range = || any::<(u64, u64)>().prop_map(|(from, to)| from..to);
    let rendition = (track(), any::<u32>(), range(), range(), vec(segment(), 0..6)).prop_map(
        |(track, timescale, init, index, segments)| Rendition {
            name: "v1".to_owned(),
            track,
            timescale,
            init,
            index,
            spacing: Spacing::default(),
            segments,
        },
    );
    let form = prop_oneof![Just(Form::Ranges), Just(Form::Segments)];
    (vec(rendition, 0..5), proptest::num::f64::ANY, text(), form, any::<bool>()).prop_map(
        |(mut renditions, duration, query, form, is_growing)| {
            for (rendition, number) in renditions.iter_mut().zip(1u32..) {
                rendition.name = TrackName { kind: TrackKind::Audio, number }.to_string();
            }
            Presentation {
                renditions,
                refused: Vec::new(),
                duration,
                query,
                form,
                has_chapters: false,
                is_growing,
                event_target: None,
            }
        },
    )
}

/// Each line is a tag or a link, and quotes in a line are in pairs.
fn is_playlist(playlist: &str) -> Result<(), TestCaseError> {
    prop_assert!(playlist.starts_with("#EXTM3U\n") && playlist.ends_with('\n'));
    for line in playlist.lines() {
        prop_assert!(
            line.starts_with("#EXT") || line.starts_with("../") || line.starts_with("a"),
            "{line:?}"
        );
        prop_assert!(!line.chars().any(char::is_control), "{line:?}");
        prop_assert!(line.matches('"').count() % 2 == 0, "{line:?}");
        if let Some(duration) = line.strip_prefix("#EXTINF:") {
            is_number(duration.strip_suffix(','))?;
        }
    }
    Ok(())
}

/// Digits, with a point or without.
fn is_number(text: Option<&str>) -> Result<(), TestCaseError> {
    let is_number = text.is_some_and(|text| text.bytes().all(|b| b == b'.' || b.is_ascii_digit()));
    prop_assert!(is_number, "{text:?}");
    Ok(())
}

proptest! {
    #[test]
    fn playlists_of_any_movie_are_well_formed(film in presentation()) {
        is_playlist(&hls::multivariant(&film))?;
        for rendition in &film.renditions {
            is_playlist(&hls::media(&film, rendition))?;
            is_playlist(&hls::iframes(&film, rendition))?;
        }
    }

    #[test]
    fn manifests_of_any_movie_are_well_formed(film in presentation()) {
        for form in [Form::Ranges, Form::Segments] {
            let manifest = dash::manifest(&film, form);
            let document = roxmltree::Document::parse(&manifest);
            prop_assert!(document.is_ok(), "{}", manifest);
            for name in ["mediaPresentationDuration", "minBufferTime"] {
                let duration = document.as_ref().unwrap().root_element().attribute(name).unwrap();
                is_number(duration.strip_prefix("PT").and_then(|rest| rest.strip_suffix('S')))?;
            }
        }
    }
}
