//! Lines of a server's error log.

use std::fmt::{self, Display, Formatter, Write};

/// Most bytes of a query in a line. A visitor chooses its length, and a line's worth tells enough.
const QUERY: usize = 200;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Explains an answer, or repeats what was said before.
    Debug,
    /// A client's mistake. Any visitor can make as many as they like.
    Info,
    /// A movie that cannot be cut. Its owner should know.
    Warning,
    /// The server cannot do its work: a disk that cannot be read.
    Error,
}

/// A line about a request: who asked, for which file, with which query, and what is to be said of
/// it.
///
/// Nothing that a client sent gets into the log as it is: what could end the line, or change how a
/// terminal shows it, is percent-encoded.
#[derive(Clone, Copy)]
pub struct LogLine<'a> {
    /// The client's address; `None` where the server itself puts it in front of the line.
    pub client: Option<&'a [u8]>,
    /// The file's path.
    pub path: &'a [u8],
    /// The query, as it came.
    pub query: &'a [u8],
    /// What is said.
    pub message: &'a dyn Display,
}

impl Display for LogLine<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(client) = self.client {
            f.write_str("[client ")?;
            write_printable(f, client)?;
            f.write_str("] ")?;
        }
        write_printable(f, self.path)?;
        if !self.query.is_empty() {
            f.write_char('?')?;
            write_printable(f, self.query.get(..QUERY).unwrap_or(self.query))?;
            if self.query.len() > QUERY {
                f.write_str("...")?;
            }
        }
        f.write_str(": ")?;
        write_printable(f, self.message.to_string().as_bytes())
    }
}

/// Writes text that may be anything: what is not printable UTF-8 comes out as `%XX`.
fn write_printable(f: &mut Formatter<'_>, text: &[u8]) -> fmt::Result {
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_printable(c) {
                f.write_char(c)?;
            } else {
                write_encoded(f, c.encode_utf8(&mut [0; 4]).as_bytes())?;
            }
        }
        write_encoded(f, chunk.invalid())?;
    }
    Ok(())
}

fn write_encoded(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "%{byte:02X}"))
}

/// Whether a character stands for itself wherever it is shown. Marks that change the direction of
/// writing do not.
fn is_printable(c: char) -> bool {
    matches!(c, '"' | '\'' | '\\') || c.escape_debug().len() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(client: Option<&str>, path: &[u8], query: &str) -> String {
        let client = client.map(str::as_bytes);
        LogLine { client, path, query: query.as_bytes(), message: &"why" }.to_string()
    }

    #[test]
    fn a_line_says_who_what_and_why() {
        assert_eq!(line(Some("::1"), b"/a.mp4", "start=x"), "[client ::1] /a.mp4?start=x: why");
        assert_eq!(line(None, b"/a b.mp4", ""), "/a b.mp4: why");
    }

    #[test]
    fn a_long_query_is_cut() {
        let query = "start=".to_owned() + &"9".repeat(500);
        assert_eq!(line(None, b"/a", &query), format!("/a?start={}...: why", "9".repeat(194)));
        // In the middle of a character, too.
        let query = "é".repeat(150);
        let cut = line(None, b"/a", &("x".to_owned() + &query));
        assert!(cut.starts_with("/a?xé") && cut.contains("é%C3...") && cut.len() < 220, "{cut}");
    }

    #[test]
    fn nothing_a_client_sends_ends_the_line_or_changes_the_terminal() {
        let nasty = "a\r\n[Sat] b\x1b[31mc\0\x7f\u{85}\u{202e}\u{2028}\t";
        let escaped = line(None, nasty.as_bytes(), nasty);
        assert!(escaped.chars().all(is_printable), "{escaped}");
        assert!(escaped.starts_with("a%0D%0A[Sat] b%1B[31mc%00%7F%C2%85%E2%80%AE%E2%80%A8%09?"), "{escaped}");
        let message = LogLine { client: None, path: b"/a", query: b"", message: &nasty }.to_string();
        assert!(message.chars().all(is_printable), "{message}");
        assert_eq!(line(None, b"caf\xe9 \xff", ""), "caf%E9 %FF: why");
        assert_eq!(line(None, "фильм 映画 é \"'\\".as_bytes(), ""), "фильм 映画 é \"'\\: why");
    }
}
