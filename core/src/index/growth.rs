//! Whether a movie is still being recorded.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::boxes::{FormatError, Reader, find_mfra};
use crate::movie::Node;
use crate::source::{Identity, ReadAt};

/// What the boxes of a movie say of its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum End {
    /// It is known: the movie has no fragments, or says in front how long they last (`mehd`,
    /// 8.8.2).
    #[default]
    Known,
    /// Its writer has ended it with an `mfra` (8.8.9).
    Marked,
    /// More fragments may follow.
    Open,
}

impl End {
    /// The end of a movie in fragments.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn of_fragments<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        moov: &Node,
    ) -> Result<Self, FormatError> {
        let mvex = moov.at(&[b"mvex"]).map(|node| node.header);
        let in_mvex = mvex.map(|mvex| reader.children(mvex.payload(), mvex.end())).transpose()?;
        let mehd = in_mvex.into_iter().flatten().find(|header| &header.box_type.0 == b"mehd");
        if let Some(mehd) = mehd {
            let len = usize::try_from(mehd.payload_len().min(12)).unwrap_or(0);
            // Version and flags, then the duration, which live recorders leave at 0.
            if reader.bytes(mehd.payload(), len)?.iter().skip(4).any(|&byte| byte != 0) {
                return Ok(Self::Known);
            }
        }
        Ok(match find_mfra(reader) {
            Ok(Some(_)) => Self::Marked,
            Err(e) if e.is_unread() => return Err(e),
            _ => Self::Open,
        })
    }
}

/// Whether a movie is still being recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Growth {
    /// It is at rest.
    None,
    /// More may follow.
    Growing,
    /// It has ended a moment ago: who plays it since then may still ask what there is more of it.
    Ended,
}

/// How long nothing is written to a recording that goes on: cameras and encoders write a fragment
/// every few seconds. What is not written to for longer has ended without a mark.
const PAUSE: Duration = Duration::from_secs(60);

/// How long players that play a recording since before its end are thought of. They ask again after
/// some seconds.
const AFTERWARDS: Duration = Duration::from_secs(120);

impl End {
    /// Whether a movie with this end, whose file has this identity, is still being recorded.
    pub(super) fn growth(self, identity: &Identity, now: SystemTime) -> Growth {
        let modified = u64::try_from(identity.mtime).unwrap_or(0);
        let modified = UNIX_EPOCH.checked_add(Duration::from_secs(modified)).unwrap_or(UNIX_EPOCH);
        // A time in the future is one of a clock that is ahead of this one.
        let age = now.duration_since(modified).unwrap_or_else(|ahead| ahead.duration());
        match self {
            Self::Known => Growth::None,
            Self::Open if age < PAUSE => Growth::Growing,
            _ if age < AFTERWARDS => Growth::Ended,
            _ => Growth::None,
        }
    }
}
