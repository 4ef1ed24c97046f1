//! What is measured. To measure more, add to [`ROWS`].

/// A kind of request to measure. To measure another, add it to [`ROWS`].
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) film: Length,
    pub(crate) method: &'static str,
    /// `{n}` in it is another number for each request.
    pub(crate) query: &'static str,
    /// A long answer is measured by its bytes: few of them end within a run.
    pub(crate) by_bytes: bool,
    /// Whether it is measured beside nginx and static files, too.
    pub(crate) beside_others: bool,
}

/// A film to measure with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Length {
    TenMinutes,
    TwoHours,
    /// With its metadata at the end.
    TwoHoursLast,
    TenHours,
}

impl Length {
    pub(crate) const ALL: [Self; 4] = [Self::TenMinutes, Self::TwoHours, Self::TwoHoursLast, Self::TenHours];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::TenMinutes => "ten-minute film",
            Self::TwoHours => "two-hour film",
            Self::TwoHoursLast => "two-hour film, metadata last",
            Self::TenHours => "ten-hour film",
        }
    }

    pub(crate) fn seconds(self) -> u32 {
        match self {
            Self::TenMinutes => 600,
            Self::TwoHours | Self::TwoHoursLast => 7200,
            Self::TenHours => 36_000,
        }
    }
}

const GET: Row = Row {
    name: "",
    film: Length::TwoHours,
    method: "GET",
    query: "start=7150&end=7160",
    by_bytes: false,
    beside_others: true,
};

pub(crate) const ROWS: &[Row] = &[
    Row { name: "ten-second clip", ..GET },
    Row { name: "ten-second clip, metadata last", film: Length::TwoHoursLast, ..GET },
    Row { name: "ten-second clips, each another", query: "start=7150.{n}&end=7160", ..GET },
    Row { name: "mid-film seek", query: "start=3600", by_bytes: true, ..GET },
    Row { name: "HEAD of a seek", method: "HEAD", query: "start=3600", ..GET },
    Row {
        name: "clip of ten minutes",
        film: Length::TenMinutes,
        query: "start=580&end=590",
        beside_others: false,
        ..GET
    },
    Row {
        name: "clip of ten hours",
        film: Length::TenHours,
        query: "start=35980&end=35990",
        beside_others: false,
        ..GET
    },
];
