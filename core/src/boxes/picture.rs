//! The boxes of a file that is one picture (ISO/IEC 23008-12): a coded picture as the only item,
//! and what is said of it.

use super::{BoxType, box_head, write_box, write_ftyp};

/// A file of one picture, without the picture itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureFile {
    /// The brand of files with pictures of this coding.
    pub brand: [u8; 4],
    /// The type of the item: the coding.
    pub item_type: [u8; 4],
    /// Width and height.
    pub size: (u16, u16),
    /// Bits of each channel.
    pub bits: Vec<u8>,
    /// The type and the content of the box that configures a decoder.
    pub configuration: ([u8; 4], Vec<u8>),
    /// The content of a `colr` box.
    pub colours: Option<Vec<u8>>,
    /// By how many quarters the picture is turned clockwise to be shown.
    pub quarter_turns: u8,
    /// Bytes of the coded picture.
    pub len: u32,
}

impl PictureFile {
    /// What stands before the coded picture, which ends the file.
    pub fn head(&self) -> Vec<u8> {
        // The place of the picture is a field of a fixed size in what precedes it.
        let len = self.head_before(0).len();
        self.head_before(u32::try_from(len).unwrap_or(u32::MAX))
    }

    /// The same, for a picture at `offset`.
    fn head_before(&self, offset: u32) -> Vec<u8> {
        let mut out = Vec::new();
        write_ftyp(&mut out, &[&self.brand, b"mif1", b"miaf"]);
        write_full_box(&mut out, b"meta", 0, |out| {
            // 8.4.3: `handler_type` behind a reserved word, and an empty name behind three.
            write_full_box(out, b"hdlr", 0, |out| {
                out.extend_from_slice(b"\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0\0")
            });
            write_full_box(out, b"pitm", 0, |out| out.extend_from_slice(&ITEM));
            self.write_place(out, offset);
            write_full_box(out, b"iinf", 0, |out| {
                out.extend_from_slice(&ONE);
                // 8.11.6.2: the item, which is not protected, its type and an empty name.
                write_full_box(out, b"infe", 2, |out| {
                    out.extend_from_slice(&ITEM);
                    out.extend_from_slice(&[0; 2]);
                    out.extend_from_slice(&self.item_type);
                    out.push(0);
                });
            });
            self.write_properties(out);
        });
        out.extend(box_head(BoxType(*b"mdat"), self.len.into()).unwrap_or_default());
        out
    }

    /// `iloc` (8.11.3): one extent, whose offset and length have four bytes.
    fn write_place(&self, out: &mut Vec<u8>, offset: u32) {
        write_full_box(out, b"iloc", 0, |out| {
            out.extend_from_slice(&[0x44, 0]);
            out.extend_from_slice(&ONE);
            out.extend_from_slice(&ITEM);
            // `data_reference_index`: this file.
            out.extend_from_slice(&[0; 2]);
            out.extend_from_slice(&ONE);
            out.extend_from_slice(&offset.to_be_bytes());
            out.extend_from_slice(&self.len.to_be_bytes());
        });
    }

    /// `iprp` (ISO/IEC 23008-12, 9.3): the properties, and that the item has all of them.
    fn write_properties(&self, out: &mut Vec<u8>) {
        write_box(out, b"iprp", |out| {
            let mut associations = vec![1, 2, 3 | ESSENTIAL];
            write_box(out, b"ipco", |out| {
                write_full_box(out, b"ispe", 0, |out| {
                    out.extend_from_slice(&u32::from(self.size.0).to_be_bytes());
                    out.extend_from_slice(&u32::from(self.size.1).to_be_bytes());
                });
                write_full_box(out, b"pixi", 0, |out| {
                    out.push(u8::try_from(self.bits.len()).unwrap_or(0));
                    out.extend_from_slice(&self.bits);
                });
                let (box_type, content) = &self.configuration;
                write_box(out, box_type, |out| out.extend_from_slice(content));
                if let Some(colours) = &self.colours {
                    write_box(out, b"colr", |out| out.extend_from_slice(colours));
                    associations.push(4);
                }
                if self.quarter_turns % 4 != 0 {
                    // 6.5.10: the angle goes the other way round.
                    write_box(out, b"irot", |out| out.push(4 - self.quarter_turns % 4));
                    associations.push(if self.colours.is_some() { 5 } else { 4 } | ESSENTIAL);
                }
            });
            write_full_box(out, b"ipma", 0, |out| {
                out.extend_from_slice(&1u32.to_be_bytes());
                out.extend_from_slice(&ITEM);
                out.push(u8::try_from(associations.len()).unwrap_or(0));
                out.extend_from_slice(&associations);
            });
        });
    }
}

/// The number of the only item.
const ITEM: [u8; 2] = [0, 1];

/// How many there are of it.
const ONE: [u8; 2] = [0, 1];

/// Of a property without which the item cannot be shown.
const ESSENTIAL: u8 = 0x80;

/// As [`write_box`], with a version and no flags.
fn write_full_box(out: &mut Vec<u8>, box_type: &[u8; 4], version: u8, payload: impl FnOnce(&mut Vec<u8>)) {
    write_box(out, box_type, |out| {
        out.extend_from_slice(&[version, 0, 0, 0]);
        payload(out);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(colours: Option<Vec<u8>>, quarter_turns: u8) -> PictureFile {
        PictureFile {
            brand: *b"avif",
            item_type: *b"av01",
            size: (640, 360),
            bits: vec![8, 8, 8],
            configuration: (*b"av1C", vec![0x81, 0, 0, 0]),
            colours,
            quarter_turns,
            len: 0x0102,
        }
    }

    fn has(bytes: &[u8], wanted: &[u8]) -> bool {
        bytes.windows(wanted.len()).any(|window| window == wanted)
    }

    #[test]
    fn the_picture_lies_behind_the_head() {
        for colours in [None, Some(b"nclx\0\x01\0\x01\0\x01\0".to_vec())] {
            let head = file(colours.clone(), 0).head();
            assert!(head.starts_with(b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"));
            assert!(head.ends_with(b"\0\0\x01\x0amdat"));
            let place = [
                &[0x44, 0, 0, 1, 0, 1, 0, 0, 0, 1][..],
                &u32::try_from(head.len()).unwrap().to_be_bytes(),
                &[0, 0, 1, 2],
            ];
            assert!(has(&head, &place.concat()));
            assert_eq!(has(&head, b"colrnclx"), colours.is_some());
            assert!(!has(&head, b"irot"));
        }
    }

    #[test]
    fn a_turn_is_a_property_that_cannot_be_left_out() {
        let head = file(None, 1).head();
        assert!(has(&head, b"\0\0\0\x09irot\x03"));
        assert!(head.ends_with(b"ipma\0\0\0\0\0\0\0\x01\0\x01\x04\x01\x02\x83\x84\0\0\x01\x0amdat"));
        assert!(has(&file(Some(b"nclx".to_vec()), 2).head(), b"irot\x02"));
    }
}
