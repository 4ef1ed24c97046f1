//! Wrong values fail the test of the configuration, with a line that says what is right.

use tests::on_all_engines;
use tests::servers::{Builder, Engine, has_nginx};

on_all_engines!(wrong_values_fail_the_test_of_the_configuration,);

fn wrong_values_fail_the_test_of_the_configuration(engine: Engine) {
    let apache: &[(&str, &[&str])] = &[
        ("H264Streaming maybe", &["H264Streaming", "On or Off"]),
        ("H264StreamingMode fast", &["H264StreamingMode", "keyframe", "exact"]),
        ("H264StreamingMode", &["H264StreamingMode", "keyframe", "exact"]),
        ("H264StreamingMode exact keyframe", &["H264StreamingMode", "keyframe", "exact"]),
        ("H264StreamingExtensions", &["H264StreamingExtensions", ".mp4"]),
        ("H264StreamingExtensions .", &["H264StreamingExtensions", ".mp4"]),
        ("H264StreamingCacheSize 8MB", &["H264StreamingCacheSize", "number of bytes", "K, M or G"]),
        ("H264StreamingCacheSize -1", &["H264StreamingCacheSize", "number of bytes", "K, M or G"]),
        ("H264StreamingCacheSize", &["H264StreamingCacheSize", "such as 16M"]),
        (
            "<VirtualHost *:{port}>\nH264StreamingCacheSize 1M\n</VirtualHost>",
            &["H264StreamingCacheSize", "VirtualHost"],
        ),
        (
            "<Directory {docroot}>\nH264StreamingCacheSize 1M\n</Directory>",
            &["H264StreamingCacheSize", "not allowed"],
        ),
        ("H264StreamingParameters", &["H264StreamingParameters", "start=from"]),
        ("H264StreamingParameters start", &["H264StreamingParameters", "parameter=name"]),
        ("H264StreamingParameters begin=from", &["H264StreamingParameters", "start, end, vbegin"]),
        ("H264StreamingParameters start=", &["H264StreamingParameters", "letters, digits"]),
        ("H264StreamingParameters start=a&b", &["H264StreamingParameters", "letters, digits"]),
        ("H264StreamingParameters start=x end=x", &["H264StreamingParameters", "no two names"]),
        ("H264StreamingParameters start=end", &["H264StreamingParameters", "no two names"]),
        ("H264StreamingFormat mp4", &["H264StreamingFormat", "flat, fmp4 or auto"]),
        ("H264StreamingPackaging", &["H264StreamingPackaging", "hls, dash, hls dash, or none"]),
        ("H264StreamingPackaging hls,dash", &["H264StreamingPackaging", "hls, dash, hls dash, or none"]),
        ("H264StreamingPackaging hls none", &["H264StreamingPackaging", "hls, dash, hls dash, or none"]),
        ("H264StreamingSegmentDuration 0", &["H264StreamingSegmentDuration", "1 to 60"]),
        ("H264StreamingSegmentDuration 61", &["H264StreamingSegmentDuration", "1 to 60"]),
        ("H264StreamingSegmentDuration 2.5", &["H264StreamingSegmentDuration", "whole number of seconds"]),
        ("H264StreamingSegmentDuration 4 5", &["H264StreamingSegmentDuration", "1 to 60"]),
        ("H264StreamingSegments range", &["H264StreamingSegments", "ranges or files"]),
        ("H264StreamingSecretFile", &["H264StreamingSecretFile", "a file with keys"]),
        ("H264StreamingSecretFile none\nH264StreamingSecretFile /missing", &["/missing", "No such file"]),
        ("H264StreamingWindow 60-10", &["H264StreamingWindow", "10-60", "none"]),
        ("H264StreamingWindow", &["H264StreamingWindow", "10-60"]),
        ("H264StreamingLongestClip 1:30", &["H264StreamingLongestClip", "whole number of seconds"]),
        ("H264StreamingShortestClip -1", &["H264StreamingShortestClip", "whole number of seconds"]),
        ("H264StreamingClipsPerClient 33", &["H264StreamingClipsPerClient", "1 to 32"]),
        ("H264StreamingRefuse", &["H264StreamingRefuse", "times, tracks, exact"]),
        ("H264StreamingRefuse none times", &["H264StreamingRefuse", "none alone"]),
        ("H264StreamingCanonical on", &["H264StreamingCanonical", "off or redirect"]),
        ("H264StreamingMaxAge 1d", &["H264StreamingMaxAge", "whole number of seconds"]),
        ("H264StreamingBufferSeconds 86401", &["H264StreamingBufferSeconds", "1 to 86400"]),
        ("H264StreamingBufferSeconds 2.5", &["H264StreamingBufferSeconds", "whole number of seconds"]),
        ("H264StreamingBufferSeconds", &["H264StreamingBufferSeconds", "at once"]),
        ("H264StreamingRate 4G", &["H264StreamingRate", "bytes a second below 4G"]),
        ("H264StreamingRate 2mbit", &["H264StreamingRate", "K, M or G"]),
        ("H264StreamingServerTiming 2", &["H264StreamingServerTiming", "On or Off"]),
        ("H264StreamingVersionHeader 2", &["H264StreamingVersionHeader", "On or Off"]),
    ];
    let lighttpd: &[(&str, &[&str])] = &[
        ("h264-streaming.enable = \"maybe\"", &["h264-streaming.enable", "enable", "disable"]),
        ("h264-streaming.mode = \"fast\"", &["h264-streaming.mode", "keyframe", "exact"]),
        ("h264-streaming.mode = 5", &["h264-streaming.mode"]),
        ("h264-streaming.extensions = (\".\")", &["h264-streaming.extensions", ".mp4"]),
        ("h264-streaming.extensions = (\"\")", &["h264-streaming.extensions", ".mp4"]),
        ("h264-streaming.extensions = (5)", &["h264-streaming.extensions"]),
        ("h264-streaming.cache-size = \"8M\"", &["h264-streaming.cache-size", "expected an integer"]),
        ("h264-streaming.cache-size = (8)", &["h264-streaming.cache-size", "expected an integer"]),
        (
            "$HTTP[\"url\"] =~ \"^/a/\" {\nh264-streaming.cache-size = 8\n}",
            &["h264-streaming.cache-size", "outside of all conditions"],
        ),
        ("h264-streaming.canonical = \"on\"", &["h264-streaming.canonical", "redirect"]),
        ("h264-streaming.max-age = \"1d\"", &["h264-streaming.max-age", "expected an integer"]),
        ("h264-streaming.parameters = \"from\"", &["h264-streaming.parameters"]),
        ("h264-streaming.parameters = (\"from\")", &["h264-streaming.parameters"]),
        ("h264-streaming.parameters = (\"start\" => 5)", &["h264-streaming.parameters"]),
        (
            "h264-streaming.parameters = (\"begin\" => \"from\")",
            &["h264-streaming.parameters", "start, end, vbegin"],
        ),
        (
            "h264-streaming.parameters = (\"start\" => \"\")",
            &["h264-streaming.parameters", "letters, digits"],
        ),
        (
            "h264-streaming.parameters = (\"start\" => \"a&b\")",
            &["h264-streaming.parameters", "letters, digits"],
        ),
        (
            "h264-streaming.parameters = (\"start\" => \"x\", \"end\" => \"x\")",
            &["h264-streaming.parameters", "the same name"],
        ),
        (
            "h264-streaming.parameters = (\"start\" => \"end\")",
            &["h264-streaming.parameters", "the same name"],
        ),
        ("h264-streaming.format = \"mp4\"", &["h264-streaming.format", "flat", "fmp4", "auto"]),
        ("h264-streaming.packaging = \"hls\"", &["h264-streaming.packaging"]),
        ("h264-streaming.packaging = (\"mss\")", &["h264-streaming.packaging", "mss", "hls", "dash", "none"]),
        ("h264-streaming.packaging = (\"hls\", \"none\")", &["h264-streaming.packaging", "hls, none"]),
        ("h264-streaming.buffer-seconds = 86401", &["h264-streaming.buffer-seconds", "1 to 86400"]),
        (
            "h264-streaming.buffer-seconds = \"10s\"",
            &["h264-streaming.buffer-seconds", "expected an integer"],
        ),
        ("h264-streaming.rate = \"500K\"", &["h264-streaming.rate", "expected an integer"]),
        ("h264-streaming.segment-duration = 0", &["h264-streaming.segment-duration", "1 to 60"]),
        ("h264-streaming.segment-duration = 61", &["h264-streaming.segment-duration", "1 to 60"]),
        (
            "h264-streaming.segment-duration = \"6s\"",
            &["h264-streaming.segment-duration", "expected an integer"],
        ),
        ("h264-streaming.segments = \"range\"", &["h264-streaming.segments", "ranges", "files"]),
        ("h264-streaming.secret-file = 5", &["h264-streaming.secret-file"]),
        ("h264-streaming.secret-file = \"\"", &["h264-streaming.secret-file", "path", "none"]),
        (
            "$HTTP[\"url\"] =~ \"^/a/\" {\nh264-streaming.secret-file = \"\"\n}",
            &["h264-streaming.secret-file", "path", "none"],
        ),
        ("h264-streaming.mode = \"\"", &["h264-streaming.mode", "keyframe"]),
        ("h264-streaming.format = \"\"", &["h264-streaming.format", "fmp4"]),
        ("h264-streaming.segments = \"\"", &["h264-streaming.segments", "files"]),
        ("h264-streaming.canonical = \"\"", &["h264-streaming.canonical", "redirect"]),
        ("h264-streaming.metrics-url = \"\"", &["h264-streaming.metrics-url", "begins with /"]),
        ("h264-streaming.packaging = (\"\")", &["h264-streaming.packaging", "hls"]),
        ("h264-streaming.refuse = (\"\")", &["h264-streaming.refuse", "times"]),
        ("h264-streaming.window = \"60-10\"", &["h264-streaming.window", "60-10", "10-60"]),
        ("h264-streaming.window = \"\"", &["h264-streaming.window", "10-60"]),
        ("h264-streaming.longest-clip = \"1:30\"", &["h264-streaming.longest-clip", "expected an integer"]),
        ("h264-streaming.shortest-clip = (2)", &["h264-streaming.shortest-clip", "expected an integer"]),
        ("h264-streaming.clips-per-client = 33", &["h264-streaming.clips-per-client", "0 to 32"]),
        ("h264-streaming.refuse = (\"start\")", &["h264-streaming.refuse", "start", "times"]),
        ("h264-streaming.metrics-url = \"metrics\"", &["h264-streaming.metrics-url", "begins with /"]),
        ("h264-streaming.server-timing = \"2\"", &["h264-streaming.server-timing"]),
        ("h264-streaming.version-header = \"2\"", &["h264-streaming.version-header"]),
        ("h264-streaming.log-client-errors = \"2\"", &["h264-streaming.log-client-errors"]),
        (
            "$HTTP[\"url\"] =~ \"^/a/\" {\nh264-streaming.mode = \"fast\"\n}",
            &["h264-streaming.mode", "keyframe"],
        ),
    ];
    let nginx: &[(&str, &[&str])] = &[
        ("h264_streaming maybe;", &["\"h264_streaming\"", "\"on\" or \"off\"", "server.conf:"]),
        ("h264_streaming on off;", &["invalid number of arguments", "\"h264_streaming\""]),
        ("h264_streaming on;\nh264_streaming off;", &["\"h264_streaming\"", "duplicate"]),
        ("h264_streaming_mode fast;", &["h264_streaming_mode", "\"fast\"", "exact", "keyframe"]),
        ("h264_streaming_mode;", &["invalid number of arguments", "h264_streaming_mode"]),
        ("h264_streaming_extensions .;", &["h264_streaming_extensions", ".mp4"]),
        ("h264_streaming_extensions .mp4 a/b;", &["h264_streaming_extensions", ".mp4"]),
        ("h264_streaming_cache_size 1m;", &["h264_streaming_cache_size", "not allowed here"]),
        ("h264_streaming_parameters start;", &["h264_streaming_parameters", "parameter=name"]),
        ("h264_streaming_parameters begin=from;", &["h264_streaming_parameters", "start, end, vbegin"]),
        ("h264_streaming_parameters start=;", &["h264_streaming_parameters", "letters, digits"]),
        ("h264_streaming_parameters start=a&b;", &["h264_streaming_parameters", "letters, digits"]),
        ("h264_streaming_parameters start=x end=x;", &["h264_streaming_parameters", "no two names"]),
        ("h264_streaming_parameters start=end;", &["h264_streaming_parameters", "no two names"]),
        ("h264_streaming_format mp4;", &["h264_streaming_format", "flat", "fmp4", "auto"]),
        ("h264_streaming_packaging mss;", &["h264_streaming_packaging", "hls", "dash", "none"]),
        ("h264_streaming_packaging hls none;", &["h264_streaming_packaging", "\"none\" alone"]),
        ("h264_streaming_segment_duration 0;", &["h264_streaming_segment_duration", "1s to 60s"]),
        ("h264_streaming_segment_duration 2m;", &["h264_streaming_segment_duration", "1s to 60s"]),
        ("h264_streaming_segment_duration 1500ms;", &["h264_streaming_segment_duration", "1s to 60s"]),
        ("h264_streaming_segments range;", &["h264_streaming_segments", "ranges", "files"]),
        ("h264_streaming_secret_file /missing;", &["h264_streaming_secret_file", "/missing", "No such file"]),
        ("h264_streaming_window 60-10;", &["h264_streaming_window", "10-60", "none"]),
        ("h264_streaming_longest_clip 1:30;", &["h264_streaming_longest_clip", "90s"]),
        ("h264_streaming_shortest_clip -1;", &["h264_streaming_shortest_clip", "90s"]),
        ("h264_streaming_refuse none times;", &["h264_streaming_refuse", "\"none\" alone"]),
        ("h264_streaming_refuse all;", &["h264_streaming_refuse", "times", "tracks", "exact"]),
        ("h264_streaming_clips_per_client 33;", &["h264_streaming_clips_per_client", "0 to 32"]),
        ("h264_streaming_clips_per_client +1;", &["h264_streaming_clips_per_client", "0 to 32"]),
        ("h264_streaming_canonical on;", &["h264_streaming_canonical", "off", "redirect"]),
        ("h264_streaming_max_age 1x;", &["h264_streaming_max_age", "1h"]),
        ("h264_streaming_buffer_seconds 25h;", &["h264_streaming_buffer_seconds", "up to 1d"]),
        ("h264_streaming_rate 4g;", &["h264_streaming_rate", "below 4g"]),
        ("h264_streaming_rate 2mbit;", &["h264_streaming_rate", "500k"]),
        ("h264_streaming_server_timing 2;", &["h264_streaming_server_timing", "\"on\" or \"off\""]),
        ("h264_streaming_version_header 2;", &["h264_streaming_version_header", "\"on\" or \"off\""]),
        ("h264_streaming_log_client_errors 2;", &["h264_streaming_log_client_errors", "\"on\" or \"off\""]),
        ("h264_streaming_metrics;", &["h264_streaming_metrics", "not allowed here"]),
        ("location / { h264_streaming_metrics on; }", &["invalid number of arguments"]),
    ];
    for (lines, wanted) in match engine {
        Engine::Lighttpd => lighttpd,
        Engine::Nginx => nginx,
        _ => apache,
    } {
        // Without the defaults: lighttpd takes an option only once in one place.
        let (passed, said) = Builder::new(engine).without_defaults().config(lines).test_config();
        assert!(!passed, "{lines} passes: {said}");
        let line = said.lines().any(|line| wanted.iter().all(|word| line.contains(word)));
        assert!(line, "{lines}: no line names {wanted:?}:\n{said}");
    }
    let (passed, said) = Builder::new(engine).test_config();
    assert!(passed, "{said}");
}

#[test]
fn nginx_has_one_size_of_its_caches() {
    if !has_nginx() {
        return;
    }
    for (size, is_right) in [("8m", true), ("0", true), ("1g", true), ("8MB", false), ("-1", false)] {
        let builder = Builder::new(Engine::Nginx).http(&format!("h264_streaming_cache_size {size};\n"));
        let (passed, said) = builder.test_config();
        assert_eq!(passed, is_right, "{said}");
        assert!(
            is_right || said.contains("h264_streaming_cache_size\" directive, it must be a size"),
            "{said}"
        );
    }
}
