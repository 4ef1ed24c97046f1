//! Modes, extensions and sizes as a server's configuration has them.

use super::time::digits;

/// How a clip begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// At the sync sample presented at or before the start that was asked for.
    Keyframe,
    /// At the frame that is on screen at the start that was asked for.
    #[default]
    Exact,
}

impl Mode {
    /// Reads the value of a directive. Case does not matter there.
    pub fn from_directive(value: &[u8]) -> Option<Self> {
        std::str::from_utf8(value).ok()?.to_ascii_lowercase().parse().ok()
    }

    /// What a query calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keyframe => "keyframe",
            Self::Exact => "exact",
        }
    }
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

/// Reads a whole number of seconds.
pub fn parse_seconds(value: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(value).ok()?;
    u32::try_from(digits(text)?).ok()
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

/// Whether `path` ends in one of the extensions served when the configuration names none.
pub fn has_default_extension(path: &[u8]) -> bool {
    has_extension(path, DEFAULT_EXTENSIONS.iter().map(|extension| extension.as_bytes()))
}

/// Whether the value of a directive can be the extension of a file name, with or without the dot.
pub fn is_extension(value: &[u8]) -> bool {
    // A pattern matches nothing.
    !value.strip_prefix(b".").unwrap_or(value).is_empty() && !value.iter().any(|b| b"/*?".contains(b))
}

/// Reads a number of bytes, which may end in K, M or G, in either case.
pub fn parse_size(value: &[u8]) -> Option<u64> {
    let (digits, unit) = match value {
        [digits @ .., b'K' | b'k'] => (digits, 1 << 10),
        [digits @ .., b'M' | b'm'] => (digits, 1 << 20),
        [digits @ .., b'G' | b'g'] => (digits, 1 << 30),
        digits => (digits, 1u64),
    };
    // A sign is no digit, though `parse` takes one.
    let digits =
        std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_is_the_end_of_the_name() {
        let ours = |path: &str| has_default_extension(path.as_bytes());
        assert!(ours("/a/b.mp4") && ours("/a/b.MP4") && ours("c.m4v") && ours("/x.y/.mp4"));
        assert!(!ours("/a/mp4") && !ours("/a.mp4/b") && !ours("/a/b.mp4x") && !ours("") && !ours("/"));
        assert!(has_extension(b"a.mp4", [&b"mp4"[..]]) && !has_extension(b"a.", [&b""[..]]));
    }
    #[test]
    fn a_directive_takes_a_mode_in_any_case() {
        assert_eq!(Mode::from_directive(b"Keyframe"), Some(Mode::Keyframe));
        assert_eq!(Mode::from_directive(b"EXACT"), Some(Mode::Exact));
        for wrong in [&b"fast"[..], b"", b" exact", b"\xff"] {
            assert_eq!(Mode::from_directive(wrong), None);
        }
    }

    #[test]
    fn an_extension_is_a_part_of_a_name() {
        assert!([&b".mp4"[..], b"m4v", b".tar.gz"].into_iter().all(is_extension));
        assert!(![&b""[..], b".", b"a/b", b".mp4/", b"*.mp4", b"*", b".mp?"].into_iter().any(is_extension));
    }

    #[test]
    fn a_size_may_have_a_unit() {
        let good: [(&[u8], u64); 5] =
            [(b"0", 0), (b"1000", 1000), (b"16k", 16 << 10), (b"8M", 8 << 20), (b"4G", 4 << 30)];
        for (size, bytes) in good {
            assert_eq!(parse_size(size), Some(bytes));
        }
        for bad in ["", "M", "-1", "+1", "8 M", "8MB", "1.5M", "99999999999G", "all"] {
            assert_eq!(parse_size(bad.as_bytes()), None);
        }
    }
}
