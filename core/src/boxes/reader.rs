//! Buffered reads of box headers and small boxes.

use super::{BoxCounter, BoxHeader, BoxType, FormatError};
use crate::limits;
use crate::source::{GENERATED, ReadAt};

/// The big-endian number at `at`; 0 past the end, which callers rule out by
/// checking lengths first.
#[inline]
pub(super) fn u16_at(b: &[u8], at: usize) -> u16 {
    b.get(at..at + 2).and_then(|s| s.try_into().ok()).map_or(0, u16::from_be_bytes)
}

/// As [`u16_at`], 32 bits.
#[inline]
pub(super) fn u32_at(b: &[u8], at: usize) -> u32 {
    b.get(at..at + 4).and_then(|s| s.try_into().ok()).map_or(0, u32::from_be_bytes)
}

/// As [`u16_at`], 64 bits.
#[inline]
pub(super) fn u64_at(b: &[u8], at: usize) -> u64 {
    b.get(at..at + 8).and_then(|s| s.try_into().ok()).map_or(0, u64::from_be_bytes)
}

/// Fills `out` with what `source` has at `offset`.
///
/// # Errors
/// When the file ends first or cannot be read.
pub fn read_exact<R: ReadAt>(source: &R, out: &mut [u8], offset: u64) -> Result<(), FormatError> {
    source.read_exact_at(out, offset).map_err(|e| FormatError::read(offset, e))
}

/// Reads headers and small boxes through one small window, so that walking a
/// `moov` costs few system calls and no memory.
pub struct Reader<'a, R: ReadAt> {
    source: &'a R,
    file_len: u64,
    generated_end: u64,
    window: Vec<u8>,
    start: u64,
    /// Bytes to read at once.
    read_ahead: usize,
}

/// Read at once where all of a `moov` is walked through.
const WINDOW: usize = 16 * 1024;

/// Read at once where one box is looked at.
const ONE_BOX: usize = 256;

impl<'a, R: ReadAt> Reader<'a, R> {
    /// A reader of a file of `file_len` bytes.
    pub fn new(source: &'a R, file_len: u64) -> Self {
        Self { source, file_len, generated_end: GENERATED, window: Vec::new(), start: 0, read_ahead: WINDOW }
    }

    /// A reader that also knows `len` bytes at [`GENERATED`].
    pub fn with_generated(source: &'a R, file_len: u64, len: u64) -> Self {
        Self { generated_end: GENERATED + len, ..Self::new(source, file_len) }
    }

    /// From now on reads no more than `len` bytes at once; for boxes that are far apart.
    pub fn read_ahead(&mut self, len: usize) {
        self.read_ahead = len;
    }

    /// The same, but it reads less ahead.
    pub fn for_one_box(self) -> Self {
        Self { read_ahead: ONE_BOX, ..self }
    }

