//! Fragmented films (8.8): the samples of all movie fragments, as the tables a flat film would have.
//!
//! Reads the headers of the top level and the `moof` boxes, never the media. What it makes are real boxes
//! (`stts`, `ctts`, `stsc`, `stsz`, `stco`/`co64`, `stss` …), so that nothing after it need know
//! about fragments. All of them are made once, to see what they hold; then they are let go, and made anew by the
//! [stretch](super::stretches) when they are read.
//!
//! Where one box ends the next begins, and in an undamaged film that is all it takes: the header of a `moof` is read with the `moof`
//! itself, and that of the `mdat` after it in the same read (1,000 fragments of 100 KB: 1,004 reads of 2 KB). `sidx`, `mfra` and `tfra`
//! say neither how many samples there are nor how large they are, so they save nothing there; they tell the way behind
//! [damage](super::places).

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::boxes::{
    BoxHeader, BoxType, FormatError, Reader, SampleDefaults, SampleFlags, TableReader, TfhdBox, TrexBox,
    TrunBox, TrunField, find_senc, read_tfdt, read_tfxd, u32_at,
};
use crate::limits;
use crate::source::{GENERATED, ReadAt};

use super::auxiliary::{FragmentAuxiliary, Gathered};
use super::groups::Groupings;
use super::per_sample::{Dependencies, Subsamples};
use super::places::Places;
use super::stretches::{COST_OF_BOX, COST_OF_MOOF, Kind, Layout, MadeTable, READ_AHEAD, Stretch, are_few};
use super::{Node, SampleTable, Track};

/// What the fragments say of one track: all of them, or those of a stretch.
#[derive(Debug, Default)]
pub(super) struct TrackFragments {
    seed: Seed,
    /// Samples and chunks of the stretches before.
    before: End,
    /// Where each stretch begins; for a stretch, nothing.
    pub(super) starts: Vec<TrackStart>,
    durations: RunLengths,
    offsets: RunLengths,
    has_negative_offsets: bool,
    sizes: Vec<u32>,
    /// Offset, samples, sample description.
    chunks: Vec<(u64, u32, u32)>,
    sync: Vec<u32>,
    /// Decode time of the first sample.
    first: Option<i64>,
    /// Decode time of the next.
    next: i64,
    /// Something before the next was damaged, so that its time is not known.
    is_lost: bool,
    auxiliary: Gathered,
    dependencies: Dependencies,
    subsamples: Option<Subsamples>,
    /// A box in a fragment that speaks of samples and that we cannot carry over.
    pub(super) unsliced: Option<BoxHeader>,
    pub(super) notes: Vec<String>,
}

/// What has to be known of a track to read any of its fragments.
#[derive(Debug, Default)]
pub(super) struct Seed {
    track_id: u32,
    is_sound: bool,
    defaults: SampleDefaults,
    pub(super) groupings: Groupings,
}

impl Seed {
    /// Memory held besides the struct itself.
    pub(super) fn heap_size(&self) -> usize {
        self.groupings.heap_size()
    }
}

/// Samples and chunks of a track up to somewhere.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct End {
    samples: u32,
    chunks: u32,
}

/// Where a stretch begins in a track.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TrackStart {
    before: End,
    /// Decode time of its first sample.
    time: i64,
    /// The decode time of a later stretch is earlier than this one ends, or later: from this sample on, it has this
    /// duration, and those after it none.
    cut: Option<(u32, u32)>,
}

/// Run lengths of values, as `stts` and `ctts` have them.
#[derive(Debug, Default)]
pub(super) struct RunLengths {
    runs: Vec<(u32, u32)>,
}

impl RunLengths {
    pub(super) fn push(&mut self, count: u32, value: u32) {
        match self.runs.last_mut() {
            Some((n, v)) if *v == value => *n += count,
            _ if count == 0 => {}
            _ => self.runs.push((count, value)),
        }
    }

    /// Takes the last value off.
    fn pop(&mut self) -> Option<u32> {
        let (count, value) = self.runs.last_mut()?;
        let value = *value;
        *count -= 1;
        if *count == 0 {
            self.runs.pop();
        }
        Some(value)
    }

