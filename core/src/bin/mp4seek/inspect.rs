//! `mp4seek inspect`

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;

use mp4seek::boxes::{BoxHeader, SyncSamples};
use mp4seek::extents::ExtentList;
use mp4seek::index::{Film, Index, Node};
use mp4seek::offsets::MediaOffset;
use mp4seek::plan::plan_clip;
use mp4seek::request::{Asked, ClipRequest};
use mp4seek::seek::{Cut, reference_track, seek, sync_points};
use mp4seek::source::{GENERATED, Identity};
use mp4seek::{Answer, Error, Seeker};
use serde::Serialize;

use crate::description::Description;
use crate::input::Input;
use crate::{ClipOptions, Failure};

#[derive(Serialize)]
struct Report {
    size: u64,
    metadata_first: bool,
    boxes: Vec<BoxReport>,
    tracks: Vec<TrackReport>,
    /// What is left out, or not as it should be.
    notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clip: Option<ClipReport>,
}

#[derive(Serialize)]
struct BoxReport {
    #[serde(rename = "type")]
    box_type: String,
    /// Of a box that stands in the file: not one that was compressed, nor a table of fragments.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    size: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    boxes: Vec<BoxReport>,
}

#[derive(Serialize)]
struct TrackReport {
    id: u32,
    enabled: bool,
    reference: bool,
    handler: String,
    coding: String,
    /// As the file has it.
    language: String,
    #[serde(flatten)]
    description: Description,
    timescale: u32,
    samples: u32,
    seconds: f64,
    edits: Vec<EditReport>,
    /// `None` when every sample is one, as far as boxes say.
    sync_points: Option<Vec<f64>>,
    /// What says where decoding can begin.
    sync_evidence: &'static str,
}

#[derive(Serialize)]
struct EditReport {
    seconds: f64,
    /// `None` for an empty edit.
    media_time: Option<i64>,
    rate: f64,
}

