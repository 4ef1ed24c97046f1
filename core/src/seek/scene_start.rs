//! The decode time of the first sample of each scene that is presented.
//!
//! libavformat, and with it Chromium, presents each edit at times that follow from decode times: it
//! takes all edits to begin as long after the decode time of their first presented sample, in decode
//! order, as the one that does so soonest. Where an edit begins later after it, its scene would be
//! early.
//!
//! ```text
//! j(scene)     how many samples of its first range are decoded before the first presented one
//! F'           where its edit begins, counted from the first sample of the range
//! lead(scene)  F' - j * step, or F' itself where none is hidden
//! L            the greatest lead of all scenes
//!
//! for each scene: the lead-in is of j + 1 samples at least, and F' becomes L + j * step
//! ```

use crate::boxes::FormatError;
use crate::index::Track;
use crate::numbers::Numbers;
use crate::source::ReadAt;
use crate::time::ClipTime;

use super::lead_in::{LeadIn, Until};
use super::needed::NeededRange;

/// How the first range of a scene begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct SceneStart {
    /// From the decode time of the first presented sample to the edit, at least.
    pub(super) lead: ClipTime,
    /// How many samples are decoded before that one.
    first: u32,
}

impl SceneStart {
    /// That of a range with this lead-in. `None` where samples are presented as they are decoded.
    pub(super) fn of<R: ReadAt>(
        track: &Track,
        source: &R,
        needed: &NeededRange<'_>,
        lead_in: Option<&LeadIn>,
        multiplier: u32,
    ) -> Result<Option<Self>, FormatError> {
        let is_moved = &track.handler.0 == b"vide" && track.samples.ctts.is_some();
        let first = needed.plays.iter().map(|p| (p.first_shown, p.first_presented)).min();
        let Some((first_shown, _)) = first.filter(|_| is_moved) else { return Ok(None) };
        let presented = needed.plays.iter().map(|p| p.first_presented).min();
        let first = presented.map_or(0, |presented| presented - needed.samples.start);
        let lead = match lead_in {
            Some(lead_in) if first > lead_in.len => return Ok(None),
            Some(lead_in) => lead_in.presented_at - lead_in.step.times(first),
            None if first > 0 => return Ok(None),
            None => {
                let decoded = track.samples.dts(source, needed.samples.start)?;
                (first_shown - decoded).in_clip(multiplier)
            }
        };
        Ok(Some(Self { lead, first }))
    }

    /// The lead-in of the range with which the scene has a `lead` that is no shorter than its own.
    pub(super) fn lead_in<R: ReadAt>(
        self,
        track: &Track,
        source: &R,
        needed: &NeededRange<'_>,
        known: Option<LeadIn>,
        (lead, until, multiplier): (ClipTime, Until, u32),
    ) -> Result<Option<LeadIn>, FormatError> {
        if lead <= self.lead && known.is_none_or(|known| known.len > self.first) {
            return Ok(known);
        }
        let Some(first_shown) = needed.plays.iter().map(|p| p.first_shown).min() else { return Ok(known) };
        let held = needed.samples.count();
        let mut lead_in = match known {
            Some(known) => known,
            None => LeadIn {
                in_order: false,
                reorder: track.samples.reorder(),
                multiplier,
                until,
                ..LeadIn::in_order(1, ClipTime(1), first_shown, lead, held)
            },
        };
        lead_in.len = lead_in.len.max(self.first + 1).min(held);
        lead_in.presented_at = lead + lead_in.step.times(self.first);
        let next = match lead_in.len < held {
            true => track.samples.dts(source, needed.samples.start + lead_in.len)?,
            false => needed.decode.end,
        };
        let next = lead_in.presented_at + (next - lead_in.first_presented).in_clip(multiplier);
        let last_duration = next - lead_in.step.times(lead_in.len - 1);
        lead_in.last_duration = last_duration.max(ClipTime(1)).in_field();
        Ok(Some(lead_in))
    }
}
