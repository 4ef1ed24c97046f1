//! The answer to a request for a resource that is packaged from a movie.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::answer::{Answer, Budget, Error, Seeker, unless_refused};
use crate::cache::{Place, TextKey};
use crate::describe::describe;
use crate::explanation::{Summary, Work};
use crate::index::{Film, Growth, Index};
use crate::limits;
use crate::packaging::{
    Address, Presentation, Rendition, TrackName, dash, escape_query, find_track, has_samples, hls,
    offered_tracks,
};
use crate::plan::{FragmentedFile, Held, Outline, PlanError, Segmenting, Spacing};
use crate::request::{Asked, ClipRequest, Form, Format, Mode, Parameter, RequestError, Settings, TrackKind};
use crate::seek::{Clip, Cut, seek, seek_for_segments};
use crate::source::{Identity, ReadAt};
use crate::text::{has_chapters, has_vtt, write_chapters, write_vtt};
use crate::virtual_file::{Layout, Planned, VirtualFile};

/// Complete segments of any track of a recording up to which it has just begun.
const AWAITED_WITHIN: usize = 2;

impl Seeker {
    /// Answers a request for a film, or for what stands at `address` behind it.
    ///
    /// # Errors
    /// As for [`Seeker::answer`] and [`Seeker::answer_address`].
    pub fn answer_at(
        &self,
        source: &impl ReadAt,
        identity: &Identity,
        address: Option<Address>,
        query: &[u8],
        settings: &Settings,
    ) -> Result<Answer, Error> {
        match address {
            None => self.answer(source, identity, query, settings),
            Some(address) => self.answer_address(source, identity, address, query, settings),
        }
    }

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
        let began = Instant::now();
        let mut file = self.package(source, identity, address, query, settings, |package, work| {
            package.named(address, work)
        })?;
        file.note_time(began.elapsed());
        Ok(Answer::Film(Box::new(file.of_type(address.content_type()))))
    }

    /// What the playlists and manifests of a clip are written from.
    ///
    /// # Errors
    /// As for [`Seeker::answer_address`].
    pub fn presentation(
        &self,
        source: &impl ReadAt,
        identity: &Identity,
        query: &[u8],
        settings: &Settings,
    ) -> Result<Presentation, Error> {
        let address = Address::Multivariant;
        self.package(source, identity, address, query, settings, |package, _| package.presentation(address))
    }

    /// What `answer` takes for `address` from the package of the clip that `query` asks for.
    fn package<R: ReadAt, T>(
        &self,
        source: &R,
        identity: &Identity,
        address: Address,
        query: &[u8],
        settings: &Settings,
        answer: impl Fn(&Package<'_, R>, Work) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let asked = Asked::parse(query, settings)?;
        // A link to a picture may be given, and signed, for those who may not see the film.
        if asked.is_poster {
            return Err(Error::NoSuchAddress);
        }
        if let Some(short) = asked.short_scene.filter(|_| !address.may_be_of_short_scene()) {
            return Err(RequestError::Restricted(short).into());
        }
        let known = self.cache.known_index(identity);
        let index_was_cached = known.is_some();
        let index = known.map_or_else(|| self.cache.index(identity, source), Ok).map_err(Error::Format)?;
        let query = if settings.has_plain_links { b"" } else { query };
        let answer = |request: &ClipRequest| {
            // All of a package on a disk is of one clip.
            let begins_as_clip = address.begins_as_clip() && !settings.has_plain_links;
            let request = packaged(request, begins_as_clip);
            let budget = self.budget(&index, &request);
            let (clip, outline) = (OnceCell::new(), OnceCell::new());
            let index = &index;
            // A short scene is no clip by itself, and no other query asks for a part of it.
            let has_one_query = asked.is_signed || asked.short_scene.is_some();
            let growth = index.growth(identity, settings.now.unwrap_or_else(SystemTime::now));
            let seeker = self;
            let package = Package {
                seeker,
                index,
                source,
                identity,
                budget: &budget,
                request,
                begins_as_clip,
                has_one_query,
                settings,
                query,
                clip,
                outline,
                growth,
            };
            answer(&package, Work { index_was_cached, ..Work::default() })
        };
        let answered = answer(&asked.request).and_then(|answer| unless_refused(answer, asked.refused));
        match (answered, asked.otherwise) {
            (Err(Error::PastEnd { .. }), Some(otherwise)) => answer(&otherwise?),
            (answer, _) => answer,
        }
    }
}

/// A request as it holds for all resources of a clip that belong to one another.
fn packaged(request: &ClipRequest, begins_as_clip: bool) -> ClipRequest {
    let mode = if begins_as_clip { request.mode } else { Mode::Keyframe };
    ClipRequest { mode, format: Format::Fragmented, ..request.clone() }
}

/// What is packaged from a clip.
struct Package<'a, R> {
    seeker: &'a Seeker,
    index: &'a Arc<Index>,
    source: &'a R,
    identity: &'a Identity,
    /// What all steps together may read.
    budget: &'a Budget,
    request: ClipRequest,
    /// Whether it is of what the movie's own address gives, and not of segments.
    begins_as_clip: bool,
    /// Whether no other query may be asked for instead.
    has_one_query: bool,
    settings: &'a Settings,
    /// What links carry on, as it came.
    query: &'a [u8],
    /// What all of it is packaged from, once that is known.
    clip: OnceCell<Clip>,
    /// What the files of all its tracks are laid out from, or why there are none.
    outline: OnceCell<Result<Outline, Arc<PlanError>>>,
    /// Whether the movie is still being recorded.
    growth: Growth,
}

