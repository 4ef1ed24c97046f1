//! What a client reads who is refused.

use std::fmt::Display;

/// A page of HTML, in ASCII, that says why a request is refused with this status. There is none
/// for a fault of the server: the reason is for its log alone.
pub fn refusal_page(status: u16, reason: &dyn Display) -> Option<String> {
    let phrase = match status {
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        410 => "Gone",
        412 => "Precondition Failed",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        500.. => return None,
        _ => "Error",
    };
    let (title, reason) = (format!("{status} {phrase}"), escaped(&sentence(&reason.to_string())));
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n\
         <p>{reason}</p>\n</body>\n</html>\n"
    );
    Some(page)
}

/// Why a byte range is refused.
pub fn out_of_range(len: u64) -> String {
    format!("the byte range lies outside of the clip, which has {len} bytes")
}

/// What the log says where the rest of a body cannot be sent.
pub fn ends_early(error: &std::io::Error) -> String {
    format!("the answer ends early: {error}")
}

/// Ends in a full stop.
fn sentence(reason: &str) -> String {
    let reason = reason.trim_end();
    format!("{reason}{}", if reason.ends_with(['.', '!', '?']) { "" } else { "." })
}

/// Text as HTML: what means something there, and what is not ASCII, as a number.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' ' | '0'..='9' | 'A'..='Z' | 'a'..='z' => html.push(c),
            '<' | '>' | '&' | '"' | '\'' | '\x7f'.. => html += &format!("&#{};", u32::from(c)),
            '\0'..='\x1f' => html.push('?'),
            c => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_why_and_carries_no_markup_of_a_client() {
        let page = refusal_page(400, &"start=<script>\"é'\n&: not a time").unwrap();
        assert!(page.contains("<h1>400 Bad Request</h1>"), "{page}");
        let reason = "<p>start=&#60;script&#62;&#34;&#233;&#39;?&#38;: not a time.</p>";
        assert!(page.contains(reason) && page.is_ascii(), "{page}");
    }

    #[test]
    fn what_is_wrong_with_the_server_is_not_for_its_visitors() {
        assert!(refusal_page(415, &"why").is_some());
        assert_eq!(refusal_page(500, &"/films/a.mp4: permission denied"), None);
    }
}
