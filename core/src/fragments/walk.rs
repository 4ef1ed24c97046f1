//! Goes through the boxes of the top level from the first fragment on.
//!
//! Where one box ends the next begins, and in an undamaged file that is all it takes: the header of
//! a `moof` is read with the `moof` itself, and that of the `mdat` after it in the same read (1,000
//! fragments of 100 KB: 1,004 reads of 2 KB). `sidx`, `mfra` and `tfra` say neither how many
//! samples there are nor how large they are, so they save nothing there. They show the way past
//! [damage](super::locate).

use crate::boxes::{BoxHeader, BoxType, FormatError, Reader, TrexBox};
use crate::limits::{self, Limits};
use crate::movie::{Node, Track};
use crate::source::ReadAt;

use super::batch::{Batch, COST_OF_BOX, COST_OF_MOOF, READ_AHEAD};
use super::locate::Locations;
use super::memory_permit::{MemoryPermit, MemoryPermits, Needed};
use super::moof::{check_count, read_runs, take_runs};
use super::room::Room;
use super::run::{MOST_OF_SAMPLE, Run, most_groups};
use super::run_lengths::number;
use super::track::{TrackFragments, TrackStart};

/// A box that is malformed or contradicts others.
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

/// What the fragments of a movie say.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    pub(crate) tracks: Vec<TrackFragments>,
    pub(crate) batches: Vec<Batch>,
    /// The last fragment that could be read.
    pub(crate) last: Option<BoxHeader>,
    damage: Vec<Damage>,
    /// Nothing was found after the last damage.
    ends_early: bool,
    permit: MemoryPermit,
}

/// Notes about damage in one file.
const DAMAGE_NOTES: usize = 8;

impl Fragments {
    /// Whether there is nothing but what the `moov` holds.
    pub(crate) fn is_empty(&self) -> bool {
        self.batches.iter().all(|s| s.moofs == 0)
    }