    /// The file under this reader.
    pub fn source(&self) -> &'a R {
        self.source
    }

    /// Length of the file.
    pub fn file_len(&self) -> u64 {
        self.file_len
    }

    fn space_end(&self, offset: u64) -> u64 {
        if offset < GENERATED { self.file_len } else { self.generated_end }
    }

    /// Whether there are `len` bytes at `offset`.
    pub fn holds(&self, offset: u64, len: u64) -> bool {
        offset.checked_add(len).is_some_and(|end| end <= self.space_end(offset))
    }

    /// `len` bytes at `offset`; `len` is at most [`limits::SMALL_BOX`].
    ///
    /// # Errors
    /// When the file ends first, cannot be read, or `len` is over the limit.
    pub fn bytes(&mut self, offset: u64, len: usize) -> Result<&[u8], FormatError> {
        let io = |e| FormatError::read(offset, e);
        let space_end = self.space_end(offset);
        if len > limits::SMALL_BOX || !self.holds(offset, len as u64) {
            return Err(io(std::io::ErrorKind::UnexpectedEof.into()));
        }
        let inside = offset
            .checked_sub(self.start)
            .and_then(|at| usize::try_from(at).ok())
            .filter(|at| at.checked_add(len).is_some_and(|end| end <= self.window.len()));
        let at = match inside {
            Some(at) => at,
            None => {
                // What has to be generated is not read ahead.
                let read_ahead = if offset < GENERATED { self.read_ahead } else { 0 };
                let want = usize::try_from(space_end - offset).unwrap_or(usize::MAX);
                let want = want.min(read_ahead.max(len));
                self.window.resize(want, 0);
                self.start = offset;
                if let Err(e) = self.source.read_exact_at(&mut self.window, offset) {
                    self.window.clear();
                    return Err(io(e));
                }
                0
            }
        };
        Ok(self.window.get(at..at + len).unwrap_or_default())
    }

    /// The header of the box at `offset`, which must lie before `end` as a whole.
    /// `None` when fewer than 8 bytes are left or the box is a QuickTime
    /// terminator (four zero bytes and no room for a header).
    ///
    /// # Errors
    /// When the box does not fit or the file cannot be read.
    pub fn header(&mut self, offset: u64, end: u64) -> Result<Option<BoxHeader>, FormatError> {
        let left = end.saturating_sub(offset);
        if left < 8 {
            return Ok(None);
        }
        let b = self.bytes(offset, 8)?;
        let size32 = u32_at(b, 0);
        let mut box_type = BoxType([0; 4]);
        box_type.0.copy_from_slice(b.get(4..8).unwrap_or_default());
        let (header_len, size) = match size32 {
            0 => (8, left),
            1 if left >= 16 => (16, u64_at(self.bytes(offset + 8, 8)?, 0)),
            n => (8, u64::from(n)),
        };
        let header = BoxHeader { box_type, offset, header_len, size };
        if size < u64::from(header_len) {
            // 4.2.2: the size counts all bytes of the box, its header included.
            return Err(header.error(format!("size {size} is less than its header")));
        }
        if size > left {
            // 4.2.1: a box lies inside of its container as a whole.
            return Err(header.error(format!("size {size} reaches past the {left} bytes that are there")));
        }
        Ok(Some(header))
    }

    /// The headers of the boxes in `from..end`.
    ///
    /// # Errors
    /// As [`Self::header`], and when there are more than [`limits::CHILDREN`].
    pub fn children(&mut self, from: u64, end: u64) -> Result<Vec<BoxHeader>, FormatError> {
        match self.readable_children(from, end)? {
            (_, Some(error)) => Err(error),
            (children, None) => Ok(children),
        }
    }

    /// The headers of the boxes in `from..end`, up to what cannot be one, and why it cannot.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn readable_children(
        &mut self,
        from: u64,
        end: u64,
    ) -> Result<(Vec<BoxHeader>, Option<FormatError>), FormatError> {
        let mut out = Vec::new();
        let mut counter = BoxCounter::default();
        let mut at = from;
        loop {
            let header = match self.header(at, end) {
                Ok(Some(header)) => header,
                Ok(None) => return Ok((out, None)),
                Err(e) if e.is_unread() => return Err(e),
                Err(e) => return Ok((out, Some(e))),
            };
            // A udta may end in four zero bytes, which look like a box "to the end".
            if header.box_type == BoxType([0; 4]) {
                return Ok((out, None));
            }
            if !counter.takes(header.box_type) {
                let error = header.error(format!("more than {} boxes in one container", limits::CHILDREN));
                return Ok((out, Some(error)));
            }
            at = header.end();
            out.push(header);
        }
    }

    /// The whole payload of a small box, at least `min` bytes long.
    ///
    /// # Errors
    /// When it is shorter than `min`, longer than [`limits::SMALL_BOX`], or cannot be read.
    pub fn payload(&mut self, header: &BoxHeader, min: usize) -> Result<&[u8], FormatError> {
        let len = usize::try_from(header.payload_len()).unwrap_or(usize::MAX);
        if len < min {
            return Err(header.error(format!("{len} bytes of content, at least {min} are needed")));
        }
        if len > limits::SMALL_BOX {
            return Err(header.error(format!("{len} bytes, more than the {} we read", limits::SMALL_BOX)));
        }
        self.bytes(header.payload(), len)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io;

    use super::*;
    use crate::limits::{CHILDREN, SMALL_BOX};
    use crate::testing::make_box;

    /// The first header of a file with these bytes.
    fn first(file: &[u8]) -> Result<Option<BoxHeader>, FormatError> {
        let len = file.len() as u64;
        Reader::new(&file.to_vec(), len).header(0, len)
    }

    fn refusal(file: &[u8]) -> String {
        first(file).unwrap_err().to_string()
    }

    /// A header with a size of 64 bits.
    fn large(size: u64) -> Vec<u8> {
        [&b"\0\0\0\x01mdat"[..], &size.to_be_bytes()].concat()
    }

    #[test]
    fn numbers_past_the_end_are_0() {
        let b = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!((u16_at(&b, 6), u16_at(&b, 7)), (0x0708, 0));
        assert_eq!((u32_at(&b, 4), u32_at(&b, 5)), (0x0506_0708, 0));
        assert_eq!((u64_at(&b, 0), u64_at(&b, 1)), (0x0102_0304_0506_0708, 0));
    }

    #[test]
    fn sizes_have_32_or_64_bits_or_reach_to_the_end() {
        let read = |file: &[u8]| {
            let header = first(file).unwrap().unwrap();
            (header.box_type.0, header.header_len, header.size, header.payload_len())
        };
        assert_eq!(read(b"\0\0\0\x09freeab"), (*b"free", 8, 9, 1));
        assert_eq!(read(b"\0\0\0\0freeab"), (*b"free", 8, 10, 2));
        assert_eq!(read(&[large(17), vec![0; 9]].concat()), (*b"mdat", 16, 17, 1));
        assert_eq!(read(&large(16)), (*b"mdat", 16, 16, 0));
    }

    #[test]
    fn a_size_below_that_of_the_header_is_refused() {
        assert!(refusal(b"\0\0\0\x07free").contains("size 7 is less"));
        // There is no room for a size of 64 bits.
        assert!(refusal(&large(16)[..15]).contains("size 1 is less"));
        assert!(refusal(&large(15)).contains("size 15 is less"));
        assert!(refusal(&large(0)).contains("size 0 is less"));
    }

    #[test]
    fn a_box_past_the_end_is_refused() {
        assert!(refusal(b"\0\0\0\x09free").contains("size 9 reaches past the 8 bytes"));
        assert!(refusal(&large(17)).contains("size 17 reaches past the 16 bytes"));
        assert!(refusal(&large(u64::MAX)).contains("reaches past the 16 bytes"));
    }

    #[test]
    fn fewer_bytes_than_a_header_are_no_box() {
        assert_eq!(first(b"\0\0\0\x08fre").unwrap(), None);
        assert_eq!(first(b"").unwrap(), None);
        assert_eq!(Reader::new(&Vec::new(), 0).header(9, 3).unwrap(), None);
    }

    #[test]
    fn a_child_past_the_end_of_its_container_is_refused() {
        // The inner box fits in the file, but not in the one around it.
        let mut file = [make_box(b"moov", make_box(b"trak", [0; 4])), make_box(b"free", [0; 64])].concat();
        file[11] += 1;
        let len = file.len() as u64;
        let mut reader = Reader::new(&file, len);
        let moov = reader.header(0, len).unwrap().unwrap();
        let error = reader.children(moov.payload(), moov.end()).unwrap_err().to_string();
        assert!(error.contains("size 13 reaches past the 12 bytes"), "{error}");
    }

    #[test]
    fn what_comes_before_an_unreadable_child_is_read() {
        let file = [make_box(b"aaaa", [0; 4]), make_box(b"bbbb", []), b"\0\0\0\x03cccc".to_vec()].concat();
        let len = file.len() as u64;
        let mut reader = Reader::new(&file, len);
        let (children, error) = reader.readable_children(0, len).unwrap();
        assert_eq!(children.iter().map(|c| c.box_type.0).collect::<Vec<_>>(), [*b"aaaa", *b"bbbb"]);
        assert!(error.unwrap().to_string().contains("size 3"));
        reader.children(0, len).unwrap_err();
    }

    #[test]
    fn zeros_end_a_container() {
        // Four, as in a udta; and eight, which would be a box of no name to the end.
        for zeros in [4, 8] {
            let file = [make_box(b"aaaa", []), vec![0; zeros]].concat();
            let len = file.len() as u64;
            assert_eq!(Reader::new(&file, len).children(0, len).unwrap().len(), 1, "{zeros}");
        }
    }

    #[test]
    fn a_container_has_no_more_children_than_the_limit() {
        let children = |count: usize| {
            let file = make_box(b"abcd", []).repeat(count);
            let len = file.len() as u64;
            Reader::new(&file, len).children(0, len).map(|children| children.len())
        };
        assert_eq!(children(CHILDREN).unwrap(), CHILDREN);
        assert!(children(CHILDREN + 1).unwrap_err().to_string().contains("more than 4096 boxes"));
    }

    #[test]
    fn a_small_box_is_read_whole_and_a_large_one_not_at_all() {
        let payload = |len: usize, min| {
            let file = make_box(b"abcd", vec![7; len]);
            let mut reader = Reader::new(&file, file.len() as u64);
            let header = reader.header(0, file.len() as u64)?.unwrap();
            reader.payload(&header, min).map(<[u8]>::len)
        };
        assert_eq!(payload(SMALL_BOX, 0).unwrap(), SMALL_BOX);
        assert!(payload(SMALL_BOX + 1, 0).unwrap_err().to_string().contains("more than the 1048576"));
        assert_eq!(payload(4, 4).unwrap(), 4);
        assert!(payload(3, 4).unwrap_err().to_string().contains("at least 4 are needed"));
    }

    #[test]
    fn no_bytes_are_read_past_the_end() {
        let file = b"0123456789".to_vec();
        let mut reader = Reader::new(&file, 10);
        assert_eq!(reader.bytes(7, 3).unwrap(), b"789");
        assert_eq!(reader.bytes(10, 0).unwrap(), b"");
        for (offset, len) in [(7, 4), (11, 0), (u64::MAX, 1), (0, SMALL_BOX + 1)] {
            let error = reader.bytes(offset, len).unwrap_err();
            assert!(error.is_unread(), "{offset} {len}");
            assert!(!reader.holds(offset, len as u64) || len > SMALL_BOX);
        }
        // The file is shorter than it was.
        let mut reader = Reader::new(&file, 20);
        assert!(reader.bytes(4, 8).unwrap_err().is_unread());
        // The window that could not be filled holds nothing.
        assert!(reader.bytes(4, 2).unwrap_err().is_unread());
    }

    #[test]
    fn generated_bytes_have_an_end_of_their_own() {
        let file = b"0123456789".to_vec();
        let mut reader = Reader::with_generated(&file, 10, 5);
        assert!(reader.holds(GENERATED, 5) && !reader.holds(GENERATED, 6));
        assert!(reader.holds(9, 1) && !reader.holds(9, 2));
        assert!(!Reader::new(&file, 10).holds(GENERATED, 1));
        // This file does not generate any.
        assert!(reader.bytes(GENERATED, 5).unwrap_err().is_unread());
    }

    /// A file of which the lengths of all reads are added up.
    struct Counted(Vec<u8>, Cell<(u32, usize)>);

    impl ReadAt for Counted {
        fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
            let (calls, bytes) = self.1.get();
            self.1.set((calls + 1, bytes + out.len()));
            self.0.read_at(out, offset)
        }
    }

    #[test]
    fn neighbours_are_read_at_once() {
        let file = Counted((0..=255).cycle().take(3 * WINDOW).collect(), Cell::new((0, 0)));
        let len = 3 * WINDOW as u64;
        let mut reader = Reader::new(&file, len);
        for at in [0, 8, 200, 100, WINDOW as u64 - 1] {
            assert_eq!(reader.bytes(at, 1).unwrap(), [u8::try_from(at % 256).unwrap()]);
        }
        assert_eq!(file.1.get(), (1, WINDOW));
        // Over the end of the window, and before its start.
        assert_eq!(reader.bytes(WINDOW as u64 - 1, 2).unwrap(), [255, 0]);
        assert_eq!(reader.bytes(3, 2).unwrap(), [3, 4]);
        assert_eq!(file.1.replace((0, 0)), (3, 3 * WINDOW));
        let mut reader = reader.for_one_box();
        reader.bytes(len - 300, 9).unwrap();
        reader.bytes(len - 4, 4).unwrap();
        assert_eq!(file.1.replace((0, 0)), (2, ONE_BOX + 4));
        reader.read_ahead(16);
        reader.bytes(0, 4).unwrap();
        assert_eq!(file.1.get(), (1, 16));
    }
}