impl<R: ReadAt> Package<'_, R> {
    /// What is at an address, and how it is named.
    fn named(&self, address: Address, work: Work) -> Result<VirtualFile, Error> {
        // The format is the same for all resources, and mostly the mode.
        let mode = if self.begins_as_clip { self.request.mode } else { self.settings.mode };
        let request = ClipRequest { mode, format: Format::Flat, ..self.request.clone() };
        let settings = Settings { format: Format::Flat, ..*self.settings };
        let mut file = self.resource(address, work)?;
        file.name(&request, self.has_one_query, &settings);
        Ok(file)
    }

    fn resource(&self, address: Address, work: Work) -> Result<VirtualFile, Error> {
        match address {
            Address::TrackFile(track) => self.media(track, work).map(|(file, _)| file),
            Address::Init(track) => {
                let (file, planned) = self.media(track, work)?;
                Ok(file.part(planned.fragmented().ok_or(Error::NoSuchAddress)?.init()))
            }
            Address::Segment(track, number) => {
                let (file, planned) = self.media(track, work)?;
                let plan = planned.fragmented().ok_or(Error::NoSuchAddress)?;
                let complete = self.complete_segments(plan)?;
                let segment = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
                let part =
                    segment.filter(|&segment| segment < complete).and_then(|segment| plan.segment(segment));
                Ok(file.part(part.ok_or(Error::NoSuchAddress)?))
            }
            _ => self.text(address),
        }
    }

    /// The file of a track, and its plan.
    fn media(&self, name: TrackName, mut work: Work) -> Result<(VirtualFile, Arc<Planned>), Error> {
        let track = find_track(self.index, name).ok_or(Error::NoSuchAddress)?;
        let planned = self.track_file(track, &mut work)?;
        let (index, asked) = (Arc::clone(self.index), (&self.request).into());
        let file = VirtualFile::film(index, Arc::clone(&planned), self.identity, asked, work);
        Ok((file, planned))
    }

    /// The plan of a track's file.
    fn track_file(&self, track: usize, work: &mut Work) -> Result<Arc<Planned>, Error> {
        let cache = &self.seeker.cache;
        let seconds = self.settings.segment_duration.seconds();
        let segmenting = Segmenting { seconds, held: Held::One(track) };
        if let Some(planned) = cache.plan(self.identity, &self.request, Some(segmenting)) {
            work.plan_was_cached = true;
            return Ok(planned);
        }
        self.may_take(self.index.metadata_len() > limits::PLANNED_AT_ONCE)?;
        let planned = self.in_budget(|film| {
            let clip = self.clip(film)?;
            if !has_samples(clip, track) {
                return Err(Error::NoSuchAddress);
            }
            let outline = self.outline(film, clip, &segmenting)?;
            let file = outline.of_one(track).map_err(Error::Plan)?.lay_out(film, clip, &segmenting)?;
            let summary = Summary::of(self.index, clip);
            Ok(Planned::new(Layout::Fragmented(file), Some(summary), self.identity))
        })?;
        let planned = Arc::new(planned);
        cache.keep_plan(self.identity, &self.request, Some(segmenting), Arc::clone(&planned));
        Ok(planned)
    }

    /// What the files of all tracks are laid out from.
    fn outline(&self, film: &Film<'_>, clip: &Clip, segmenting: &Segmenting) -> Result<&Outline, Error> {
        let found = match self.outline.get() {
            Some(found) => found,
            None => {
                let found = match Outline::of(film, clip, segmenting) {
                    Err(PlanError::Format(e)) => return Err(e.into()),
                    found => found.map_err(Arc::new),
                };
                self.outline.get_or_init(|| found)
            }
        };
        found.as_ref().map_err(|e| Error::Plan(Arc::clone(e)))
    }

    fn clip(&self, film: &Film<'_>) -> Result<&Clip, Error> {
        if let Some(known) = self.clip.get() {
            return Ok(known);
        }
        let cut = match self.begins_as_clip {
            true => seek(film, &self.request),
            false => seek_for_segments(film, &self.request),
        };
        match cut? {
            Cut::Clip(clip) => Ok(self.clip.get_or_init(|| clip)),
            Cut::Whole => Err(Error::NoSuchAddress),
        }
    }

    /// Whether the clip is still being recorded. One that ends before the movie does is not.
    fn growth(&self) -> Result<Growth, Error> {
        if self.growth == Growth::None {
            return Ok(Growth::None);
        }
        let clip = self.in_budget(|film| self.clip(film))?;
        Ok(if clip.ends_with_movie(self.index) { self.growth } else { Growth::None })
    }

    /// How many segments of a track's file there are, of a movie that is being recorded without those
    /// that are not complete.
    fn complete_segments(&self, file: &FragmentedFile) -> Result<usize, Error> {
        Ok(match self.growth()? {
            Growth::Growing => file.complete_segments(),
            Growth::Ended | Growth::None => file.segment_count(),
        })
    }

    fn in_budget<T>(&self, work: impl FnOnce(&Film<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let indexed = self.index.film(self.source);
        self.seeker.within_budget(self.identity, self.index, &indexed, self.budget, work)
    }

    /// A text, from what is kept or written now.
    fn text(&self, address: Address) -> Result<VirtualFile, Error> {
        let Self { identity, settings, growth, .. } = *self;
        let follows_from = TextKey {
            address,
            request: self.request.clone(),
            query: self.query.into(),
            scene: settings.parameters.name(Parameter::Scene),
            segments: (settings.segment_duration.seconds(), settings.form),
            growth,
        };
        let (cache, place) = (&self.seeker.cache, Place::of(identity, follows_from));
        let (text, tag) = match cache.text(&place) {
            Some(kept) => kept,
            None => {
                let text = self.write(address)?.into_bytes();
                let tag = format!("p{:x}-{:x}", text.len(), fnv1a(&text));
                let text = (text.into(), tag.into());
                cache.keep_text(place, &text);
                text
            }
        };
        Ok(VirtualFile::text(text, &tag, identity).changing(growth != Growth::None))
    }

    fn write(&self, address: Address) -> Result<String, Error> {
        match address {
            Address::TextOfSegments(name) | Address::Text(name) => return self.write_text(name),
            Address::Chapters => return self.write_chapters(),
            Address::Manifest(form) => {
                if let Some(scenes) = self.scenes(address)? {
                    for scene in &scenes {
                        self.check_played(address, &scene.renditions)?;
                    }
                    self.may_write(&scenes)?;
                    return Ok(dash::manifest_of_scenes(&scenes, form));
                }
            }
            _ => {}
        }
        let presentation = self.presentation(address)?;
        self.check_played(address, &presentation.renditions)?;
        self.may_write(std::slice::from_ref(&presentation))?;
        let of = |name: TrackName| {
            let name = name.to_string();
            let found = presentation.renditions.iter().find(|r| r.name == name && r.is_known());
            found.ok_or(Error::NoSuchAddress)
        };
        match address {
            Address::Multivariant => Ok(hls::multivariant(&presentation)),
            Address::Media(track) => Ok(hls::media(&presentation, of(track)?)),
            Address::Iframes(track) => Ok(hls::iframes(&presentation, of(track)?)),
            Address::Manifest(form) => {
                // The index of a recording grows, and all ranges that follow it move.
                let moves = presentation.event_target.is_some();
                Ok(dash::manifest(&presentation, if moves { Form::Segments } else { form }))
            }
            _ => Err(Error::NoSuchAddress),
        }
    }

    /// Refuses a text of all tracks where there are neither pictures nor sound to play. DASH has text
    /// alone, too, where that is all there is.
    fn check_played(&self, address: Address, renditions: &[Rendition]) -> Result<(), Error> {
        let mut known = renditions.iter().filter(|r| r.is_known()).peekable();
        let has_text_alone = matches!(address, Address::Manifest(_)) && known.peek().is_some();
        if address.track().is_some() || known.any(|r| r.track.kind != Some(TrackKind::Text)) {
            return Ok(());
        }
        let clip = self.in_budget(|film| self.clip(film))?;
        let played =
            offered_tracks(self.index, clip).into_iter().filter(|(name, _)| name.kind != TrackKind::Text);
        for (name, track) in played {
            if let Err(refusal @ Error::Plan(_)) = self.rendition(name, track, false) {
                return Err(refusal);
            }
        }
        if has_text_alone { Ok(()) } else { Err(Error::NoSuchAddress) }
    }

    /// Whether a text of these is written by whoever asks: a long one keeps others waiting.
    fn may_write(&self, presentations: &[Presentation]) -> Result<(), Error> {
        let bytes = presentations.iter().flat_map(|presentation| {
            let line = limits::SEGMENT_OF_TEXT + presentation.query.len();
            let of_track = move |r: &Rendition| r.segments.len().saturating_mul(line) + bytes_of_keys(r);
            presentation.renditions.iter().map(of_track)
        });
        self.may_take(bytes.fold(0, usize::saturating_add) > limits::WRITTEN_AT_ONCE)
    }

    /// Leaves what is long to whoever may be kept waiting.
    fn may_take(&self, is_long: bool) -> Result<(), Error> {
        match is_long && !self.source.may_wait() {
            true => Err(std::io::Error::from(std::io::ErrorKind::WouldBlock).into()),
            false => Ok(()),
        }
    }

    /// A presentation for each of the scenes that are joined: no player of DASH follows the edits
    /// between them, and all play periods. `None` where the scenes do not all have the same tracks, or
    /// links cannot say which scene they are of.
    fn scenes(&self, address: Address) -> Result<Option<Vec<Presentation>>, Error> {
        let Self { request, settings, .. } = self;
        if request.more.is_empty() || settings.has_plain_links || self.growth != Growth::None {
            return Ok(None);
        }
        // What is allowed of the scenes together is known from the clip of all.
        let tracks = self.in_budget(|film| Ok(offered_tracks(self.index, self.clip(film)?)))?;
        let (mut scenes, mut room) = (Vec::new(), Room::default());
        for (number, request) in (1..).map_while(|number| Some((number, request.scene(number)?))) {
            let query = [self.query, self.link_to_scene(number).as_bytes()].concat();
            let scene =
                Package { request, query: &query, clip: OnceCell::new(), outline: OnceCell::new(), ..*self };
            match scene.in_budget(|film| Ok(offered_tracks(self.index, scene.clip(film)?))) {
                Ok(offered) if offered == tracks => {}
                // One in which nothing is presented has none.
                Ok(_) | Err(Error::Empty { .. }) => return Ok(None),
                Err(e) => return Err(e),
            }
            scenes.push(scene.presentation_within(address, &mut room)?);
        }
        // Text that says the times of the film could be played in a first scene that begins with it.
        let has_times_of_clip = |r: &Rendition| !self.says_other_times(r.track.track);
        scenes.iter_mut().for_each(|scene| scene.renditions.retain(has_times_of_clip));
        Ok(Some(scenes))
    }

    /// What a query ends with that asks for one of its scenes.
    fn link_to_scene(&self, number: usize) -> String {
        format!("&{}={number}", self.settings.parameters.name(Parameter::Scene))
    }

    fn write_text(&self, name: TrackName) -> Result<String, Error> {
        let track = find_track(self.index, name).ok_or(Error::NoSuchAddress)?;
        self.in_budget(|film| {
            let clip = self.clip(film)?;
            if !has_samples(clip, track) || !self.is_sent_as_vtt(track) {
                return Err(Error::NoSuchAddress);
            }
            Ok(write_vtt(film, clip, track)?)
        })
    }

    fn write_chapters(&self) -> Result<String, Error> {
        self.in_budget(|film| {
            if !has_chapters(film)? {
                return Err(Error::NoSuchAddress);
            }
            Ok(write_chapters(film, self.clip(film)?)?)
        })
    }

    /// Whether a track is one text, and in no segments.
    fn is_sent_as_vtt(&self, track: usize) -> bool {
        self.index.tracks.get(track).is_some_and(has_vtt)
    }

    /// Whether the samples of a track say times of the film that are not those of the clip: a document of
    /// TTML counts from the start of its track (ISO/IEC 14496-30, 5.2).
    fn says_other_times(&self, track: usize) -> bool {
        let is_later = self.request.start.nanos() > 0 || !self.request.more.is_empty();
        is_later && self.index.tracks.get(track).is_some_and(|track| &track.coding.0 == b"stpp")
    }

    /// What a playlist or manifest is about: the track that it is about, or all that are offered.
    fn presentation(&self, address: Address) -> Result<Presentation, Error> {
        self.presentation_within(address, &mut Room::default())
    }

    /// The same, of no more segments and links than there is `room` for; it takes from that.
    fn presentation_within(&self, address: Address, room: &mut Room) -> Result<Presentation, Error> {
        let clip = self.in_budget(|film| self.clip(film))?;
        let offered = match address.track() {
            Some(name) => vec![(name, find_track(self.index, name).ok_or(Error::NoSuchAddress)?)],
            None => offered_tracks(self.index, clip),
        };
        let has_key_frames = matches!(address, Address::Iframes(_) | Address::Multivariant);
        let (mut renditions, mut refusal, mut is_awaited) = (Vec::new(), Error::NoSuchAddress, false);
        let mut refused = Vec::new();
        let query = escape_query(self.query);
        for (name, track) in offered {
            if self.says_other_times(track) {
                refused
                    .push((name.to_string(), "its text says times of the film, not of the clip".to_owned()));
                continue;
            }
            match self.rendition(name, track, has_key_frames) {
                Ok(rendition) => {
                    let segments = rendition.segments.len();
                    let links = match address {
                        Address::Media(_) | Address::Iframes(_) => segments,
                        _ => limits::LINKS_TO_TRACK,
                    };
                    let own = segments.saturating_mul(limits::SEGMENT_OF_TEXT) + bytes_of_keys(&rendition);
                    room.take(own, links, query.len())?;
                    renditions.push(rendition);
                }
                // The others can still be played.
                Err(Error::NoSuchAddress) => is_awaited |= name.kind != TrackKind::Text,
                Err(Error::Plan(why)) => {
                    refused.push((name.to_string(), why.to_string()));
                    refusal = Error::Plan(why);
                }
                Err(e) => return Err(e),
            }
        }
        // Players of a recording look at what tracks there are once. One that has just begun has all
        // that have begun soon. Later, sound that begins or has ended keeps nobody from the others.
        let has_begun = renditions.iter().any(|r: &Rendition| r.segments.len() > AWAITED_WITHIN);
        let waits = is_awaited && address.track().is_none() && !has_begun;
        if waits && self.growth()? == Growth::Growing {
            return Err(Error::NoSuchAddress);
        }
        if renditions.is_empty() {
            return Err(refusal);
        }
        let mut this = Presentation {
            renditions,
            refused,
            duration: clip.duration().seconds(clip.timescale),
            query,
            form: self.settings.form,
            has_chapters: address.track().is_none() && self.in_budget(|film| Ok(has_chapters(film)?))?,
            is_growing: false,
            event_target: None,
        };
        // What was listed before a recording passed the end of a clip stays in the form that it had.
        if self.growth != Growth::None {
            let is_growing = self.growth()? == Growth::Growing;
            this.record(is_growing, self.settings.segment_duration.seconds());
        }
        Ok(this)
    }

    /// A track, with where its key frames end if a text says that.
    fn rendition(&self, name: TrackName, track: usize, has_key_frames: bool) -> Result<Rendition, Error> {
        if self.is_sent_as_vtt(track) {
            let timescale = self.index.tracks.get(track).map_or(1, |track| track.mdhd.timescale);
            let track = self.in_budget(|film| Ok(describe(film, track)?))?;
            let (name, segments) = (name.to_string(), Vec::new());
            let (init, index, spacing) = (0..0, 0..0, Spacing::default());
            return Ok(Rendition { name, track, timescale, init, index, spacing, segments });
        }
        let planned = self.track_file(track, &mut Work::default())?;
        let file = planned.fragmented().ok_or(Error::NoSuchAddress)?;
        let mut rendition = Rendition::of(file, name, self.in_budget(|film| Ok(describe(film, track)?))?);
        rendition.segments.truncate(self.complete_segments(file)?);
        if rendition.segments.is_empty() {
            return Err(Error::NoSuchAddress);
        }
        // Only of video there are playlists of key frames.
        if has_key_frames && name.kind == TrackKind::Video {
            self.in_budget(|film| Ok(rendition.find_key_frames(film, file)?))?;
        }
        Ok(rendition)
    }
}

