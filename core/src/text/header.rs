//! What stands before the cues of a WebVTT file (W3C, 4.1), from the `vttC` of a movie (ISO/IEC
//! 14496-30, 7.5).

/// Maps the times of a segment of HLS (RFC 8216, 3.5), which these cues no longer have.
const TIMESTAMP_MAP: &str = "X-TIMESTAMP-MAP";

/// The header of the file, with its style sheets and regions, without an empty line at its end.
/// Whatever the box has, it is a header: lines that would begin a cue are left out.
pub(super) fn header(config: &[u8]) -> String {
    let text = String::from_utf8_lossy(config).replace("\r\n", "\n").replace('\r', "\n").replace('\0', "");
    let text = text.trim_start_matches('\u{feff}');
    let is_header = text
        .strip_prefix("WEBVTT")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n']));
    if !is_header {
        return "WEBVTT".to_owned();
    }
    let is_kept = |line: &&str| !line.contains("-->") && !line.starts_with(TIMESTAMP_MAP);
    let kept = text.split('\n').filter(is_kept).collect::<Vec<_>>().join("\n");
    kept.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_sheets_and_regions_are_kept() {
        let config = "\u{feff}WEBVTT - Title\r\nKind: captions\r\rSTYLE\n::cue { color: red }\n\n\n";
        let expected = "WEBVTT - Title\nKind: captions\n\nSTYLE\n::cue { color: red }";
        assert_eq!(header(config.as_bytes()), expected);
    }

    #[test]
    fn what_is_no_header_becomes_one() {
        assert_eq!(header(b""), "WEBVTT");
        assert_eq!(header(b"WEBVTTX\nSTYLE"), "WEBVTT");
        assert_eq!(header(b"STYLE"), "WEBVTT");
        let cue =
            b"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n\n00:01.000 --> 00:02.000\nHi\xff";
        assert_eq!(header(cue), "WEBVTT\n\nHi\u{fffd}");
    }
}
