//! `ID32`: an ID3v2 tag in a `meta` box. Some of its frames say when something happens in the whole
//! movie.

use super::{u32_at, write_box};

/// Frames that count times or bytes from the start of the movie (ID3v2.4, section 4): event timing
/// codes, synchronised lyrics and tempo codes, chapters and their table, the length, places to seek
/// to.
const TIMED: [&[u8]; 9] = [b"ETCO", b"SYLT", b"SYTC", b"CHAP", b"CTOC", b"TLEN", b"MLLT", b"ASPI", b"POSS"];

/// Version and flags of the box, and the language.
const BOX_HEAD: usize = 6;
/// `ID3`, version, flags, size.
const TAG_HEAD: usize = 10;
/// Name, size, flags.
const FRAME_HEAD: usize = 10;

/// What is left of the content of an `ID32`.
#[derive(Debug, PartialEq, Eq)]
pub enum Id32Kept {
    /// All of it.
    All,
    /// These bytes.
    Part(Vec<u8>),
    /// Nothing: it seems to have timed frames, but they cannot be found.
    Nothing,
}

/// The content of an `ID32` without frames that are timed.
pub fn without_timed_frames(payload: &[u8]) -> Id32Kept {
    if !TIMED.iter().any(|name| payload.windows(name.len()).any(|w| w == *name)) {
        return Id32Kept::All;
    }
    let Some(frames) = frames(payload) else { return Id32Kept::Nothing };
    if !frames.iter().any(|frame| is_timed(frame)) {
        return Id32Kept::All;
    }
    let kept: Vec<u8> = frames.into_iter().filter(|frame| !is_timed(frame)).flatten().copied().collect();
    let Some(size) = synchsafe(kept.len()) else { return Id32Kept::Nothing };
    let head = payload.get(..BOX_HEAD + TAG_HEAD - 4).unwrap_or_default();
    Id32Kept::Part([head, &size, &kept].concat())
}

/// Writes an `ID32` with this content.
pub fn write_id32(out: &mut Vec<u8>, content: &[u8]) {
    write_box(out, b"ID32", |out| out.extend_from_slice(content));
}

fn is_timed(frame: &[u8]) -> bool {
    TIMED.iter().any(|name| frame.starts_with(name))
}

/// The frames of a tag. `None` if it is malformed, or uses a feature that is hardly ever used.
fn frames(payload: &[u8]) -> Option<Vec<&[u8]>> {
    let tag = payload.get(BOX_HEAD..)?;
    // Unsynchronisation, an extended header or a footer would have to be undone.
    let [b'I', b'D', b'3', version @ (3 | 4), _, 0] = tag.first_chunk()? else { return None };
    let size = |at: usize, bytes: &[u8], is_synchsafe: bool| {
        let word = u32_at(bytes, at);
        match (is_synchsafe, word & 0x8080_8080) {
            (true, 0) => {
                let bits = |n: u32| (word >> (8 * n) & 0x7f) << (7 * n);
                usize::try_from(bits(0) | bits(1) | bits(2) | bits(3)).ok()
            }
            (true, _) => None,
            (false, _) => usize::try_from(word).ok(),
        }
    };
    let all = size(6, tag.get(..TAG_HEAD)?, true)?;
    let mut rest = tag.get(TAG_HEAD..)?.get(..all)?;
    let mut out = Vec::new();
    // Padding is zeros.
    while rest.first().is_some_and(|&first| first != 0) {
        let len = size(4, rest.get(..FRAME_HEAD)?, *version == 4)?;
        let (frame, after) = rest.split_at_checked(len.checked_add(FRAME_HEAD)?)?;
        out.push(frame);
        rest = after;
    }
    Some(out)
}

/// A size in four bytes of 7 bits.
fn synchsafe(size: usize) -> Option<[u8; 4]> {
    let size = u32::try_from(size).ok().filter(|&size| size < 1 << 28)?;
    Some([size >> 21, size >> 14, size >> 7, size].map(|n| u8::try_from(n & 0x7f).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::read_box;

    fn frame(name: &[u8; 4], size: [u8; 4], content: &[u8]) -> Vec<u8> {
        [&name[..], &size, &[0, 0], content].concat()
    }

    fn tag(version: u8, flags: u8, frames: &[u8]) -> Vec<u8> {
        let head = [0, 0, 0, 0, 0x15, 0xc7, b'I', b'D', b'3', version, 0, flags];
        [&head[..], &synchsafe(frames.len()).unwrap(), frames].concat()
    }

    #[test]
    fn timed_frames_go_and_others_stay() {
        for version in [3, 4] {
            // 200 bytes are 1 and 72 in steps of 7 bits.
            let size = if version == 4 { [0, 0, 1, 72] } else { [0, 0, 0, 200] };
            let title = frame(b"TIT2", size, &[b'x'; 200]);
            let codes = frame(b"ETCO", [0, 0, 0, 7], &[2, 1, 0, 0, 1, 0, 0]);
            let lyrics = frame(b"SYLT", [0, 0, 0, 2], &[0, 0]);
            let all = [&lyrics[..], &title, &codes, &[0; 30]].concat();
            assert_eq!(without_timed_frames(&tag(version, 0, &all)), Id32Kept::Part(tag(version, 0, &title)));
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let content = tag(4, 0, &frame(b"ETCO", [0, 0, 0, 1], &[2]));
        let mut file = Vec::new();
        write_id32(&mut file, &content);
        let kept = read_box(file, |reader, header| {
            assert_eq!(header.box_type.0, *b"ID32");
            without_timed_frames(reader.payload(header, 0).unwrap())
        });
        assert_eq!(kept, Id32Kept::Part(tag(4, 0, &[])));
    }

    #[test]
    fn without_timed_frames_all_stays() {
        // The name of a timed frame in the text of another frame is no frame.
        let title = frame(b"TIT2", [0, 0, 0, 5], b"\0ETCO");
        assert_eq!(without_timed_frames(&tag(4, 0, &title)), Id32Kept::All);
        assert_eq!(without_timed_frames(&tag(4, 0x80, &frame(b"TIT2", [0, 0, 0, 1], b"a"))), Id32Kept::All);
        assert_eq!(without_timed_frames(b""), Id32Kept::All);
    }

    #[test]
    fn what_cannot_be_told_apart_goes_as_a_whole() {
        let codes = frame(b"ETCO", [0, 0, 0, 1], &[2]);
        for bad in [
            tag(4, 0x80, &codes),
            tag(2, 0, &codes),
            tag(4, 0, &codes[..10]),
            tag(4, 0, &frame(b"ETCO", [0xff; 4], &[2])),
            tag(4, 0, &codes)[..20].to_vec(),
        ] {
            assert_eq!(without_timed_frames(&bad), Id32Kept::Nothing, "{bad:?}");
        }
    }
}
