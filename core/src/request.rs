//! The query string of a request.

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

/// The extensions served when the configuration names none.
pub const DEFAULT_EXTENSIONS: &[&str] =
    &[".mp4", ".m4v", ".m4a", ".m4b", ".mov", ".f4v", ".3gp", ".3g2", ".flv"];

/// Whether `path` ends in one of `extensions` (ASCII case does not matter; with
/// or without the leading dot).
pub fn has_extension<'a>(path: &[u8], extensions: impl IntoIterator<Item = &'a [u8]>) -> bool {
    let name = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
    extensions.into_iter().any(|ext| {
        let ext = ext.strip_prefix(b".").unwrap_or(ext);
        name.len() > ext.len() + 1
            && !ext.is_empty()
            && name.get(name.len() - ext.len() - 1) == Some(&b'.')
            && name.get(name.len() - ext.len()..).is_some_and(|e| e.eq_ignore_ascii_case(ext))
    })
}
