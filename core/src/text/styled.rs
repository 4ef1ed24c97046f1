//! Samples of `tx3g` and of QuickTime's `text` as cues.

use std::ops::ControlFlow;

use crate::boxes::{TextEntry, TextSample, TextStyle};
use crate::index::{Film, Track};

use super::decode;
use super::document::{Cue, Document};
use super::markup::cue_text;
use super::presented::Shown;
use super::settings::{Frame, cue_settings};
use super::source::SampleBytes;

/// The text of a track.
pub(super) struct StyledText<'a> {
    track: &'a Track,
    /// The sample descriptions that could be read.
    entries: Vec<Option<TextEntry>>,
    frame: Frame,
}

/// The style where no sample description gives one.
const PLAIN: TextStyle =
    TextStyle { is_bold: false, is_italic: false, is_underlined: false, color: [255, 255, 255] };

impl<'a> StyledText<'a> {
    pub(super) fn of(film: &Film<'_>, track: &'a Track, entries: Vec<Option<TextEntry>>) -> Self {
        Self { track, entries, frame: Frame::of(film, track) }
    }

    /// Adds the cue of a sample, if it has text. Breaks if there is no room for more.
    pub(super) fn add_cue(
        &self,
        sample: SampleBytes<'_>,
        shown: &Shown,
        document: &mut Document,
    ) -> ControlFlow<()> {
        let read = TextSample::read(sample.bytes);
        let entry = self.entries.get(sample.description).copied().flatten();
        let text = match &self.track.coding.0 {
            b"tx3g" => decode::timed_text(read.text),
            _ => decode::quicktime(read.text, read.encoding, &self.track.language),
        };
        let style = entry.map_or(PLAIN, |entry| entry.style);
        let text = cue_text(&text, style, &read.styles, |color| document.class_of(color));
        if text.is_empty() {
            return ControlFlow::Continue(());
        }
        let lines = text.split('\n').count();
        let settings = entry.map(|entry| cue_settings(&entry, read.text_box, &self.frame, lines));
        document.push(Cue {
            period: shown.period.clone(),
            id: String::new(),
            settings: settings.unwrap_or_default(),
            text,
            source_id: None,
        })
    }
}
