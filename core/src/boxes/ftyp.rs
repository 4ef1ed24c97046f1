//! `ftyp` (4.3): what a file is, for those who read it.

use super::write_box;

/// Appends an `ftyp` with these brands. The first is the major one.
pub fn write_ftyp(out: &mut Vec<u8>, brands: &[&[u8; 4]]) {
    write_box(out, b"ftyp", |out| {
        out.extend_from_slice(brands.first().copied().unwrap_or(b"isom"));
        out.extend_from_slice(&[0; 4]);
        brands.iter().for_each(|brand| out.extend_from_slice(*brand));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_brand_is_among_the_compatible_ones() {
        let mut out = Vec::new();
        write_ftyp(&mut out, &[b"iso6", b"cmfc"]);
        assert_eq!(out, b"\0\0\0\x18ftypiso6\0\0\0\0iso6cmfc");
    }
}
