//! What a server's configuration says about requests.

use std::time::SystemTime;

use super::{Canonical, Form, Format, Mode, Packaging, Parameters, Restrictions, SegmentDuration};

/// What the server's configuration says for this request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// The mode where the query names none.
    pub mode: Mode,
    /// What the parameters of a query are called.
    pub parameters: Parameters,
    /// Whether every value must be of the form its parameter takes, as where a person wrote it for
    /// us. In a link, other values may be somebody else's.
    pub is_strict: bool,
    /// The format of the answer to a seek where the query names none.
    pub format: Format,
    /// What stands behind a film's address.
    pub packaging: Packaging,
    /// How long segments are.
    pub segment_duration: SegmentDuration,
    /// How playlists and manifests address segments.
    pub form: Form,
    /// Whether the links of playlists and manifests leave out the query: those of a clip on a disk,
    /// where each file is of that clip.
    pub has_plain_links: bool,
    /// What is allowed.
    pub restrictions: Restrictions,
    /// What time it is; `None` for that of the clock. A film that is being recorded is another one
    /// minutes later, so who takes several resources of it gives the same time with each.
    pub now: Option<SystemTime>,
    /// What happens to other queries than the canonical one.
    pub canonical: Canonical,
    /// How many seconds caches may send an answer without asking whether it is still so; `None` to
    /// say nothing of that.
    pub max_age: Option<u32>,
    /// Whether all of a movie is laid out, too, where the file itself would do: what the server sends
    /// by itself cannot be held back.
    pub lays_out_whole: bool,
}
