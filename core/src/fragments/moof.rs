//! Reads a movie fragment: its track runs, and where their media is.

use std::ops::Range;

use crate::boxes::{
    BoxHeader, FormatError, Reader, TfhdBox, TrunBox, TrunField, find_senc, read_tfdt, read_tfxd,
};
use crate::limits;
use crate::offsets::FileOffset;
use crate::source::ReadAt;
use crate::time::MediaTime;

use super::auxiliary::FragmentAuxiliary;
use super::room::Room;
use super::run::{More, Run, is_more};
use super::run_lengths::RunLengths;
use super::track::TrackFragments;

/// Reads one fragment again, which was well formed before.
///
/// # Errors
/// When it is malformed now, or cannot be read.
pub(crate) fn read_moof<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    moof: &BoxHeader,
    all: &mut [TrackFragments],
) -> Result<(), FormatError> {
    let runs = read_runs(reader, moof, all)?;
    take_runs(reader, moof, runs, all)?;
    Ok(())
}

/// Reads the runs of one fragment.
///
/// # Errors
/// [`FormatError::Box`] when it is malformed. Other errors are no fault of this fragment.
pub(crate) fn read_runs<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    moof: &BoxHeader,
    all: &[TrackFragments],
) -> Result<Vec<Run>, FormatError> {
    let mut runs = Vec::new();
    let mut samples = all.iter().map(|t| t.sizes.len() as u64).sum();
    let mut implicit_base = moof.offset;
    for traf in reader.children(moof.payload(), moof.end())?.iter().filter(|b| &b.box_type.0 == b"traf") {
        let first = runs.len();
        read_traf(reader, moof, traf, implicit_base, all, &mut samples, &mut runs)?;
        if let Some(last) = runs.get(first..).and_then(<[Run]>::last) {
            implicit_base = last.end.0;
        }
        if runs.len() > limits::RUNS {
            return Err(FormatError::ManyRuns);
        }
    }
    Ok(runs)
}

/// Takes the samples of one fragment; `false` when some of its media lies past the end of the file,
/// and only the samples before that were taken.
///
/// # Errors
/// [`FormatError::Box`] when it is malformed; it may have been taken in part. Other errors are no
/// fault of this fragment.
pub(crate) fn take_runs<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    moof: &BoxHeader,
    mut runs: Vec<Run>,
    all: &mut [TrackFragments],
) -> Result<bool, FormatError> {
    let is_whole = runs.iter().all(|r| r.end.0 <= reader.file_len());
    if !is_whole {
        keep_complete(reader, &mut runs)?;
    }
    let mut room = room_beside(all, reader.file_len())?;
    for run in &runs {
        if let Some(track) = all.get_mut(run.track) {
            track.add(reader, run, moof, &mut room)?;
        }
    }
    Ok(is_whole)
}

/// The room that is left beside what the tracks have.
fn room_beside(all: &[TrackFragments], file_len: u64) -> Result<Room, FormatError> {
    let mut room = Room::of(file_len);
    let (auxiliary, groups) = TrackFragments::claimed(all);
    room.take_auxiliary(auxiliary)?;
    room.take_groups(groups)?;
    Ok(room)
}

/// Keeps the samples of each track before the first that reaches past the end of the file.
fn keep_complete<R: ReadAt>(reader: &mut Reader<'_, R>, runs: &mut [Run]) -> Result<(), FormatError> {
    let mut ended = Vec::new();
    for run in runs.iter_mut() {
        let count = if ended.contains(&run.track) { 0 } else { run.complete_samples(reader)? };
        if count < run.count() {
            ended.push(run.track);
            run.trun.truncate(count);
        }
    }
    let mut counts = Vec::new();
    for run in runs.iter_mut().rev() {
        counts.push(run.count());
        if let Some(more) = &mut run.more {
            more.runs = RunLengths::of(counts.drain(..).rev());
        }
    }
    Ok(())
}

