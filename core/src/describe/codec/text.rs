//! Codings of text.

use crate::boxes::descriptions::{SampleDescription, StppEntry};
use crate::boxes::{FormatError, Reader};
use crate::source::ReadAt;

/// The namespace of TTML, and the beginning of those of its vocabularies and profiles.
const TTML: &str = "http://www.w3.org/ns/ttml";

/// TTML Media Type Definition and Profile Registry: designators of profiles, and what they are
/// called in the parameter.
const PROFILES: [(&str, &str); 6] = [
    ("http://www.w3.org/ns/ttml/profile/imsc1.1/text", "im2t"),
    ("http://www.w3.org/ns/ttml/profile/imsc1.1/image", "im2i"),
    ("http://www.w3.org/ns/ttml/profile/imsc1/text", "im1t"),
    ("http://www.w3.org/ns/ttml/profile/imsc1/image", "im1i"),
    ("urn:ebu:tt:distribution:2014-01", "etd1"),
    ("urn:ebu:tt:distribution:2018-04", "etd1"),
];

/// The parameter for text and data; `None` where there is no more to say than the four-character
/// code.
pub(super) fn codec<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    entry: &SampleDescription,
) -> Result<Option<String>, FormatError> {
    if &entry.coding.0 != b"stpp" {
        return Ok(None);
    }
    Ok(entry.fields(reader, StppEntry::parse)?.and_then(|entry| xml(&entry)))
}

/// ISO/IEC 14496-30, 5: `stpp`, then `ttml` and the profile of a TTML document. `None` for another
/// XML.
fn xml(entry: &StppEntry) -> Option<String> {
    let says = |word: &str| {
        let strings = [&entry.namespace, &entry.schema_location];
        strings.iter().any(|string| string.split_whitespace().any(|said| said == word))
    };
    let is_ttml = entry.namespace.split_whitespace().any(|namespace| namespace.starts_with(TTML));
    let is_ttml = is_ttml || entry.auxiliary_mime_types.contains("application/ttml+xml");
    let profile = said_codec(&entry.auxiliary_mime_types).or_else(|| {
        PROFILES.iter().find(|(designator, _)| says(designator)).map(|(_, profile)| (*profile).to_owned())
    });
    match profile {
        Some(profile) => Some(format!("stpp.ttml.{profile}")),
        None => is_ttml.then(|| "stpp.ttml".to_owned()),
    }
}

/// The first profile of four characters in the `codecs` of a media type of TTML.
fn said_codec(types: &str) -> Option<String> {
    let (_, ttml) = types.split_once("application/ttml+xml")?;
    let (_, codecs) = ttml.split_once("codecs=")?;
    let profile = codecs.trim_start_matches('"').get(..4)?;
    profile.bytes().all(|b| b.is_ascii_alphanumeric()).then(|| profile.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(namespace: &str, schema_location: &str, auxiliary_mime_types: &str) -> Option<String> {
        xml(&StppEntry {
            namespace: namespace.into(),
            schema_location: schema_location.into(),
            auxiliary_mime_types: auxiliary_mime_types.into(),
        })
    }

    #[test]
    fn the_profile_is_what_any_of_the_strings_says() {
        let types =
            ["application/ttml+xml;codecs=im1t", "image/png application/ttml+xml; codecs=\"im1t|etd1\""];
        for said in types {
            assert_eq!(of(TTML, "", said).as_deref(), Some("stpp.ttml.im1t"));
        }
        let location = "http://www.w3.org/ns/ttml/profile/imsc1/image http://example.com/imsc1.xsd";
        assert_eq!(of(TTML, location, "").as_deref(), Some("stpp.ttml.im1i"));
        let namespaces = "http://www.w3.org/ns/ttml http://www.w3.org/ns/ttml/profile/imsc1.1/text";
        assert_eq!(of(namespaces, "", "").as_deref(), Some("stpp.ttml.im2t"));
    }

    #[test]
    fn one_without_a_profile_is_ttml_and_no_more() {
        assert_eq!(of(TTML, "", "").as_deref(), Some("stpp.ttml"));
        assert_eq!(of("http://www.w3.org/ns/ttml#parameter", "", "").as_deref(), Some("stpp.ttml"));
        assert_eq!(of("", "", "application/ttml+xml;codecs=\u{e9}\"").as_deref(), Some("stpp.ttml"));
        assert_eq!(of("http://www.smpte-ra.org/schemas/2052-1/2010/smpte-tt", "", ""), None);
    }
}
