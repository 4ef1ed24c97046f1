//! The parameters of a query string, as they came.

use std::borrow::Cow;

use super::parameters::{Parameter, Parameters};

/// What JavaScript writes into an address for a number or a word that it does not have.
const NOTHING: [&[u8]; 4] = [b"NaN", b"Infinity", b"undefined", b"null"];

/// The value of each parameter.
#[derive(Debug, Clone)]
pub(super) struct Values<'q> {
    /// In the order of [`Parameter::ALL`], with the place in the query.
    values: [Option<(usize, Cow<'q, [u8]>)>; Parameter::ALL.len()],
    /// All values of [`Parameter::Clip`].
    clips: Vec<Cow<'q, [u8]>>,
}

impl<'q> Values<'q> {
    /// Reads a query string (without its `?`, percent-encoded as it came).
    ///
    /// Of a repeated parameter, the last value counts, but all of [`Parameter::Clip`] do. Unless `keeps_empty`, an empty value
    /// counts as absent, and so does one of [`NOTHING`].
    pub(super) fn read(query: &'q [u8], parameters: &Parameters, keeps_empty: bool) -> Self {
        let mut values = [const { None }; Parameter::ALL.len()];
        let mut clips = Vec::new();
        for (place, (name, value)) in pairs(query).enumerate() {
            let is_nothing = value.is_empty() || NOTHING.contains(&&*value);
            let Some(parameter) = parameters.find(&name).filter(|_| keeps_empty || !is_nothing) else {
                continue;
            };
            if parameter == Parameter::Clip {
                clips.push(value.clone());
            }
            let slot = values.iter_mut().zip(Parameter::ALL).find(|(_, p)| *p == parameter);
            if let Some((slot, _)) = slot {
                *slot = Some((place, value));
            }
        }
        Self { values, clips }
    }

    /// The value of a parameter.
    pub(super) fn get(&self, parameter: Parameter) -> Option<&[u8]> {
        self.find(parameter).map(|(_, value)| &**value)
    }

    /// The values of [`Parameter::Clip`], in their order.
    pub(super) fn clips(&self) -> &[Cow<'q, [u8]>] {
        &self.clips
    }

    /// Where in the query a parameter stands; `None`, which comes before all places, for one that
    /// is not there.
    pub(super) fn place(&self, parameter: Parameter) -> Option<usize> {
        self.find(parameter).map(|(place, _)| *place)
    }

    fn find(&self, parameter: Parameter) -> Option<&(usize, Cow<'q, [u8]>)> {
        let (value, _) = self.values.iter().zip(Parameter::ALL).find(|(_, p)| *p == parameter)?;
        value.as_ref()
    }
}

/// Names and values, decoded.
pub(super) fn pairs(query: &[u8]) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    query.split(|&b| b == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let mut halves = pair.splitn(2, |&b| b == b'=');
        let key = halves.next().unwrap_or_default();
        let value = halves.next().unwrap_or_default();
        (decode(key), decode(value))
    })
}

/// Whether two queries name the same values in the same order. Servers need not hand on a query as
/// it came: lighttpd encodes and decodes characters of it, and can make `+` of `%20`.
pub fn is_same_query(one: &[u8], other: &[u8]) -> bool {
    let plus = |byte: u8| if byte == b' ' { b'+' } else { byte };
    let normal = |text: Cow<'_, [u8]>| -> Vec<u8> { text.iter().copied().map(plus).collect() };
    let all = |query| pairs(query).map(move |(name, value)| (normal(name), normal(value)));
    one == other || all(one).eq(all(other))
}

/// Whether a query has parameters that are not the module's.
pub fn has_foreign(query: &[u8], parameters: &Parameters) -> bool {
    pairs(query).any(|(name, _)| parameters.find(&name).is_none())
}

fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    percent_encoding::percent_decode(text).into()
}