    /// Entries; none of them goes over any of `ends`. Gives how many there are up to each.
    pub(super) fn write(&self, ends: impl Iterator<Item = u32>, out: &mut Vec<u8>) -> Vec<u32> {
        let mut runs = self.runs.iter().copied();
        let mut held = None;
        let (mut at, mut entries) = (0, 0);
        ends.map(|end| {
            while let Some((count, value)) = (at < end).then(|| held.take().or_else(|| runs.next())).flatten()
            {
                let now = count.min(end - at);
                held = (count > now).then(|| (count - now, value));
                out.extend_from_slice(&now.to_be_bytes());
                out.extend_from_slice(&value.to_be_bytes());
                at += now;
                entries += 1;
            }
            entries
        })
        .collect()
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Something that makes no sense.
#[derive(Debug, Clone)]
struct Damage {
    /// The box of the top level.
    at: u64,
    box_type: BoxType,
    offset: u64,
    reason: String,
}

impl Damage {
    /// # Errors
    /// Those that are no fault of the box at `at`.
    fn of(error: FormatError, at: u64) -> Result<Self, FormatError> {
        match error {
            FormatError::Box { box_type, offset, reason } => Ok(Self { at, box_type, offset, reason }),
            error => Err(error),
        }
    }

    fn error(&self) -> FormatError {
        FormatError::Box { box_type: self.box_type, offset: self.offset, reason: self.reason.clone() }
    }
}

/// What the fragments of a film say.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    pub(super) tracks: Vec<TrackFragments>,
    pub(super) stretches: Vec<Stretch>,
    damage: Vec<Damage>,
    /// Nothing was found behind the last damage.
    ends_early: bool,
    turn: Turn,
}

/// Held where much memory is needed, until that is let go: of films that need much, one is read at a time, or a few of them that
/// are asked for at once would take all there is.
#[derive(Debug, Default)]
struct Turn(Option<MutexGuard<'static, ()>>);

static TURN: Mutex<()> = Mutex::new(());

impl Turn {
    /// Waits until it is ours, if so many samples and bytes of auxiliary information make that necessary.
    fn take<R: ReadAt>(&mut self, source: &R, samples: u64, auxiliary: u64) -> Result<(), FormatError> {
        let needed =
            samples.saturating_mul(limits::MEMORY_OF_SAMPLE).saturating_add(auxiliary.saturating_mul(2));
        if self.0.is_none() && needed > limits::MEMORY_AT_ONCE {
            if !source.may_wait() {
                return Err(FormatError::Io { offset: 0, source: io::ErrorKind::WouldBlock.into() });
            }
            // It guards nothing that could be left half done.
            self.0 = Some(TURN.lock().unwrap_or_else(PoisonError::into_inner));
        }
        Ok(())
    }
}

/// Damage that is told of, in one film.
const TOLD: usize = 8;

impl Fragments {
    /// Whether there is nothing but what the `moov` holds.
    pub(super) fn is_empty(&self) -> bool {
        self.stretches.iter().all(|s| s.moofs == 0)
    }

    /// What was left out, and why.
    pub(super) fn notes(&self) -> impl Iterator<Item = String> {
        self.damage.iter().enumerate().map(|(n, damage)| {
            let error = damage.error();
            if self.ends_early && n + 1 == self.damage.len() {
                format!("the film ends before the file does: {error}")
            } else {
                format!("left out what is damaged: {error}")
            }
        })
    }
}

/// Reads all fragments from the box at `from` on; each track comes with its `stbl`. What is damaged is left out, and what comes after it is
/// taken where it can be found. A film that is still being written ends with its last whole sample.
///
/// # Errors
/// When there are more samples than [`limits::FRAGMENT_SAMPLES`], or there is damage and not one sample.
pub(super) fn read_fragments<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    from: u64,
    mvex: Option<&BoxHeader>,
    tracks: &[(&Track, &Node)],
    top: &[BoxHeader],
) -> Result<Fragments, FormatError> {
    let mut places = Places::read(reader, top)?;
    let mut left_out = Vec::new();
    let mut turn = Turn::default();
    loop {
        let mut walk = Walk::new(reader, mvex, tracks, &left_out, turn)?;
        match walk.boxes(reader, from, &mut places)? {
            // Nothing of it is believed, so what has been taken of it already has to go.
            Some(damage) => {
                turn = walk.found.turn;
                left_out.push(damage);
            }
            None => {
                let found = Fragments { ends_early: walk.is_lost, ..walk.found };
                let is_hollow = found.tracks.iter().all(|t| t.sizes.is_empty());
                return match found.damage.first() {
                    Some(damage) if is_hollow => Err(damage.error()),
                    _ => Ok(found),
                };
            }
        }
    }
}

/// Goes through the boxes of the top level.
struct Walk<'a> {
    found: Fragments,
    /// Fragments of which nothing is taken. With one over [`limits::LEFT_OUT`], the film ends there.
    left_out: &'a [Damage],
    /// Behind damage, until there is a fragment that makes sense.
    is_lost: bool,
    /// The last fragment, where its media reaches past the end of the file.
    unfinished: Option<Damage>,
}

