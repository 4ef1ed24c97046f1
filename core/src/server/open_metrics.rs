//! The counts as the text of OpenMetrics, which Prometheus reads.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::Board;
use super::board::TIMES;

/// The media type of the text.
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The text of all counts.
pub fn open_metrics(board: &'static Board) -> String {
    let mut registry = Registry::with_prefix("h264_streaming");
    registry.register_collector(Box::new(Counts(board)));
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
    text
}

struct Counts(&'static Board);

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counts")
    }
}

impl Collector for Counts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self(board) = self;
        let out = &mut encoder;
        family(out, "answers", "Answers that began", "kind", &board.answers())?;
        family(out, "refusals", "Requests that were refused", "reason", &board.refusals())?;
        family(out, "plans", "Answers by what was known of them", "known", &board.plans())?;
        family(out, "body_bytes", "Bytes of the bodies that began", "part", &board.bytes())?;
        times(out, board)?;
        let reads =
            out.encode_descriptor("pool_reads", "Work that waited for the disk", None, MetricType::Counter)?;
        ConstCounter::new(board.reads()).encode(reads)?;
        let totals = board.totals();
        for (name, help, value) in [
            ("pool_threads", "Threads that may wait for the disk", totals.threads),
            ("pool_busy", "Threads that do", totals.busy),
            ("pool_waiting", "Work that waits for a thread", totals.waiting),
            ("cache_entries", "Indexes, plans and texts in the caches", totals.entries),
            ("cache_size_bytes", "Bytes in the caches", totals.bytes),
            ("answers_in_progress", "Answers that are being sent", totals.answers),
            ("processes", "Processes that have answered", totals.processes),
        ] {
            let metric = out.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(metric)?;
        }
        Ok(())
    }
}

/// Counters that a label tells apart.
fn family(
    out: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    label: &str,
    counts: &[(&'static str, u64)],
) -> fmt::Result {
    let mut metric = out.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (value, count) in counts {
        let labels = [(label, *value)];
        let metric: MetricEncoder<'_> = metric.encode_family(&labels)?;
        ConstCounter::new(*count).encode(metric)?;
    }
    Ok(())
}

fn times(out: &mut DescriptorEncoder<'_>, board: &Board) -> fmt::Result {
    let (micros, counts) = board.times();
    let all: u64 = board.plans().iter().map(|(_, count)| count).sum();
    let rest = all.saturating_sub(counts.iter().sum());
    #[expect(clippy::cast_precision_loss, reason = "a sum of times need not be exact")]
    let seconds = |micros: u64| micros as f64 / 1e6;
    let bounds = TIMES.iter().map(|&bound| seconds(bound)).chain([f64::INFINITY]);
    let buckets: Vec<_> = bounds.zip(counts.into_iter().chain([rest])).collect();
    let mut metric =
        out.encode_descriptor("plan_seconds", "How long answers took to find", None, MetricType::Histogram)?;
    metric.encode_histogram::<NoLabelSet>(seconds(micros), all, &buckets, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{Kind, Reason};
    use crate::testing::{Film, TrackSpec, identity};
    use crate::{Answer, Seeker, Settings};

    #[test]
    fn all_counts_are_in_the_text() {
        let film = Film::of(vec![TrackSpec::video(100, 10)]).build();
        let board: &'static Board = Box::leak(Box::default());
        let seeker = Seeker::default();
        for _ in 0..2 {
            let answer = seeker.answer(&film, &identity(&film), b"start=2", &Settings::default());
            let Ok(Answer::Film(clip)) = answer else { panic!("no clip") };
            assert_eq!(Kind::of(&clip, None), Kind::Clip);
            board.note_answer(Kind::Clip, Some(&clip));
            board.note_bytes(&clip, &(0..clip.len()));
            assert!(clip.metadata_len() > 100 && clip.metadata_len() < clip.len());
            let metadata = board.bytes()[0].1;
            board.note_bytes(&clip, &(clip.metadata_len()..clip.len()));
            assert_eq!(board.bytes()[0].1, metadata);
        }
        board.note_refusal(Reason::Format);
        board.note_read();
        let _answer = board.begin(None);
        board.note_cache(2, 500);
        let text = open_metrics(board);
        for line in [
            "h264_streaming_answers_total{kind=\"clip\"} 2",
            "h264_streaming_answers_total{kind=\"hls\"} 0",
            "h264_streaming_refusals_total{reason=\"format\"} 1",
            "h264_streaming_plans_total{known=\"plan\"} 1",
            "h264_streaming_plan_seconds_count 2",
            "h264_streaming_plan_seconds_bucket{le=\"+Inf\"} 2",
            "h264_streaming_pool_reads_total 1",
            "h264_streaming_cache_size_bytes 500",
            "h264_streaming_processes 1",
            "h264_streaming_answers_in_progress 1",
            "# TYPE h264_streaming_plan_seconds histogram",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
