//! The names of the parameters of a query.

use std::fmt::{self, Write as _};

/// A parameter of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// Where the clip begins.
    Start,
    /// Where the clip ends.
    End,
    /// Where the range begins that `start` and `end` count in.
    Vbegin,
    /// Where that range ends.
    Vend,
    /// Both ends of a clip, as in W3C media fragments.
    T,
    /// A scene of a clip that joins several.
    Clip,
    /// Which one of the scenes is asked for alone.
    Scene,
    /// How the clip begins.
    Mode,
    /// Which tracks the clip has.
    Tracks,
    /// The language of audio and text.
    Lang,
    /// How the answer is laid out.
    Format,
    /// Where the picture is from that is asked for instead.
    Poster,
    /// Until when a signed link is good.
    Expires,
    /// The signature of a link.
    Sig,
}

impl Parameter {
    /// All parameters.
    pub const ALL: [Self; 14] = [
        Self::Start,
        Self::End,
        Self::Vbegin,
        Self::Vend,
        Self::T,
        Self::Clip,
        Self::Scene,
        Self::Mode,
        Self::Tracks,
        Self::Lang,
        Self::Format,
        Self::Poster,
        Self::Expires,
        Self::Sig,
    ];

    /// The name that the parameter has unless the configuration says otherwise.
    pub fn default_name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::End => "end",
            Self::Vbegin => "vbegin",
            Self::Vend => "vend",
            Self::T => "t",
            Self::Clip => "clip",
            Self::Scene => "scene",
            Self::Mode => "mode",
            Self::Tracks => "tracks",
            Self::Lang => "lang",
            Self::Format => "format",
            Self::Poster => "poster",
            Self::Expires => "expires",
            Self::Sig => "sig",
        }
    }
}

/// The longest name of a parameter, in bytes. A fixed length lets [`Parameters`] live in a pool of
/// a server that drops nothing.
pub const LONGEST_NAME: usize = 31;

/// The name of a parameter: letters, digits, `-`, `.`, `_` and `~`, which a query holds as they
/// are.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name {
    /// The name, and zeros.
    bytes: [u8; LONGEST_NAME],
    len: u8,
}

impl Name {
    fn new(text: &[u8]) -> Option<Self> {
        let is_unreserved = |b: &u8| b.is_ascii_alphanumeric() || b"-._~".contains(b);
        let mut bytes = [0; LONGEST_NAME];
        bytes.get_mut(..text.len()).filter(|name| !name.is_empty())?.copy_from_slice(text);
        let len = u8::try_from(text.len()).ok()?;
        text.iter().all(is_unreserved).then_some(Self { bytes, len })
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|&b| f.write_char(char::from(b)))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The names of all parameters.
///
/// The value is plain data: a server may copy it and need not drop it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parameters {
    /// In the order of [`Parameter::ALL`]; `None` for the default name.
    names: [Option<Name>; Parameter::ALL.len()],
}

/// Why parameters cannot be named so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParametersError {
    /// There is no such parameter.
    #[error(
        "the parameters are start, end, vbegin, vend, t, clip, scene, mode, tracks, lang, format, poster, expires and sig"
    )]
    Unknown,
    /// The name is empty, too long, or has other characters.
    #[error("a name is 1 to 31 letters, digits and - . _ ~")]
    Name,
    /// Two parameters have one name.
    #[error("two parameters must not have the same name (the default names included)")]
    Duplicate,
}

impl Parameters {
    /// Renames parameters; the others keep their names.
    ///
    /// # Errors
    /// When a parameter or a name is wrong, or when two parameters would have the same name.
    pub fn rename<'a>(
        &self,
        pairs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Result<Self, ParametersError> {
        let mut renamed = *self;
        for (parameter, name) in pairs {
            let name = Name::new(name).ok_or(ParametersError::Name);
            let mut slots = renamed.names.iter_mut().zip(Parameter::ALL);
            let slot = slots.find(|(_, p)| p.default_name().as_bytes() == parameter);
            *slot.ok_or(ParametersError::Unknown)?.0 = Some(name?);
        }
        let names = Parameter::ALL.map(|p| renamed.name(p));
        let is_repeated = |(n, name): (usize, &Name)| names.iter().skip(n + 1).any(|other| other == name);
        if names.iter().enumerate().any(is_repeated) {
            return Err(ParametersError::Duplicate);
        }
        Ok(renamed)
    }

    /// These names where a narrower place of the configuration does not give others.
    ///
    /// A name that the narrower place gives to one parameter is no longer that of another one, which has
    /// its default name again then. Nor does the wider place give that to another.
    #[must_use]
    pub fn overridden_by(&self, narrower: &Self) -> Self {
        let is_free = |name: &Name| !narrower.names.contains(&Some(*name));
        let mut names = narrower.names;
        for (name, wider) in names.iter_mut().zip(self.names) {
            *name = name.or(wider.filter(is_free));
        }
        let is_default = |names: &[Option<Name>], name: Name| {
            let mut unnamed = names.iter().zip(Parameter::ALL).filter(|(given, _)| given.is_none());
            unnamed.any(|(_, parameter)| parameter.default_name().as_bytes() == name.as_bytes())
        };
        while let Some(taken) =
            names.iter().position(|name| name.is_some_and(|name| is_default(&names, name)))
        {
            if let Some(name) = names.get_mut(taken) {
                *name = None;
            }
        }
        Self { names }
    }

