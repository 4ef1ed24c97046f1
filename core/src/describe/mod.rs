//! What a movie says of its tracks to those who choose among them: codings, languages, names,
//! sizes.
//!
//! The index does not grow for that. It is read from the file when somebody asks.
//!
//! - `track`: the description of a track.
//! - `codec`: the `codecs` parameter of RFC 6381.
//! - `video`, `audio`: what only such tracks have.
//! - `colour`: the colours of a video track.
//! - `label`: names and roles.
//! - `protection`: who gives out keys.
//! - `language`: tags of BCP 47.
//! - `kind`: video, audio or text.

mod audio;
mod codec;
mod colour;
mod kind;
mod label;
mod language;
mod protection;
mod track;
mod video;

use crate::boxes::descriptions::{ProtectionScheme, SampleDescription, TextFlags};
use crate::boxes::{FormatError, Reader, TrackUserData, read_handler_name};
use crate::index::{Film, Node, Track};
use crate::request::TrackKind;
use crate::source::ReadAt;

use label::Labels;

pub(crate) use kind::track_kind;
pub(crate) use language::three_letters;
pub use track::{
    AudioDescription, Protection, SupplementalCodec, TrackDescription, VideoDescription, VideoRange,
};

/// Describes a track of a movie: by the first of its sample descriptions, where it has several.
/// What is malformed is left out.
///
/// # Errors
/// When there is no such track, or the file cannot be read.
pub fn describe(film: &Film<'_>, track: usize) -> Result<TrackDescription, FormatError> {
    let moov = &film.index.moov;
    let trak = moov.children.iter().find(|node| node.track == Some(track));
    let (Some(trak), Some(of)) = (trak, film.index.tracks.get(track)) else {
        return Err(moov.header.error("no such track"));
    };
    let reader = &mut film.index.reader(&film.source);
    let kind = track_kind(of.handler);
    let entry = match trak.at(&[b"mdia", b"minf", b"stbl", b"stsd"]) {
        Some(stsd) => SampleDescription::read(reader, &stsd.header, of.handler)?,
        None => None,
    };
    let mut this = TrackDescription {
        track,
        kind,
        codec: None,
        language: language::tag(&of.language),
        name: None,
        is_enabled: of.tkhd.is_enabled(),
        alternate_group: of.tkhd.alternate_group(),
        is_forced: false,
        roles: Vec::new(),
        video: None,
        audio: None,
        is_encrypted: false,
        protection: None,
    };
    if let Some(entry) = entry {
        fill_from_entry(&mut this, film, of, &entry)?;
    }
    let labels = read_labels(reader, trak, kind)?;
    this.name = labels.name;
    this.is_forced |= labels.is_forced;
    this.roles = labels.roles;
    Ok(this)
}

/// What the sample description says.
fn fill_from_entry(
    this: &mut TrackDescription,
    film: &Film<'_>,
    of: &Track,
    entry: &SampleDescription,
) -> Result<(), FormatError> {
    let reader = &mut film.index.reader(&film.source);
    this.is_encrypted = entry.protection.is_some();
    if let Some(ProtectionScheme { scheme, key_id, .. }) = entry.protection {
        this.protection = Some(Protection { scheme, key_id, systems: protection::systems(film, key_id)? });
    }
    match this.kind {
        Some(TrackKind::Video) => this.video = video::describe(reader, film, of, entry)?,
        Some(TrackKind::Audio) => this.audio = audio::describe(reader, of, entry)?,
        Some(TrackKind::Text) if &entry.coding.0 == b"tx3g" => {
            let flags = entry.fields(reader, TextFlags::parse)?;
            this.is_forced = flags.is_some_and(TextFlags::are_all_forced);
        }
        _ => {}
    }
    this.codec = codec::codec(reader, entry, this.video.as_ref())?;
    Ok(())
}

/// What the boxes for people say.
fn read_labels<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    trak: &Node,
    kind: Option<TrackKind>,
) -> Result<Labels, FormatError> {
    let data = match trak.at(&[b"udta"]) {
        Some(udta) => TrackUserData::read(reader, &udta.header)?,
        None => TrackUserData::default(),
    };
    let handler_name = match trak.at(&[b"mdia", b"hdlr"]) {
        Some(hdlr) => read_handler_name(reader, &hdlr.header)?,
        None => None,
    };
    Ok(Labels::of(&data, handler_name.as_deref(), kind))
}

#[cfg(test)]
mod tests;