impl<'a> Walk<'a> {
    fn new<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        mvex: Option<&BoxHeader>,
        tracks: &[(&Track, &Node)],
        left_out: &'a [Damage],
        turn: Turn,
    ) -> Result<Self, FormatError> {
        let in_moov = tracks.iter().map(|(t, _)| u64::from(t.samples.count)).sum();
        check_count(in_moov, reader.file_len())?;
        let mut found = Fragments { turn, ..Fragments::default() };
        found.turn.take(reader.source(), in_moov, 0)?;
        for (track, stbl) in tracks {
            found.tracks.push(TrackFragments::of(reader, track, stbl)?);
        }
        if let Some(mvex) = mvex {
            read_trex(reader, mvex, &mut found.tracks)?;
        }
        let in_moov = samples_of(&found.tracks);
        if in_moov > 0 {
            found.stretches.push(Stretch { samples: in_moov, ..Stretch::default() });
            found.tracks.iter_mut().for_each(|t| t.starts.push(TrackStart::default()));
        }
        Ok(Self { found, left_out, is_lost: false, unfinished: None })
    }

    /// Reads the fragments from `at` on; gives one that was taken in part and has to be left out.
    fn boxes<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        mut at: u64,
        places: &mut Places,
    ) -> Result<Option<Damage>, FormatError> {
        reader.read_ahead(READ_AHEAD);
        let end = reader.file_len();
        for _ in 0..limits::FRAGMENT_BOXES {
            if let Some(damage) = self.left_out.get(limits::LEFT_OUT).filter(|damage| damage.at <= at) {
                self.lose(damage.clone());
                return Ok(None);
            }
            let header = match reader.header(at, end) {
                Ok(Some(header)) => header,
                Ok(None) => return Ok(None),
                Err(error) => {
                    self.lose(Damage::of(error, at)?);
                    match places.after(at) {
                        Some(place) => at = place,
                        None => return Ok(None),
                    }
                    continue;
                }
            };
            places.pass(reader, &header)?;
            if &header.box_type.0 == b"moof" {
                if let Some(spoilt) = self.fragment(reader, &header, places)? {
                    return Ok(Some(spoilt));
                }
            } else if let Some(stretch) = self.found.stretches.last_mut() {
                stretch.cost += COST_OF_BOX;
            }
            at = self.end_of(reader, &header, places)?;
        }
        Err(FormatError::Film(format!("more than {} boxes in the file", limits::FRAGMENT_BOXES)))
    }

    /// Where to go on after a box, which may be none: at the next place that is known, if that lies inside of it.
    fn end_of<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        header: &BoxHeader,
        places: &Places,
    ) -> Result<u64, FormatError> {
        let mut inside = places.after(header.offset).filter(|&place| place < header.end());
        // Of the media no more than could be a header.
        reader.read_ahead(16);
        while let Some(place) = inside.filter(|_| !self.is_lost) {
            let is_fragment = match reader.header(place, header.end()) {
                Ok(found) => found.is_some_and(|found| &found.box_type.0 == b"moof"),
                Err(error) => Damage::of(error, place).map(|_| false)?,
            };
            if is_fragment {
                self.lose(Damage::of(header.error("a fragment begins inside of it"), header.offset)?);
            } else {
                inside = places.after(place).filter(|&place| place < header.end());
            }
        }
        reader.read_ahead(READ_AHEAD);
        Ok(inside.unwrap_or(header.end()))
    }

    /// What comes next has to say itself when it is.
    fn lose(&mut self, damage: Damage) {
        if !std::mem::replace(&mut self.is_lost, true) {
            self.found.damage.truncate(TOLD - 1);
            self.found.damage.push(damage);
        }
        self.found.tracks.iter_mut().for_each(|t| t.is_lost = true);
    }

    /// Takes a fragment, or gives one that was taken and has to be left out.
    fn fragment<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        moof: &BoxHeader,
        places: &Places,
    ) -> Result<Option<Damage>, FormatError> {
        if let Some(damage) = self.left_out.iter().find(|d| d.at == moof.offset) {
            self.lose(damage.clone());
            return Ok(None);
        }
        let tracks = &mut self.found.tracks;
        let runs = read_runs(reader, moof, tracks).and_then(|mut runs| {
            find_times(reader, moof, &mut runs, tracks, places)?;
            Ok(runs)
        });
        let runs = match runs {
            Ok(runs) => runs,
            Err(error) => {
                self.lose(Damage::of(error, moof.offset)?);
                return Ok(None);
            }
        };
        if self.unfinished.is_some() {
            // The file does not end there: it is not true what that one says.
            return Ok(self.unfinished.take());
        }
        let cost = COST_OF_BOX + moof.size.saturating_add(COST_OF_MOOF);
        let is_next = |s: &Stretch| s.moofs > 0 && !s.is_full() && cost <= s.cost.max(1 << 14);
        if self.is_lost || !self.found.stretches.last().is_some_and(is_next) {
            self.found.stretches.push(Stretch { offset: moof.offset, ..Stretch::default() });
            self.found.tracks.iter_mut().for_each(TrackFragments::begin_stretch);
        }
        self.is_lost = false;
        let before = samples_of(&self.found.tracks);
        let samples = runs.iter().fold(u64::from(before), |sum, run| sum.saturating_add(run.count().into()));
        let auxiliary = self.found.tracks.iter().map(|t| t.auxiliary.len() as u64).sum();
        self.found.turn.take(reader.source(), samples, auxiliary)?;
        let taken = take_runs(reader, moof, runs, &mut self.found.tracks);
        if let Some(stretch) = self.found.stretches.last_mut() {
            stretch.moofs += 1;
            stretch.cost += cost;
            stretch.samples =
                stretch.samples.saturating_add(samples_of(&self.found.tracks).saturating_sub(before));
        }
        match taken {
            Ok(true) => Ok(None),
            Ok(false) => {
                let damage = Damage::of(moof.error("its media is not all there"), moof.offset)?;
                self.lose(damage.clone());
                self.unfinished = Some(damage);
                Ok(None)
            }
            Err(error) => Damage::of(error, moof.offset).map(Some),
        }
    }
}

fn samples_of(all: &[TrackFragments]) -> u32 {
    all.iter().fold(0, |sum, t| sum.saturating_add(number(t.sizes.len())))
}

/// Samples may have no table of their own and take no bytes, so that a few bytes claim millions.
fn check_count(samples: u64, file_len: u64) -> Result<(), FormatError> {
    let most = limits::FRAGMENT_SAMPLES.min(file_len);
    if samples > most {
        return Err(FormatError::Film(format!(
            "{samples} samples in fragments, more than the {most} we take"
        )));
    }
    Ok(())
}

fn read_trex<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    mvex: &BoxHeader,
    all: &mut [TrackFragments],
) -> Result<(), FormatError> {
    for trex in reader.children(mvex.payload(), mvex.end())?.iter().filter(|b| &b.box_type.0 == b"trex") {
        let TrexBox { track_id, defaults } = TrexBox::read(reader, trex)?;
        all.iter_mut().filter(|t| t.seed.track_id == track_id).for_each(|t| t.seed.defaults = defaults);
    }
    Ok(())
}

