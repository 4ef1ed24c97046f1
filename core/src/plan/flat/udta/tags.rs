//! Tags that count samples or times of the whole movie. A clip cannot have them as they are.
//!
//! - iTunes writes a freeform tag named `iTunSMPB`: how many samples of audio are priming and
//!   padding, and how many the movie has. Players trust it more than the edit list, and would play
//!   priming that the clip's edit list hides. The edit list says all that the tag would.
//! - Frames of an ID3v2 tag (`ID32`) say when something happens: see [`without_timed_frames`].
//! - GoPro's cameras write the times of highlights (`HMMT`). They move with the clip.
//! - Adobe's programs write the time code of the start (`©TIM`, with its scale in `©TSC` and
//!   `©TSZ`). A clip that begins later leaves it out. A time code track, which is cut, says what
//!   the time is.

use crate::boxes::{
    BoxHeader, BoxType, FormatError, HmmtBox, Id32Kept, Reader, meta_children_at, read_freeform_name,
    without_timed_frames, write_id32,
};
use crate::limits;
use crate::offsets::FileOffset;
use crate::seek::Clip;
use crate::source::ReadAt;
use crate::time::{MovieTime, UnitTime};

use crate::plan::assembly::Assembly;
use crate::plan::error::PlanError;

/// Names of the tags that are left out.
const COUNTS_SAMPLES: [&[u8]; 1] = [b"iTunSMPB"];

/// Bytes of the longest item whose name is read.
const LONGEST: u64 = 4096;

/// An `HMMT` with the highlights of the clip. It has as many places as the source's. `None` when it
/// is malformed.
pub(super) fn cut_highlights(payload: &[u8], clip: &Clip) -> Option<Vec<u8>> {
    let millis = |time: MovieTime| time.in_units::<1000>(clip.timescale);
    let mut hmmt = HmmtBox::read(payload)?;
    let times = clip.placed_scenes().flat_map(|scene| {
        let (from, to) = (millis(scene.movie.start), millis(scene.movie.end));
        let begins = millis(scene.begins).0;
        let times = hmmt.times.iter().map(|&time| UnitTime(time.into()));
        times.filter(move |time| (from..to).contains(time)).map(move |time| begins + (time - from).0)
    });
    let places = hmmt.times.len();
    hmmt.times = times.take(places).filter_map(|time| u32::try_from(time).ok()).collect();
    let mut out = Vec::new();
    hmmt.write(&mut out);
    Some(out)
}

/// A `meta` box without tags that count samples or times. `None` when it has no such tags, or is no
/// list of tags.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn without_counts<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    meta: &BoxHeader,
) -> Result<Option<Assembly>, PlanError> {
    for from in meta_children_at(meta) {
        let children = readable(reader.children(from, meta.end()))?;
        if !children.iter().any(|b| matches!(&b.box_type.0, b"ilst" | b"ID32")) {
            continue;
        }
        let mut content = Assembly::default();
        content.source(FileOffset(meta.payload()), from - meta.payload());
        let mut is_changed = false;
        for child in &children {
            let changed = match &child.box_type.0 {
                b"ilst" => cut_ilst(reader, child)?,
                b"ID32" if child.payload_len() <= limits::SMALL_BOX as u64 => cut_id32(reader, child)?,
                _ => None,
            };
            is_changed |= changed.is_some();
            match changed {
                Some(changed) => content.append(changed),
                None => content.copy(child),
            }
        }
        if !is_changed {
            return Ok(None);
        }
        let mut out = Assembly::default();
        out.wrap(BoxType(*b"meta"), |out| {
            out.append(content);
            Ok(())
        })?;
        return Ok(Some(out));
    }
    Ok(None)
}

/// An `ilst` without tags that count samples. `None` when it has none.
fn cut_ilst<R: ReadAt>(reader: &mut Reader<'_, R>, ilst: &BoxHeader) -> Result<Option<Assembly>, PlanError> {
    let mut kept = Assembly::default();
    let mut is_changed = false;
    for item in &readable(reader.children(ilst.payload(), ilst.end()))? {
        if counts_samples(reader, item)? {
            is_changed = true;
        } else {
            kept.copy(item);
        }
    }
    let mut out = Assembly::default();
    out.wrap(BoxType(*b"ilst"), |out| {
        out.append(kept);
        Ok(())
    })?;
    Ok(is_changed.then_some(out))
}

/// An `ID32` without timed frames. `None` when it has none.
fn cut_id32<R: ReadAt>(reader: &mut Reader<'_, R>, id32: &BoxHeader) -> Result<Option<Assembly>, PlanError> {
    let mut out = Assembly::default();
    match without_timed_frames(reader.payload(id32, 0)?) {
        Id32Kept::All => return Ok(None),
        Id32Kept::Nothing => {}
        Id32Kept::Part(part) => {
            let mut bytes = Vec::new();
            write_id32(&mut bytes, &part);
            out.bytes(&bytes);
        }
    }
    Ok(Some(out))
}

/// Whether an item of an `ilst` is a freeform tag whose name is in [`COUNTS_SAMPLES`].
fn counts_samples<R: ReadAt>(reader: &mut Reader<'_, R>, item: &BoxHeader) -> Result<bool, FormatError> {
    if &item.box_type.0 != b"----" || item.size > LONGEST {
        return Ok(false);
    }
    let name = read_freeform_name(reader, item)?;
    Ok(name.is_some_and(|name| COUNTS_SAMPLES.contains(&name)))
}