/// FNV-1a of 64 bits: what tells texts apart in entity tags, the same on each machine.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Bytes of what a manifest says to systems that give out the keys of a track, in base64 (DASH only).
fn bytes_of_keys(rendition: &Rendition) -> usize {
    let systems = rendition.track.protection.iter().flat_map(|protection| &protection.systems);
    systems.map(|system| system.whole.len().div_ceil(3).saturating_mul(4)).sum()
}

/// How long a text may still become, in bytes.
struct Room {
    text: usize,
    /// What of it is for the part of queries that is longer than links have room for.
    long_queries: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { text: limits::TEXT, long_queries: limits::LONG_QUERIES }
    }
}

impl Room {
    /// Takes `own` bytes, and those of a query of `bytes` in each of some links.
    fn take(&mut self, own: usize, links: usize, bytes: usize) -> Result<(), Error> {
        let too_long = || RequestError::LongQuery { bytes, links };
        let left = self.text.checked_sub(own).ok_or(PlanError::ManySegments)?;
        self.text = left.checked_sub(links.saturating_mul(bytes)).ok_or_else(too_long)?;
        let excess = links.saturating_mul(bytes.saturating_sub(limits::QUERY_OF_LINK));
        self.long_queries = self.long_queries.checked_sub(excess).ok_or_else(too_long)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::request::{Canonical, Restrictions, SegmentDuration, Time};
    use crate::testing::{Film, TrackSpec, identity};
    use crate::virtual_file::Location;

    /// Ten seconds with a key frame each second.
    fn film() -> Vec<u8> {
        Film::of(vec![TrackSpec::video(100, 10)]).build()
    }

    fn of_seconds(seconds: &str) -> Settings {
        let segment_duration = SegmentDuration::from_directive(seconds.as_bytes()).unwrap();
        Settings { segment_duration, ..Settings::default() }
    }

    fn get(seeker: &Seeker, film: &Vec<u8>, at: &str, settings: &Settings) -> Result<Vec<u8>, Error> {
        let (path, query) = at.split_once('?').unwrap_or((at, ""));
        let address = Address::parse(path.as_bytes()).unwrap();
        let answer = seeker.answer_address(film, &identity(film), address, query.as_bytes(), settings)?;
        let Answer::Film(file) = answer else { panic!("the plain file") };
        assert_eq!(file.media_type(), Some(address.content_type()));
        let mut bytes = vec![0; usize::try_from(file.len()).unwrap()];
        file.read_at(film, 0, &mut bytes).unwrap();
        Ok(bytes)
    }

    #[test]
    fn segments_are_parts_of_the_file_of_their_track() {
        let (seeker, film, settings) = (Seeker::default(), film(), of_seconds("2"));
        for query in ["", "?start=3&end=8"] {
            let get = |path: &str| get(&seeker, &film, &format!("{path}{query}"), &settings);
            let whole = get("/cmaf/v1.mp4").unwrap();
            let mut parts = get("/cmaf/v1/init.mp4").unwrap();
            assert!(whole.starts_with(&parts));
            let sidx = u32::from_be_bytes(whole[parts.len()..][..4].try_into().unwrap()) as usize;
            parts.extend(&whole[parts.len()..][..sidx]);
            let count = if query.is_empty() { 5 } else { 3 };
            (1..=count).for_each(|n| parts.extend(get(&format!("/cmaf/v1/{n}.m4s")).unwrap()));
            assert!(parts == whole, "{query}");
            let beyond = get(&format!("/cmaf/v1/{}.m4s", count + 1)).unwrap_err();
            assert_eq!(beyond.status(), 404);
        }
        assert_eq!(get(&seeker, &film, "/cmaf/a1.mp4", &settings).unwrap_err().status(), 404);
    }

    #[test]
    fn scenes_are_periods_of_a_manifest() {
        let film = Film::of(vec![TrackSpec::video(100, 10), TrackSpec::audio(80)]).build();
        let (seeker, query) = (Seeker::default(), "clip=5-8,1-3&x=mine");
        let ask = |at: &str| get(&seeker, &film, at, &of_seconds("1")).unwrap();
        let manifest = String::from_utf8(ask(&format!("/dash/manifest.mpd?{query}"))).unwrap();
        let document = roxmltree::Document::parse(&manifest).unwrap();
        assert_eq!(document.root_element().attribute("mediaPresentationDuration"), Some("PT5S"));
        let periods: Vec<_> =
            document.root_element().children().filter(|node| node.has_tag_name(PERIOD)).collect();
        let said: Vec<_> =
            periods.iter().map(|period| (period.attribute("id"), period.attribute("duration"))).collect();
        assert_eq!(said, [(Some("1"), Some("PT3S")), (Some("2"), Some("PT2S"))]);
        for (period, alone) in periods.iter().zip(["start=5&end=8", "start=1&end=3"]) {
            let links: Vec<_> = period
                .descendants()
                .filter(|node| node.tag_name().name() == "BaseURL")
                .map(|node| node.text().unwrap().strip_prefix("..").unwrap())
                .collect();
            assert_eq!(links.len(), 2, "{manifest}");
            for link in links {
                let (path, of) = link.split_once('?').unwrap();
                assert!(of.starts_with(query), "{link}");
                assert!(ask(link) == ask(&format!("{path}?{alone}")), "{link}");
            }
        }
    }

    const PERIOD: (&str, &str) = ("urn:mpeg:dash:schema:mpd:2011", "Period");

    #[test]
    fn a_manifest_has_scenes_that_are_no_clips() {
        let film = Film::of(vec![TrackSpec::video(100, 10), TrackSpec::audio(80)]).build();
        let settings = Settings {
            restrictions: Restrictions { shortest: Time::parse("3"), ..Restrictions::default() },
            canonical: Canonical::Redirect,
            ..of_seconds("1")
        };
        let seeker = Seeker::default();
        let ask = |at: &str| get(&seeker, &film, at, &settings);
        let manifest = String::from_utf8(ask("/dash/manifest.mpd?clip=5-8,1-3").unwrap()).unwrap();
        assert!(manifest.contains("/cmaf/v1.mp4?clip=5-8,1-3&amp;scene=2"), "{manifest}");
        let query = b"clip=5-8,1-3&scene=2";
        for (at, status) in [
            ("/cmaf/v1.mp4", 200),
            ("/cmaf/v1/init.mp4", 200),
            ("/cmaf/a1/1.m4s", 200),
            ("/text/t1.vtt", 403),
            ("/dash/manifest.mpd", 403),
            ("/hls/master.m3u8", 403),
            ("/hls/v1.m3u8", 403),
        ] {
            let address = Address::parse(at.as_bytes()).unwrap();
            let answer = seeker.answer_address(&film, &identity(&film), address, query, &settings);
            assert_eq!(answer.as_ref().map_or_else(Error::status, |_| 200), status, "{at}");
            // Its own start and end would be refused.
            if let Ok(Answer::Film(file)) = answer {
                assert_eq!(file.location(at.as_bytes(), at.as_bytes(), query), Location::Here, "{at}");
            }
        }
    }

    #[test]
    fn scenes_of_other_tracks_are_one_presentation() {
        // The sound is over before the second scene begins.
        let film = Film::of(vec![TrackSpec::video(100, 10), TrackSpec::audio(20)]).build();
        let ask =
            |query| get(&Seeker::default(), &film, &format!("/dash/manifest.mpd?{query}"), &of_seconds("1"));
        for (query, periods) in [("clip=1-2,5-8", 1), ("clip=5-8,3-4", 2), ("clip=0-2,1-2", 2)] {
            let text = String::from_utf8(ask(query).unwrap()).unwrap();
            assert_eq!(text.matches("<Period").count(), periods, "{text}");
            assert_eq!(text.contains("scene="), periods > 1, "{text}");
        }
    }

    #[test]
    fn what_is_too_long_together_has_no_manifest() {
        let film = film();
        let settings = Settings {
            restrictions: Restrictions { longest: Time::parse("4"), ..Restrictions::default() },
            ..of_seconds("1")
        };
        for (query, status) in [("clip=0-3,5-6", 200), ("clip=0-3,5-7", 403), ("clip=0-3,20-21", 416)] {
            let said = get(&Seeker::default(), &film, &format!("/dash/manifest.mpd?{query}"), &settings);
            assert_eq!(said.map_or_else(|e| e.status(), |_| 200), status, "{query}");
        }
    }

    #[test]
    fn a_poster_is_at_no_address_behind_a_film() {
        let entry = crate::testing::make_box(b"wvtt", []);
        let text = TrackSpec::text(b"wvtt", entry, &[(5000, b"text".to_vec())]);
        let text = TrackSpec { handler: *b"text", ..text };
        let film = Film::of(vec![TrackSpec::video(100, 10), TrackSpec::audio(80), text]).build();
        let longest = Restrictions { longest: Time::parse("4"), ..Restrictions::default() };
        for restrictions in [Restrictions::default(), longest] {
            let settings = Settings { restrictions, ..of_seconds("2") };
            for at in [
                "/cmaf/v1.mp4",
                "/cmaf/v1/init.mp4",
                "/cmaf/v1/1.m4s",
                "/cmaf/a1.mp4",
                "/hls/v1.m3u8",
                "/hls/v1-iframes.m3u8",
                "/hls/master.m3u8",
                "/dash/manifest.mpd",
                "/text/t1.vtt",
                "/text/chapters.vtt",
            ] {
                for query in ["poster=0", "poster=6&end=7", "poster=0&tracks=video-audio-text"] {
                    let said = get(&Seeker::default(), &film, &format!("{at}?{query}"), &settings);
                    assert_eq!(said.map_or_else(|e| e.status(), |_| 200), 404, "{at}?{query}");
                }
            }
            let said = Seeker::default().presentation(&film, &identity(&film), b"poster=0", &settings);
            assert_eq!(said.err().map(|e| e.status()), Some(404));
            // One that is no time is somebody else's.
            let film = get(&Seeker::default(), &film, "/cmaf/v1.mp4?poster=a.jpg&end=3", &settings);
            assert!(film.is_ok());
        }
    }

    #[test]
    fn media_playlists_have_one_target_duration() {
        // Segments of 6.4 s, of which those of the sound are up to a packet of 0.128 s longer.
        let film = Film::of(vec![TrackSpec::video(640, 64), TrackSpec::audio(500)]).build();
        for query in ["", "?start=7", "?start=7&end=30"] {
            let target = |track: &str| {
                let at = format!("/hls/{track}.m3u8{query}");
                let text = String::from_utf8(get(&Seeker::default(), &film, &at, &of_seconds("6")).unwrap());
                let text = text.unwrap();
                let longest = text.lines().filter_map(|line| line.strip_prefix("#EXTINF:"));
                let longest = longest.map(|s| s.trim_end_matches(',').parse::<f64>().unwrap().round());
                let target = text.lines().find_map(|line| line.strip_prefix("#EXT-X-TARGETDURATION:"));
                (target.unwrap().to_owned(), longest.fold(0.0, f64::max))
            };
            let (video, sound) = (target("v1"), target("a1"));
            assert_eq!(video.1, 6.0, "{query}");
            assert_eq!((video.0.as_str(), sound.0.as_str()), ("7", "7"), "{query}");
            assert!(sound.1 <= 7.0, "{query}");
        }
    }

    #[test]
    fn a_track_whose_coding_has_no_name_has_no_playlist() {
        // One without a name, and PCM of QuickTime, which is in no player's segments.
        for coding in [*b"wh t", *b"fl32"] {
            let unknown = TrackSpec { coding, ..TrackSpec::audio(80) };
            let film = Film::of(vec![TrackSpec::video(100, 10), unknown]).build();
            let ask = |at: &str| get(&Seeker::default(), &film, at, &of_seconds("2"));
            assert_eq!(ask("/hls/a1.m3u8").unwrap_err().status(), 404);
            assert!(ask("/hls/v1.m3u8").is_ok() && ask("/cmaf/a1.mp4").is_ok());
            let master = String::from_utf8(ask("/hls/master.m3u8").unwrap()).unwrap();
            assert!(master.contains("CODECS=\"avc1\"") && !master.contains("a1.m3u8"), "{master}");
        }
    }

    #[test]
    fn text_alone_is_in_dash_and_sound_that_no_player_knows_in_nothing() {
        let unknown = TrackSpec { coding: *b"fl32", ..TrackSpec::audio(80) };
        let entry = crate::testing::make_box(b"stpp", b"\0\0\0\0\0\0\0\x01http://www.w3.org/ns/ttml\0\0\0");
        let text = TrackSpec::text(b"stpp", entry, &[(5000, b"<tt/>".to_vec())]);
        let text = TrackSpec { handler: *b"subt", ..text };
        for (track, dash) in [(unknown, 404), (text, 200)] {
            let film = Film::of(vec![track]).build();
            let status = |at| {
                get(&Seeker::default(), &film, at, &of_seconds("2")).map_or_else(|e| e.status(), |_| 200)
            };
            assert_eq!((status("/dash/manifest.mpd"), status("/hls/master.m3u8")), (dash, 404));
            assert_eq!(status("/dash/manifest.mpd?end=2"), dash);
            assert_eq!(status("/dash/manifest.mpd?clip=1-2,4-5"), 404);
            let settings = of_seconds("2");
            assert!(Seeker::default().presentation(&film, &identity(&film), b"", &settings).is_ok());
        }
    }

    #[test]
    fn text_that_says_times_of_the_film_is_not_offered_with_a_later_clip() {
        let entry = crate::testing::make_box(b"stpp", b"\0\0\0\0\0\0\0\x01http://www.w3.org/ns/ttml\0\0\0");
        let text = TrackSpec::text(b"stpp", entry, &[(10_000, b"<tt/>".to_vec())]);
        let text = TrackSpec { handler: *b"subt", ..text };
        let film = Film::of(vec![TrackSpec::video(100, 10), text]).build();
        let ask = |at: &str| get(&Seeker::default(), &film, at, &of_seconds("2"));
        for (query, is_offered) in
            [("", true), ("?end=5", true), ("?start=3", false), ("?clip=0-2,5-6", false)]
        {
            for manifest in ["/hls/master.m3u8", "/dash/manifest.mpd"] {
                let list = String::from_utf8(ask(&format!("{manifest}{query}")).unwrap()).unwrap();
                assert!(list.contains("v1") && list.contains("t1") == is_offered, "{query}: {list}");
            }
            assert_eq!(ask(&format!("/hls/t1.m3u8{query}")).is_ok(), is_offered, "{query}");
        }
    }

    #[test]
    fn the_time_that_is_given_says_whether_a_recording_goes_on() {
        let film = Film::of(vec![TrackSpec::video(100, 10)]).build_fragmented(0);
        let identity = identity(&film);
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(identity.mtime).unwrap());
        let seeker = Seeker::default();
        for (seconds, kind, ends) in [(10, "EVENT", false), (100, "EVENT", true), (1000, "VOD", true)] {
            let now = Some(modified + Duration::from_secs(seconds));
            let text = get(&seeker, &film, "/hls/v1.m3u8", &Settings { now, ..of_seconds("2") }).unwrap();
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains(&format!("#EXT-X-PLAYLIST-TYPE:{kind}\n")), "{seconds}: {text}");
            assert_eq!(text.contains("#EXT-X-ENDLIST"), ends, "{seconds}: {text}");
        }
    }

    /// A file of which all is in memory, for a reader that may not be kept waiting.
    struct AtOnce<'a>(&'a Vec<u8>);

    impl ReadAt for AtOnce<'_> {
        fn read_at(&self, buf: &mut [u8], offset: u64) -> std::io::Result<usize> {
            self.0.read_at(buf, offset)
        }

        fn may_wait(&self) -> bool {
            false
        }
    }

    #[test]
    fn whoever_may_not_wait_gets_no_playlist_of_a_long_film() {
        for (frames, is_long) in [(100, false), (100_000, true)] {
            let film = Film::of(vec![TrackSpec::video(frames, 10)]).build();
            let (seeker, identity) = (Seeker::default(), identity(&film));
            let ask = || {
                let address = Address::parse(b"/hls/v1.m3u8").unwrap();
                seeker.answer_address(&AtOnce(&film), &identity, address, b"", &Settings::default())
            };
            assert_eq!(ask().is_err_and(|e| e.would_block()), is_long, "{frames}");
            // What is known already takes no time.
            get(&seeker, &film, "/hls/v1.m3u8", &Settings::default()).unwrap();
            assert!(ask().is_ok(), "{frames}");
        }
    }

    #[test]
    fn a_text_that_takes_long_is_written_by_whoever_may_wait() {
        let film = Film::of(vec![TrackSpec::video(100_000, 10)]).build();
        let (seeker, identity) = (Seeker::default(), identity(&film));
        // The plan is known from here on.
        get(&seeker, &film, "/hls/v1.m3u8", &Settings::default()).unwrap();
        let scenes = format!("clip={}", ["0-"; 10].join(","));
        get(&seeker, &film, &format!("/dash/manifest.mpd?{scenes}"), &Settings::default()).unwrap();
        for (at, query, is_long) in [
            ("/hls/v1.m3u8", "x=a".to_owned(), false),
            ("/hls/v1.m3u8", format!("x={}", "a".repeat(200)), true),
            ("/dash/manifest.mpd", format!("{scenes}&x=a"), true),
        ] {
            let address = Address::parse(at.as_bytes()).unwrap();
            let settings = Settings::default();
            let answer =
                seeker.answer_address(&AtOnce(&film), &identity, address, query.as_bytes(), &settings);
            assert_eq!(answer.is_err_and(|e| e.would_block()), is_long, "{at}");
        }
    }

    #[test]
    fn links_carry_a_query_on_that_they_have_room_for() {
        // 10,000 segments.
        let film = Film::of(vec![TrackSpec::video(100_000, 10)]).build();
        let seeker = Seeker::default();
        let ask = |at: &str, query: &[u8]| {
            let address = Address::parse(at.as_bytes()).unwrap();
            let answer = seeker.answer_address(&film, &identity(&film), address, query, &of_seconds("1"));
            answer.map(|answer| {
                let Answer::Film(file) = answer else { panic!("the plain file") };
                let mut bytes = vec![0; usize::try_from(file.len()).unwrap()];
                file.read_at(&film, 0, &mut bytes).unwrap();
                String::from_utf8(bytes).unwrap()
            })
        };
        // A byte that is no UTF-8 takes three in a link.
        for (byte, in_link) in [(b'a', "a"), (0xff, "%FF")] {
            for (count, is_long) in [(350 / in_link.len(), false), (370 / in_link.len(), true)] {
                let query = [b"x=", &vec![byte; count][..]].concat();
                for at in ["/hls/v1.m3u8", "/hls/v1-iframes.m3u8"] {
                    let said = ask(at, &query);
                    if is_long {
                        let error = said.unwrap_err();
                        assert_eq!(error.status(), 400, "{error}");
                        assert!(error.to_string().contains("the query is too long"), "{error}");
                    } else {
                        let link = format!("?x={}\n", in_link.repeat(count));
                        assert_eq!(said.unwrap().matches(&link).count(), 10_000, "{at}");
                    }
                }
                // Here it is in some links alone.
                ask("/hls/master.m3u8", &query).unwrap();
                ask("/dash/manifest.mpd", &query).unwrap();
            }
        }
    }

    #[test]
    fn a_text_is_kept_for_what_it_follows_from() {
        let (kept, film) = (Seeker::default(), film());
        let renamed = Settings {
            parameters: Settings::default().parameters.rename([(&b"start"[..], &b"from"[..])]).unwrap(),
            ..of_seconds("2")
        };
        let files = Settings { form: crate::request::Form::Segments, ..of_seconds("2") };
        let all = [of_seconds("2"), of_seconds("5"), renamed, files];
        let mut texts = Vec::new();
        for settings in all.iter().chain(&all) {
            for at in
                ["/hls/v1.m3u8", "/hls/v1.m3u8?start=3", "/hls/v1.m3u8?start=3&x=1", "/dash/manifest.mpd"]
            {
                let text = get(&kept, &film, at, settings).unwrap();
                assert!(text == get(&Seeker::new(0), &film, at, settings).unwrap(), "{at}");
                texts.push(text);
            }
        }
        texts.sort();
        texts.dedup();
        // The form is no matter of the manifest, nor is a name of a query without a value.
        assert_eq!(texts.len(), 4 * 4 - 3);
    }

    #[test]
    fn a_manifest_is_kept_for_the_name_by_which_it_asks_for_scenes() {
        let (kept, film) = (Seeker::default(), film());
        let renamed = Settings {
            parameters: Settings::default().parameters.rename([(&b"scene"[..], &b"take"[..])]).unwrap(),
            ..of_seconds("2")
        };
        for (settings, name) in [(of_seconds("2"), "scene=1"), (renamed, "take=1")] {
            let text = get(&kept, &film, "/dash/manifest.mpd?clip=5-8,1-3", &settings).unwrap();
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains(name), "{name}: {text}");
        }
    }

    #[test]
    fn what_is_no_film_has_no_resources() {
        let (seeker, text) = (Seeker::default(), b"This is not a film. ".repeat(10));
        for (at, status) in [("/hls/master.m3u8", 415), ("/cmaf/v1.mp4?start=x", 400)] {
            assert_eq!(get(&seeker, &text, at, &Settings::default()).unwrap_err().status(), status, "{at}");
        }
        let late = get(&seeker, &film(), "/hls/master.m3u8?start=10", &Settings::default());
        assert_eq!(late.unwrap_err().status(), 416);
        assert!(get(&seeker, &film(), "/hls/master.m3u8?t=1700000000", &Settings::default()).is_ok());
    }
}
