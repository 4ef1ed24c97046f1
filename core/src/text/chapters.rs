//! Chapters as a WebVTT file: those of a text track (`tref` of type `chap`, QuickTime), or else
//! those of a `chpl`. Each lasts until the next one begins, or until the clip ends.

use std::ops::ControlFlow;

use crate::boxes::{ChplBox, FormatError, TextSample};
use crate::index::{Film, Index, Track};
use crate::limits;
use crate::seek::Clip;
use crate::time::MovieTime;

use super::decode;
use super::document::{Cue, Document};
use super::markup::one_line;
use super::presented::{Clock, presented};
use super::source::Samples;

/// A chapter.
struct Chapter {
    /// When it begins, in milliseconds from the start of the clip.
    start: i64,
    /// Its title; empty where no chapter has one.
    title: String,
}

/// Whether a movie has chapters that [`write_chapters`] writes.
///
/// # Errors
/// When the file cannot be read.
pub fn has_chapters(film: &Film<'_>) -> Result<bool, FormatError> {
    let clock = Clock { timescale: film.index.mvhd.timescale.max(1), origin: MovieTime(0) };
    Ok(chapter_track(film.index).is_some() || !of_chpl(film, clock)?.is_empty())
}

/// The chapters of a clip as a WebVTT file. The chapter that the clip begins in begins with it.
///
/// # Errors
/// When the file cannot be read, or changed. Chapters that make no sense are left out.
pub fn write_chapters(film: &Film<'_>, clip: &Clip) -> Result<String, FormatError> {
    let clock = Clock::of(clip);
    let mut chapters = match chapter_track(film.index) {
        Some((number, track)) => of_track(film, clock, number, track)?,
        None => Vec::new(),
    };
    if chapters.iter().all(|chapter| chapter.title.is_empty()) {
        chapters = of_chpl(film, clock)?;
    }
    chapters.sort_by_key(|chapter| chapter.start);
    let end = clock.millis(clip.start + clip.duration);
    let ends: Vec<_> = chapters.iter().skip(1).map(|next| next.start).chain([end]).collect();
    let mut document = Document::default();
    for (Chapter { start, title }, next) in chapters.into_iter().zip(ends) {
        let period = start.max(0)..next.min(end);
        if title.is_empty() || period.is_empty() {
            continue;
        }
        let cue = Cue { period, id: String::new(), settings: String::new(), text: title, source_id: None };
        if document.push(cue).is_break() {
            break;
        }
    }
    Ok(document.finish())
}

/// The first track of text that another track names as that of its chapters.
fn chapter_track(index: &Index) -> Option<(usize, &Track)> {
    let is_read = |track: &Track| {
        let is_text = matches!(&track.coding.0, b"text" | b"tx3g");
        is_text && track.external.is_none() && track.samples.count > 0
    };
    let named = index.tracks.iter().flat_map(|track| &track.chapters);
    let mut found = named.filter_map(|id| {
        index.tracks.iter().enumerate().find(|(_, track)| track.tkhd.track_id == *id && is_read(track))
    });
    found.next()
}

/// The chapters of a track. A sample without text ends the chapter before.
fn of_track(
    film: &Film<'_>,
    clock: Clock,
    number: usize,
    track: &Track,
) -> Result<Vec<Chapter>, FormatError> {
    let mut samples = Samples::of(film, track, number)?;
    let mut out = Vec::new();
    let mut room = limits::VTT;
    presented(film, track, clock, MovieTime(0)..MovieTime(u64::MAX), |shown| {
        let Some(sample) = samples.read(shown.sample)? else { return Ok(ControlFlow::Continue(())) };
        let read = TextSample::read(sample.bytes);
        let title = match &track.coding.0 {
            b"tx3g" => decode::timed_text(read.text),
            _ => decode::quicktime(read.text, read.encoding, &track.language),
        };
        let chapter = Chapter { start: shown.period.start, title: one_line(&title) };
        let size = size_of::<Chapter>() + chapter.title.len();
        out.push(chapter);
        match room.checked_sub(size) {
            Some(left) => room = left,
            None => return Ok(ControlFlow::Break(())),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(out)
}

/// The chapters of a `chpl`.
fn of_chpl(film: &Film<'_>, clock: Clock) -> Result<Vec<Chapter>, FormatError> {
    let Some(chpl) = film.index.moov.at(&[b"udta", b"chpl"]) else { return Ok(Vec::new()) };
    if chpl.header.payload_len() > limits::SMALL_BOX as u64 {
        return Ok(Vec::new());
    }
    let mut reader = film.index.reader(&film.source);
    let Some(chpl) = ChplBox::read(reader.payload(&chpl.header, 0)?) else { return Ok(Vec::new()) };
    let chapters = chpl.chapters.iter().map(|chapter| {
        // The length comes first.
        let title = chapter.title.get(1..).unwrap_or_default();
        Chapter { start: clock.millis_of_chapter(chapter.start), title: one_line(&decode::nero(title)) }
    });
    Ok(chapters.collect())
}
