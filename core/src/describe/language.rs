//! Tags of BCP 47.

use isolang::Language;

/// The language of a code of ISO 639 in its three letters of 639-3, which are those of 639-2/T. A
/// code has two letters (639-1), three (639-2/T), and for some three others (639-2/B). `None` where
/// it has these three letters already, or is no such code.
pub(crate) fn three_letters(code: &str) -> Option<String> {
    let terminology = BIBLIOGRAPHIC.iter().find(|(b, _)| *b == code).map(|(_, t)| (*t).to_owned());
    terminology.or_else(|| Some(Language::from_639_1(code)?.to_639_3().to_owned()))
}

/// The tag of what a movie says of a language (8.4.2 `mdhd`, 8.4.6 `elng`), in the form that RFC
/// 5646 asks for: the shortest code of the language (2.2.1), and the case of 2.1.1. `None` for what
/// is undetermined, and for what is no tag.
pub(super) fn tag(said: &str) -> Option<String> {
    let mut subtags = said.split('-');
    let language = subtags.next()?.to_ascii_lowercase();
    let is_language = matches!(language.len(), 2..=8) && language.bytes().all(|b| b.is_ascii_alphabetic());
    if !is_language || language == "und" {
        return None;
    }
    let language = three_letters(&language).unwrap_or(language);
    let short = Language::from_639_3(&language).and_then(|l| l.to_639_1());
    let mut tag = short.map_or(language.clone(), str::to_owned);
    let mut after_singleton = false;
    for subtag in subtags {
        if !matches!(subtag.len(), 1..=8) || !subtag.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        let mut subtag = subtag.to_ascii_lowercase();
        match subtag.len() {
            1 => after_singleton = true,
            2 if !after_singleton => subtag.make_ascii_uppercase(),
            4 if !after_singleton => {
                if let Some(first) = subtag.get_mut(..1) {
                    first.make_ascii_uppercase();
                }
            }
            _ => {}
        }
        tag.push('-');
        tag.push_str(&subtag);
    }
    Some(tag)
}

/// The ISO 639-2/B codes that differ from 639-2/T. Files that were remuxed from Matroska have them.
const BIBLIOGRAPHIC: [(&str, &str); 20] = [
    ("alb", "sqi"),
    ("arm", "hye"),
    ("baq", "eus"),
    ("bur", "mya"),
    ("chi", "zho"),
    ("cze", "ces"),
    ("dut", "nld"),
    ("fre", "fra"),
    ("geo", "kat"),
    ("ger", "deu"),
    ("gre", "ell"),
    ("ice", "isl"),
    ("mac", "mkd"),
    ("mao", "mri"),
    ("may", "msa"),
    ("per", "fas"),
    ("rum", "ron"),
    ("slo", "slk"),
    ("tib", "bod"),
    ("wel", "cym"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_has_its_shortest_code() {
        let tags =
            [("eng", "en"), ("ger", "de"), ("deu", "de"), ("fr", "fr"), ("yue", "yue"), ("zxx", "zxx")];
        for (said, expected) in tags {
            assert_eq!(tag(said).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_follows_the_language_stays() {
        let tags = [
            ("zho-hant-tw", "zh-Hant-TW"),
            ("EN-us", "en-US"),
            ("es-419", "es-419"),
            ("de-1996", "de-1996"),
            ("de-de-u-co-phonebk", "de-DE-u-co-phonebk"),
        ];
        for (said, expected) in tags {
            assert_eq!(tag(said).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_says_nothing_is_none() {
        for said in
            ["", "und", "und-Latn", "```", "e", "en_US", "en-", "en--US", "en-\"\n", "123", "abcdefghi"]
        {
            assert_eq!(tag(said), None, "{said:?}");
        }
    }

    #[test]
    fn three_letters_are_those_of_639_3() {
        assert_eq!(three_letters("ger").as_deref(), Some("deu"));
        assert_eq!(three_letters("de").as_deref(), Some("deu"));
        assert_eq!((three_letters("deu"), three_letters("xx")), (None, None));
    }
}
