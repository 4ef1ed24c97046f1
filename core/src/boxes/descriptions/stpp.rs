//! `stpp` (12.6.3): subtitles in XML.

/// What the description says of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StppEntry {
    /// `namespace`: names of XML namespaces, with spaces between them.
    pub namespace: String,
    /// `schema_location`.
    pub schema_location: String,
    /// `auxiliary_mime_types`.
    pub auxiliary_mime_types: String,
}

impl StppEntry {
    /// Takes the content of the description apart: strings behind the fields of all descriptions.
    /// Some writers leave out the last strings.
    pub fn parse(b: &[u8]) -> Option<Self> {
        let mut strings = b.get(8..)?.split(|&b| b == 0);
        let mut next = || String::from_utf8_lossy(strings.next().unwrap_or_default()).into_owned();
        Some(Self { namespace: next(), schema_location: next(), auxiliary_mime_types: next() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_three_strings_are_read() {
        let read = StppEntry::parse(b"\0\0\0\0\0\0\0\x01http://www.w3.org/ns/ttml\0s\0m\0").unwrap();
        assert_eq!(read.namespace, "http://www.w3.org/ns/ttml");
        assert_eq!((&*read.schema_location, &*read.auxiliary_mime_types), ("s", "m"));
        assert_eq!(StppEntry::parse(b"\0\0\0\0\0\0\0\x01n").unwrap().schema_location, "");
        assert_eq!(StppEntry::parse(&[0; 7]), None);
    }
}
