//! The values of directives, and the lines that refuse wrong ones.

use std::ffi::CStr;

use mp4seek::limits::CLIPS_PER_CLIENT;
use mp4seek::pace::LONGEST_LEAD_IN;
use mp4seek::request::{
    Canonical, Form, Format, Mode, Packaging, Parameters, Refused, SegmentDuration, Time, Window,
    is_extension, parse_seconds, parse_size,
};

use super::Refusal;

/// The words of a directive's line, without the quotes around one.
pub(super) fn words(line: &CStr) -> impl Iterator<Item = &[u8]> {
    let words = line.to_bytes().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.map(|word| word.strip_prefix(b"\"").and_then(|word| word.strip_suffix(b"\"")).unwrap_or(word))
}

/// Reads all of a directive's line at once, so that two parameters can exchange their names.
pub(super) fn rename_parameters(parameters: &Parameters, line: &CStr) -> Result<Parameters, Refusal> {
    const ALLOWED: Refusal = c"H264StreamingParameters must be parameter=name, once or more, such as \
        start=from end=to; the parameters are start, end, vbegin, vend, t, clip, scene, mode, \
        tracks, lang, format, poster, expires and sig; a name is 1 to 31 letters, digits and - . _ ~; no two names are the same, the default names included";
    let mut pairs = Vec::new();
    for word in words(line) {
        let equals = word.iter().position(|&byte| byte == b'=').ok_or(ALLOWED)?;
        let (parameter, name) = word.split_at(equals);
        pairs.push((parameter, name.get(1..).unwrap_or_default()));
    }
    if pairs.is_empty() { Err(ALLOWED) } else { parameters.rename(pairs).map_err(|_| ALLOWED) }
}

pub(super) fn parse_mode(value: &CStr) -> Result<Mode, Refusal> {
    Mode::from_directive(value.to_bytes()).ok_or(c"H264StreamingMode must be keyframe or exact")
}

pub(super) fn parse_format(value: &CStr) -> Result<Format, Refusal> {
    Format::from_directive(value.to_bytes()).ok_or(c"H264StreamingFormat must be flat, fmp4 or auto")
}

pub(super) fn parse_packaging(line: &CStr) -> Result<Packaging, Refusal> {
    let is_named = words(line).next().is_some();
    let packaging = Packaging::from_directive(words(line)).filter(|_| is_named);
    packaging.ok_or(c"H264StreamingPackaging must be hls, dash, hls dash, or none")
}

pub(super) fn parse_segment_duration(value: &CStr) -> Result<SegmentDuration, Refusal> {
    SegmentDuration::from_directive(value.to_bytes())
        .ok_or(c"H264StreamingSegmentDuration must be a whole number of seconds, 1 to 60")
}

pub(super) fn parse_window(value: &CStr) -> Result<Option<Window>, Refusal> {
    if value.to_bytes().eq_ignore_ascii_case(b"none") {
        return Ok(None);
    }
    let window = Window::from_directive(value.to_bytes());
    window.map(Some).ok_or(c"H264StreamingWindow must be two times, such as 10-60, -1:30 or 10-, or none")
}

pub(super) fn parse_longest(value: &CStr) -> Result<Option<Time>, Refusal> {
    Time::from_directive(value.to_bytes())
        .ok_or(c"H264StreamingLongestClip must be a whole number of seconds, or 0 for any")
}

pub(super) fn parse_shortest(value: &CStr) -> Result<Option<Time>, Refusal> {
    Time::from_directive(value.to_bytes())
        .ok_or(c"H264StreamingShortestClip must be a whole number of seconds, or 0 for any")
}

pub(super) fn parse_refused(line: &CStr) -> Result<Refused, Refusal> {
    let is_named = words(line).next().is_some();
    let refused = Refused::from_directive(words(line)).filter(|_| is_named);
    refused.ok_or(c"H264StreamingRefuse must be times, tracks, exact, keyframe, flat, fmp4, or none alone")
}

pub(super) fn parse_form(value: &CStr) -> Result<Form, Refusal> {
    Form::from_directive(value.to_bytes()).ok_or(c"H264StreamingSegments must be ranges or files")
}

