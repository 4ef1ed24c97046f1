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
