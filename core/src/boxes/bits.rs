//! Fields of a number of bits, most significant first.

/// Reads such fields. None is read past the end.
#[derive(Debug, Clone)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// The next bit.
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bits that are left.
    pub(super) fn left(&self) -> usize {
        self.bytes.len().saturating_mul(8).saturating_sub(self.at)
    }

    /// The next `count` bits, at most 32.
    pub(super) fn take(&mut self, count: usize) -> Option<u32> {
        if count > 32 || count > self.left() {
            return None;
        }
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    /// The next `count` bits, at most 8.
    pub(super) fn byte(&mut self, count: usize) -> Option<u8> {
        u8::try_from(self.take(count.min(8))?).ok()
    }

    /// The next bit.
    pub(super) fn flag(&mut self) -> Option<bool> {
        Some(self.take(1)? == 1)
    }

    /// Goes past `count` bits.
    pub(super) fn skip(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count).filter(|_| count <= self.left())?;
        Some(())
    }

    /// A number of the Exp-Golomb code (ITU-T H.265, 9.2; AV1, 4.10.3), at most 2³¹ − 2.
    pub(super) fn unsigned(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 30 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.take(zeros)?)
    }

    /// Goes past `count` such numbers, which may be signed ones.
    pub(super) fn skip_unsigned(&mut self, count: u32) -> Option<()> {
        for _ in 0..count {
            self.unsigned()?;
        }
        Some(())
    }

    /// Goes to the next whole byte.
    pub(super) fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_in_order_and_not_past_the_end() {
        let mut bits = BitReader::new(&[0b1010_0110, 0xff, 0x12, 0x34]);
        assert_eq!((bits.flag(), bits.byte(3), bits.take(2)), (Some(true), Some(0b010), Some(0b01)));
        bits.align();
        assert_eq!((bits.byte(4), bits.left()), (Some(15), 20));
        assert_eq!((bits.skip(21), bits.skip(4), bits.take(17)), (None, Some(()), None));
        assert_eq!((bits.take(16), bits.flag()), (Some(0x1234), None));
    }

    #[test]
    fn numbers_have_as_many_bits_as_zeros_before_them() {
        // 0, 1, 2, 3, and 7.
        let mut bits = BitReader::new(&[0b1010_0110, 0b0100_0001, 0]);
        assert_eq!([(); 4].map(|()| bits.unsigned()), [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!((bits.unsigned(), bits.unsigned()), (Some(7), None));
        assert_eq!(BitReader::new(&[0, 0, 0, 3, 0xff, 0xff, 0xff, 0xff]).unsigned(), Some((1 << 31) - 2));
        assert_eq!(BitReader::new(&[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]).unsigned(), None);
        assert_eq!(BitReader::new(&[0xe0]).skip_unsigned(4), None);
    }
}
