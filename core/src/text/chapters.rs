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
#[derive(Clone)]
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
    let zero = MovieTime(0);
    let clock = Clock { timescale: film.index.mvhd.timescale.max(1), origin: zero, begins: zero };
    Ok(chapter_track(film.index).is_some() || !of_chpl(film, clock)?.is_empty())
}

/// The chapters of a clip as a WebVTT file. The chapter that the clip begins in begins with it.
///
/// # Errors
/// When the file cannot be read, or changed. Chapters that make no sense are left out.
pub fn write_chapters(film: &Film<'_>, clip: &Clip) -> Result<String, FormatError> {
    let mut scenes = clip.placed_scenes();
    let Some(first) = scenes.next() else { return Ok(Document::default().finish()) };
    let clock = Clock::of(clip, &first);
    let mut chapters = match chapter_track(film.index) {
        Some((number, track)) => of_track(film, clock, number, track)?,
        None => Vec::new(),
    };
    if chapters.iter().all(|chapter| chapter.title.is_empty()) {
        chapters = of_chpl(film, clock)?;
    }
    chapters.sort_by_key(|chapter| chapter.start);
    let mut document = Document::default();
    for scene in [first].into_iter().chain(scenes) {
        let of_scene = Clock::of(clip, &scene);
        let (begin, end) = (of_scene.millis(scene.movie.start), of_scene.millis(scene.movie.end));
        let later = of_scene.millis(scene.movie.start) - clock.millis(scene.movie.start);
        let starts = || chapters.iter().map(|chapter| chapter.start + later);
        for ((chapter, start), next) in chapters.iter().zip(starts()).zip(starts().skip(1).chain([end])) {
            let period = start.max(begin)..next.min(end);
            if chapter.title.is_empty() || period.is_empty() {
                continue;
            }
            let (id, settings, text) = (String::new(), String::new(), chapter.title.clone());
            if document.push(Cue { period, id, settings, text, source_id: None }).is_break() {
                return Ok(document.finish());
            }
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
    let mut left = limits::TEXT_SAMPLES;
    presented(film, track, clock, MovieTime(0)..MovieTime(u64::MAX), &mut left, |shown| {
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
