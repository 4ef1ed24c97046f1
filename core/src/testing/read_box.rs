//! A file of one box, for the tests beneath what reads it.

use crate::boxes::{BoxHeader, Reader};

/// What `read` makes of a file that holds just this box.
pub(crate) fn read_box<T>(file: Vec<u8>, read: impl FnOnce(&mut Reader<'_, Vec<u8>>, &BoxHeader) -> T) -> T {
    let len = file.len() as u64;
    let mut reader = Reader::new(&file, len);
    let header = reader.header(0, len).unwrap().unwrap();
    read(&mut reader, &header)
}
