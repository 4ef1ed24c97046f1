//! Why there is no plan.

use crate::boxes::{BoxType, FormatError};
use crate::limits;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// It would take more than moving boxes to have the metadata of the whole movie first.
    #[error(transparent)]
    NotMovable(#[from] NotMovable),
    /// A box of the answer does not fit the 32 bits of its size (ISO/IEC 14496-12, 4.2.2).
    #[error("the {0} box of the clip would be over 4 GiB")]
    LargeBox(BoxType),
    /// A table has more entries than its count has bits for.
    #[error("more {0} entries than can be counted")]
    ManyEntries(BoxType),
    /// The metadata is over the limit.
    #[error("the answer's metadata would be larger than the {} bytes we take", limits::MOOV_OF_CLIP)]
    LargeMetadata,
    /// The auxiliary information of a track is longer than a box can be.
    #[error("over 4 GiB of auxiliary information")]
    LargeAuxiliary,
    /// Samples amid the clip have no auxiliary information, and ones behind them do.
    #[error("auxiliary information that ends before the last sample, and is needed behind that")]
    SparseAuxiliary,
    /// A sample lasts longer than its entry can say (8.6.1.2).
    #[error("stts: a duration of more than 32 bits")]
    LongDuration,
    /// The movie has something that fragments cannot hold, or that is not written in them yet.
    #[error("cannot be sent in fragments: {0}")]
    Unfragmentable(&'static str),
    /// A playlist or manifest would have more segments than one may have.
    #[error(
        "the tracks have more than the {} segments together that a playlist or manifest may have",
        limits::SEGMENTS_OF_TEXT
    )]
    ManySegments,
    /// The file cannot be read or cut.
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// Why a file stays as it is, although its metadata does not come first.
#[derive(Debug, thiserror::Error)]
pub enum NotMovable {
    /// A track that was not read may have any boxes. Its `trak` is at this offset of the file.
    #[error("a track that cannot be read, at byte {0}")]
    UnreadTrack(u64),
    /// A `meta` states places in the file (8.11.3).
    #[error("a {0} box with item locations")]
    ItemLocations(BoxType),
    /// A data reference names another file (8.7.2).
    #[error("media in another file")]
    ExternalMedia,
    /// `saio` (8.7.9) states places that are neither in the media nor in the `moov`, or those of
    /// information that is not about encryption.
    #[error("sample auxiliary information at places that we cannot move (saio)")]
    AuxiliaryElsewhere,
    /// `saio` states a place of which the answer has no copy.
    #[error("auxiliary information that is not sent")]
    AuxiliaryNotSent,
    /// A chunk is neither in an `mdat` nor in another box that is sent as it is.
    #[error("samples that lie in no media box")]
    SamplesOutside,
}
