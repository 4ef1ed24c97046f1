//! What becomes of each box in a clip.
//!
//! The layout asks [`Treatment::of`] for every box of the file. `docs/boxes.md` shows the same
//! table, and a test compares the two.

use std::fmt::{self, Display, Formatter};

use crate::boxes::BoxType;

/// Where a box stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The top level of the file.
    File,
    /// The `moov`.
    Movie,
    /// A `udta`.
    UserData,
    /// A `trak`, and the `mdia` and `minf` in it.
    Track,
    /// The `stbl` of a track.
    SampleTable,
    /// Any place but [`Self::UserData`], for boxes that have no rule of their own there.
    Anywhere,
}

/// What becomes of a box in a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// It stays as it is.
    Copied,
    /// It has no meaning in a clip.
    LeftOut,
    /// It is unknown, and may refer to single samples.
    Unknown,
    /// The boxes in it are treated one by one.
    Container,
    /// The media: the clip has one `mdat` with the bytes of its samples.
    Media,
    /// Fragments become sample tables before anything is cut.
    Fragment,
    /// A header that states a duration.
    Header,
    /// The edit list of the clip.
    Edits,
    /// References to other tracks.
    References,
    /// The `udta` of a track.
    UserData,
    /// A `meta` box that may state places in the file, or hold tags.
    Metadata,
    /// A `meta` box that may hold tags.
    Tags,
    /// Chapters as Nero writes them.
    Chapters,
    /// Times of highlights as GoPro's cameras write them.
    Highlights,
    /// The time code of the start as Adobe's programs write it.
    StartTimeCode,
    /// Sample descriptions.
    Descriptions,
    /// Sample durations.
    Durations,
    /// Composition offsets.
    CompositionOffsets,
    /// Samples of each chunk.
    Chunks,
    /// Sample sizes.
    Sizes,
    /// Offsets of chunks in the file.
    ChunkOffsets,
    /// Numbers of sync samples.
    SyncSamples,
    /// Numbers of further samples that decoding can begin with.
    PartialSyncSamples,
    /// One byte for each sample.
    ByteForEachSample,
    /// Two bytes for each sample.
    WordForEachSample,
    /// Descriptions of sample groups.
    GroupDescriptions,
    /// Groups of samples.
    Groups,
    /// Sizes of sample auxiliary information.
    AuxiliarySizes,
    /// Offsets of sample auxiliary information.
    AuxiliaryOffsets,
    /// Initialisation vectors and subsamples of encrypted samples.
    Encryption,
    /// Padding bits of samples.
    PaddingBits,
    /// A small table that few files have.
    Small,
}

/// The table, and the function that looks a box up in it.
macro_rules! treatments {
    ($($place:ident { $($($name:literal)|+ => $treatment:ident,)+ })+) => {
        /// The boxes that have a rule of their own in their place.
        pub const LISTED: &[(Place, &[&[u8; 4]], Treatment)] =
            &[$($((Place::$place, &[$($name),+], Treatment::$treatment)),+),+];

        fn listed(place: Place, box_type: &[u8; 4]) -> Option<Treatment> {
            match place {
                $(Place::$place => match box_type {
                    $($($name)|+ => Some(Treatment::$treatment),)+
                    _ => None,
                },)+
            }
        }
    };
}

treatments! {
    File {
        b"moov" => Container,
        b"mdat" => Media,
        b"moof" => Fragment,
        b"meta" => Metadata,
    }
    Movie {
        b"trak" | b"udta" => Container,
        b"mvhd" => Header,
        b"meta" => Metadata,
    }
    UserData {
        b"meta" => Tags,
        b"chpl" => Chapters,
        b"HMMT" => Highlights,
        b"\xa9TIM" | b"\xa9TSC" | b"\xa9TSZ" => StartTimeCode,
        b"hnti" => LeftOut,
    }
    Track {
        b"mdia" | b"minf" | b"stbl" => Container,
        b"tkhd" | b"mdhd" => Header,
        b"edts" => Edits,
        b"tref" => References,
        b"udta" => UserData,
        b"meta" => Metadata,
        b"senc" | b"uuid" => Encryption,
    }
    SampleTable {
        b"stsd" => Descriptions,
        b"stts" => Durations,
        b"ctts" => CompositionOffsets,
        b"stsc" => Chunks,
        b"stsz" | b"stz2" => Sizes,
        b"stco" | b"co64" => ChunkOffsets,
        b"stss" => SyncSamples,
        b"stps" => PartialSyncSamples,
        b"sdtp" => ByteForEachSample,
        b"stdp" => WordForEachSample,
        b"sgpd" => GroupDescriptions,
        b"sbgp" => Groups,
        b"saiz" => AuxiliarySizes,
        b"saio" => AuxiliaryOffsets,
        b"senc" | b"uuid" => Encryption,
        b"padb" => PaddingBits,
        b"stsh" | b"subs" | b"csgp" => Small,
        // Its bounds hold only for the whole movie. Players work without it.
        b"cslg" => LeftOut,
    }
    Anywhere {
        // Padding.
        b"free" | b"skip" | b"wide" => LeftOut,
        // Where fragments are. A clip has no fragments.
        b"mvex" | b"mfra" | b"sidx" | b"ssix" | b"styp" | b"emsg" | b"prft" => LeftOut,
        // When to start playing a download of the whole movie, and which part of it to load first.
        b"pdin" | b"load" => LeftOut,
    }
}

impl Treatment {
    /// What becomes of a box of this type in this place.
    pub fn of(place: Place, box_type: BoxType) -> Self {
        let here = listed(place, &box_type.0);
        let anywhere = || listed(Place::Anywhere, &box_type.0).filter(|_| place != Place::UserData);
        here.or_else(anywhere).unwrap_or_else(|| Self::of_others(place))
    }

