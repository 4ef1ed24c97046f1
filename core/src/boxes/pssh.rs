//! `pssh` (ISO/IEC 23001-7, 8.1): what a system that gives out keys needs to know of a film.

use crate::source::ReadAt;

use super::{BoxHeader, FormatError, Reader, u32_at};

/// A `pssh`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PsshBox {
    /// `SystemID`
    pub system_id: [u8; 16],
    /// The keys that it is about; empty where it does not say.
    pub key_ids: Vec<[u8; 16]>,
    /// All of it, its header included.
    pub whole: Vec<u8>,
    /// How many of its last bytes are those of the system.
    data_len: usize,
}

impl PsshBox {
    /// Reads one; `None` for one that is malformed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        header: &BoxHeader,
    ) -> Result<Option<Self>, FormatError> {
        let payload = reader.payload(header, 0)?;
        let Some((system_id, key_ids, data_len)) = parse(payload) else { return Ok(None) };
        let size = u32::try_from(payload.len() + 8).unwrap_or(0);
        let whole = [&size.to_be_bytes()[..], b"pssh", payload].concat();
        Ok(Some(Self { system_id, key_ids, whole, data_len }))
    }

    /// The bytes of the system.
    pub fn data(&self) -> &[u8] {
        self.whole.get(self.whole.len() - self.data_len..).unwrap_or_default()
    }
}

/// The system, its keys, and the length of its data.
fn parse(payload: &[u8]) -> Option<([u8; 16], Vec<[u8; 16]>, usize)> {
    let version = *payload.first()?;
    let system_id = *payload.get(4..)?.first_chunk()?;
    let mut rest = payload.get(20..)?;
    let mut key_ids = Vec::new();
    if version > 0 {
        let count = u32_at(rest.get(..4)?, 0) as usize;
        let (all, more) = rest.get(4..)?.split_at_checked(count.checked_mul(16)?)?;
        key_ids.extend(all.chunks_exact(16).filter_map(|id| id.first_chunk().copied()));
        rest = more;
    }
    let len = u32_at(rest.get(..4)?, 0) as usize;
    (rest.len() - 4 == len).then_some((system_id, key_ids, len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box};

    fn read(payload: &[&[u8]]) -> Option<PsshBox> {
        read_box(make_box(b"pssh", payload.concat()), PsshBox::read).unwrap()
    }

    #[test]
    fn systems_keys_and_data_are_read() {
        let (system, key, data) = ([7; 16], [9; 16], [0, 0, 0, 2, 5, 6]);
        let plain = read(&[&[0; 4], &system, &data]).unwrap();
        assert_eq!((plain.system_id, plain.key_ids.len(), plain.data()), (system, 0, &[5, 6][..]));
        assert_eq!(plain.whole, make_box(b"pssh", [&[0; 4][..], &system, &data].concat()));
        let keyed = read(&[&[1, 0, 0, 0], &system, &[0, 0, 0, 2], &key, &key, &data]).unwrap();
        assert_eq!((keyed.key_ids, keyed.data_len), (vec![key; 2], 2));
    }

    #[test]
    fn what_does_not_fit_is_none() {
        let many = [255; 4];
        assert_eq!(read(&[&[1, 0, 0, 0], &[7; 16], &many, &[0; 4]]), None);
        assert_eq!(read(&[&[0; 4], &[7; 16], &[0, 0, 0, 9, 1]]), None);
        assert_eq!(read(&[&[0; 4], &[7; 9]]), None);
    }
}
