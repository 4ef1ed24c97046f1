//! What must hold for the text of every file, whatever the file says.

use mp4seek::index::{Film, Index};
use mp4seek::limits;
use mp4seek::request::Asked;
use mp4seek::seek::{Cut, seek};
use mp4seek::text::{write_chapters, write_vtt};
use mp4seek::{Error, Settings};

use crate::allocator::peak;

/// Writes the text of each track, and the chapters, of the clip that a query asks for. Returns how
/// many texts there are; none for a file that is no film, or has no such clip.
pub(crate) fn judge_text(file: &[u8], query: &str) -> usize {
    let file = file.to_vec();
    let Ok(index) = Index::build(&file, file.len() as u64) else { return 0 };
    let source = &index.film(&file);
    let film = &Film { index: &index, source };
    // In fragments, the whole film is a clip, too.
    let query = format!("{query}&format=fmp4");
    let clip = Asked::parse(query.as_bytes(), &Settings::default()).map_err(Error::from);
    let Ok(Cut::Clip(clip)) = clip.and_then(|asked| Ok(seek(film, &asked.request)?)) else { return 0 };
    let (texts, memory) = peak(|| {
        let tracks = (0..index.tracks.len()).map(|track| write_vtt(film, &clip, track));
        let texts = tracks.chain([write_chapters(film, &clip)]).flatten();
        texts.map(|text| assert_text(&text, &query)).count()
    });
    assert!(memory <= 3 * limits::VTT as u64, "{query}: {memory} bytes of memory");
    texts
}

/// Asserts that a text is a WebVTT file in which each block is a cue, but for those of the header.
fn assert_text(text: &str, query: &str) {
    assert!(text.len() <= limits::VTT + limits::SMALL_BOX, "{query}: {} bytes", text.len());
    let (header, cues) = text.split_at(text.find("-->").unwrap_or(text.len()));
    assert!(header.starts_with("WEBVTT"), "{query}: {header:?}");
    assert!(!text.contains(['\r', '\0']), "{query}");
    for block in cues.split("\n\n").skip(1) {
        let times: Vec<_> = block.lines().filter(|line| line.contains("-->")).collect();
        assert!(matches!(times[..], [times] if times.len() >= 29), "{query}: {block:?}");
    }
}