    /// What becomes of the boxes of this place that no rule names.
    pub fn of_others(place: Place) -> Self {
        if place == Place::SampleTable { Self::Unknown } else { Self::Copied }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "the file",
            Self::Movie => "`moov`",
            Self::UserData => "`udta`",
            Self::Track => "`trak`, `mdia`, `minf`",
            Self::SampleTable => "`stbl`",
            Self::Anywhere => "anywhere but in `udta`",
        })
    }
}

/// As the documentation says it.
impl Display for Treatment {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Copied => "Copied.",
            Self::LeftOut => "Left out: a clip has no use for it.",
            Self::Unknown => "Left out, with a line in the debug log: it may speak of single samples.",
            Self::Container => "Kept. The boxes in it are treated one by one.",
            Self::Media => "One `mdat` holds the bytes of the clip's samples, and no others.",
            Self::Fragment => "Becomes sample tables, which are then cut as those of any film.",
            Self::Header => "Kept, with the duration of the clip and the time scale that it needs.",
            Self::Edits => "Written for the clip, from the film's own edit list and the times asked for.",
            Self::References => "Kept, without references to tracks that the clip does not have.",
            Self::UserData => "Kept. The boxes in it are treated one by one.",
            Self::Metadata => {
                "Copied, without tags that count samples or times of the whole film (`iTunSMPB`, timed frames of \
                 `ID32`). Left out, with a line in the debug log, if it states places in the file (`iloc`)."
            }
            Self::Tags => {
                "Copied, without tags that count samples or times of the whole film (`iTunSMPB`, timed frames of \
                 `ID32`)."
            }
            Self::Chapters => "The chapters of the clip, moved with it.",
            Self::Highlights => "The highlights of the clip, moved with it.",
            Self::StartTimeCode => "Copied if the clip begins where the film does. Else left out.",
            Self::Descriptions => "Copied. `PreSkip` of Opus becomes what the clip's edit list skips.",
            Self::Durations => "Cut. The first and the last sample may last less or longer than in the film.",
            Self::CompositionOffsets => "Cut. Left out if all offsets are 0.",
            Self::Chunks => "Cut. The first and the last chunk may hold fewer samples.",
            Self::Sizes => "Cut.",
            Self::ChunkOffsets => "Cut and moved. `stco` and `co64` become each other, as the clip needs it.",
            Self::SyncSamples => {
                "Cut. Written from the pictures themselves where the film has none, or a wrong one."
            }
            Self::PartialSyncSamples => "Cut.",
            Self::ByteForEachSample | Self::WordForEachSample | Self::PaddingBits => {
                "Cut. Left out, with a line in the debug log, if it is too short for the film."
            }
            Self::GroupDescriptions => "Copied.",
            Self::Groups => "Cut.",
            Self::AuxiliarySizes => {
                "Cut, if it is about encryption. Entries for samples that are not encrypted are added, where \
                 others have some. Left out if no sample of the clip has an entry. If it is about something else, \
                 left out, with a line in the debug log."
            }
            Self::AuxiliaryOffsets => {
                "Written for the clip with the `saiz`, if it is about encryption. Else left out, with a line in the \
                 debug log."
            }
            Self::Encryption => {
                "Cut. Where the `saiz` has added entries, a `free` in its place holds all entries. A `uuid` that is \
                 not PIFF's `senc` is treated as a box without a rule."
            }
            Self::Small => {
                "Cut; `csgp` becomes the `sbgp` that says the same. Left out, with a line in the debug log, if it \
                 is malformed or longer than some 1 MB, or if all such boxes of a clip are longer than some 8 MB. \
                 A clip without the `csgp` of its keys (`seig`) is refused instead."
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of `docs/boxes.md`.
    fn table() -> String {
        let mut table = "| in | box | what becomes of it in a clip |\n|---|---|---|\n".to_string();
        let mut row = |place: Place, boxes: &str, treatment: Treatment| {
            table += &format!("| {place} | {boxes} | {treatment} |\n");
        };
        let mut last = None;
        for &(place, names, treatment) in LISTED {
            if let Some(last) = last.filter(|&last| last != place) {
                row(last, "all others", Treatment::of_others(last));
            }
            last = Some(place);
            // The sign of Apple's tags is one byte.
            let text = |name: &[u8; 4]| name.iter().copied().map(char::from).collect::<String>();
            let names: Vec<_> = names.iter().map(|name| format!("`{}`", text(name))).collect();
            row(place, &names.join(" "), treatment);
        }
        table
    }

    #[test]
    fn the_documentation_has_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/boxes.md");
        let page = std::fs::read_to_string(path).unwrap();
        let from = page.find("| in | box |").expect("a table");
        let rows = page[from..].split_inclusive('\n').take_while(|line| line.starts_with('|'));
        let documented: String = rows.collect();
        assert!(documented == table(), "docs/boxes.md must have this table:\n\n{}", table());
    }

    #[test]
    fn a_rule_of_a_place_comes_before_that_of_anywhere() {
        for &(place, names, treatment) in LISTED {
            for name in names.iter().filter(|_| place != Place::Anywhere) {
                assert_eq!(Treatment::of(place, BoxType(**name)), treatment);
            }
        }
        let free = |place| Treatment::of(place, BoxType(*b"free"));
        assert_eq!(free(Place::Track), Treatment::LeftOut);
        assert_eq!(free(Place::SampleTable), Treatment::LeftOut);
        assert_eq!(free(Place::UserData), Treatment::Copied);
        assert_eq!(Treatment::of(Place::SampleTable, BoxType(*b"abcd")), Treatment::Unknown);
    }
}