#[derive(Serialize)]
struct ClipReport {
    start: f64,
    seconds: f64,
    timescale: u32,
    /// As the query calls it.
    format: &'static str,
    bytes: u64,
    /// What precedes all media.
    metadata_bytes: u64,
    extents: Vec<ExtentReport>,
    tracks: Vec<TrackClipReport>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct ExtentReport {
    offset: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct TrackClipReport {
    id: u32,
    /// The ranges of samples in the clip: first and last, 1-based. Empty when it has none.
    samples: Vec<(u32, u32)>,
    edits: Vec<EditReport>,
}

pub(crate) fn run(input: &Path, options: &ClipOptions, json: bool) -> Result<(), Failure> {
    let film = Input::open(input)?;
    let report = inspect(&film.file, &film.identity(), options).map_err(|e| film.failure(&e))?;
    let text = if json {
        serde_json::to_string_pretty(&report).map_err(|e| Failure::io("describe", input, e))? + "\n"
    } else {
        as_text(&report)
    };
    crate::print(&text)
}

fn inspect(file: &File, identity: &Identity, options: &ClipOptions) -> Result<Report, Error> {
    let index = Index::build(file, identity.size)?;
    let source = &index.film(file);
    let film = &Film { index: &index, source };
    let (query, settings) = (options.query(), options.settings());
    let request = Asked::parse(query.as_bytes(), &settings)?.request;
    let clip = if request.is_cut {
        let answer = Seeker::default().answer(file, identity, query.as_bytes(), &settings)?;
        Some(clip_report(film, &request, &answer)?)
    } else {
        None
    };
    let reference = reference_track(&index, |_| true);
    let mut tracks = Vec::new();
    for (n, track) in index.tracks.iter().enumerate() {
        let sync = match track.samples.sync {
            SyncSamples::All => None,
            SyncSamples::Listed(_) => Some(sync_points(film, track)?),
        };
        tracks.push(TrackReport {
            id: track.tkhd.track_id,
            enabled: track.tkhd.is_enabled(),
            reference: reference == Some(n),
            handler: track.handler.to_string(),
            coding: track.coding.to_string(),
            language: track.language.clone(),
            description: Description::of(film, n)?,
            timescale: track.mdhd.timescale,
            samples: track.samples.count,
            seconds: (track.samples.end - track.samples.start).seconds(track.mdhd.timescale),
            edits: edits(&track.edits, index.mvhd.timescale),
            sync_points: sync,
            sync_evidence: crate::verify::evidence(track.samples.sync_evidence(source)?),
        });
    }
    let boxes = index.top.iter().map(|b| if *b == index.outer_moov { node(&index.moov) } else { leaf(b) });
    Ok(Report {
        size: identity.size,
        metadata_first: index.is_fast_start(),
        boxes: boxes.collect(),
        tracks,
        notes: index.notes.clone(),
        clip,
    })
}

fn leaf(header: &BoxHeader) -> BoxReport {
    BoxReport {
        box_type: header.box_type.to_string(),
        offset: Some(header.offset).filter(|&offset| offset < GENERATED),
        size: header.size,
        boxes: Vec::new(),
    }
}

fn node(of: &Node) -> BoxReport {
    BoxReport { boxes: of.children.iter().map(node).collect(), ..leaf(&of.header) }
}

fn edits(list: &[mp4seek::boxes::ElstEntry], timescale: u32) -> Vec<EditReport> {
    list.iter()
        .map(|e| EditReport {
            seconds: e.segment_duration as f64 / f64::from(timescale.max(1)),
            media_time: e.media_time,
            rate: f64::from(e.media_rate) / 65536.0,
        })
        .collect()
}

/// What is in a clip, and in what a server answers.
fn clip_report(film: &Film<'_>, request: &ClipRequest, answer: &Answer) -> Result<ClipReport, Error> {
    let index = film.index;
    let (format, bytes, metadata_bytes, notes) = match answer {
        Answer::Film(file) => (file.format(), file.len(), file.metadata_len(), file.notes()),
        Answer::Plain(_) => ("plain", index.file_len, index.moov.header.size, &[][..]),
    };
    let clip = match seek(film, request)? {
        Cut::Clip(clip) => clip,
        Cut::Whole => {
            return Ok(ClipReport {
                start: 0.0,
                seconds: 0.0,
                timescale: index.mvhd.timescale,
                format,
                bytes,
                metadata_bytes,
                extents: Vec::new(),
                tracks: Vec::new(),
                notes: vec!["the whole film".into()],
            });
        }
    };
    // The same bytes of the file are sent in any format.
    let extents = plan_clip(film, &clip)?.extents;
    let mut reports: Vec<ExtentReport> = Vec::new();
    let (mut at, mut found) = (MediaOffset(0), ExtentList::default());
    while at.0 < extents.len() {
        for e in extents.near(film, at, &mut found)? {
            at = e.position_end();
            match reports.last_mut() {
                // They may come in parts.
                Some(last) if last.offset + last.bytes == e.offset.0 => last.bytes += e.len,
                _ => reports.push(ExtentReport { offset: e.offset.0, bytes: e.len }),
            }
        }
    }
    Ok(ClipReport {
        start: clip.start().seconds(clip.timescale),
        seconds: clip.duration().seconds(clip.timescale),
        timescale: clip.timescale,
        format,
        bytes,
        metadata_bytes,
        extents: reports,
        tracks: index
            .tracks
            .iter()
            .zip(&clip.tracks)
            .filter_map(|(track, held)| Some((track, held.as_ref()?)))
            .map(|(track, held)| TrackClipReport {
                id: track.tkhd.track_id,
                samples: held.ranges.iter().map(|r| (r.samples.start.one_based(), r.samples.end.0)).collect(),
                edits: edits(&held.edits, clip.timescale),
            })
            .collect(),
        notes: notes.iter().filter(|note| !index.notes.contains(note)).cloned().collect(),
    })
}

/// Sync points shown in a line of text.
const SHOWN: usize = 12;

fn as_text(report: &Report) -> String {
    let mut out = format!(
        "{} bytes, metadata {}\n\nboxes\n",
        report.size,
        if report.metadata_first { "first" } else { "after the media" }
    );
    for b in &report.boxes {
        box_text(b, 1, &mut out);
    }
    for note in &report.notes {
        let _ = writeln!(out, "\n{note}");
    }
    for t in &report.tracks {
        let flags = match (t.reference, t.enabled) {
            (true, _) => ", clips begin on its frames",
            (false, true) => "",
            (false, false) => ", disabled",
        };
        let _ = writeln!(
            out,
            "\ntrack {}: {} {} {}, {} samples, {:.3} s, timescale {}{flags}",
            t.id, t.handler, t.coding, t.language, t.samples, t.seconds, t.timescale
        );
        let description = t.description.text();
        if !description.is_empty() {
            let _ = writeln!(out, "  {description}");
        }
        edit_text(&t.edits, &mut out);
        match &t.sync_points {
            None => _ = writeln!(out, "  every sample may be a sync sample: {}", t.sync_evidence),
            Some(points) => {
                let shown: Vec<_> = points.iter().take(SHOWN).map(|p| format!("{p:.3}")).collect();
                let more = points.len().saturating_sub(SHOWN);
                let more = if more > 0 { format!(" … and {more} more") } else { String::new() };
                let _ = writeln!(out, "  {} sync samples at {}{more}", points.len(), shown.join(" "));
            }
        }
    }
    if let Some(clip) = &report.clip {
        clip_text(clip, &mut out);
    }
    out
}

fn clip_text(clip: &ClipReport, out: &mut String) {
    let _ = writeln!(
        out,
        "\nclip: from {:.6} s, {:.6} s long, {} bytes in format {} ({} of metadata, {} extents), timescale {}",
        clip.start,
        clip.seconds,
        clip.bytes,
        clip.format,
        clip.metadata_bytes,
        clip.extents.len(),
        clip.timescale
    );
    for t in &clip.tracks {
        let held: Vec<_> = t.samples.iter().map(|(first, last)| format!("{first} to {last}")).collect();
        match held.is_empty() {
            false => _ = writeln!(out, "  track {}: samples {}", t.id, held.join(", ")),
            true => _ = writeln!(out, "  track {}: nothing", t.id),
        }
        edit_text(&t.edits, out);
    }
    for e in &clip.extents {
        let _ = writeln!(out, "  {} bytes from {}", e.bytes, e.offset);
    }
    for note in &clip.notes {
        let _ = writeln!(out, "  {note}");
    }
}

fn edit_text(edits: &[EditReport], out: &mut String) {
    for e in edits {
        let _ = match e.media_time {
            None => writeln!(out, "  edit: {:.6} s of nothing", e.seconds),
            Some(t) if e.rate == 1.0 => writeln!(out, "  edit: {:.6} s from media time {t}", e.seconds),
            Some(t) => writeln!(out, "  edit: {:.6} s from media time {t} at rate {}", e.seconds, e.rate),
        };
    }
}

fn box_text(b: &BoxReport, depth: usize, out: &mut String) {
    let place = b.offset.map_or(", not in the file as such".to_owned(), |offset| format!(" at {offset}"));
    let _ = writeln!(out, "{:indent$}{} {} bytes{place}", "", b.box_type, b.size, indent = 2 * depth);
    for child in &b.boxes {
        box_text(child, depth + 1, out);
    }
}