    /// What was left out, and why.
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> {
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

/// Reads all fragments from the box at `from` on. Each track comes with its `stbl`. What is damaged
/// is left out, and what comes after it is taken where it can be found. A movie that is still being
/// written ends with its last whole sample.
///
/// ```text
/// repeat
///     begin with the samples of the moov
///     for each box of the top level
///         if its header is malformed: go to the next place that sidx or mfra name
///         if it is a moof that is not in left_out
///             read its runs, and check them; if they are malformed, leave it out
///             take its samples
///             if that fails half-way: add it to left_out, and begin again
///         if another moof begins inside of it: leave it out, and go there
///         if moof and sidx boxes together were longer than twice the file, or there are too many
///             boxes or samples: end
/// until nothing was taken in part
/// ```
///
/// # Errors
/// When the `moov` has more samples than [`limits::FRAGMENT_SAMPLES`], or there is damage and not one
/// sample.
pub(crate) fn read_fragments<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    from: u64,
    mvex: Option<&BoxHeader>,
    tracks: &[(&Track, &Node)],
    top: &[BoxHeader],
    permits: &MemoryPermits,
    limits: &Limits,
) -> Result<Fragments, FormatError> {
    let mut places = Locations::read(reader, top)?;
    let mut left_out = Vec::new();
    let mut permit = MemoryPermit::of(permits);
    loop {
        let mut walk = Walk::new(reader, mvex, tracks, &left_out, permit, limits)?;
        match walk.boxes(reader, from, &mut places)? {
            // Nothing of it is taken, so what has been taken already has to go.
            Some(damage) => {
                permit = walk.found.permit;
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
    /// Fragments of which nothing is taken. The movie ends at the first one beyond
    /// [`limits::LEFT_OUT`].
    left_out: &'a [Damage],
    limits: &'a Limits,
    /// There was damage, and no fragment since then that is well formed.
    is_lost: bool,
    /// Fragments that began a batch because there was damage before them.
    batches_after_damage: u64,
    /// The last fragment, where its media reaches past the end of the file.
    unfinished: Option<Damage>,
    /// Bytes of the `moof` and `sidx` boxes that were gone through.
    gone_through: u64,
    /// Fragments that did not count as boxes.
    fragments: usize,
    /// There would be more samples than we take.
    is_full: bool,
}

impl<'a> Walk<'a> {
    fn new<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        mvex: Option<&BoxHeader>,
        tracks: &[(&Track, &Node)],
        left_out: &'a [Damage],
        permit: MemoryPermit,
        limits: &'a Limits,
    ) -> Result<Self, FormatError> {
        let in_moov = tracks.iter().map(|(t, _)| u64::from(t.samples.count)).sum();
        check_count(in_moov, reader.file_len())?;
        let mut found = Fragments { permit, ..Fragments::default() };
        let mut room = Room::of(reader.file_len());
        for (track, stbl) in tracks {
            let mut needed = Needed { samples: in_moov, ..held_by(&found.tracks) };
            needed.add_moov(track, stbl);
            found.permit.take(reader.source(), &needed)?;
            found.tracks.push(TrackFragments::of(reader, track, stbl, &mut room)?);
        }
        if let Some(mvex) = mvex {
            read_trex(reader, mvex, &mut found.tracks)?;
        }
        let in_moov = samples_of(&found.tracks);
        if in_moov > 0 {
            found.batches.push(Batch { samples: in_moov, ..Batch::default() });
            found.tracks.iter_mut().for_each(|t| t.starts.push(TrackStart::default()));
        }
        Ok(Self {
            found,
            left_out,
            limits,
            is_lost: false,
            batches_after_damage: 0,
            unfinished: None,
            gone_through: 0,
            fragments: 0,
            is_full: false,
        })
    }

    /// Reads the fragments from `at` on; gives one that was taken in part and has to be left out.
    fn boxes<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        mut at: u64,
        places: &mut Locations,
    ) -> Result<Option<Damage>, FormatError> {
        reader.read_ahead(READ_AHEAD);
        let end = reader.file_len();
        let mut boxes = 0;
        loop {
            if let Some(damage) = self.left_out.get(limits::LEFT_OUT).filter(|damage| damage.at <= at) {
                self.lose(damage.clone());
                return Ok(None);
            }
            if self.is_lost && self.has_much_damage() {
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
            boxes += 1;
            if boxes > self.limits.boxes {
                let reason = format!("there are more than {} boxes before it", self.limits.boxes);
                self.lose(Damage::of(header.error(reason), at)?);
                return Ok(None);
            }
            if matches!(&header.box_type.0, b"moof" | b"sidx") {
                self.gone_through = self.gone_through.saturating_add(header.size);
                if self.gone_through > end.saturating_mul(2) {
                    // The way past damage led into boxes again and again.
                    self.lose(Damage::of(header.error("it lies inside of others like it"), at)?);
                    return Ok(None);
                }
            }
            places.pass(reader, &header)?;
            if &header.box_type.0 == b"moof" {
                let before = samples_of(&self.found.tracks);
                if let Some(spoilt) = self.fragment(reader, &header, places)? {
                    return Ok(Some(spoilt));
                }
                if self.is_full {
                    return Ok(None);
                }
                if samples_of(&self.found.tracks) > before && self.fragments < self.limits.fragments {
                    self.fragments += 1;
                    // It and the media behind it.
                    boxes = boxes.saturating_sub(2);
                }
            } else if let Some(batch) = self.found.batches.last_mut() {
                batch.cost += COST_OF_BOX;
            }
            at = self.end_of(reader, &header, places)?;
        }
    }

    /// Where to go on after a box. That is the next place that is known, if a fragment begins there
    /// inside of the box: then it is no box.
    fn end_of<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        header: &BoxHeader,
        places: &Locations,
    ) -> Result<u64, FormatError> {
        let mut inside = places.after(header.offset).filter(|&place| place < header.end());
        // Reads no more of the media than could be a header.
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

    /// Whether the next fragment after damage would be one too many.
    fn has_much_damage(&self) -> bool {
        let memory = self.batches_after_damage.saturating_mul(memory_of_batch(&self.found.tracks));
        memory > limits::BATCHES_AFTER_DAMAGE
    }

    /// Notes damage. The time of what comes next is not known then.
    fn lose(&mut self, damage: Damage) {
        if !std::mem::replace(&mut self.is_lost, true) {
            self.found.damage.truncate(DAMAGE_NOTES - 1);
            self.found.damage.push(damage);
        }
        self.found.tracks.iter_mut().for_each(|t| t.is_lost = true);
    }

    /// Takes a fragment, or gives one that was taken and has to be left out.
    fn fragment<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        moof: &BoxHeader,
        places: &Locations,
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
            // What there is before is a film.
            Err(error @ FormatError::ManySamples { .. }) => {
                self.is_full = true;
                self.lose(Damage::of(moof.error(error.to_string()), moof.offset)?);
                return Ok(None);
            }
            Err(error) => {
                self.lose(Damage::of(error, moof.offset)?);
                return Ok(None);
            }
        };
        self.found.last = Some(*moof);
        if self.unfinished.is_some() {
            // The file goes on, so the fragment whose media reaches past its end is damaged.
            return Ok(self.unfinished.take());
        }
        let cost = COST_OF_BOX + moof.size.saturating_add(COST_OF_MOOF);
        let is_next = |s: &Batch| s.moofs > 0 && !s.is_full(self.limits) && cost <= s.cost.max(1 << 14);
        if self.is_lost || !self.found.batches.last().is_some_and(is_next) {
            self.batches_after_damage += u64::from(self.is_lost);
            self.found.batches.push(Batch { offset: moof.offset, ..Batch::default() });
            self.found.tracks.iter_mut().for_each(TrackFragments::begin_batch);
        }
        self.is_lost = false;
        let before = samples_of(&self.found.tracks);
        let mut needed = held_by(&self.found.tracks);
        runs.iter().for_each(|run| needed.add_run(run));
        // A grouping that is new counts in all batches before.
        let batches = (self.found.batches.len() as u64).saturating_mul(memory_of_batch(&self.found.tracks));
        if batches > limits::BATCHES {
            return Err(FormatError::ManyFragments { tracks: self.found.tracks.len() });
        }
        self.found.permit.take(reader.source(), &Needed { batches, ..needed })?;
        let taken = take_runs(reader, moof, runs, &mut self.found.tracks);
        if let Some(batch) = self.found.batches.last_mut() {
            batch.moofs += 1;
            batch.cost += cost;
            batch.samples =
                batch.samples.saturating_add(samples_of(&self.found.tracks).saturating_sub(before));
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

/// What the tracks take memory for so far.
fn held_by(all: &[TrackFragments]) -> Needed {
    let (auxiliary, groups) = TrackFragments::claimed(all);
    Needed { samples: samples_of(all).into(), auxiliary, groups, ..Needed::default() }
}

impl Needed {
    /// Adds what the `moov` may say of the samples that it holds of a track.
    fn add_moov(&mut self, track: &Track, stbl: &Node) {
        let count = track.samples.count;
        let boxes: Vec<_> = stbl.children.iter().map(|child| child.header).collect();
        self.groups += most_groups(&boxes, count);
        if track.senc.is_some() || boxes.iter().any(|b| &b.box_type.0 == b"saiz") {
            self.auxiliary += u64::from(count) * MOST_OF_SAMPLE;
        }
    }

    /// Adds what a run may say.
    fn add_run(&mut self, run: &Run) {
        self.samples += u64::from(run.count());
        if let Some(more) = &run.more {
            let count = more.count();
            self.groups += most_groups(&more.boxes, count);
            self.auxiliary += more.most_auxiliary(count);
        }
    }
}

/// How many samples all tracks have.
fn samples_of(all: &[TrackFragments]) -> u32 {
    all.iter().fold(0, |sum, t| sum.saturating_add(number(t.sizes.len())))
}

/// Memory that each batch takes, about.
fn memory_of_batch(all: &[TrackFragments]) -> u64 {
    all.iter().fold(0, |sum, t| sum.saturating_add(t.memory_of_batch()))
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

/// Finds the times of runs after damage, which cannot be counted from what came before. Where a
/// fragment does not give its own, the movie's tables may.
fn find_times<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    moof: &BoxHeader,
    runs: &mut [Run],
    all: &[TrackFragments],
    places: &Locations,
) -> Result<(), FormatError> {
    let mut is_lost: Vec<_> = all.iter().map(|t| t.is_lost).collect();
    for run in runs.iter_mut().filter(|run| run.more.is_some()) {
        let (Some(track), Some(is_lost)) = (all.get(run.track), is_lost.get_mut(run.track)) else { continue };
        if std::mem::take(is_lost) && run.decode_time.is_none() {
            let time = places.time(moof.offset, track.seed.track_id);
            let time =
                time.ok_or_else(|| moof.error("nothing says when it is, and what came before is damaged"))?;
            run.decode_time = Some(time - run.first_offset(reader)?);
        }
    }
    Ok(())
}
