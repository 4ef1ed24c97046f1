//! Real servers, the same scenarios on both.
