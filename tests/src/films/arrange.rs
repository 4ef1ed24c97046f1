//! Rearranges the boxes of a film that an encoder wrote.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::patch::{MdatSize, Parts};
use super::recipe::{Patch, Recipe};

pub(super) fn patch(recipe: &Recipe, encoded: PathBuf, scratch: &Path) -> PathBuf {
    if matches!(recipe.patch, Patch::None) {
        return encoded;
    }
    let patched = scratch.join("patched");
    let mut out = File::create(&patched).expect("a directory of our own");
    let mut parts = Parts::read(&encoded);
    let chunks = parts.chunks();
    let half = chunks.split_at(chunks.len() / 2);
    let third = chunks.len() / 3;
    let written = match recipe.patch {
        Patch::None => Ok(()),
        Patch::Rates(edits) => {
            for track in 0..parts.tracks() {
                let edits = edits.iter().map(|&(duration, start, rate)| (duration, Some(start), rate));
                parts.set_edits(track, &edits.collect::<Vec<_>>());
            }
            parts.write(&mut out, &[&chunks], MdatSize::Bits32, 0, false)
        }
        Patch::Edits(tracks) => {
            for (track, edits) in tracks.iter().enumerate() {
                let edits = edits.iter().map(|&(duration, start)| (duration, start, 0x0001_0000));
                parts.set_edits(track, &edits.collect::<Vec<_>>());
            }
            parts.write(&mut out, &[&chunks], MdatSize::Bits32, 0, false)
        }
        Patch::NoSyncTable => {
            parts.drop_sync_table(0);
            parts.write(&mut out, &[&chunks], MdatSize::Bits32, 0, false)
        }
        Patch::EverySync => {
            parts.drop_sync_table(0);
            parts.list_all_sync(0);
            parts.write(&mut out, &[&chunks], MdatSize::Bits32, 0, false)
        }
        Patch::EndAtOnce => {
            parts.end_at_once(0);
            parts.write(&mut out, &[&chunks], MdatSize::Bits32, 0, false)
        }
        Patch::Hole(hole) => parts.write(&mut out, &[half.0, half.1], MdatSize::Bits32, hole, false),
        Patch::Mdat64 => parts.write(&mut out, &[&chunks], MdatSize::Bits64, 0, false),
        Patch::MdatToEnd => parts.write(&mut out, &[&chunks], MdatSize::ToEnd, 0, true),
        Patch::ThreeMdats => {
            let groups = [&chunks[..third], &chunks[third..2 * third], &chunks[2 * third..]];
            parts.write(&mut out, &groups, MdatSize::Bits32, 0, false)
        }
        Patch::TrackByTrack => {
            let chunks = parts.chunks_by_track();
            parts.write(&mut out, &[&chunks], MdatSize::Bits32, 0, false)
        }
    };
    written.and_then(|()| finish(&out)).unwrap_or_else(|e| panic!("{}: {e}", recipe.name));
    patched
}

/// A hole at the very end must count in the length.
fn finish(out: &File) -> io::Result<()> {
    let mut out = out;
    let end = io::Seek::stream_position(&mut out)?;
    out.set_len(end)?;
    out.sync_all()
}
