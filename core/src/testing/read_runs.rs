//! Tables of runs, for the tests beneath what looks things up in them.

use crate::boxes::{FormatError, RunKind, Runs, TableHead, ctts_head, run_entry, sbgp_head, stts_head};

use super::read_box;

/// A file of one `stts`, `ctts` or `sbgp` with these entries, and what is read of it for a track of
/// `units` samples.
pub(crate) fn read_runs(
    kind: RunKind,
    entries: &[(u32, u32)],
    units: u32,
) -> Result<(Vec<u8>, Runs), FormatError> {
    let head = match kind {
        RunKind::Ctts => ctts_head(1),
        RunKind::Sbgp { .. } => sbgp_head(*b"roll", None),
        RunKind::Stts | RunKind::Stsc => stts_head(),
    };
    let entries: Vec<_> = entries.iter().map(|&(count, value)| run_entry(count, value)).collect();
    read_table(kind, &head, &entries.concat(), units)
}

/// A file of one table, and what is read of it for a track of `units` samples or chunks.
pub(crate) fn read_table(
    kind: RunKind,
    head: &TableHead,
    entries: &[u8],
    units: u32,
) -> Result<(Vec<u8>, Runs), FormatError> {
    let mut file = Vec::new();
    head.write(&mut file, |out| out.extend_from_slice(entries));
    let runs = read_box(file.clone(), |reader, header| Runs::read(reader, header, kind, units))?;
    Ok((file, runs))
}

/// Entries that a writer should not have: many of them, some empty, neighbours of equal value.
pub(crate) fn untidy_entries() -> Vec<(u32, u32)> {
    (0..700u32).map(|n| (n % 4, 10 + n / 5 % 3)).collect()
}

/// The value of each unit that `entries` are about.
pub(crate) fn values(entries: &[(u32, u32)]) -> Vec<u32> {
    entries.iter().flat_map(|&(count, value)| vec![value; count as usize]).collect()
}
