//! What a server's configuration says about requests.

use super::Parameters;

/// How a clip begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// At the sync sample presented at or before the start that was asked for.
    Keyframe,
    /// At the frame that is on screen at the start that was asked for.
    #[default]
    Exact,
}

impl std::str::FromStr for Mode {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        match s {
            "keyframe" => Ok(Self::Keyframe),
            "exact" => Ok(Self::Exact),
            _ => Err(()),
        }
    }
}

/// What the server's configuration says for this request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// The mode where the query names none.
    pub mode: Mode,
    /// What the parameters of a query are called.
    pub parameters: Parameters,
    /// Whether every value must be of the form its parameter takes, as where a person wrote it for
    /// us. In a link, other values may be somebody else's.
    pub is_strict: bool,
}

/// The extensions served when the configuration names none.
pub const DEFAULT_EXTENSIONS: &[&str] =
    &[".mp4", ".m4v", ".m4a", ".m4b", ".mov", ".f4v", ".3gp", ".3g2", ".flv"];

/// Whether `path` ends in one of `extensions` (ASCII case does not matter; with
/// or without the leading dot).
pub fn has_extension<'a>(path: &[u8], extensions: impl IntoIterator<Item = &'a [u8]>) -> bool {
    let name = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
    extensions.into_iter().any(|ext| {
        let ext = ext.strip_prefix(b".").unwrap_or(ext);
        let at = name.len().checked_sub(ext.len() + 1).filter(|_| !ext.is_empty());
        at.and_then(|at| name.get(at..))
            .is_some_and(|end| end.strip_prefix(b".").is_some_and(|e| e.eq_ignore_ascii_case(ext)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_is_the_end_of_the_name() {
        let ours =
            |path: &str| has_extension(path.as_bytes(), DEFAULT_EXTENSIONS.iter().map(|e| e.as_bytes()));
        assert!(ours("/a/b.mp4") && ours("/a/b.MP4") && ours("c.m4v") && ours("/x.y/.mp4"));
        assert!(!ours("/a/mp4") && !ours("/a.mp4/b") && !ours("/a/b.mp4x") && !ours("") && !ours("/"));
        assert!(has_extension(b"a.mp4", [&b"mp4"[..]]) && !has_extension(b"a.", [&b""[..]]));
    }
}
