//! The boxes of a `moov` as a tree that can be edited.

use test_boxes::{boxes, make_box};

/// A box of a `moov`.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) box_type: [u8; 4],
    pub(super) body: Body,
}

/// What a box contains.
#[derive(Debug, Clone)]
pub(super) enum Body {
    Leaf(Vec<u8>),
    Tree(Vec<Node>),
}

impl Node {
    /// A `moov` of these boxes, as bytes.
    pub(super) fn moov(nodes: &[Self]) -> Vec<u8> {
        make_box(b"moov", serialize(nodes))
    }

    /// The boxes at the end of a path below this box.
    pub(super) fn tree_mut(&mut self, path: &[[u8; 4]]) -> &mut Vec<Self> {
        let Body::Tree(nodes) = &mut self.body else { panic!("{} is no container", name(&self.box_type)) };
        let Some((box_type, rest)) = path.split_first() else { return nodes };
        let node = nodes.iter_mut().find(|n| n.box_type == *box_type);
        node.unwrap_or_else(|| panic!("no {}", name(box_type))).tree_mut(rest)
    }

    /// The chunk offsets of all boxes below this box.
    pub(super) fn chunk_offsets(&self) -> Vec<u64> {
        match &self.body {
            Body::Leaf(body) if matches!(&self.box_type, b"stco" | b"co64") => {
                read_offsets(self.box_type, body)
            }
            Body::Leaf(_) => Vec::new(),
            Body::Tree(nodes) => nodes.iter().flat_map(Self::chunk_offsets).collect(),
        }
    }
}

/// Takes the content of a `moov` apart.
pub(super) fn parse(bytes: &[u8]) -> Vec<Node> {
    const CONTAINERS: [&[u8; 4]; 5] = [b"trak", b"edts", b"mdia", b"minf", b"stbl"];
    let node = |found: test_boxes::Located| {
        let content = &bytes[found.content];
        let is_container = CONTAINERS.contains(&&found.box_type);
        let body = if is_container { Body::Tree(parse(content)) } else { Body::Leaf(content.to_vec()) };
        Node { box_type: found.box_type, body }
    };
    boxes(bytes).into_iter().map(node).collect()
}

fn serialize(nodes: &[Node]) -> Vec<u8> {
    let bytes = |node: &Node| match &node.body {
        Body::Leaf(bytes) => make_box(&node.box_type, bytes),
        Body::Tree(nodes) => make_box(&node.box_type, serialize(nodes)),
    };
    nodes.iter().flat_map(bytes).collect()
}

/// The content of the box at the end of a path.
pub(super) fn leaf<'a>(nodes: &'a [Node], path: &[[u8; 4]]) -> &'a Vec<u8> {
    let (box_type, rest) = path.split_first().expect("a path");
    let node = nodes.iter().find(|n| n.box_type == *box_type);
    match &node.unwrap_or_else(|| panic!("no {}", name(box_type))).body {
        Body::Leaf(bytes) if rest.is_empty() => bytes,
        Body::Tree(nodes) => leaf(nodes, rest),
        Body::Leaf(_) => panic!("{} is no container", name(box_type)),
    }
}

/// The content of the box at the end of a path, to be changed.
pub(super) fn leaf_mut<'a>(nodes: &'a mut [Node], path: &[[u8; 4]]) -> &'a mut Vec<u8> {
    let (box_type, rest) = path.split_first().expect("a path");
    let node = nodes.iter_mut().find(|n| n.box_type == *box_type);
    match &mut node.unwrap_or_else(|| panic!("no {}", name(box_type))).body {
        Body::Leaf(bytes) if rest.is_empty() => bytes,
        Body::Tree(nodes) => leaf_mut(nodes, rest),
        Body::Leaf(_) => panic!("{} is no container", name(box_type)),
    }
}

/// Replaces every chunk offset, and writes all of them in 64 bits if they are to be `wide`.
pub(super) fn relocate(nodes: &mut [Node], wide: bool, to: &impl Fn(u64) -> u64) {
    for node in nodes {
        match &mut node.body {
            Body::Leaf(body) if matches!(&node.box_type, b"stco" | b"co64") => {
                let offsets = read_offsets(node.box_type, body);
                body.truncate(8);
                for offset in offsets.into_iter().map(to) {
                    if wide {
                        body.extend(offset.to_be_bytes());
                    } else {
                        body.extend((offset as u32).to_be_bytes());
                    }
                }
                node.box_type = if wide { *b"co64" } else { *b"stco" };
            }
            Body::Leaf(_) => {}
            Body::Tree(nodes) => relocate(nodes, wide, to),
        }
    }
}

fn read_offsets(box_type: [u8; 4], body: &[u8]) -> Vec<u64> {
    let width = if box_type == *b"co64" { 8 } else { 4 };
    body[8..].chunks_exact(width).map(|c| c.iter().fold(0, |n, &b| n << 8 | u64::from(b))).collect()
}

fn name(box_type: &[u8; 4]) -> impl std::fmt::Display {
    box_type.escape_ascii()
}
