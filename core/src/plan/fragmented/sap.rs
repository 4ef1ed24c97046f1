//! How decoding begins with a segment.

/// How decoding begins with a segment: a type of stream access point (annex I).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sap {
    /// It needs the segment before.
    None,
    /// Type 1: all of its samples can be decoded, and its first is presented first.
    First,
    /// Type 3: pictures that follow the first are presented before it, and may need the segment
    /// before.
    Open,
}

impl Sap {
    /// The number of the type; 0 for none.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::First => 1,
            Self::Open => 3,
        }
    }
}
