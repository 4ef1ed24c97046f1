//! Links that a page signs, so that only those who got one from the page see the movie.
//!
//! The signature is the HMAC-SHA-256 of a text of lines: the path of the movie, then `name=value` of
//! each of our parameters that stands in the query (the signature excepted), decoded, in the order
//! of the names. Repeated parameters keep their order. `scene` is not covered: all scenes of a link
//! may be seen, and manifests link to each of them. Nor are other parameters, which change nothing of
//! the answer.

use std::borrow::Cow;
use std::fmt::{self, Debug, Formatter};

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::parameters::{Parameter, Parameters};
use super::query::pairs;
use super::time::digits;
use crate::limits;

/// The text of a file with one key in each line.
///
/// Empty lines and lines that begin with `#` are left out, and so is white space around a key. The
/// bytes of a key are those of its line.
#[derive(Clone, Copy)]
pub struct Keys<'a>(&'a [u8]);

/// Why the text of a file is no list of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// There is no line with a key.
    #[error("has no key; a key is a line of {least} bytes or more", least = limits::SHORTEST_KEY)]
    None,
    /// A key could be guessed.
    #[error("line {0}: a key has {least} bytes or more", least = limits::SHORTEST_KEY)]
    Short(usize),
    /// Each refusal would take the time of too many signatures.
    #[error("has more than {most} keys", most = limits::KEYS)]
    Many,
}

/// Why a link is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The link has no signature.
    #[error("the film is sent for signed links alone, and this one has no signature")]
    Unsigned,
    /// No key gives this signature.
    #[error("the signature is not that of this path and these parameters")]
    Wrong,
    /// The time until which the link was good has passed.
    #[error("the link has expired")]
    Expired,
}

/// Why a link cannot be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The link has a signature.
    #[error("it is signed already")]
    Signed,
    /// It has more than one time until which it is good, or one that is no number.
    #[error("it says more than once, or not in seconds, until when it is good")]
    Expiry,
    /// Another link could have the same signature.
    #[error("it names t beside start or end, or has a line break")]
    Ambiguous,
    /// There is no key.
    #[error("there is no key")]
    NoKey,
}

impl LinkError {
    /// The HTTP status to answer with: 403, or 410 for a link that was good once.
    pub fn status(self) -> u16 {
        if self == Self::Expired { 410 } else { 403 }
    }
}

impl<'a> Keys<'a> {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// When there are no keys, too many, or one that is too short.
    pub fn read(text: &'a [u8]) -> Result<Self, KeysError> {
        let keys = Self(text);
        let short = keys.lines().find(|(_, key)| key.len() < limits::SHORTEST_KEY);
        match (short, keys.lines().count()) {
            (Some((line, _)), _) => Err(KeysError::Short(line)),
            (None, 0) => Err(KeysError::None),
            (None, count) if count > limits::KEYS => Err(KeysError::Many),
            (None, _) => Ok(keys),
        }
    }

    /// The keys of a text that [`Self::read`] has accepted before.
    pub(crate) fn accepted(text: &'a [u8]) -> Self {
        Self(text)
    }

    /// The keys, each with the number of its line.
    fn lines(self) -> impl Iterator<Item = (usize, &'a [u8])> {
        let lines = self.0.split(|&b| b == b'\n').map(<[u8]>::trim_ascii);
        (1..).zip(lines).filter(|(_, key)| !key.is_empty() && !key.starts_with(b"#"))
    }

    fn keys(self) -> impl Iterator<Item = &'a [u8]> {
        self.lines().map(|(_, key)| key)
    }

    /// Checks a link at a time, in seconds since 1970. The `path` is that of the movie, decoded; the
    /// `query` is percent-encoded as it came.
    ///
    /// # Errors
    /// When no key signed this path with this query, or the link has expired.
    pub fn check(
        self,
        path: &[u8],
        query: &[u8],
        parameters: &Parameters,
        now: u64,
    ) -> Result<(), LinkError> {
        let link = Link::read(path, query, parameters);
        let [signature] = &*link.signatures else {
            return Err(if link.signatures.is_empty() { LinkError::Unsigned } else { LinkError::Wrong });
        };
        let signature = hex::decode(signature).map_err(|_| LinkError::Wrong)?;
        let text = link.text().ok_or(LinkError::Wrong)?;
        let is_of = |key: &[u8]| mac(key, &text).is_some_and(|mac| mac.verify_slice(&signature).is_ok());
        if !self.keys().any(is_of) {
            return Err(LinkError::Wrong);
        }
        match link.expiry() {
            Err(()) => Err(LinkError::Wrong),
            Ok(Some(expires)) if now > expires => Err(LinkError::Expired),
            Ok(_) => Ok(()),
        }
    }

    /// The signature of a link by the first key, in hexadecimal digits.
    ///
    /// # Errors
    /// For a link that [`Self::check`] would refuse whatever its signature.
    pub fn sign(self, path: &[u8], query: &[u8], parameters: &Parameters) -> Result<String, SignError> {
        let link = Link::read(path, query, parameters);
        if !link.signatures.is_empty() {
            return Err(SignError::Signed);
        }
        link.expiry().map_err(|()| SignError::Expiry)?;
        let text = link.text().ok_or(SignError::Ambiguous)?;
        let mac = self.keys().next().and_then(|key| mac(key, &text)).ok_or(SignError::NoKey)?;
        Ok(hex::encode(mac.finalize().into_bytes()))
    }
}