fn read_traf<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    moof: &BoxHeader,
    traf: &BoxHeader,
    implicit_base: u64,
    all: &[TrackFragments],
    samples: &mut u64,
    runs: &mut Vec<Run>,
) -> Result<(), FormatError> {
    let children = reader.children(traf.payload(), traf.end())?;
    let tfhd =
        children.iter().find(|b| &b.box_type.0 == b"tfhd").ok_or_else(|| traf.error("no tfhd in it"))?;
    let tfhd = TfhdBox::read(reader, tfhd)?;
    // A fragment of a track that is not in the moov is skipped, but its media takes its place.
    let n = all.iter().position(|t| t.seed.track_id == tfhd.track_id).unwrap_or(usize::MAX);
    let defaults = tfhd.defaults(all.get(n).map(|t| t.seed.defaults).unwrap_or_default());
    let base = match tfhd.base_data_offset {
        Some(offset) => offset,
        None if tfhd.default_base_is_moof => moof.offset,
        None => implicit_base,
    };
    let mut decode_time = None;
    for child in &children {
        match &child.box_type.0 {
            b"tfdt" => decode_time = Some(read_tfdt(reader, child)?),
            b"uuid" if decode_time.is_none() => decode_time = read_tfxd(reader, child)?,
            _ => {}
        }
    }
    let (senc, _) = find_senc(reader, children.iter().copied())?;
    let auxiliary = FragmentAuxiliary::find(reader, &children, senc, base)?;
    let first = runs.len();
    let mut next = base;
    for header in children.iter().filter(|b| &b.box_type.0 == b"trun") {
        let trun = TrunBox::read(reader, header)?;
        // Before its entries are read.
        *samples += u64::from(trun.sample_count());
        check_count(*samples, reader.file_len())?;
        let at = place_of(reader, header, &trun, base, next, defaults.size)?;
        let (track, decode_time, pause) = (n, decode_time.take(), MediaTime(0));
        let run =
            Run { track, offset: at.start, end: at.end, trun, defaults, decode_time, pause, more: None };
        next = run.end.0;
        runs.push(run);
    }
    let counts = RunLengths::of(runs.iter().skip(first).map(Run::count));
    match runs.get_mut(first) {
        Some(run) => {
            let unknown = children.iter().filter(|b| !is_known(b)).map(|b| b.box_type).collect();
            let boxes = children.into_iter().filter(is_more).collect();
            run.more = Some(More { boxes, auxiliary, runs: counts, unknown });
        }
        None if tfhd.duration_is_empty => runs.push(Run {
            track: n,
            offset: FileOffset(base),
            end: FileOffset(base),
            trun: TrunBox::empty(),
            defaults,
            decode_time,
            pause: MediaTime::of_duration_field(defaults.duration),
            more: None,
        }),
        None => {}
    }
    Ok(())
}

/// Where the media of a run stands, if that of the one before ends at `next`.
fn place_of<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    header: &BoxHeader,
    trun: &TrunBox,
    base: u64,
    next: u64,
    default_size: u32,
) -> Result<Range<FileOffset>, FormatError> {
    let offset = match trun.data_offset {
        Some(relative) => {
            base.checked_add_signed(relative.into()).ok_or_else(|| header.error("data before the file"))?
        }
        None => next,
    };
    let bytes = if trun.has(TrunField::Size) {
        let mut sum = 0u64;
        trun.each_window(reader, |_, entries| {
            sum += entries.column(TrunField::Size, 0).map(u64::from).sum::<u64>();
            true
        })?;
        sum
    } else {
        u64::from(trun.sample_count()) * u64::from(default_size)
    };
    let end = offset.checked_add(bytes).ok_or_else(|| header.error("data past 64 bits"))?;
    Ok(FileOffset(offset)..FileOffset(end))
}

/// Whether a box of a `traf` is read, or speaks of no sample.
fn is_known(header: &BoxHeader) -> bool {
    is_more(header)
        || matches!(
            &header.box_type.0,
            b"tfhd"
                | b"tfdt"
                | b"trun"
                | b"saiz"
                | b"saio"
                | b"senc"
                | b"uuid"
                | b"free"
                | b"skip"
                | b"meta"
                | b"udta"
        )
}

/// Samples may have no table of their own and take no bytes, so that a few bytes claim millions.
pub(crate) fn check_count(samples: u64, file_len: u64) -> Result<(), FormatError> {
    let most = limits::FRAGMENT_SAMPLES.min(file_len);
    if samples > most {
        return Err(FormatError::ManySamples { samples, most });
    }
    Ok(())
}
