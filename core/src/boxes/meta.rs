//! `meta` (8.11.1): a full box. QuickTime's `meta` is a plain one.

use super::BoxHeader;

/// Where the children of a `meta` may begin: after version and flags (4.2.2), or where QuickTime
/// has them.
pub fn meta_children_at(meta: &BoxHeader) -> [u64; 2] {
    [meta.payload() + 4, meta.payload()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box};

    #[test]
    fn children_follow_the_flags_or_the_header() {
        let child = make_box(b"hdlr", [0; 24]);
        for (content, place) in [([&[0; 4][..], &child].concat(), 0), (child, 1)] {
            read_box(make_box(b"meta", content), |reader, meta| {
                let from = meta_children_at(meta)[place];
                let children = reader.children(from, meta.end()).unwrap();
                assert_eq!(children.iter().map(|c| c.box_type.0).collect::<Vec<_>>(), [*b"hdlr"]);
            });
        }
    }
}
