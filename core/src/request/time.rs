//! Times as people and players write them.

/// A time that a viewer named, in nanoseconds. Finer decimals are cut off: two frames
/// are never that close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub(super) u64);

/// Later than any movie ends. A larger number is taken as this one.
pub(super) const NEVER: u64 = 1 << 62;

impl Time {
    /// Seconds with the decimals they need.
    pub(super) fn in_seconds(self) -> String {
        let text = format!("{}.{:09}", self.0 / NANOS, self.0 % NANOS);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    /// Reads the value of a directive: a whole number of seconds, 0 for none.
    pub fn from_directive(value: &[u8]) -> Option<Option<Self>> {
        let seconds = std::str::from_utf8(value).ok().and_then(digits)?;
        Some((seconds > 0).then_some(Self(seconds.saturating_mul(NANOS).min(NEVER))))
    }

    /// Nanoseconds.
    pub fn nanos(self) -> u64 {
        self.0
    }

    /// The sum of two times. One beyond all movies becomes [`NEVER`].
    pub(super) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0).min(NEVER))
    }

    /// Reads `12`, `12.345`, `1.2e-3`, `m:ss(.fff)` or `h:mm:ss(.fff)`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split(':').rev();
        let (seconds, minutes, hours) = (fields.next()?, fields.next(), fields.next());
        if fields.next().is_some() {
            return None;
        }
        let Some(minutes) = minutes else {
            return seconds_in_nanos(seconds).map(Self);
        };
        let whole = seconds.split('.').next()?;
        if !is_sexagesimal(whole) || seconds.contains(['e', 'E']) {
            return None;
        }
        if hours.is_some() && !is_sexagesimal(minutes) {
            return None;
        }
        let minutes = digits(minutes)?.saturating_add(hours.map_or(Some(0), digits)?.saturating_mul(60));
        let nanos = minutes.saturating_mul(60 * NANOS).saturating_add(seconds_in_nanos(seconds)?);
        Some(Self(nanos.min(NEVER)))
    }
}

const NANOS: u64 = 1_000_000_000;

/// One or two digits, below 60.
fn is_sexagesimal(text: &str) -> bool {
    text.len() <= 2 && digits(text).is_some_and(|n| n < 60)
}

/// The nanoseconds of `12`, `12.345`, `.5` or `1.2e-3` seconds. Finer decimals are cut off.
fn seconds_in_nanos(text: &str) -> Option<u64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
        None => (text, 0),
    };
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_number = |text: &str| text.is_empty() || digits(text).is_some();
    if (whole.is_empty() && decimals.is_empty()) || !is_number(whole) || !is_number(decimals) {
        return None;
    }
    // As many digits count as stand before the point once it is moved by the exponent, and by nine
    // more places for nanoseconds.
    let wanted = i64::try_from(whole.len()).ok()?.saturating_add(exponent).saturating_add(9);
    let wanted = usize::try_from(wanted.max(0)).ok()?;
    let given = whole.bytes().chain(decimals.bytes()).take(wanted);
    let nanos = given.fold(0u64, |n, d| n.saturating_mul(10).saturating_add(u64::from(d - b'0')));
    let zeros = wanted.saturating_sub(whole.len() + decimals.len());
    // Twenty zeros are as many as a number needs to saturate.
    Some((0..zeros.min(20)).fold(nanos, |n, _| n.saturating_mul(10)).min(NEVER))
}

fn read_exponent(text: &str) -> Option<i64> {
    let (negative, number) = match text.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let exponent = i64::try_from(digits(number)?).unwrap_or(i64::MAX);
    Some(if negative { -exponent } else { exponent })
}

/// A number of any length, in digits only; saturates.
pub(super) fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.bytes().fold(0u64, |n, d| n.saturating_mul(10).saturating_add(u64::from(d - b'0'))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_forms_people_write() {
        for (text, nanos) in [
            ("0", 0),
            ("61.5", 61_500_000_000),
            (".25", 250_000_000),
            ("5.", 5_000_000_000),
            ("007", 7_000_000_000),
            ("0.0000000019", 1),
            ("0.333333333333333333333333", 333_333_333),
            ("1:05", 65_000_000_000),
            ("90:00.5", 5_400_500_000_000),
            ("1:02:03.25", 3_723_250_000_000),
            ("100:00:00", 360_000_000_000_000),
            ("1e3", 1_000_000_000_000),
            ("1.42e-14", 0),
            ("1.5E+1", 15_000_000_000),
            ("61.5e-1", 6_150_000_000),
            (".5e1", 5_000_000_000),
            ("0e99999999999999999999", 0),
            ("7e-99999999999999999999", 0),
            ("1e-9", 1),
            ("12345e-13", 1),
        ] {
            assert_eq!(Time::parse(text), Some(Time(nanos)), "{text}");
        }
        for late in ["99999999999999999999999999", "1e99", "1e99999999999999999999", "99999999999:00:00"] {
            assert_eq!(Time::parse(late), Some(Time(NEVER)), "{late}");
        }
        for text in [
            "", ".", "-1", "+1", "nan", "inf", "1e", "e1", ".e1", "1e1.5", "1e--1", "1e +1", "1:1e1",
            "1e1:00", "1,5", "0x10", " 1", "1:60", "1:2:3:4", ":5", "1:", "1:.5", "1:60:00", "1:2.5:3",
            "1.2.3", "٣",
        ] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }
}
