//! The file with the keys that links are signed with.

use std::fmt::{self, Debug, Display, Formatter};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::limits;
use crate::request::{Keys, KeysError, LinkError, Parameters};

/// A file of keys, as it was when the configuration was read.
pub struct KeyFile {
    text: Vec<u8>,
    /// Whether all users of the machine can read the file.
    is_public: bool,
}

/// Why a file of keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is a directory, or a device.
    #[error("is no file")]
    NoFile,
    /// No list of keys is as long.
    #[error("is larger than {most} bytes", most = limits::KEY_FILE)]
    Large,
    /// The file is no list of keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

impl KeyFile {
    /// Reads a file of keys.
    ///
    /// # Errors
    /// When the file cannot be read, or its text is no list of keys.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        // The opening of a FIFO would wait for its writer.
        if !fs::metadata(path)?.is_file() {
            return Err(KeyFileError::NoFile);
        }
        let file = File::open(path)?;
        let is_public = file.metadata()?.mode() & 0o004 != 0;
        let mut text = Vec::new();
        file.take(limits::KEY_FILE + 1).read_to_end(&mut text)?;
        if text.len() as u64 > limits::KEY_FILE {
            return Err(KeyFileError::Large);
        }
        Keys::read(&text)?;
        Ok(Self { text, is_public })
    }

    /// The text of the file.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The keys in it.
    pub fn keys(&self) -> Keys<'_> {
        Keys::accepted(&self.text)
    }

    /// What an administrator should know of the file.
    pub fn warning(&self) -> Option<&'static str> {
        self.is_public.then_some("can be read by every user of this machine; chmod o-r keeps the keys secret")
    }
}

impl Debug for KeyFile {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile").field("is_public", &self.is_public).finish_non_exhaustive()
    }
}

/// A line about a file of keys.
pub fn about_key_file(path: &Path, what: &dyn Display) -> String {
    format!("the file of keys {} {what}", path.display())
}

/// Checks a link at this moment, before its movie is opened.
///
/// # Errors
/// As for [`Keys::check`].
pub fn check_link(
    keys: Keys<'_>,
    path: &[u8],
    query: &[u8],
    parameters: &Parameters,
) -> Result<(), LinkError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    keys.check(path, query, parameters, now)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_of_keys_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        fs::write(&path, "0123456789abcdef\n").unwrap();
        for (mode, is_public) in [(0o600, false), (0o640, false), (0o644, true)] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let file = KeyFile::read(&path).unwrap();
            assert_eq!((file.text(), file.warning().is_some()), (&b"0123456789abcdef\n"[..], is_public));
            assert!(!format!("{file:?}").contains("0123"), "{file:?}");
        }
    }

    #[test]
    fn what_is_no_file_of_keys_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let refusal = |text: &[u8]| {
            let path = dir.path().join("keys");
            fs::write(&path, text).unwrap();
            about_key_file(&path, &KeyFile::read(&path).unwrap_err())
        };
        assert!(refusal(b"short").contains("keys line 1: a key has 16 bytes or more"));
        assert!(refusal(b"").contains("has no key"));
        assert!(refusal(&b"0123456789abcdef\n".repeat(4000)).contains("is larger than 65536 bytes"));
        assert!(KeyFile::read(dir.path()).unwrap_err().to_string().contains("no file"));
        let missing = KeyFile::read(&dir.path().join("none")).unwrap_err().to_string();
        assert!(missing.contains("cannot be read: No such file"), "{missing}");
    }
}
