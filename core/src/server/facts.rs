//! What an access log can say of a request, and what `Server-Timing` tells a browser.

use std::ffi::{CStr, CString};

use crate::explanation::Known;
use crate::virtual_file::VirtualFile;

use super::{Kind, Reason};

/// A variable of the environment of a request, and its value.
pub type Fact = (&'static CStr, CString);

/// What there is to say of an answer.
pub fn facts_of_answer(kind: Kind, film: &VirtualFile) -> Vec<Fact> {
    let mut facts = vec![
        fact(c"H264_KIND", kind.name()),
        fact(c"H264_FORMAT", film.format()),
        fact(c"H264_METADATA", film.metadata_len()),
    ];
    let Some(explanation) = film.explanation() else { return facts };
    facts.extend(explanation.start().map(|start| fact(c"H264_START", start)));
    facts.extend(explanation.end().map(|end| fact(c"H264_END", end)));
    facts.extend(explanation.mode().map(|mode| fact(c"H264_MODE", mode)));
    facts.extend(explanation.samples().map(|samples| fact(c"H264_SAMPLES", samples)));
    facts.push(fact(c"H264_CACHE", known_name(explanation.known())));
    facts.push(fact(c"H264_PLAN_US", explanation.took().as_micros()));
    facts
}

/// What there is to say of a request that is refused.
pub fn facts_of_refusal(reason: Reason) -> Vec<Fact> {
    vec![fact(c"H264_REASON", reason.name())]
}

/// The value of the field `Server-Timing`: how long it took to find the answer, in milliseconds, and
/// what was known from earlier requests. `None` for an answer that took no work.
pub fn server_timing(film: &VirtualFile) -> Option<String> {
    let explanation = film.explanation()?;
    let micros = explanation.took().as_micros();
    let known = known_name(explanation.known());
    Some(format!("plan;dur={}.{:03};desc={known}", micros / 1000, micros % 1000))
}

fn fact(name: &'static CStr, value: impl ToString) -> Fact {
    // No value has a byte that ends a string of C.
    (name, CString::new(value.to_string()).unwrap_or_default())
}

/// What the cache had.
pub(super) fn known_name(known: Known) -> &'static str {
    match known {
        Known::Plan => "plan",
        Known::Index => "index",
        Known::Nothing => "none",
    }
}
