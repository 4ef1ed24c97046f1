/* The directives: what Rust reads of them, and where each may stand. */
#include "internal.h"

char *h264_metrics_directive(ngx_conf_t *cf, ngx_command_t *command, void *conf);

int64_t h264_parse_time(struct h264_bytes text) {
    ngx_str_t value = {text.len, (u_char *)text.ptr};
    ngx_int_t seconds = ngx_parse_time(&value, 1);
    return seconds == NGX_ERROR ? -1 : (int64_t)seconds;
}

int64_t h264_parse_size(struct h264_bytes text) {
    ngx_str_t value = {text.len, (u_char *)text.ptr};
    off_t size = ngx_parse_offset(&value);
    return size == (off_t)NGX_ERROR ? -1 : (int64_t)size;
}

struct h264_bytes h264_word(const struct ngx_conf_s *cf, size_t index) {
    const ngx_str_t *words = cf->args->elts;
    struct h264_bytes bytes = {words[index].data, words[index].len};
    return bytes;
}

size_t h264_words(const struct ngx_conf_s *cf) {
    return cf->args->nelts;
}

void h264_conf_log(struct ngx_conf_s *cf, int is_error, struct h264_bytes line) {
    ngx_str_t text = {line.len, (u_char *)line.ptr};
    ngx_conf_log_error(is_error ? NGX_LOG_EMERG : NGX_LOG_WARN, cf, 0, "%V", &text);
}

struct h264_bytes h264_conf_path(struct ngx_conf_s *cf, struct h264_bytes path) {
    struct h264_bytes none = {NULL, 0};
    u_char *copy = ngx_pnalloc(cf->pool, path.len + 1);
    if (copy == NULL) return none;
    *ngx_cpymem(copy, path.ptr, path.len) = '\0';
    ngx_str_t full = {path.len, copy};
    if (ngx_conf_full_name(cf->cycle, &full, 1) != NGX_OK) return none;
    struct h264_bytes bytes = {full.data, full.len};
    return bytes;
}

static char *set(ngx_conf_t *cf, ngx_command_t *command, void *data) {
    struct h264_conf *conf = data;
    (void)command;
    return h264_section_set(conf->section, cf) ? NGX_CONF_OK : NGX_CONF_ERROR;
}

#define ANYWHERE (NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF)
#define DIRECTIVE(name, places) {ngx_string(name), places, set, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL}
#define ONE(name) DIRECTIVE(name, ANYWHERE | NGX_CONF_TAKE1)
#define MORE(name) DIRECTIVE(name, ANYWHERE | NGX_CONF_1MORE)

ngx_command_t h264_directives[] = {
    ONE("h264_streaming"),
    MORE("h264_streaming_extensions"),
    ONE("h264_streaming_mode"),
    ONE("h264_streaming_format"),
    MORE("h264_streaming_packaging"),
    ONE("h264_streaming_segment_duration"),
    ONE("h264_streaming_segments"),
    MORE("h264_streaming_parameters"),
    ONE("h264_streaming_secret_file"),
    ONE("h264_streaming_window"),
    ONE("h264_streaming_longest_clip"),
    ONE("h264_streaming_shortest_clip"),
    MORE("h264_streaming_refuse"),
    ONE("h264_streaming_buffer_seconds"),
    ONE("h264_streaming_rate"),
    ONE("h264_streaming_clips_per_client"),
    ONE("h264_streaming_canonical"),
    ONE("h264_streaming_max_age"),
    ONE("h264_streaming_server_timing"),
    ONE("h264_streaming_version_header"),
    ONE("h264_streaming_log_client_errors"),
    /* A process has one cache. */
    DIRECTIVE("h264_streaming_cache_size", NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1),
    {ngx_string("h264_streaming_metrics"), NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS, h264_metrics_directive, 0, 0, NULL},
    ngx_null_command,
};
