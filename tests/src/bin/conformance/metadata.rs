//! How large a clip's metadata is beside that of nginx's mp4 module for the same clip, of the
//! boxes that both carry.

use std::collections::BTreeMap;

/// Size by path (`moov/trak/mdia/mdhd`), all boxes of that path together.
type Sizes = BTreeMap<String, u64>;

/// Our size over nginx's, and what is larger; `None` where they do not hold the same tracks, or
/// nginx's is no film.
pub(crate) fn ratio(ours: &[u8], theirs: &[u8]) -> Option<(f64, String)> {
    let (ours, theirs) = (sizes(ours), sizes(theirs));
    let tracks = |sizes: &Sizes| sizes.get("moov/trak/tkhd").copied();
    tracks(&theirs).filter(|_| tracks(&ours) == tracks(&theirs))?;
    let offsets = |path: &str| path.replace("co64", "stco");
    let sum = |sizes: &Sizes, other: &Sizes| -> u64 {
        let both = sizes.iter().filter(|(path, _)| other.keys().any(|p| offsets(p) == offsets(path)));
        both.map(|(_, size)| size).sum()
    };
    let ratio = sum(&ours, &theirs) as f64 / sum(&theirs, &ours) as f64;
    let larger = ours.iter().filter_map(|(path, size)| {
        let other = theirs.iter().find(|(p, _)| offsets(p) == offsets(path))?.1;
        (size > other).then(|| format!("{} {size} to {other}", path.rsplit('/').next().unwrap_or_default()))
    });
    let larger = larger.collect::<Vec<_>>().join(", ");
    Some((ratio, larger))
}

fn sizes(film: &[u8]) -> Sizes {
    let mut sizes = Sizes::new();
    walk(film, "", &mut sizes);
    sizes.retain(|path, _| path.starts_with("moov/"));
    sizes
}

fn walk(mut bytes: &[u8], within: &str, sizes: &mut Sizes) {
    while let Some((head, _)) = bytes.split_first_chunk::<8>() {
        let [a, b, c, d, kind @ ..] = *head;
        let size = u32::from_be_bytes([a, b, c, d]) as usize;
        let (Some(body), false) = (bytes.get(8..size), size < 8) else { return };
        let kind = String::from_utf8_lossy(&kind).into_owned();
        let path = format!("{within}{kind}");
        if ["moov", "trak", "mdia", "minf", "stbl", "edts", "dinf"].contains(&kind.as_str()) {
            walk(body, &format!("{path}/"), sizes);
        } else {
            *sizes.entry(path).or_default() += size as u64;
        }
        bytes = bytes.get(size..).unwrap_or_default();
    }
}
