//! Why a file cannot be read as an MP4, or not cut.

use std::io;

use super::{BoxHeader, BoxType};
use crate::limits;
use crate::source::ReadBudgetSpent;

/// Why a file cannot be read as an MP4, or not cut.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// A box says something that cannot be.
    #[error("{box_type} box at byte {offset}: {reason}")]
    Box {
        /// The box at fault.
        box_type: BoxType,
        /// Its offset in the file.
        offset: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The file could not be read at a place.
    #[error("cannot read at byte {offset}: {source}")]
    Io {
        /// Where in the file.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be read for now, wherever: it changed, nobody wants the answer any more, or
    /// the reader may not wait.
    #[error("cannot read the film: {0}")]
    Unavailable(#[source] io::Error),
    /// To cut the file would take too long.
    #[error(transparent)]
    ReadBudget(ReadBudgetSpent),

    /// There is not one byte.
    #[error("the file is empty")]
    Empty,
    /// The first bytes are those of another format, of this media type.
    #[error("not an MP4: by its first bytes it is {0}")]
    OtherFormat(&'static str),
    /// The first bytes are no box that an MP4 may begin with.
    #[error("not an MP4: its first bytes are no box of one")]
    NoBoxes,
    /// The top level has no `moov` (ISO/IEC 14496-12, 8.2.1).
    #[error("no moov box: not an MP4 film, or one still being written")]
    NoMoov,
    /// An FLV has not even its header.
    #[error("an FLV that ends in its header")]
    ShortFlv,
    /// The end of the file is missing.
    #[error("the film is cut off: what was asked for lies up to byte {end}, the file has {file_len}")]
    CutOff {
        /// Where the samples of the clip end.
        end: u64,
        /// Where the file ends.
        file_len: u64,
    },

    /// What is read now is not what was indexed.
    #[error("the film changed while it was read")]
    Changed,
    /// A run-length table is not the one that was indexed.
    #[error("the {kind} table at byte {offset} changed while it was read")]
    TableChanged {
        /// Which table.
        kind: String,
        /// Where its entries begin in the file.
        offset: u64,
    },

    /// The samples of this chunk, counted from 1, lie past the last byte that any file can have.
    #[error("chunk {0} ends past 64 bits")]
    ChunkOverflow(u32),
    /// A decode time (8.6.1.2) is larger than we can count.
    #[error("stts: decode times need more than 63 bits")]
    DecodeTimeOverflow,
    /// The durations of all samples (8.6.1.2) add up to more than we can count.
    #[error("stts: durations add up to more than 61 bits")]
    DurationOverflow,

    /// The samples of a clip need a longer list of places than we keep.
    #[error(
        "what was asked for lies in more than {most} places of the file, in no order; a shorter part, or \
         all tracks, can be had"
    )]
    Scattered {
        /// How many places there may be.
        most: usize,
    },
    /// The scenes of a clip have more samples than a box counts (ISO/IEC 14496-12, 8.7.3).
    #[error("what was asked for has more samples than can be counted; a shorter part can be had")]
    ManySamplesOfClip,
    /// The `moov` has more boxes than we look at.
    #[error("more than {} boxes in the moov", limits::MOOV_BOXES)]
    ManyBoxes,
    /// To note where each track is in all movie fragments would take more memory than we take.
    #[error("more fragments than we take in a film of {tracks} tracks")]
    ManyFragments {
        /// How many tracks there are.
        tracks: usize,
    },
    /// A movie fragment has more track runs than we take.
    #[error("more than {} runs in one fragment", limits::RUNS)]
    ManyRuns,
    /// The movie fragments have more samples than we take.
    #[error("{samples} samples in fragments, more than the {most} we take")]
    ManySamples {
        /// How many there are.
        samples: u64,
        /// How many there may be.
        most: u64,
    },
    /// The movie fragments have more sample auxiliary information than we take.
    #[error("over {most} bytes of auxiliary information in fragments")]
    LargeAuxiliary {
        /// How many bytes there may be.
        most: u64,
    },
    /// The movie fragments have more sample groupings than we take.
    #[error("more than {} sample groupings in fragments", limits::GROUPINGS)]
    ManyGroupings,
    /// The movie fragments say of more runs of samples in which group they are than we take.
    #[error("more than {most} groups of samples in fragments")]
    ManyGroups {
        /// How many there may be.
        most: u64,
    },
    /// A fragment, or the `moov` of a movie in fragments, has more tables than we keep.
    #[error("over {most} bytes of tables in single fragments")]
    LargeTables {
        /// How many bytes there may be.
        most: usize,
    },
    /// A sample grouping has more descriptions than we take.
    #[error(
        "more different descriptions of one grouping in fragments than the {} of up to {} bytes that we take",
        limits::DESCRIPTIONS,
        limits::SMALL_BOX
    )]
    ManyDescriptions,
}

