//! Tags of BCP 47.

use isolang::Language;

/// The language of a code of ISO 639 in its three letters of 639-3, which are those of 639-2/T. A
/// code has two letters (639-1), three (639-2/T), and for some three others (639-2/B). `None` where
/// it has these three letters already, or is no such code.
pub(crate) fn three_letters(code: &str) -> Option<String> {
    let terminology = BIBLIOGRAPHIC.iter().find(|(b, _)| *b == code).map(|(_, t)| (*t).to_owned());
    terminology.or_else(|| Some(Language::from_639_1(code)?.to_639_3().to_owned()))
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
    fn three_letters_are_those_of_639_3() {
        assert_eq!(three_letters("ger").as_deref(), Some("deu"));
        assert_eq!(three_letters("de").as_deref(), Some("deu"));
        assert_eq!((three_letters("deu"), three_letters("xx")), (None, None));
    }
}
