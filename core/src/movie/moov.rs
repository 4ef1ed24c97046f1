//! The `moov`: the movie header and the tracks.

use crate::boxes::{BoxHeader, BoxType, FormatError, MvhdBox, Reader, read_hdlr};
use crate::limits;
use crate::source::ReadAt;

use super::node::{Node, read_tree};
use super::track::{Track, is_text};

/// The tree of a `moov`, its header, the tracks that can be read, and why others cannot.
pub(crate) type Moov = (Node, MvhdBox, Vec<Track>, Vec<String>);

/// Reads a `moov` (8.2.1). A broken track does not cost the movie, as long as there is another of
/// its kind.
///
/// # Errors
/// When it has no header or no track, a track cannot be spared, or the file cannot be read.
pub(crate) fn read_moov<R: ReadAt>(reader: &mut Reader<'_, R>, moov: BoxHeader) -> Result<Moov, FormatError> {
    let mut mvhd = None;
    let mut tracks = Vec::new();
    let mut broken = Vec::new();
    let mut children = Vec::new();
    let mut budget = limits::MOOV_BOXES;
    let (headers, junk) = reader.readable_children(moov.payload(), moov.end())?;
    for header in headers {
        let mut node = Node { header, children: Vec::new(), track: None };
        match &header.box_type.0 {
            b"mvhd" if mvhd.is_some() => return Err(header.error("a second movie header")),
            b"mvhd" => mvhd = Some(MvhdBox::read(reader, &header)?),
            b"trak" if tracks.len() >= limits::TRACKS => {
                return Err(header.error(format!("more than {} tracks", limits::TRACKS)));
            }
            b"trak" => {
                let read = read_tree(reader, &mut node, &mut budget);
                match read.and_then(|()| Track::read(reader, &node)) {
                    Ok(track) => {
                        node.track = Some(tracks.len());
                        tracks.push(track);
                    }
                    Err(e) if e.is_of_movie() => return Err(e),
                    Err(e) => broken.push((handler_of(reader, &node)?, e)),
                }
            }
            b"udta" => read_tree(reader, &mut node, &mut budget)?,
            _ => {}
        }
        children.push(node);
    }
    // Bytes that are no box do no harm after the movie header and a track.
    if let (Some(junk), true) = (junk, mvhd.is_none() || tracks.is_empty()) {
        return Err(junk);
    }
    let mvhd = mvhd.ok_or_else(|| moov.error("no movie header (mvhd)"))?;
    let mut notes = Vec::new();
    for (handler, e) in broken {
        // Players do without a broken track. A movie without any video, or any audio, that the file
        // has would be another one.
        let is_needed = match &handler.0 {
            b"vide" | b"soun" => !tracks.iter().any(|t: &Track| t.handler == handler),
            _ if is_text(handler) => false,
            _ => tracks.is_empty(),
        };
        if is_needed {
            return Err(e);
        }
        notes.push(format!("left out a track that cannot be read: {e}"));
    }
    if tracks.is_empty() {
        return Err(moov.error("no tracks"));
    }
    Ok((Node { header: moov, children, track: None }, mvhd, tracks, notes))
}

/// The handler type of a broken track, as far as it can be read.
fn handler_of<R: ReadAt>(reader: &mut Reader<'_, R>, trak: &Node) -> Result<BoxType, FormatError> {
    match trak.at(&[b"mdia", b"hdlr"]).map(|hdlr| read_hdlr(reader, &hdlr.header)) {
        Some(Ok(handler)) => Ok(handler),
        Some(Err(e)) if e.is_unread() => Err(e),
        _ => Ok(BoxType(*b"    ")),
    }
}
