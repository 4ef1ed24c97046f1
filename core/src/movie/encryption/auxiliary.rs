//! What is known of the sample auxiliary information of a track.

use std::ops::Range;

use crate::boxes::{
    BoxHeader, ChunkOffsets, FormatError, SUBSAMPLES, SampleSizes, SencBox, TableReader, WHOLE_SAMPLES,
    clear_senc_entry, has_subsamples,
};
use crate::limits;
use crate::numbers::SampleNumber;
use crate::source::ReadAt;

/// The auxiliary information of a track.
#[derive(Debug)]
pub enum Auxiliary {
    /// Located by `saiz` and `saio`.
    Located(LocatedAuxiliary),
    /// A `senc` alone, or the `uuid` box that it was before it had that name.
    Senc(SencBox),
}

/// Auxiliary information that `saiz` and `saio` locate.
#[derive(Debug)]
pub struct LocatedAuxiliary {
    /// The `saiz` that has the lengths. Another one is about something else.
    pub(super) saiz: BoxHeader,
    /// The `saio` that has the places, if there is one about encryption.
    pub(super) saio: Option<BoxHeader>,
    /// `aux_info_type` and its parameter, where the boxes say them.
    pub kind: Option<[u8; 8]>,
    /// Length for all samples; 0 when each has its own.
    pub default_size: u8,
    /// Lengths; of samples past the last, none.
    pub sizes: SampleSizes,
    /// Where it stands.
    pub place: AuxiliaryPlace,
    /// Version and flags of the `senc`, if there is one.
    pub senc: Option<[u8; 4]>,
    /// Bytes of the initialisation vector of a sample.
    pub(super) vector: u8,
}

/// Where auxiliary information stands.
#[derive(Debug)]
pub enum AuxiliaryPlace {
    /// All of it in one range, which begins here.
    Range(u64),
    /// That of each chunk in a place of its own.
    Chunks {
        /// Those places.
        offsets: ChunkOffsets,
        /// What of the file holds them all.
        bounds: Range<u64>,
    },
}

impl Auxiliary {
    /// Whether this `saiz` or `saio` is the one that locates it.
    pub fn is_located_by(&self, header: &BoxHeader) -> bool {
        match self {
            Self::Located(located) => located.saiz == *header || located.saio == Some(*header),
            Self::Senc(_) => false,
        }
    }

    /// Memory held besides the struct itself.
    pub(crate) fn heap_size(&self) -> usize {
        match self {
            Self::Senc(senc) => senc.heap_size(),
            Self::Located(located) => {
                let places = match &located.place {
                    AuxiliaryPlace::Range(_) => 0,
                    AuxiliaryPlace::Chunks { offsets, .. } => offsets.heap_size(),
                };
                located.sizes.heap_size() + places
            }
        }
    }
}

/// Which kinds of entries there are.
#[derive(Default)]
struct Found {
    vectors: bool,
    subsamples: bool,
    others: bool,
}

impl Found {
    /// Adds an entry of so many bytes (ISO/IEC 23001-7, 7.2.2): a vector, or a vector, a number of
    /// subsamples in 2 bytes, and 6 bytes for each.
    fn add(&mut self, size: u32, vector: u32) {
        match size.checked_sub(vector) {
            _ if size == 0 => {}
            Some(0) => self.vectors = true,
            Some(more) if more >= 2 && (more - 2) % 6 == 0 => self.subsamples = true,
            _ => self.others = true,
        }
    }

    /// The flags that are right for all of them.
    fn flags(&self) -> Option<[u8; 4]> {
        match (self.vectors, self.subsamples, self.others) {
            (true, false, false) => Some(WHOLE_SAMPLES),
            (false, true, false) => Some(SUBSAMPLES),
            _ => None,
        }
    }
}

impl LocatedAuxiliary {
    /// How many of the samples in `range`, from the first on, have an entry.
    pub fn covered(&self, range: &Range<SampleNumber>) -> u32 {
        range.end.min(SampleNumber(self.sizes.count())) - range.start
    }

    /// Bytes of the information of the samples in `range`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn bytes<R: ReadAt>(&self, source: &R, range: &Range<SampleNumber>) -> Result<u64, FormatError> {
        self.sizes.bytes(source, range.start.0..range.start.0 + self.covered(range))
    }

    /// The samples in `range` that have no information, because they are not encrypted, where
    /// others are. `None`, if they are more than [`limits::CLEAR_SAMPLES`].
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn clear<R: ReadAt>(
        &self,
        source: &R,
        range: &Range<SampleNumber>,
    ) -> Result<Option<Vec<SampleNumber>>, FormatError> {
        let SampleSizes::Table { table, .. } = &self.sizes else { return Ok(Some(Vec::new())) };
        // With a constant vector, no entry says that all of a sample is encrypted, if entries do
        // not say which parts are (ISO/IEC 23001-7, 10.4).
        if self.vector == 0 && self.senc.is_some_and(|flags| !has_subsamples(flags)) {
            return Ok(Some(Vec::new()));
        }
        let mut sizes = TableReader::new(source, *table, 4096);
        let (mut next, end) = (range.start.0, range.start.0 + self.covered(range));
        let mut clear = Vec::new();
        while next < end {
            let window = sizes.entries(next)?;
            let numbered = (next..end).zip(window);
            clear.extend(numbered.filter(|(_, size)| **size == 0).map(|(sample, _)| SampleNumber(sample)));
            if clear.len() > limits::CLEAR_SAMPLES {
                return Ok(None);
            }
            next = next.saturating_add(u32::try_from(window.len()).unwrap_or(u32::MAX));
        }
        Ok(Some(clear))
    }

    /// Version and flags of a `senc` of the entries of these samples: those of the film's, or those
    /// that the lengths of all entries show; `None` where these agree with neither.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn senc_flags<R: ReadAt>(
        &self,
        source: &R,
        ranges: impl Iterator<Item = Range<SampleNumber>>,
    ) -> Result<Option<[u8; 4]>, FormatError> {
        if self.senc.is_some() {
            return Ok(self.senc);
        }
        let mut found = Found::default();
        for range in ranges {
            let covered = self.covered(&range);
            let mut sizes = self.sizes.reader(source, range.start.0..range.start.0 + covered);
            sizes.each(covered, |size| found.add(size, self.vector.into()))?;
        }
        Ok(found.flags())
    }

    /// An entry for a sample of `size` bytes of which none is encrypted; `None` for a sample that
    /// is too large.
    pub fn clear_entry(&self, size: u64) -> Option<Vec<u8>> {
        clear_senc_entry(self.vector, size)
    }
}