    /// The name of a parameter.
    pub fn name(&self, parameter: Parameter) -> Name {
        let given = self.names.iter().zip(Parameter::ALL).find(|(_, p)| *p == parameter);
        given.and_then(|(name, _)| *name).unwrap_or_else(|| {
            let name = Name::new(parameter.default_name().as_bytes());
            name.unwrap_or(Name { bytes: [0; LONGEST_NAME], len: 0 })
        })
    }

    /// The parameter of that name. Names of the configuration come before default names.
    pub fn find(&self, name: &[u8]) -> Option<Parameter> {
        let all = || self.names.iter().zip(Parameter::ALL);
        let given = all().find(|(given, _)| given.is_some_and(|given| given.as_bytes() == name));
        let default = || all().find(|(given, p)| given.is_none() && p.default_name().as_bytes() == name);
        given.or_else(default).map(|(_, parameter)| parameter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs<'a> = &'a [(&'a str, &'a str)];

    fn rename(base: Parameters, pairs: Pairs<'_>) -> Result<Parameters, ParametersError> {
        base.rename(pairs.iter().map(|(p, n)| (p.as_bytes(), n.as_bytes())))
    }

    #[test]
    fn a_parameter_has_one_name_at_a_time() {
        let renamed = rename(Parameters::default(), &[("start", "from"), ("t", "clip.time")]).unwrap();
        assert_eq!(renamed.find(b"from"), Some(Parameter::Start));
        assert_eq!(renamed.find(b"clip.time"), Some(Parameter::T));
        assert_eq!(renamed.find(b"end"), Some(Parameter::End));
        for name in [&b"start"[..], b"t", b"FROM", b"from\0", b""] {
            assert_eq!(renamed.find(name), None, "{}", name.escape_ascii());
        }
        assert_eq!(renamed.name(Parameter::Start).to_string(), "from");
        assert_eq!(renamed.name(Parameter::End).to_string(), "end");
        let swapped = rename(Parameters::default(), &[("start", "end"), ("end", "start")]).unwrap();
        assert_eq!(swapped.find(b"start"), Some(Parameter::End));
        let again = rename(renamed, &[("start", "start")]).unwrap();
        assert_eq!((again.find(b"start"), again.find(b"from")), (Some(Parameter::Start), None));
    }

    #[test]
    fn wrong_names_are_refused() {
        let long = "n".repeat(LONGEST_NAME + 1);
        let refused: [(Pairs<'_>, ParametersError); 10] = [
            (&[("begin", "from")], ParametersError::Unknown),
            (&[("Start", "from")], ParametersError::Unknown),
            (&[("", "from")], ParametersError::Unknown),
            (&[("start", "")], ParametersError::Name),
            (&[("start", &long)], ParametersError::Name),
            (&[("start", "a&b")], ParametersError::Name),
            (&[("start", "a=b")], ParametersError::Name),
            (&[("start", "von ä")], ParametersError::Name),
            (&[("start", "x"), ("end", "x")], ParametersError::Duplicate),
            (&[("start", "end")], ParametersError::Duplicate),
        ];
        for (pairs, error) in refused {
            assert_eq!(rename(Parameters::default(), pairs), Err(error), "{pairs:?}");
        }
        assert!(rename(Parameters::default(), &[("start", &long[1..])]).is_ok());
    }

    #[test]
    fn a_narrower_place_renames_what_it_names() {
        let wide = rename(Parameters::default(), &[("start", "from"), ("end", "to")]).unwrap();
        let narrow = rename(Parameters::default(), &[("end", "until")]).unwrap();
        let both = wide.overridden_by(&narrow);
        assert_eq!(both.find(b"from"), Some(Parameter::Start));
        assert_eq!((both.find(b"until"), both.find(b"to")), (Some(Parameter::End), None));
        // The wider place's name goes to the parameter that the narrower place gives it to.
        let taken = wide.overridden_by(&rename(Parameters::default(), &[("end", "from")]).unwrap());
        assert_eq!(
            (taken.find(b"from"), taken.find(b"start")),
            (Some(Parameter::End), Some(Parameter::Start))
        );
    }

    #[test]
    fn a_parameter_that_loses_its_name_has_its_own_one_again() {
        let wide = [("end", "begin"), ("t", "end"), ("clip", "t"), ("mode", "clip"), ("lang", "language")];
        let wide = rename(Parameters::default(), &wide).unwrap();
        let narrow = rename(Parameters::default(), &[("start", "begin")]).unwrap();
        let both = wide.overridden_by(&narrow);
        for (name, parameter) in [
            ("begin", Parameter::Start),
            ("end", Parameter::End),
            ("t", Parameter::T),
            ("clip", Parameter::Clip),
            ("mode", Parameter::Mode),
            ("language", Parameter::Lang),
        ] {
            assert_eq!(
                (both.find(name.as_bytes()), both.name(parameter).to_string().as_str()),
                (Some(parameter), name)
            );
        }
        assert_eq!(both.find(b"start"), None);
    }
}