impl Debug for Keys<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

fn mac(key: &[u8], text: &[u8]) -> Option<Hmac<Sha256>> {
    // A key of HMAC may have any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(text);
    Some(mac)
}

/// What is signed of a link, and the signatures in it.
struct Link<'l> {
    path: &'l [u8],
    /// In the order of the names.
    covered: Vec<Covered<'l>>,
    signatures: Vec<Cow<'l, [u8]>>,
}

/// A parameter of ours, decoded.
struct Covered<'l> {
    name: Cow<'l, [u8]>,
    parameter: Parameter,
    value: Cow<'l, [u8]>,
}

impl<'l> Link<'l> {
    fn read(path: &'l [u8], query: &'l [u8], parameters: &Parameters) -> Self {
        let (mut covered, mut signatures) = (Vec::new(), Vec::new());
        for (name, value) in pairs(query) {
            match parameters.find(&name) {
                Some(Parameter::Sig) => signatures.push(value),
                Some(Parameter::Scene) | None => {}
                Some(parameter) => covered.push(Covered { name, parameter, value }),
            }
        }
        covered.sort_by(|a: &Covered<'_>, b| a.name.cmp(&b.name));
        Self { path, covered, signatures }
    }

    /// The text that is signed; `None` if another link could have the same one.
    fn text(&self) -> Option<Vec<u8>> {
        let has = |parameter| self.covered.iter().any(|covered| covered.parameter == parameter);
        // Which of them counts is a matter of their order, which the text does not tell.
        if has(Parameter::T) && (has(Parameter::Start) || has(Parameter::End)) {
            return None;
        }
        let mut text = self.path.to_vec();
        for Covered { name, value, .. } in &self.covered {
            text.push(b'\n');
            text.extend_from_slice(name);
            text.push(b'=');
            text.extend_from_slice(value);
        }
        let lines = text.iter().filter(|&&b| b == b'\n').count();
        (lines == self.covered.len()).then_some(text)
    }

    /// Until when the link is good; `None` for all time.
    fn expiry(&self) -> Result<Option<u64>, ()> {
        let mut given = self.covered.iter().filter(|covered| covered.parameter == Parameter::Expires);
        match (given.next(), given.next()) {
            (None, _) => Ok(None),
            (Some(expires), None) => {
                let seconds = std::str::from_utf8(&expires.value).ok().and_then(digits);
                seconds.map(Some).ok_or(())
            }
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"# the new one\nthe key of this year\n\n  the key of last year \n";
    const NOW: u64 = 1_800_000_000;

    fn check_as(parameters: &Parameters, path: &str, query: &str) -> Result<(), LinkError> {
        Keys::read(TEXT).unwrap().check(path.as_bytes(), query.as_bytes(), parameters, NOW)
    }

    fn check(path: &str, query: &str) -> Result<(), LinkError> {
        check_as(&Parameters::default(), path, query)
    }

    /// The query with its signature.
    fn signed_by(text: &[u8], path: &str, query: &str) -> String {
        let keys = Keys::read(text).unwrap();
        let signature = keys.sign(path.as_bytes(), query.as_bytes(), &Parameters::default()).unwrap();
        format!("{query}&sig={signature}")
    }

    fn signed(path: &str, query: &str) -> String {
        signed_by(TEXT, path, query)
    }

    #[test]
    fn the_text_is_documented() {
        // printf '/a.mp4\nend=90\nexpires=1900000000\nstart=61.5' |
        //     openssl sha256 -hmac 'the key of this year'
        let signature = "9d02f08670f832faff2a6af702038a759b3eaf873bd37803bf42fac32add49c5";
        let query = "start=61.5&end=90&expires=1900000000";
        assert_eq!(signed("/a.mp4", query), format!("{query}&sig={signature}"));
    }

    #[test]
    fn what_is_signed_is_let_through() {
        for query in ["", "start=1", "t=1,2&mode=exact", "expires=1800000000&start=1", "lang=de%2DAT&x=1"] {
            assert_eq!(check("/a b.mp4", &signed("/a b.mp4", query)), Ok(()), "{query}");
        }
        // Order, escapes, and what is not ours do not matter.
        let signature = signed("/a.mp4", "start=1&end=2").replace("start=1&end=2", "");
        for query in ["end=2&start=1", "%73tart=%31&end=2", "x=y&start=1&end=2&start2=7"] {
            assert_eq!(check("/a.mp4", &format!("{query}{signature}")), Ok(()), "{query}");
        }
        // A manifest links to each of the scenes.
        let scenes = signed("/a.mp4", "clip=1-2&clip=5-6");
        assert_eq!(check("/a.mp4", &format!("{scenes}&scene=2")), Ok(()));
        let upper = signed("/a.mp4", "").to_uppercase().replace("SIG", "sig");
        assert_eq!(check("/a.mp4", &upper), Ok(()));
    }

    #[test]
    fn what_is_changed_is_refused() {
        let good = signed("/a.mp4", "start=10&end=20");
        let (asked, signature) = good.split_once("&sig=").unwrap();
        for query in [
            "start=10&end=21",
            "start=10",
            "start=10&end=20&mode=exact",
            "start=10&end=20&start=10",
            "start=10&end=20&tracks=video",
            "start=10&end=20&start=",
            "start=10&end=20&t=1",
            "start=10&end=20&expires=1900000000",
            "end=20%0Astart=10",
            "",
        ] {
            assert_eq!(
                check("/a.mp4", &format!("{query}&sig={signature}")),
                Err(LinkError::Wrong),
                "{query}"
            );
        }
        assert_eq!(check("/b.mp4", &good), Err(LinkError::Wrong));
        assert_eq!(check("/a.mp4\nend=20", &format!("start=10&sig={signature}")), Err(LinkError::Wrong));
        assert_eq!(check("/a.mp4", asked), Err(LinkError::Unsigned));
        for wrong in ["", "00", &signature[2..], &format!("{signature}00"), "zz", &"0".repeat(64)] {
            let link = format!("{asked}&sig={wrong}");
            assert_eq!(check("/a.mp4", &link), Err(LinkError::Wrong), "{wrong}");
        }
        assert_eq!(check("/a.mp4", &format!("{good}&sig={signature}")), Err(LinkError::Wrong));
    }

    #[test]
    fn a_link_expires() {
        for (query, expected) in [
            ("expires=1799999999", Err(LinkError::Expired)),
            ("expires=1800000000", Ok(())),
            ("expires=99999999999999999999999", Ok(())),
        ] {
            assert_eq!(check("/a.mp4", &signed("/a.mp4", query)), expected, "{query}");
        }
        assert_eq!(check("/a.mp4", "expires=1799999999&sig=00"), Err(LinkError::Wrong));
        for odd in ["expires=", "expires=soon", "expires=-1", "expires=1&expires=2"] {
            let signed = Keys(TEXT).sign(b"/a.mp4", odd.as_bytes(), &Parameters::default());
            assert_eq!(signed, Err(SignError::Expiry), "{odd}");
        }
    }

    #[test]
    fn what_could_mean_two_things_is_not_signed() {
        let sign = |path: &str, query: &str| {
            Keys(TEXT).sign(path.as_bytes(), query.as_bytes(), &Parameters::default())
        };
        for query in ["t=1&start=2", "start=2&t=1", "t=1&end=2", "lang=a%0Ab"] {
            assert_eq!(sign("/a.mp4", query), Err(SignError::Ambiguous), "{query}");
        }
        assert_eq!(sign("/a\n.mp4", ""), Err(SignError::Ambiguous));
        assert_eq!(sign("/a.mp4", "sig=0"), Err(SignError::Signed));
    }

    #[test]
    fn each_key_of_the_file_is_good() {
        let query = signed_by(b"the key of last year", "/a.mp4", "start=1");
        assert_eq!(check("/a.mp4", &query), Ok(()));
        assert!(query != signed("/a.mp4", "start=1"), "the first key signs");
        let other = signed_by(b"the key of somebody else", "/a.mp4", "start=1");
        assert_eq!(check("/a.mp4", &other), Err(LinkError::Wrong));
    }

    #[test]
    fn renamed_parameters_are_covered_by_their_names() {
        let pairs = [(&b"start"[..], &b"from"[..]), (b"sig", b"token"), (b"expires", b"until")];
        let renamed = Parameters::default().rename(pairs).unwrap();
        let signature = Keys(TEXT).sign(b"/a.mp4", b"from=1&until=1800000001&start=5", &renamed).unwrap();
        let link = |start: u8| format!("from={start}&until=1800000001&token={signature}");
        assert_eq!(check_as(&renamed, "/a.mp4", &link(1)), Ok(()));
        assert_eq!(check_as(&renamed, "/a.mp4", &link(2)), Err(LinkError::Wrong));
    }

    #[test]
    fn a_file_has_keys_of_some_length() {
        let read = |text: &str| Keys::read(text.as_bytes()).map(|keys| keys.keys().count());
        assert_eq!(read("0123456789abcdef"), Ok(1));
        assert_eq!(read("\r\n# comment\r\n0123456789abcdef\r\nfedcba9876543210\r\n"), Ok(2));
        assert_eq!(read(" \n#0123456789abcdef\n"), Err(KeysError::None));
        assert_eq!(read("0123456789abcdef\n\nshort\n"), Err(KeysError::Short(3)));
        assert_eq!(read(&"0123456789abcdef\n".repeat(limits::KEYS + 1)), Err(KeysError::Many));
    }
}