pub(super) fn parse_canonical(value: &CStr) -> Result<Canonical, Refusal> {
    Canonical::from_directive(value.to_bytes()).ok_or(c"H264StreamingCanonical must be off or redirect")
}

pub(super) fn parse_max_age(value: &CStr) -> Result<u32, Refusal> {
    parse_seconds(value.to_bytes()).ok_or(c"H264StreamingMaxAge must be a whole number of seconds")
}

pub(super) fn parse_clips_per_client(value: &CStr) -> Result<u32, Refusal> {
    parse_seconds(value.to_bytes())
        .filter(|most| *most <= CLIPS_PER_CLIENT)
        .ok_or(c"H264StreamingClipsPerClient must be a number, 1 to 32, or 0 for any")
}

pub(super) fn check_size(value: &CStr) -> Result<u64, Refusal> {
    parse_size(value.to_bytes()).ok_or(
        c"H264StreamingCacheSize must be a number of bytes, which may end in K, M or G; 0 for no cache",
    )
}

pub(super) fn parse_buffer_seconds(value: &CStr) -> Result<u32, Refusal> {
    parse_seconds(value.to_bytes())
        .filter(|seconds| *seconds <= LONGEST_LEAD_IN)
        .ok_or(c"H264StreamingBufferSeconds must be a whole number of seconds, 1 to 86400, or 0 for none")
}

pub(super) fn parse_rate(value: &CStr) -> Result<u32, Refusal> {
    parse_size(value.to_bytes()).and_then(|rate| u32::try_from(rate).ok()).ok_or(
        c"H264StreamingRate must be a number of bytes a second below 4G, which may end in K, M or G; 0 for no limit",
    )
}

pub(super) fn check_extension(value: &CStr) -> Result<(), Refusal> {
    is_extension(value.to_bytes())
        .then_some(())
        .ok_or(c"H264StreamingExtensions must be extensions of file names, such as .mp4 .m4v")
}

#[cfg(test)]
mod tests {
    use mp4seek::request::Parameter;

    use super::*;

    #[test]
    fn values_are_checked() {
        assert_eq!(parse_mode(c"Keyframe"), Ok(Mode::Keyframe));
        assert!(parse_mode(c"fast").unwrap_err().to_str().unwrap().contains("keyframe or exact"));
        assert_eq!(check_size(c"8M"), Ok(8 << 20));
        assert!(check_size(c"8MB").unwrap_err().to_str().unwrap().contains("K, M or G"));
        let renamed = rename_parameters(&Parameters::default(), c" start=end \t \"end=start\" ").unwrap();
        assert_eq!(renamed.find(b"start"), Some(Parameter::End));
        for bad in
            [c"", c" ", c"start", c"=x", c"start=", c"from=start", c"start=end", c"t=x lang=x", c"t=a=b"]
        {
            let refused = rename_parameters(&Parameters::default(), bad).unwrap_err();
            assert!(refused.to_str().unwrap().contains("start=from end=to"), "{bad:?}");
        }
        assert_eq!(parse_packaging(c" HLS  \"dash\""), Ok(Packaging { hls: true, dash: true }));
        assert_eq!(parse_packaging(c"none"), Ok(Packaging::default()));
        for bad in [c"", c" ", c"hls,dash", c"hls none"] {
            assert!(parse_packaging(bad).unwrap_err().to_str().unwrap().contains("hls dash, or none"));
        }
        assert_eq!((parse_canonical(c"Redirect"), parse_max_age(c"0")), (Ok(Canonical::Redirect), Ok(0)));
        assert!(parse_canonical(c"on").unwrap_err().to_str().unwrap().contains("off or redirect"));
        assert_eq!((parse_clips_per_client(c"0"), parse_clips_per_client(c"32")), (Ok(0), Ok(32)));
        for bad in [c"", c"33", c"-1", c"2.5"] {
            assert!(parse_clips_per_client(bad).unwrap_err().to_str().unwrap().contains("1 to 32"));
        }
        for bad in [c"", c"1d", c"-1", c"+1", c"4294967296"] {
            assert!(parse_max_age(bad).unwrap_err().to_str().unwrap().contains("whole number of seconds"));
        }
        assert_eq!(check_extension(c".mp4"), Ok(()));
        assert!(check_extension(c"a/b").unwrap_err().to_str().unwrap().contains(".mp4"));
    }
}