/// A `trun` (8.8.8) and where its media is.
struct Run {
    track: usize,
    offset: u64,
    end: u64,
    trun: TrunBox,
    defaults: SampleDefaults,
    /// `tfdt` (8.8.12), for the first run of a fragment.
    decode_time: Option<i64>,
    /// Time that passes before it without any sample.
    pause: u32,
    /// What else the fragment says of its samples, for its first run.
    more: Option<More>,
}

struct More {
    boxes: Vec<BoxHeader>,
    /// Or the box that is none we know.
    auxiliary: Result<Option<FragmentAuxiliary>, BoxHeader>,
    /// Samples of each run.
    runs: Vec<u32>,
    /// Boxes that may speak of samples one by one.
    unknown: Vec<BoxType>,
}

/// Whether a box of a `traf` or `stbl` speaks of samples one by one and is put together from the fragments.
fn is_more(header: &BoxHeader) -> bool {
    matches!(&header.box_type.0, b"sgpd" | b"sbgp" | b"csgp" | b"sdtp" | b"subs")
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

/// Reads one fragment again, which has made sense before.
///
/// # Errors
/// When it makes none now, or cannot be read.
pub(super) fn read_moof<R: ReadAt>(
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
/// [`FormatError::Box`] when it makes no sense. Other errors are no fault of this fragment.
fn read_runs<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    moof: &BoxHeader,
    all: &[TrackFragments],
) -> Result<Vec<Run>, FormatError> {
    let mut runs = Vec::new();
    let mut implicit_base = moof.offset;
    for traf in reader.children(moof.payload(), moof.end())?.iter().filter(|b| &b.box_type.0 == b"traf") {
        let first = runs.len();
        read_traf(reader, moof, traf, implicit_base, all, &mut runs)?;
        if let Some(last) = runs.get(first..).and_then(<[Run]>::last) {
            implicit_base = last.end;
        }
        if runs.len() > limits::RUNS {
            return Err(FormatError::Film(format!("more than {} runs in one fragment", limits::RUNS)));
        }
    }
    let samples: u64 = all.iter().map(|t| t.sizes.len() as u64).sum();
    let more: u64 = runs.iter().map(|r| u64::from(r.count())).sum();
    check_count(samples + more, reader.file_len())?;
    Ok(runs)
}

/// Behind damage a time cannot be counted from what came before: where a fragment does not say its own, the film's tables may.
fn find_times<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    moof: &BoxHeader,
    runs: &mut [Run],
    all: &[TrackFragments],
    places: &Places,
) -> Result<(), FormatError> {
    let mut is_lost: Vec<_> = all.iter().map(|t| t.is_lost).collect();
    for run in runs.iter_mut().filter(|run| run.more.is_some()) {
        let (Some(track), Some(is_lost)) = (all.get(run.track), is_lost.get_mut(run.track)) else { continue };
        if std::mem::take(is_lost) && run.decode_time.is_none() {
            let time = places.time(moof.offset, track.seed.track_id);
            let time =
                time.ok_or_else(|| moof.error("nothing says when it is, and what came before is damaged"))?;
            run.decode_time = Some(time.saturating_sub(run.first_offset(reader)?));
        }
    }
    Ok(())
}

/// Takes the samples of one fragment; `false` when its media is not all there, and only the samples that are were taken.
///
/// # Errors
/// [`FormatError::Box`] when it makes no sense; it may have been taken in part. Other errors are no fault of
/// this fragment.
fn take_runs<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    moof: &BoxHeader,
    mut runs: Vec<Run>,
    all: &mut [TrackFragments],
) -> Result<bool, FormatError> {
    let is_whole = runs.iter().all(|r| r.end <= reader.file_len());
    if !is_whole {
        keep_complete(reader, &mut runs)?;
    }
    for run in &runs {
        if let Some(track) = all.get_mut(run.track) {
            track.add(reader, run, moof)?;
        }
        // Its lengths may be made up; its bytes are in the file, and once.
        let most = reader.file_len().saturating_mul(2).min(limits::AUXILIARY);
        if run.more.is_some() && all.iter().map(|t| t.auxiliary.len() as u64).sum::<u64>() > most {
            return Err(FormatError::Film(format!(
                "over {most} bytes of auxiliary information in fragments"
            )));
        }
    }
    Ok(is_whole)
}

/// Of each track, keeps the samples before the first that reaches past the end of the file.
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
            counts.reverse();
            more.runs = std::mem::take(&mut counts);
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
    runs: &mut Vec<Run>,
) -> Result<(), FormatError> {
    let children = reader.children(traf.payload(), traf.end())?;
    let tfhd =
        children.iter().find(|b| &b.box_type.0 == b"tfhd").ok_or_else(|| traf.error("no tfhd in it"))?;
    let tfhd = TfhdBox::read(reader, tfhd)?;
    // A fragment of a track that the moov does not know is nobody's, but its media is where it is.
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
    for trun in children.iter().filter(|b| &b.box_type.0 == b"trun") {
        let run = read_trun(reader, trun, n, base, next, defaults, decode_time.take())?;
        next = run.end;
        runs.push(run);
    }
    let counts = runs.iter().skip(first).map(Run::count).collect();
    match runs.get_mut(first) {
        Some(run) => {
            let unknown = children.iter().filter(|b| !is_known(b)).map(|b| b.box_type).collect();
            let boxes = children.into_iter().filter(is_more).collect();
            run.more = Some(More { boxes, auxiliary, runs: counts, unknown });
        }
        None if tfhd.duration_is_empty => runs.push(Run {
            track: n,
            offset: base,
            end: base,
            trun: TrunBox::empty(),
            defaults,
            decode_time,
            pause: defaults.duration,
            more: None,
        }),
        None => {}
    }
    Ok(())
}