/// The boxes, or none if there is something else, which is then copied verbatim.
fn readable(read: Result<Vec<BoxHeader>, FormatError>) -> Result<Vec<BoxHeader>, FormatError> {
    match read {
        Err(e) if e.is_unread() => Err(e),
        read => Ok(read.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Film, TrackSpec, clip, make_box};

    fn freeform(name: &[u8]) -> Vec<u8> {
        let children = [
            make_box(b"mean", b"\0\0\0\0com.apple.iTunes"),
            make_box(b"name", [b"\0\0\0\0", name].concat()),
            make_box(b"data", b"\0\0\0\x01\0\0\0\0 00000840"),
        ];
        make_box(b"----", children.concat())
    }

    fn film(tags: &[Vec<u8>]) -> Vec<u8> {
        let hdlr = make_box(b"hdlr", b"\0\0\0\0\0\0\0\0mdirappl\0\0\0\0\0\0\0\0\0");
        let meta = make_box(b"meta", [&[0; 4][..], &hdlr, &make_box(b"ilst", tags.concat())].concat());
        let udta = make_box(b"udta", meta);
        Film { more: vec![udta], ..Film::of(vec![TrackSpec::audio(200)]) }.build()
    }

    fn holds(clip: &[u8], what: &[u8]) -> bool {
        clip.windows(what.len()).any(|w| w == what)
    }

    #[test]
    fn a_clip_has_no_counts_of_the_whole_film() {
        let film = film(&[freeform(b"iTunNORM"), freeform(b"iTunSMPB")]);
        let cut = clip(&film, "start=1&end=2").unwrap();
        assert!(holds(&film, b"iTunSMPB") && !holds(&cut, b"iTunSMPB"));
        assert!(holds(&cut, b"iTunNORM") && holds(&cut, b"mdirappl"));
    }

    #[test]
    fn a_track_and_the_file_may_have_such_tags_too() {
        let tags = |tag: &[u8]| {
            let ilst = make_box(b"ilst", [freeform(b"iTunNORM"), freeform(tag)].concat());
            make_box(b"meta", [&[0; 4][..], &ilst].concat())
        };
        let counts = tags(b"iTunSMPB");
        let in_udta = make_box(b"udta", [make_box(b"name", b"sound"), counts.clone()].concat());
        for in_trak in [counts.clone(), in_udta] {
            let track = TrackSpec { in_trak: vec![in_trak], ..TrackSpec::audio(200) };
            let film = Film::of(vec![track]).build();
            let cut = clip(&film, "start=1&end=2").unwrap();
            assert!(holds(&film, b"iTunSMPB") && !holds(&cut, b"iTunSMPB"));
            assert!(holds(&cut, b"iTunNORM") && holds(&film, b"sound") == holds(&cut, b"sound"));
        }
        let film = [Film::of(vec![TrackSpec::audio(200)]).build(), counts].concat();
        let cut = clip(&film, "start=1&end=2").unwrap();
        assert!(!holds(&cut, b"iTunSMPB") && holds(&cut, b"iTunNORM"));
    }

    #[test]
    fn an_id3_tag_loses_what_is_timed() {
        let frames = b"ETCO\0\0\0\x01\0\0\x02TIT2\0\0\0\x02\0\0\0a";
        let id32 = |frames: &[u8]| {
            let size = u8::try_from(frames.len()).unwrap();
            make_box(b"ID32", [b"\0\0\0\0\x15\xc7ID3\x04\0\0\0\0\0", &[size][..], frames].concat())
        };
        let meta = make_box(b"meta", [&[0; 4][..], &id32(frames)].concat());
        let film = Film { more: vec![meta], ..Film::of(vec![TrackSpec::audio(200)]) }.build();
        let cut = clip(&film, "start=1&end=2").unwrap();
        assert!(holds(&cut, &id32(&frames[11..])) && !holds(&cut, b"ETCO"));
    }

    #[test]
    fn highlights_move_with_the_clip() {
        let words = |words: &[u32]| words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<_>>();
        let film = |content: Vec<u8>| {
            let udta = make_box(b"udta", [make_box(b"FIRM", b"v1"), make_box(b"HMMT", content)].concat());
            Film { more: vec![udta], ..Film::of(vec![TrackSpec::audio(200)]) }.build()
        };
        // Four of eight places are used.
        let cut =
            clip(&film(words(&[4, 500, 1024, 2500, 9000, 0, 0, 0, 0])), "start=1.024&end=5.12").unwrap();
        assert!(holds(&cut, &make_box(b"HMMT", words(&[2, 0, 1476, 0, 0, 0, 0, 0, 0]))));
        assert!(holds(&cut, b"FIRM"));
        let cut = clip(&film(words(&[2, 500])), "start=1").unwrap();
        assert!(!holds(&cut, b"HMMT") && holds(&cut, b"FIRM"));
    }

    #[test]
    fn the_time_code_of_the_start_is_no_other_times() {
        let boxes =
            [make_box(b"\xa9TIM", b"\0\x0b\0\x0001:00:00:00"), make_box(b"\xa9TSC", b"\0\x02\0\x0025")];
        let udta =
            make_box(b"udta", [&boxes.concat()[..], &make_box(b"\xa9day", b"\0\x04\0\x002026")].concat());
        let film = Film { more: vec![udta], ..Film::of(vec![TrackSpec::audio(200)]) }.build();
        let later = clip(&film, "start=1&end=2").unwrap();
        assert!(!holds(&later, b"\xa9TIM") && !holds(&later, b"\xa9TSC") && holds(&later, b"\xa9day"));
        assert!(holds(&clip(&film, "end=2").unwrap(), &boxes.concat()));
    }

    #[test]
    fn other_tags_are_as_they_were() {
        let other = freeform(b"iTunNORM");
        let film = film(std::slice::from_ref(&other));
        assert!(holds(&clip(&film, "start=1&end=2").unwrap(), &other));
    }
}
