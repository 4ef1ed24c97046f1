//! What every server's module says to operators and clients, so that all say it alike.

mod board;
mod boundary;
mod clients;
mod facts;
mod in_progress;
mod key_file;
mod log_line;
mod open_metrics;
mod processes;
mod read_work;
mod refusal;
mod reports;
mod version;

pub use board::{Board, Kind, Reason};
pub use boundary::{boundary, report_panics};
pub use clients::TooMany;
pub use facts::{Fact, facts_of_answer, facts_of_refusal, server_timing};
pub use in_progress::InProgress;
pub use key_file::{KeyFile, KeyFileError, about_key_file, check_link};
pub use log_line::{LogLine, Severity};
pub use open_metrics::{OPEN_METRICS, open_metrics};
pub use read_work::ReadWork;
pub use refusal::{ends_early, out_of_range, refusal_page};
pub(crate) use reports::Reports;
pub use version::{VERSION, VERSION_HEADER};
