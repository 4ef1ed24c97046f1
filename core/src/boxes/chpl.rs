//! `chpl`: chapters as Nero writes them. No standard has this box; many players read it.
//!
//! ```text
//! version (8), flags (24), in version 1 a reserved word (32)
//! chapter_count (8)
//! for each chapter: start (64, in units of 100 ns), title_length (8), title
//! ```

use super::{u64_at, write_box};

/// Units of a chapter's start in a second.
pub const CHPL_TIMESCALE: u32 = 10_000_000;

/// A `chpl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChplBox<'a> {
    /// What stands before the count.
    head: &'a [u8],
    /// The chapters.
    pub chapters: Vec<Chapter<'a>>,
}

/// A chapter of a `chpl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chapter<'a> {
    /// When it begins, in units of [`CHPL_TIMESCALE`].
    pub start: u64,
    /// The length of the title, and the title.
    pub title: &'a [u8],
}

impl<'a> ChplBox<'a> {
    /// Reads the payload of a `chpl`. `None` when it is too short for what it says.
    pub fn read(payload: &'a [u8]) -> Option<Self> {
        let head = if payload.first() == Some(&0) { 4 } else { 8 };
        let count = *payload.get(head)?;
        let mut rest = payload.get(head + 1..)?;
        let mut chapters = Vec::new();
        for _ in 0..count {
            let (start, after) = rest.split_at_checked(8)?;
            let (title, after) = after.split_at_checked(1 + usize::from(*after.first()?))?;
            chapters.push(Chapter { start: u64_at(start, 0), title });
            rest = after;
        }
        Some(Self { head: payload.get(..head)?, chapters })
    }

    /// Writes the box.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_box(out, b"chpl", |out| {
            out.extend_from_slice(self.head);
            out.push(u8::try_from(self.chapters.len()).unwrap_or(u8::MAX));
            for Chapter { start, title } in &self.chapters {
                out.extend_from_slice(&start.to_be_bytes());
                out.extend_from_slice(title);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written() {
        let chapters = [&[2][..], &7_u64.to_be_bytes(), b"\x01a", &900_u64.to_be_bytes(), b"\0"].concat();
        for head in [&[0; 4][..], &[1, 0, 0, 0, 0, 0, 0, 0]] {
            let payload = [head, &chapters].concat();
            let read = ChplBox::read(&payload).unwrap();
            assert_eq!(read.chapters[0], Chapter { start: 7, title: b"\x01a" });
            assert_eq!(read.chapters[1], Chapter { start: 900, title: b"\0" });
            let mut out = Vec::new();
            read.write(&mut out);
            assert_eq!(out[8..], payload);
            assert_eq!(ChplBox::read(&payload[..payload.len() - 1]), None);
        }
        assert_eq!(ChplBox::read(&[]), None);
    }
}
