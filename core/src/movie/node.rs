//! The boxes of the `moov`, as a tree.

use crate::boxes::{BoxCounter, BoxHeader, BoxType, FormatError, Reader};
use crate::source::ReadAt;

/// A box of the `moov`.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it stands.
    pub header: BoxHeader,
    /// The boxes in it, where a cut may change one of them.
    pub children: Vec<Node>,
    /// For a `trak`, which of the tracks it is.
    pub track: Option<usize>,
}

impl Node {
    /// The only child of a type.
    ///
    /// # Errors
    /// When there is a second one: players differ in which of the two they take.
    pub fn child(&self, box_type: &[u8; 4]) -> Result<Option<&Node>, FormatError> {
        let mut found = self.children.iter().filter(|c| &c.header.box_type.0 == box_type);
        let first = found.next();
        match found.next() {
            Some(second) => Err(second.header.error("a second box of its kind")),
            None => Ok(first),
        }
    }

    /// The first box of these types, each in the one before it.
    pub(crate) fn at(&self, path: &[&[u8; 4]]) -> Option<&Node> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        self.children.iter().find(|c| &c.header.box_type.0 == *first)?.at(rest)
    }

    /// As [`Self::at`].
    pub(crate) fn descend(&mut self, path: &[&[u8; 4]]) -> Option<&mut Node> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        self.children.iter_mut().find(|c| &c.header.box_type.0 == *first)?.descend(rest)
    }

    /// The only child of either of two types that serve the same purpose.
    pub(crate) fn either(&self, one: &[u8; 4], other: &[u8; 4]) -> Result<&Node, FormatError> {
        match (self.child(one)?, self.child(other)?) {
            (Some(_), Some(second)) => Err(second.header.error(format!("there is a {} too", BoxType(*one)))),
            (Some(found), None) | (None, Some(found)) => Ok(found),
            (None, None) => {
                Err(self.header.error(format!("no {} or {} in it", BoxType(*one), BoxType(*other))))
            }
        }
    }

    /// The only child of this type.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub(crate) fn need(&self, box_type: &[u8; 4]) -> Result<&Node, FormatError> {
        self.child(box_type)?.ok_or_else(|| self.header.error(format!("no {} in it", BoxType(*box_type))))
    }
}

/// Reads the tree below a container; `budget` is how many boxes more may be in it.
///
/// # Errors
/// What is wrong with the first box that cannot be taken; the others are there, unless it is
/// [of the movie](FormatError::is_of_movie).
pub(super) fn read_tree<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    parent: &mut Node,
    budget: &mut usize,
) -> Result<(), FormatError> {
    let of = parent.header;
    let (children, junk) = reader.readable_children(of.payload(), of.end())?;
    // No box in a `udta` has to be read, so it may hold anything.
    if junk.is_some() && &of.box_type.0 == b"udta" {
        return Ok(());
    }
    *budget = budget.checked_sub(BoxCounter::of(&children)).ok_or(FormatError::ManyBoxes)?;
    let mut wrong = None;
    for header in children {
        // Depth is bounded by this list: no box is in it as its own parent.
        let is_container = matches!(
            (&of.box_type.0, &header.box_type.0),
            (b"trak", b"mdia" | b"edts") | (b"mdia", b"minf") | (b"minf", b"stbl")
        );
        // 8.3.3: it stands in the `trak`. Elsewhere there could be thousands, whose IDs a clip holds.
        if &header.box_type.0 == b"tref" && &of.box_type.0 != b"trak" {
            continue;
        }
        if is_container && parent.children.iter().any(|n| n.header.box_type == header.box_type) {
            wrong = wrong.or_else(|| Some(header.error("a second box of its kind")));
            continue;
        }
        let mut child = Node { header, children: Vec::new(), track: None };
        if is_container {
            match read_tree(reader, &mut child, budget) {
                Err(e) if e.is_of_movie() => return Err(e),
                read => wrong = wrong.or(read.err()),
            }
        }
        parent.children.push(child);
    }
    wrong.or(junk).map_or(Ok(()), Err)
}