fn read_trun<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    header: &BoxHeader,
    track: usize,
    base: u64,
    next: u64,
    defaults: SampleDefaults,
    decode_time: Option<i64>,
) -> Result<Run, FormatError> {
    let trun = TrunBox::read(reader, header)?;
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
        u64::from(trun.sample_count()) * u64::from(defaults.size)
    };
    let end = offset.checked_add(bytes).ok_or_else(|| header.error("data past 64 bits"))?;
    Ok(Run { track, offset, end, trun, defaults, decode_time, pause: 0, more: None })
}

impl Run {
    fn count(&self) -> u32 {
        self.trun.sample_count()
    }

    /// By how much its first sample is presented after it is decoded.
    fn first_offset<R: ReadAt>(&self, reader: &mut Reader<'_, R>) -> Result<i64, FormatError> {
        if !self.trun.has(TrunField::CompositionOffset) {
            return Ok(0);
        }
        let mut first = 0;
        self.trun.each_window(reader, |_, entries| {
            let offset = entries.column(TrunField::CompositionOffset, 0).next();
            first = offset.map_or(0, |n| i32::from_be_bytes(n.to_be_bytes()));
            false
        })?;
        Ok(first.into())
    }

    /// How many of its samples lie inside the file.
    fn complete_samples<R: ReadAt>(&self, reader: &mut Reader<'_, R>) -> Result<u32, FormatError> {
        let Some(mut left) = reader.file_len().checked_sub(self.offset) else { return Ok(0) };
        if self.end <= reader.file_len() {
            return Ok(self.count());
        }
        if !self.trun.has(TrunField::Size) {
            let complete = left.checked_div(u64::from(self.defaults.size)).unwrap_or(u64::MAX);
            return Ok(u32::try_from(complete).unwrap_or(u32::MAX).min(self.count()));
        }
        let mut complete = 0;
        self.trun.each_window(reader, |_, entries| {
            for size in entries.column(TrunField::Size, 0) {
                match left.checked_sub(u64::from(size)) {
                    Some(rest) => left = rest,
                    None => return false,
                }
                complete += 1;
            }
            true
        })?;
        Ok(complete)
    }
}

impl TrackFragments {
    /// Nothing yet of a stretch.
    pub(super) fn from(seed: &Seed, start: &TrackStart) -> Self {
        let Seed { track_id, is_sound, defaults, ref groupings } = *seed;
        Self {
            seed: Seed { track_id, is_sound, defaults, groupings: groupings.of_stretch() },
            before: start.before,
            next: start.time,
            first: (start.before.samples > 0).then_some(0),
            ..Self::default()
        }
    }

    /// What is needed to make its tables anew.
    pub(super) fn into_seed(self) -> Seed {
        let groupings = self.seed.groupings.of_stretch();
        Seed { groupings, ..self.seed }
    }

    fn begin_stretch(&mut self) {
        self.starts.push(TrackStart { before: self.end(), time: self.next, cut: None });
    }

    /// Samples and chunks up to where it ends.
    pub(super) fn end(&self) -> End {
        End {
            samples: self.before.samples.saturating_add(number(self.sizes.len())),
            chunks: self.before.chunks.saturating_add(number(self.chunks.len())),
        }
    }

    /// What later stretches have to say of this one, and what is not said of all its samples.
    pub(super) fn finish(&mut self, start: &TrackStart) {
        if let Some((sample, duration)) = start.cut {
            let kept = sample.saturating_sub(self.before.samples) as usize;
            let mut left = self.sizes.len().saturating_sub(kept);
            for _ in 0..left {
                self.durations.pop();
            }
            if left > 0 {
                self.durations.push(1, duration);
                left -= 1;
            }
            self.durations.push(number(left), 0);
        }
        self.seed.groupings.finish(number(self.sizes.len()));
    }

    /// Begins with what the `moov` holds of the track, which is nothing in most films.
    fn of<R: ReadAt>(reader: &mut Reader<'_, R>, track: &Track, stbl: &Node) -> Result<Self, FormatError> {
        let seed = Seed {
            track_id: track.tkhd.track_id,
            is_sound: &track.handler.0 == b"soun",
            defaults: SampleDefaults { description_index: 1, ..SampleDefaults::default() },
            groupings: Groupings::new(track.descriptions.clone()),
        };
        let mut this = Self { seed, subsamples: Some(Subsamples::default()), ..Self::default() };
        if track.samples.count > 0 {
            let boxes: Vec<_> = stbl.children.iter().map(|c| c.header).collect();
            let auxiliary = FragmentAuxiliary::find(reader, &boxes, track.senc, 0)?;
            // Its descriptions are the film's own.
            let boxes = boxes.into_iter().filter(|b| is_more(b) && &b.box_type.0 != b"sgpd").collect();
            let runs = chunk_lengths(reader.source(), &track.samples)?;
            this.add_more(reader, &More { boxes, auxiliary, runs, unknown: Vec::new() })?;
            this.take_moov(reader.source(), &track.samples)?;
        }
        Ok(this)
    }

