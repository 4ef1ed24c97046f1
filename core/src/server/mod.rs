//! What every server's module says to operators and clients, so that all say it alike.

mod explanation;
mod log_line;
mod refusal;
mod reports;

pub use explanation::{Explanation, Summary};
pub(crate) use explanation::{Times, Work};
pub use log_line::{LogLine, Severity};
pub use refusal::{out_of_range, refusal_page};
pub(crate) use reports::Reports;