impl FormatError {
    /// What reading at `offset` gave.
    pub(crate) fn read(offset: u64, error: io::Error) -> Self {
        match error.downcast::<ReadBudgetSpent>() {
            Ok(spent) => Self::ReadBudget(spent),
            Err(source) => Self::Io { offset, source },
        }
    }

    /// What the system said, where the file itself may be intact.
    pub fn io_error(&self) -> Option<&io::Error> {
        match self {
            Self::Io { source, .. } | Self::Unavailable(source) => Some(source),
            _ => None,
        }
    }

    /// Whether this is no fault of a single track, so that the movie cannot do without it.
    pub(crate) fn is_of_movie(&self) -> bool {
        self.is_unread() || matches!(self, Self::ManyBoxes)
    }

    /// Whether reading was given up, so that nothing is known of what would have been read. Whoever
    /// makes do without a damaged box must pass such an error on.
    pub(crate) fn is_unread(&self) -> bool {
        matches!(self, Self::ReadBudget(_)) || self.io_error().is_some()
    }
}

/// Why sample auxiliary information (8.7.8) is not taken.
#[derive(Debug)]
pub(crate) enum AuxiliaryError {
    /// This box has a shape that we cannot cut. All else of the track can be cut.
    Unsupported(BoxHeader),
    /// The file cannot be read, or not cut at all.
    Format(FormatError),
}

impl AuxiliaryError {
    /// The box whose shape we cannot cut.
    ///
    /// # Errors
    /// Where the file is at fault.
    pub(crate) fn unsupported(self) -> Result<BoxHeader, FormatError> {
        match self {
            Self::Unsupported(header) => Ok(header),
            Self::Format(e) => Err(e),
        }
    }
}

impl From<FormatError> for AuxiliaryError {
    fn from(e: FormatError) -> Self {
        Self::Format(e)
    }
}

impl From<FormatError> for io::Error {
    fn from(e: FormatError) -> Self {
        match e {
            FormatError::Io { source, .. } | FormatError::Unavailable(source) => source,
            FormatError::ReadBudget(spent) => Self::other(spent),
            e => Self::new(io::ErrorKind::InvalidData, e.to_string()),
        }
    }
}

impl BoxHeader {
    /// A complaint about this box.
    pub fn error(&self, reason: impl Into<String>) -> FormatError {
        FormatError::Box { box_type: self.box_type, offset: self.offset, reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_budget_stays_one_on_its_way_through_io() {
        let spent = FormatError::read(7, io::Error::other(ReadBudgetSpent));
        assert!(matches!(spent, FormatError::ReadBudget(_)) && spent.is_unread(), "{spent:?}");
        let again = FormatError::read(7, spent.into());
        assert!(matches!(again, FormatError::ReadBudget(_)), "{again:?}");
        let other = FormatError::read(7, io::ErrorKind::WouldBlock.into());
        assert_eq!(other.io_error().map(io::Error::kind), Some(io::ErrorKind::WouldBlock));
    }
}