    fn take_moov<R: ReadAt>(&mut self, source: &R, samples: &SampleTable) -> Result<(), FormatError> {
        self.first = Some(0);
        for run in samples.joint_from(source, 0)? {
            let run = run?;
            self.durations.push(run.count, u32::try_from(run.delta).unwrap_or(u32::MAX));
            self.push_offset(
                run.count,
                u32::from_be_bytes(i32::try_from(run.offset).unwrap_or(0).to_be_bytes()),
            );
            self.next = run.dts + i64::from(run.count) * run.delta;
        }
        let mut sizes = samples.sizes.reader(source, 0..samples.count);
        for _ in 0..samples.count {
            self.sizes.push(u32::try_from(sizes.sum(1)?).unwrap_or(u32::MAX));
        }
        let mut offsets = samples.offsets.reader(source, 512);
        let mut left = samples.count;
        for run in samples.stsc.pieces_from(source, 0)? {
            let run = run?;
            for chunk in run.unit..run.end() {
                let count = run.samples_per_chunk().min(left);
                left -= count;
                if count > 0 {
                    self.chunks.push((offsets.get(chunk)?, count, run.description_index()));
                }
            }
        }
        match &samples.sync {
            crate::boxes::SyncSamples::All => self.sync.extend(1..=samples.count),
            crate::boxes::SyncSamples::Listed(table) => {
                let mut listed = TableReader::new(source, *table, 512);
                for n in 0..table.count {
                    self.sync.push(u32_at(listed.entry(n)?, 0));
                }
                // Order is what finds the entries of a stretch.
                self.sync.retain(|n| (1..=samples.count).contains(n));
                self.sync.sort_unstable();
            }
        }
        Ok(())
    }

    fn push_offset(&mut self, count: u32, offset: u32) {
        self.has_negative_offsets |= offset > u32::MAX / 2;
        self.offsets.push(count, offset);
    }

