//! The answer to a request for a resource that is packaged from a movie.

use std::sync::Arc;

use crate::answer::{Answer, Error, Seeker};
use crate::describe::{describe, track_kind};
use crate::explanation::Work;
use crate::index::{Film, Index};
use crate::packaging::{Address, Form, Presentation, Rendition, TrackName, hls};
use crate::plan::{FragmentedFile, Held, Segmenting, plan_fragmented};
use crate::request::{Asked, ClipRequest, Format, Mode, Settings, TrackKind};
use crate::seek::{Clip, Cut, seek};
use crate::source::{Identity, ReadAt};
use crate::virtual_file::{Layout, Planned, VirtualFile};

impl Seeker {
    /// Answers a request for what stands at `address` behind the path of the open file `source`.
    /// The query is that of the address: what it says of a clip holds for the resource.
    ///
    /// # Errors
    /// As for [`Seeker::answer`]. A movie that has nothing there is [`Error::NoSuchAddress`].
    pub fn answer_address(
        &self,
        source: &impl ReadAt,
        identity: &Identity,
        address: Address,
        query: &[u8],
        settings: &Settings,
    ) -> Result<Answer, Error> {
        let asked = Asked::parse(query, settings)?;
        let answer = |request: ClipRequest| {
            // A segment begins with a key frame, and not all players hide what an edit list hides.
            let request = ClipRequest { format: Format::Fragmented, mode: Mode::Keyframe, ..request };
            let index = self.index(identity, source)?;
            let packaged = Packaged { seeker: self, source, identity, index, request, settings };
            packaged.answer(address, query)
        };
        match (answer(asked.request), asked.otherwise) {
            (Err(Error::PastEnd { .. }), Some(otherwise)) => answer(otherwise?),
            (answer, _) => answer,
        }
    }
}

/// A movie, or a clip of it, whose resources are asked for.
struct Packaged<'a, R: ReadAt> {
    seeker: &'a Seeker,
    source: &'a R,
    identity: &'a Identity,
    index: Arc<Index>,
    request: ClipRequest,
    settings: &'a Settings,
}

