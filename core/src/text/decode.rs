//! Strings in the encodings that text samples have.

use std::borrow::Cow;

use encoding_rs::{
    BIG5, EUC_KR, Encoding, ISO_8859_6, ISO_8859_7, MACINTOSH, SHIFT_JIS, UTF_8, UTF_16BE, WINDOWS_874,
    WINDOWS_1252, WINDOWS_1254, WINDOWS_1255, X_MAC_CYRILLIC,
};

/// Encodings of QuickTime (`encd`): Unicode in 16 bits, which some writers also state for UTF-8. The
/// upper half says which form of it.
const QUICKTIME_UNICODE: u32 = 0x100;

/// The text of a `tx3g` sample: UTF-8, or UTF-16 with a byte order mark (3GPP TS 26.245, 5.17.1).
/// What cannot be decoded becomes U+FFFD.
pub(super) fn timed_text(bytes: &[u8]) -> Cow<'_, str> {
    UTF_8.decode(bytes).0
}

/// The text of a QuickTime sample in a track of this language. A byte order mark decides. What is
/// UTF-8 is taken for that, whatever the sample states, because the text of most writers is.
pub(super) fn quicktime<'a>(bytes: &'a [u8], stated: Option<u32>, language: &str) -> Cow<'a, str> {
    let is_unicode = stated.is_some_and(|stated| stated & 0xffff == QUICKTIME_UNICODE);
    let text = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    let is_utf_8 = std::str::from_utf8(text).is_ok();
    let ends_in_letter = text.len() < bytes.len() && text.is_ascii() && has_many_letters(language);
    match Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding.decode(bytes).0,
        // Text has no zeros, and UTF-16 of Latin letters has one in each. A zero at the end may be
        // that of a string, or half of a letter as there are in scripts of many.
        None if is_unicode && bytes.len() % 2 == 0 && (!is_utf_8 || text.contains(&0) || ends_in_letter) => {
            UTF_16BE.decode(bytes).0
        }
        None if is_unicode || is_utf_8 => UTF_8.decode(text).0,
        None => macintosh(language).decode(bytes).0,
    }
}

/// Whether a language is written with more letters than a byte can number.
fn has_many_letters(language: &str) -> bool {
    matches!(language, "zho" | "jpn" | "kor")
}

/// The title of a chapter of Nero's: UTF-8, or else what old writers on Windows have. The title has
/// room for 255 bytes, and some writers cut off a longer one amid a character.
pub(super) fn nero(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(e) if e.error_len().is_none() && bytes.len() == LONGEST_TITLE => {
            UTF_8.decode(bytes.get(..e.valid_up_to()).unwrap_or_default()).0
        }
        Err(_) => WINDOWS_1252.decode(bytes).0,
    }
}

/// Bytes of a title: their number has 8 bits.
const LONGEST_TITLE: usize = 255;

/// The encoding of a language on the classic Macintosh, or the one most like it.
fn macintosh(language: &str) -> &'static Encoding {
    match language {
        "jpn" => SHIFT_JIS,
        "zho" => BIG5,
        "kor" => EUC_KR,
        "rus" | "ukr" | "bul" | "srp" | "mkd" | "bel" => X_MAC_CYRILLIC,
        "heb" | "yid" => WINDOWS_1255,
        "ara" | "urd" | "fas" => ISO_8859_6,
        "ell" => ISO_8859_7,
        "tur" => WINDOWS_1254,
        "tha" => WINDOWS_874,
        _ => MACINTOSH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timed_text_is_utf_8_or_utf_16_with_a_mark() {
        assert_eq!(timed_text("Grüße".as_bytes()), "Grüße");
        assert_eq!(timed_text(b"\xef\xbb\xbfHi"), "Hi");
        assert_eq!(timed_text(b"\xfe\xff\0H\xd8\x3d\xde\0"), "H\u{1f600}");
        assert_eq!(timed_text(b"\xff\xfeH\0i\0"), "Hi");
        assert_eq!(timed_text(b"a\xffb\xc3"), "a\u{fffd}b\u{fffd}");
        // Half a character, and half a pair.
        assert_eq!(timed_text(b"\xfe\xff\0H\0"), "H\u{fffd}");
        assert_eq!(timed_text(b"\xfe\xff\xd8\x3d"), "\u{fffd}");
    }

    #[test]
    fn text_of_quicktime_is_what_it_can_be() {
        assert_eq!(quicktime("Grüße".as_bytes(), None, "deu"), "Grüße");
        assert_eq!(quicktime(b"Gr\x9f\xa7e", None, "deu"), "Grüße");
        assert_eq!(quicktime(b"\x83J\x83i", None, "jpn"), "カナ");
        assert_eq!(quicktime(b"\0H\0i", Some(0x100), "eng"), "Hi");
        assert_eq!(quicktime("é".as_bytes(), Some(0x100), "eng"), "é");
        assert_eq!(quicktime(b"\xff\xfeH\0", Some(0x100), "eng"), "H");
        assert_eq!(quicktime(b"a\x9fb", Some(0x100), "eng"), "a\u{fffd}b");
        // None of these letters has a zero in it.
        assert_eq!(quicktime(b"\x30\x53\x30\x93\x30\x6b", Some(0x0800_0100), "jpn"), "こんに");
        assert_eq!(quicktime(b"Kapitel\0", Some(0x100), "deu"), "Kapitel");
        assert_eq!(quicktime("日本\0".as_bytes(), Some(0x100), "jpn"), "日本");
        assert_eq!(quicktime(b"\x7b\x2c\x4e\0", Some(0x100), "zho"), "第一");
    }

    #[test]
    fn titles_are_utf_8_or_of_windows() {
        assert_eq!(nero("Größe".as_bytes()), "Größe");
        assert_eq!(nero(b"Gr\xf6\xdfe \x96 1"), "Größe – 1");
        let long = "Ж".repeat(128);
        assert_eq!(nero(&long.as_bytes()[..255]), "Ж".repeat(127));
        assert_eq!(nero(b"a\xc3"), "aÃ", "not cut off");
    }
}
