//! The entries of a table of one batch, where they are kept.

use std::io;

use crate::source::ReadAt;

use super::run_lengths::number;

/// The entries of a table of one batch.
#[derive(Debug)]
pub(crate) enum KeptEntries {
    Bytes(Box<[u8]>),
    /// Many are like the ones before them, as those of samples of one size.
    Runs(Runs),
}

/// Entries in runs that are alike.
#[derive(Debug)]
pub(crate) struct Runs {
    /// Which entry each run begins with.
    starts: Box<[u32]>,
    /// One of each run.
    entries: Box<[u8]>,
    entry_size: usize,
    /// Bytes of all.
    len: usize,
}

impl KeptEntries {
    /// Those that stand in `bytes`, of `entry_size` bytes each.
    pub(crate) fn of(bytes: &[u8], entry_size: usize) -> Self {
        let size = entry_size.max(1);
        let others = bytes.chunks(size).zip(bytes.chunks(size).skip(1)).filter(|(a, b)| a != b).count();
        if others.saturating_add(1).saturating_mul(size + size_of::<u32>()) > bytes.len() / 2 {
            return Self::Bytes(bytes.into());
        }
        let (mut starts, mut entries) = (Vec::new(), Vec::new());
        let mut last = None;
        for (n, entry) in bytes.chunks(size).enumerate() {
            if last.replace(entry) != Some(entry) {
                starts.push(number(n));
                entries.extend_from_slice(entry);
            }
        }
        Self::Runs(Runs {
            starts: starts.into(),
            entries: entries.into(),
            entry_size: size,
            len: bytes.len(),
        })
    }

    /// Reads bytes from `offset` on, as [`ReadAt::read_at`].
    pub(crate) fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        match self {
            Self::Bytes(bytes) => bytes.read_at(buf, offset),
            Self::Runs(runs) => Ok(runs.read_at(buf, offset)),
        }
    }

    /// Memory held besides the struct itself.
    pub(crate) fn heap_size(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Runs(runs) => runs.entries.len() + size_of_val(&*runs.starts),
        }
    }
}

impl Runs {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> usize {
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len);
        let n = buf.len().min(self.len - from);
        let (mut entry, mut skip) = (number(from / self.entry_size), from % self.entry_size);
        let mut run = self.starts.partition_point(|&start| start <= entry).saturating_sub(1);
        let mut left = buf.get_mut(..n).unwrap_or_default();
        while !left.is_empty() {
            if self.starts.get(run + 1) == Some(&entry) {
                run += 1;
            }
            let bytes = self.entries.chunks(self.entry_size).nth(run).and_then(|bytes| bytes.get(skip..));
            let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else { break };
            let now = bytes.len().min(left.len());
            let (out, rest) = left.split_at_mut(now);
            out.copy_from_slice(bytes.get(..now).unwrap_or_default());
            (left, entry, skip) = (rest, entry + 1, 0);
        }
        n
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_was_there() {
        let runs = [&b"abcd".repeat(9)[..], &b"abce".repeat(30), b"zzzz", &b"abcd".repeat(20)].concat();
        for (bytes, held) in [
            (&runs[..], 4 * 8),
            (&b"abcd".repeat(4), 8),
            (&b"abcd".repeat(3), 12),
            (b"abcdabcdabcx", 12),
            (b"abcdabcdab", 10),
            (b"abcd", 4),
            (b"", 0),
        ] {
            let kept = KeptEntries::of(bytes, 4);
            assert_eq!(kept.heap_size(), held);
            for from in 0..bytes.len() + 3 {
                for len in [0, 1, 2, 3, 4, 7, 50, bytes.len(), bytes.len() + 3] {
                    let mut buf = vec![0; len];
                    let n = kept.read_at(&mut buf, from as u64).unwrap();
                    assert!(buf[..n].iter().eq(bytes.iter().skip(from).take(len)), "{len} from {from}");
                }
            }
        }
    }
}