    fn add<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        run: &Run,
        moof: &BoxHeader,
    ) -> Result<(), FormatError> {
        if let Some(more) = &run.more {
            self.add_more(reader, more)?;
        }
        if let Some(time) = run.decode_time {
            self.go_to(time).map_err(|reason| moof.error(reason))?;
            self.is_lost = false;
        }
        if run.pause > 0 {
            self.go_to(self.next + i64::from(run.pause)).map_err(|reason| moof.error(reason))?;
        }
        let count = run.count();
        if count == 0 {
            return Ok(());
        }
        self.first.get_or_insert(self.next);
        self.chunks.push((run.offset, count, run.defaults.description_index));
        let first = self.end().samples.saturating_add(1);
        let trun = &run.trun;
        if !trun.has(TrunField::Duration) {
            self.durations.push(count, run.defaults.duration);
            self.next += i64::from(count) * i64::from(run.defaults.duration);
        }
        if !trun.has(TrunField::Size) {
            self.sizes.resize(self.sizes.len() + count as usize, run.defaults.size);
        }
        if !trun.has(TrunField::CompositionOffset) {
            self.push_offset(count, 0);
        }
        // The first sample may have flags of its own, instead of those in the table.
        let own = u32::from(trun.first_sample_flags.is_some());
        if trun.first_sample_flags.is_some_and(|flags| self.is_sync(flags)) {
            self.sync.push(first);
        }
        if !trun.has(TrunField::Flags) && self.is_sync(run.defaults.flags) {
            self.sync.extend(first.saturating_add(own)..first.saturating_add(count));
        }
        trun.each_window(reader, |n, entries| {
            if trun.has(TrunField::Duration) {
                for duration in entries.column(TrunField::Duration, 0) {
                    self.durations.push(1, duration);
                    self.next += i64::from(duration);
                }
            }
            if trun.has(TrunField::Size) {
                self.sizes.extend(entries.column(TrunField::Size, 0));
            }
            if trun.has(TrunField::CompositionOffset) {
                let offsets = entries.column(TrunField::CompositionOffset, 0);
                offsets.for_each(|offset| self.push_offset(1, offset));
            }
            if trun.has(TrunField::Flags) {
                let from = if n == 0 { own } else { 0 };
                let flags = entries.column(TrunField::Flags, from as usize).map(SampleFlags);
                for (sample, flags) in (first.saturating_add(n + from)..).zip(flags) {
                    if self.is_sync(flags) {
                        self.sync.push(sample);
                    }
                }
            }
            true
        })
    }

    /// What else is said of the samples that come next.
    fn add_more<R: ReadAt>(&mut self, reader: &mut Reader<'_, R>, more: &More) -> Result<(), FormatError> {
        let first = self.sizes.len();
        let number = number(first);
        let count = more.runs.iter().fold(0, |sum: u32, &n| sum.saturating_add(n));
        self.seed.groupings.add(reader, &more.boxes, number, count)?;
        for unknown in &more.unknown {
            let note = format!("left out {unknown} of fragments: not known how it is cut");
            if self.notes.len() < TOLD && !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        for header in &more.boxes {
            match &header.box_type.0 {
                b"sdtp" => self.dependencies.add(reader, header, first, count)?,
                b"subs" => {
                    let Some(subsamples) = &mut self.subsamples else { continue };
                    if !subsamples.add(reader, header, number, count)? {
                        self.subsamples = None;
                        self.notes.push("left out subs of fragments: they are more than we cut".into());
                    }
                }
                _ => {}
            }
        }
        let added = match &more.auxiliary {
            Ok(Some(auxiliary)) => self.auxiliary.add(reader, auxiliary, first, &more.runs)?,
            Ok(None) => Ok(()),
            Err(unknown) => Err(*unknown),
        };
        self.unsliced = self.unsliced.or(added.err());
        Ok(())
    }

    /// Some writers leave `sample_is_non_sync_sample` at 0 for all pictures and only say which depend
    /// on others.
    fn is_sync(&self, flags: SampleFlags) -> bool {
        !flags.is_non_sync() && (self.seed.is_sound || !flags.depends_on_others())
    }

    /// Moves the next sample to a decode time: the one before it lasts until then, which may be for no time at all.
    fn go_to(&mut self, time: i64) -> Result<(), String> {
        if time.unsigned_abs() >= 1 << 60 {
            return Err("a decode time (tfdt) of more than 60 bits".into());
        }
        let mut until = self.next;
        let (mut popped, mut passed) = (0, 0);
        while self.first.is_some() && time != until {
            let Some(last) = self.durations.pop() else {
                if self.before.samples > 0 {
                    // The stretches before know of it.
                    break;
                }
                return Err("a decode time (tfdt) before the first sample's".into());
            };
            popped += 1;
            until -= i64::from(last);
            if time >= until {
                let duration = u32::try_from(time - until).map_err(|_| {
                    format!("a gap of {} ticks before its decode time (tfdt)", time - self.next)
                })?;
                self.durations.push(1, duration);
                until = time;
                self.cut_stretches(number(self.sizes.len() - popped), duration);
            } else {
                // Sent again, by a live encoder that began anew.
                passed += 1;
            }
        }
        self.durations.push(passed, 0);
        self.next = time;
        let samples = self.end().samples;
        if let Some(start) = self.starts.last_mut().filter(|s| s.before.samples == samples) {
            start.time = time;
        }
        Ok(())
    }

    /// Tells the stretches before the last that from a sample on, it has this duration, and those after it none.
    fn cut_stretches(&mut self, sample: u32, duration: u32) {
        let Some((last, earlier)) = self.starts.split_last_mut() else { return };
        let mut after = last.before.samples;
        for start in earlier.iter_mut().rev() {
            if after <= sample {
                return;
            }
            let first = start.before.samples;
            start.cut = Some(if first > sample { (first, 0) } else { (sample, duration) });
            after = first;
        }
    }

    /// Whether it has descriptions of a grouping, so that the `moov`'s own are not wanted any more.
    pub(super) fn describes(&self, grouping: [u8; 4]) -> bool {
        self.seed.groupings.describes(grouping)
    }

    /// Bytes of each chunk, if those numbers are few and short enough to be kept.
    pub(super) fn chunk_sizes(&self, stretches: usize) -> Option<Box<[u32]>> {
        // Nothing is few in tests; there the others are those of flat films.
        if !cfg!(test) && !are_few(self.chunks.len() * size_of::<u32>(), stretches) {
            return None;
        }
        let mut sizes = self.sizes.iter();
        let bytes = self.chunks.iter().map(|&(_, samples, _)| {
            u32::try_from(sizes.by_ref().take(samples as usize).map(|&s| u64::from(s)).sum::<u64>()).ok()
        });
        bytes.collect()
    }

    /// Decode time of the first sample.
    pub(super) fn first(&self) -> Option<i64> {
        self.first
    }

    /// Appends the tables of a flat film to `out`, which begins at [`GENERATED`].
    pub(super) fn write(&mut self, track: usize, out: &mut Layout) {
        let samples = self.sizes.len();
        self.seed.groupings.finish(number(samples));
        let ends: Vec<End> = self.starts.iter().skip(1).map(|s| s.before).chain([self.end()]).collect();
        let this = &*self;
        let mut table = |box_type: &[u8; 4], prefix: &[u8], has_count, kind, entry_size| {
            let table = MadeTable { track, kind, entry_size };
            out.table(box_type, prefix, has_count, table, |bytes| this.write_entries(&table, &ends, bytes));
        };
        table(b"stts", &[0; 4], true, Kind::Durations, 8);
        if self.offsets.runs.iter().any(|(_, offset)| *offset != 0) {
            table(b"ctts", &[u8::from(self.has_negative_offsets), 0, 0, 0], true, Kind::Offsets, 8);
        }
        table(b"stsc", &[0; 4], true, Kind::Chunks, 12);
        table(b"stsz", &[0; 8], true, Kind::Sizes, 4);
        if self.chunks.iter().any(|(offset, ..)| u32::try_from(*offset).is_err()) {
            table(b"co64", &[0; 4], true, Kind::ChunkOffsets, 8);
        } else {
            table(b"stco", &[0; 4], true, Kind::ChunkOffsets, 4);
        }
        self.seed.groupings.write_descriptions(&mut out.bytes);
        for n in 0..self.seed.groupings.len() {
            let table = MadeTable { track, kind: Kind::Group(n), entry_size: 8 };
            let prefix = self.seed.groupings.prefix(n);
            out.table(b"sbgp", &prefix, true, table, |bytes| self.write_entries(&table, &ends, bytes));
        }
        if !self.dependencies.bytes.is_empty() {
            let table = MadeTable { track, kind: Kind::Dependencies, entry_size: 1 };
            out.table(b"sdtp", &[0; 4], false, table, |bytes| self.write_entries(&table, &ends, bytes));
        }
        if let Some(subsamples) = &self.subsamples {
            subsamples.write(&mut out.bytes);
        }
        if self.unsliced.is_none() && !self.auxiliary.bytes.is_empty() {
            let table = MadeTable { track, kind: Kind::AuxiliarySizes, entry_size: 1 };
            let prefix = self.auxiliary.saiz_prefix();
            out.table(b"saiz", &prefix, true, table, |bytes| self.write_entries(&table, &ends, bytes));
            self.auxiliary.write_saio(&mut out.bytes, GENERATED);
            let table = MadeTable { track, kind: Kind::Auxiliary, entry_size: 1 };
            let prefix = self.auxiliary.senc_prefix(samples);
            out.table(b"senc", &prefix, false, table, |bytes| self.write_entries(&table, &ends, bytes));
        }
        // Sound of which not one packet is marked is sound whose writer did not care.
        let unmarked = self.seed.is_sound && self.sync.is_empty();
        if self.sync.len() < samples && !unmarked {
            let table = MadeTable { track, kind: Kind::Sync, entry_size: 4 };
            out.table(b"stss", &[0; 4], true, table, |bytes| self.write_entries(&table, &ends, bytes));
        }
    }

    /// Appends the entries of a table, and gives how many there are up to each of `ends`, none of which an entry goes over.
    pub(super) fn write_entries(&self, table: &MadeTable, ends: &[End], out: &mut Vec<u8>) -> Vec<u32> {
        let samples = ends.iter().map(|e| e.samples.saturating_sub(self.before.samples));
        let mut fixed = |bytes: &[u8]| {
            out.extend_from_slice(bytes);
            let all = self.sizes.len().saturating_sub(bytes.len());
            out.resize(out.len() + all, 0);
            samples.clone().collect()
        };
        match table.kind {
            Kind::Durations => self.durations.write(samples, out),
            Kind::Offsets => self.offsets.write(samples, out),
            Kind::Group(n) => self.seed.groupings.write_runs(n, samples, out),
            Kind::Dependencies => fixed(&self.dependencies.bytes),
            Kind::AuxiliarySizes => fixed(&self.auxiliary.sizes),
            Kind::Auxiliary => {
                out.extend_from_slice(&self.auxiliary.bytes);
                let (mut at, mut sum) = (0, 0);
                samples
                    .map(|end| {
                        let sizes = self.auxiliary.sizes.get(at..).unwrap_or_default();
                        let now = (end as usize).saturating_sub(at);
                        sum += sizes.iter().take(now).map(|&n| u32::from(n)).sum::<u32>();
                        at = end as usize;
                        sum
                    })
                    .collect()
            }
            Kind::Sizes => {
                self.sizes.iter().for_each(|s| out.extend_from_slice(&s.to_be_bytes()));
                samples.collect()
            }
            Kind::Sync => {
                self.sync.iter().for_each(|s| out.extend_from_slice(&s.to_be_bytes()));
                ends.iter().map(|e| number(self.sync.partition_point(|&n| n <= e.samples))).collect()
            }
            Kind::ChunkOffsets => {
                let skip = 8 - usize::from(table.entry_size).min(8);
                for (offset, ..) in &self.chunks {
                    out.extend_from_slice(offset.to_be_bytes().get(skip..).unwrap_or_default());
                }
                ends.iter().map(|e| e.chunks.saturating_sub(self.before.chunks)).collect()
            }
            Kind::Chunks => {
                let (mut at, mut entries) = (0, 0);
                ends.iter()
                    .map(|end| {
                        let mut last = None;
                        let end = end.chunks.saturating_sub(self.before.chunks) as usize;
                        for (n, &(_, samples, description)) in
                            (at..end).zip(self.chunks.get(at..end).unwrap_or_default())
                        {
                            if last.replace((samples, description)) != Some((samples, description)) {
                                entries += 1;
                                let chunk = self.before.chunks.saturating_add(number(n + 1));
                                [chunk, samples, description]
                                    .iter()
                                    .for_each(|w| out.extend_from_slice(&w.to_be_bytes()));
                            }
                        }
                        at = end;
                        entries
                    })
                    .collect()
            }
        }
    }
}

/// Samples of each chunk.
fn chunk_lengths<R: ReadAt>(source: &R, samples: &SampleTable) -> Result<Vec<u32>, FormatError> {
    let mut out = Vec::new();
    let mut left = samples.count;
    for run in samples.stsc.pieces_from(source, 0)? {
        let run = run?;
        for _ in 0..run.count {
            out.push(run.samples_per_chunk().min(left));
            left -= run.samples_per_chunk().min(left);
        }
    }
    Ok(out)
}

/// The boxes that [`TrackFragments::write`] makes, which take the place of the `moov`'s own.
pub(super) fn is_replaced(box_type: BoxType) -> bool {
    matches!(
        &box_type.0,
        b"stts"
            | b"ctts"
            | b"stsc"
            | b"stsz"
            | b"stz2"
            | b"stco"
            | b"co64"
            | b"stss"
            | b"saiz"
            | b"saio"
            | b"senc"
            | b"sbgp"
            | b"csgp"
            | b"sdtp"
            | b"subs"
    )
}
