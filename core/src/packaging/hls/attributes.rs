//! Attribute lists (RFC 8216bis, 4.2).

use std::fmt::Display;

/// An attribute list while it is written.
pub(super) struct Attributes(String);

impl Attributes {
    /// A tag, before its first attribute.
    pub(super) fn of(tag: &str) -> Self {
        Self(format!("#{tag}:"))
    }

    /// Adds a number, a resolution or an enumerated string.
    pub(super) fn plain(mut self, name: &str, value: impl Display) -> Self {
        if !self.0.ends_with(':') {
            self.0.push(',');
        }
        self.0.push_str(&format!("{name}={value}"));
        self
    }

    /// Adds a quoted string. It can hold neither quotes nor line breaks, and has no escapes.
    pub(super) fn quoted(self, name: &str, value: &str) -> Self {
        let allowed = |c: char| match c {
            '"' => '\'',
            c if c.is_control() => ' ',
            c => c,
        };
        let value: String = value.chars().map(allowed).collect();
        self.plain(name, format_args!("\"{value}\""))
    }

    /// Adds what `add` adds for a value, where there is one.
    pub(super) fn some<T>(self, value: Option<T>, add: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => add(self, value),
            None => self,
        }
    }

    /// The tag with its attributes, as a line.
    pub(super) fn line(self) -> String {
        self.0 + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_string_cannot_end_early() {
        let list = Attributes::of("EXT-X-MEDIA")
            .quoted("NAME", "a \"b\"\r\n#c,D=é")
            .plain("DEFAULT", "YES")
            .some(None::<&str>, |list, value| list.quoted("LANGUAGE", value))
            .some(Some(2), |list, value| list.plain("N", value));
        assert_eq!(list.line(), "#EXT-X-MEDIA:NAME=\"a 'b'  #c,D=é\",DEFAULT=YES,N=2\n");
    }
}
