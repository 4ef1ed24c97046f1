//! Tables of 4 bits for each sample: `stz2` and `padb`.

use std::ops::Range;

use crate::boxes::{FormatError, Table, TableReader, nibble_in, nibbles};
use crate::numbers::{Numbers, SampleNumber};

use super::context::Generator;

impl Generator<'_> {
    /// Two samples in each byte, the first in the upper half. The last byte may hold one.
    pub(super) fn write_nibbles(
        &self,
        table: Table,
        samples: &[Range<SampleNumber>],
        index: u32,
        out: &mut [u8],
    ) -> Result<(), FormatError> {
        let mut pairs = TableReader::new(&self.film.source, table, u32::try_from(out.len()).unwrap_or(1));
        let mut nibble = |sample: Option<u32>| -> Result<u8, FormatError> {
            let Some(sample) = sample else { return Ok(0) };
            let pair = pairs.entry(sample / 2)?.first().copied().unwrap_or(0);
            Ok(nibble_in(pair, sample))
        };
        let mut samples = samples.iter().flat_map(Numbers::units).skip(2 * index as usize);
        for out in out {
            *out = nibbles(nibble(samples.next())?, nibble(samples.next())?);
        }
        Ok(())
    }
}