impl<R: ReadAt> Packaged<'_, R> {
    fn answer(&self, address: Address, query: &[u8]) -> Result<Answer, Error> {
        let file = match address {
            Address::Multivariant | Address::Media(_) | Address::Iframes(_) | Address::Manifest(_) => {
                let text = self.text(address, query)?;
                let key = format!("p{:x}-{:x}", text.len(), fnv1a(text.as_bytes()));
                VirtualFile::text(text.into_bytes().into(), &key, self.identity)
            }
            Address::TrackFile(name) => self.media(name, |file| Some(0..file.len()))?,
            Address::Init(name) => self.media(name, |file| Some(file.init()))?,
            Address::Segment(name, number) => {
                let n = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
                self.media(name, |file| file.segment(n?))?
            }
            Address::Text(_) | Address::Chapters => return Err(Error::NoSuchAddress),
        };
        Ok(Answer::Film(Box::new(file.of_type(address.content_type()))))
    }

    /// A part of the file of a track.
    fn media(
        &self,
        name: TrackName,
        part: impl FnOnce(&FragmentedFile) -> Option<std::ops::Range<u64>>,
    ) -> Result<VirtualFile, Error> {
        let track = self.track(name).ok_or(Error::NoSuchAddress)?;
        let mut work = Work { index_was_cached: true, ..Work::default() };
        let planned = self.track_file(track, &mut work)?.ok_or(Error::NoSuchAddress)?;
        let part = planned.fragmented().and_then(part).ok_or(Error::NoSuchAddress)?;
        let asked = (&self.request).into();
        Ok(VirtualFile::film(Arc::clone(&self.index), planned, self.identity, asked, work).part(part))
    }

    /// The track of a name, by its index.
    fn track(&self, name: TrackName) -> Option<usize> {
        let named = self.index.tracks.iter().enumerate();
        let mut named = named.filter(|(_, track)| track_kind(track.handler) == Some(name.kind));
        named.nth(usize::try_from(name.number).ok()?.checked_sub(1)?).map(|(n, _)| n)
    }

    /// The file of a track; `None` if the clip has no samples of it.
    fn track_file(&self, track: usize, work: &mut Work) -> Result<Option<Arc<Planned>>, Error> {
        let segmenting =
            Segmenting { seconds: self.settings.segment_duration.seconds(), held: Held::One(track) };
        let cache = &self.seeker.cache;
        if let Some(planned) = cache.plan(self.identity, &self.request, Some(segmenting)) {
            work.plan_was_cached = true;
            return Ok(Some(planned));
        }
        let indexed = self.index.film(self.source);
        let layout = self.seeker.within_budget(self.identity, &self.index, &indexed, |film| {
            let clip = self.clip(film)?;
            let held = clip.tracks.get(track).and_then(Option::as_ref);
            match held.filter(|held| !held.ranges.is_empty()) {
                Some(_) => Ok(Some(Layout::Fragmented(plan_fragmented(film, &clip, &segmenting)?))),
                None => Ok(None),
            }
        })?;
        let Some(layout) = layout else { return Ok(None) };
        let planned = Arc::new(Planned::new(layout, None, self.identity));
        cache.keep_plan(self.identity, &self.request, Some(segmenting), Arc::clone(&planned));
        Ok(Some(planned))
    }

    /// The clip that is packaged.
    fn clip(&self, film: &Film<'_>) -> Result<Clip, Error> {
        match seek(film, &self.request)? {
            Cut::Clip(clip) => Ok(clip),
            // A request for fragments is always one for a clip.
            Cut::Whole => Err(Error::NoSuchAddress),
        }
    }

    /// A playlist or a manifest.
    fn text(&self, address: Address, query: &[u8]) -> Result<String, Error> {
        let form = match address {
            Address::Manifest(form) => form,
            _ => self.settings.form,
        };
        let presentation = self.presentation(form, query)?;
        let of = |name: TrackName| {
            let name = name.to_string();
            presentation.renditions.iter().find(|r| r.name == name).ok_or(Error::NoSuchAddress)
        };
        Ok(match address {
            Address::Media(name) => hls::media(&presentation, of(name)?),
            Address::Iframes(name) => hls::iframes(&presentation, of(name)?),
            Address::Manifest(_) => return Err(Error::NoSuchAddress),
            _ => hls::multivariant(&presentation),
        })
    }

    /// What playlists and manifests are written from.
    fn presentation(&self, form: Form, query: &[u8]) -> Result<Presentation, Error> {
        let indexed = self.index.film(self.source);
        let film = Film { index: &self.index, source: &indexed };
        let clip = self.clip(&film)?;
        let mut renditions = Vec::new();
        let mut numbers = [0; 3];
        for (n, track) in self.index.tracks.iter().enumerate() {
            let Some(kind) = track_kind(track.handler) else { continue };
            let Some(number) = numbers.get_mut(kind as usize) else { continue };
            *number += 1;
            let name = TrackName { kind, number: *number };
            let is_chapters = self.index.tracks.iter().any(|t| t.chapters.contains(&track.tkhd.track_id));
            if kind == TrackKind::Text || is_chapters {
                continue;
            }
            let Some(planned) = self.track_file(n, &mut Work::default())? else { continue };
            let Some(file) = planned.fragmented() else { continue };
            renditions.push(Rendition::of(&film, file, name, describe(&film, n)?)?);
        }
        if renditions.is_empty() {
            return Err(Error::NoSuchAddress);
        }
        Ok(Presentation {
            renditions,
            duration: clip.duration.seconds(clip.timescale),
            query: String::from_utf8_lossy(query).into_owned(),
            form,
            has_chapters: false,
            is_growing: false,
        })
    }
}

/// FNV-1a of 64 bits: what tells texts apart in entity tags, the same on each machine.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
