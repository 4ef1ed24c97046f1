//! What every server's module says to operators and clients, so that all say it alike.

mod boundary;
mod key_file;
mod log_line;
mod refusal;
mod reports;
mod version;

pub use boundary::{boundary, report_panics};
pub use key_file::{KeyFile, KeyFileError, about_key_file, check_link};
pub use log_line::{LogLine, Severity};
pub use refusal::{ends_early, out_of_range, refusal_page};
pub(crate) use reports::Reports;
pub use version::{VERSION, VERSION_HEADER};
