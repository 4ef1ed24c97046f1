//! `mp4seek verify`: would a server cut these films, and what is unusual about them?

use std::path::{Path, PathBuf};

use mp4seek::index::{Index, SyncEvidence};
use mp4seek::seek::{presented_end, reference_track};
use mp4seek::{Answer, Error, Seeker, Settings};
use serde::Serialize;

use crate::Failure;
use crate::input::Input;

#[derive(Serialize)]
struct Report {
    file: String,
    /// Whether clips of it are served.
    can_be_cut: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    /// What a request without times gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    whole: Option<String>,
    /// What is left out of clips, or otherwise not as it should be.
    notes: Vec<String>,
}

impl Report {
    fn of(path: &Path) -> Self {
        let file = path.display().to_string();
        Self { file, can_be_cut: false, refusal: None, whole: None, notes: Vec::new() }
    }

    fn unread(path: &Path, why: String) -> Self {
        Self { refusal: Some(why), ..Self::of(path) }
    }
}

/// Looks into each film. Fails with 3 if one cannot be cut, with 1 if one cannot be read.
pub(crate) fn run(files: &[PathBuf], json: bool) -> Result<(), Failure> {
    let mut failure: Option<Failure> = None;
    let mut reports = Vec::new();
    for path in files {
        let report = Input::open(path).and_then(|film| verify(&film));
        match report {
            Ok(report) => {
                if !report.can_be_cut && failure.is_none() {
                    failure = Some(Failure { code: 3, message: "not all of these films can be cut".into() });
                }
                reports.push(report);
            }
            Err(unreadable) => {
                crate::complain(&unreadable.message);
                reports.push(Report::unread(path, unreadable.message));
                failure = Some(Failure { code: 1, message: "not all of these files can be read".into() });
            }
        }
    }
    let text = if json {
        let stdout = Path::new("standard output");
        serde_json::to_string_pretty(&reports).map_err(|e| Failure::io("describe", stdout, e))? + "\n"
    } else {
        reports.iter().map(as_text).collect()
    };
    crate::print(&text)?;
    failure.map_or(Ok(()), Err)
}

fn verify(film: &Input) -> Result<Report, Failure> {
    let mut report = Report::of(&film.path);
    let refused = |report, error: &Error| match error.status() {
        500 => Err(film.failure(error)),
        _ => Ok(Report { refusal: Some(error.to_string()), ..report }),
    };
    let identity = film.identity();
    let seeker = Seeker::default();
    let ask = |query: String| seeker.answer(&film.file, &identity, query.as_bytes(), &Settings::default());
    let index = match Index::build(&film.file, identity.size) {
        Ok(index) => index,
        // An FLV is cut by bytes, and has no index.
        Err(error) => {
            return match ask("start=13".into()) {
                Ok(Answer::Film(_)) => Ok(Report {
                    can_be_cut: true,
                    whole: Some("sent as it is".into()),
                    notes: vec!["an FLV: start= is a byte, which should be that of a key frame".into()],
                    ..report
                }),
                _ => refused(report, &error.into()),
            };
        }
    };
    report.notes.clone_from(&index.notes);
    match ask(String::new()) {
        Ok(Answer::Plain(reason)) => {
            let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
            report.whole = Some(format!("sent as it is{reason}"));
        }
        Ok(Answer::Film(whole)) => {
            let what = if index.is_fragmented { "sent without fragments" } else { "sent metadata first" };
            report.whole = Some(what.into());
            add_notes(&mut report, whole.notes());
        }
        Err(error) => return refused(report, &error),
    }
    // In the middle of the film, where a cut has everything to leave out.
    let end = presented_end(&index);
    if end == 0.0 {
        return Ok(Report { refusal: Some("no track of it presents anything".into()), ..report });
    }
    match ask(format!("start={}", end / 2.0)) {
        Ok(Answer::Film(clip)) => {
            report.can_be_cut = true;
            add_notes(&mut report, clip.notes());
        }
        Ok(Answer::Plain(_)) => report.can_be_cut = true,
        Err(error) => return refused(report, &error),
    }
    note_tracks(film, &index, &mut report)?;
    Ok(report)
}

/// Notes what is unusual about the tracks.
fn note_tracks(film: &Input, index: &Index, report: &mut Report) -> Result<(), Failure> {
    for track in index.tracks.iter().filter(|t| t.samples.count == 0) {
        report.notes.push(format!("track {} has no samples", track.tkhd.track_id));
    }
    let film_source = index.film(&film.file);
    for track in index.tracks.iter().filter(|t| &t.handler.0 == b"vide" && t.samples.count > 1) {
        let found = track.samples.sync_evidence(&film_source);
        let found = found.map_err(|error| film.failure(&error.into()))?;
        if matches!(found, SyncEvidence::Pictures | SyncEvidence::Nothing) {
            report.notes.push(format!(
                "track {} ({}): {}",
                track.tkhd.track_id,
                track.coding,
                evidence(found)
            ));
        }
    }
    if reference_track(index, |_| true).is_none() && index.tracks.iter().any(|t| &t.handler.0 == b"vide") {
        report.notes.push("no video track that is enabled has samples".into());
    }
    Ok(())
}

/// What says where decoding of a track can begin, in words.
pub(crate) fn evidence(of: SyncEvidence) -> &'static str {
    match of {
        SyncEvidence::Boxes => "boxes say where decoding can begin",
        SyncEvidence::Coding => "decoding can begin at every sample of this coding",
        SyncEvidence::Pictures => "the pictures say where decoding can begin",
        SyncEvidence::Nothing => {
            "nothing says where decoding can begin, clips may begin with a broken picture"
        }
    }
}

fn add_notes(report: &mut Report, notes: &[String]) {
    for note in notes {
        if !report.notes.contains(note) {
            report.notes.push(note.clone());
        }
    }
}

fn as_text(report: &Report) -> String {
    let verdict = match &report.refusal {
        Some(refusal) => format!("cannot be cut: {refusal}"),
        None => "can be cut".into(),
    };
    let mut out = format!("{}: {verdict}\n", report.file);
    let whole = report.whole.iter().map(|whole| format!("without times it is {whole}"));
    for line in whole.chain(report.notes.iter().cloned()) {
        out.push_str(&format!("  {line}\n"));
    }
    out
}
