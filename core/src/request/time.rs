//! Times as people and players write them.

/// A time that a viewer named, in nanoseconds. Finer decimals are cut off: two frames
/// are never that close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub(super) u64);

/// Later than any film ends. A larger number is taken as this one.
pub(super) const NEVER: u64 = 1 << 62;

impl Time {
    /// Nanoseconds.
    pub fn nanos(self) -> u64 {
        self.0
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0).min(NEVER))
    }

    /// Reads `12`, `12.345`, `m:ss(.fff)` or `h:mm:ss(.fff)`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split(':').rev();
        let (whole, decimals) = match fields.next()?.split_once('.') {
            Some((whole, decimals)) => (whole, decimals),
            None => (text.rsplit(':').next()?, ""),
        };
        let minutes = fields.next();
        let hours = fields.next();
        if fields.next().is_some() || (whole.is_empty() && (decimals.is_empty() || minutes.is_some())) {
            return None;
        }
        let mut seconds = if whole.is_empty() { 0 } else { digits(whole)? };
        if minutes.is_some() && (seconds > 59 || whole.len() > 2) {
            return None;
        }
        if let Some(minutes) = minutes {
            let m = digits(minutes)?;
            if hours.is_some() && (m > 59 || minutes.len() > 2) {
                return None;
            }
            seconds = seconds.saturating_add(m.saturating_mul(60));
        }
        if let Some(hours) = hours {
            seconds = seconds.saturating_add(digits(hours)?.saturating_mul(3600));
        }
        let mut nanos = 0;
        if !decimals.is_empty() {
            digits(decimals)?;
            let nine = decimals.bytes().chain(std::iter::repeat(b'0')).take(9);
            nanos = nine.fold(0, |n, d| n * 10 + u64::from(d - b'0'));
        }
        Some(Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanos).min(NEVER)))
    }
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
        ] {
            assert_eq!(Time::parse(text), Some(Time(nanos)), "{text}");
        }
        assert_eq!(Time::parse("99999999999999999999999999"), Some(Time(NEVER)));
        for text in [
            "", ".", "-1", "+1", "nan", "inf", "1e3", "1,5", "0x10", " 1", "1:60", "1:2:3:4", ":5", "1:",
            "1:.5", "1:60:00", "1:2.5:3", "1.2.3", "٣",
        ] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }
}
