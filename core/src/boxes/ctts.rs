//! `ctts` (8.6.1.3): composition offsets. Its entries are those of [`super::Runs`].

use super::runs::RUN_ENTRY_SIZE;
use super::write::TableHead;

/// What a `ctts` of this version has before its entries.
pub fn ctts_head(version: u8) -> TableHead {
    TableHead::counted(b"ctts", [version, 0, 0, 0], RUN_ENTRY_SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::{RunKind, Runs, run_entry};
    use crate::testing::read_box;
    use crate::time::MediaTime;

    #[test]
    fn what_is_written_is_read() {
        let mut file = Vec::new();
        let negative = 5u32.wrapping_neg();
        ctts_head(1).write(&mut file, |out| out.extend([run_entry(2, 7), run_entry(1, negative)].concat()));
        assert_eq!(file[8], 1);
        let read = read_box(file.clone(), |reader, header| Runs::read(reader, header, RunKind::Ctts, 3));
        let read = read.unwrap();
        let offset = |sample| read.at_unit(&file, sample).unwrap().offset();
        assert_eq!([0, 1, 2].map(offset), [7, 7, -5].map(MediaTime));
    }
}
