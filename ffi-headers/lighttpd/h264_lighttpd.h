/* All that the Rust side sees of lighttpd: its structs stay opaque. */
#ifndef H264_LIGHTTPD_H
#define H264_LIGHTTPD_H

#include <stddef.h>
#include <stdint.h>

struct fdnode_st;
struct plugin;
struct request_st;
struct server;
struct stat_cache_entry;

/* The server's record of this module. */
struct h264_module;

/* Borrowed bytes, not terminated. `ptr` may be NULL where `len` is 0. */
struct h264_bytes {
    const unsigned char *ptr;
    size_t len;
};

/* What a hook tells the server. */
enum h264_outcome {
    H264_GO_ON, /* with the next module */
    H264_FINISHED,
    H264_WAIT, /* until h264_wake */
    H264_ERROR,
};

struct h264_hooks {
    enum h264_outcome (*set_defaults)(struct server *srv, struct h264_module *module);
    /* In each process that serves requests, once it will not fork itself any more. */
    enum h264_outcome (*worker_init)(struct server *srv, struct h264_module *module);
    /* Once a second. */
    void (*trigger)(struct h264_module *module);
    void (*cleanup)(struct h264_module *module);
    /* Of each request, before anything is looked for. */
    enum h264_outcome (*uri_clean)(struct request_st *r, struct h264_module *module);
    enum h264_outcome (*subrequest_start)(struct request_st *r, struct h264_module *module);
    enum h264_outcome (*subrequest)(struct request_st *r, struct h264_module *module);
    enum h264_outcome (*response_start)(struct request_st *r, struct h264_module *module);
    enum h264_outcome (*request_reset)(struct request_st *r, struct h264_module *module);
};

/* Loading. The running server's version id is 0 where it cannot be told. */
uint64_t h264_running_version_id(void);
uint64_t h264_built_version_id(void);
void h264_register(struct plugin *plugin, const struct h264_hooks *hooks);

/* Whether mod_staticfile is listed before this module. */
int h264_is_behind_static(const struct h264_module *module);

/* Whether mod_deflate is loaded. */
int h264_has_deflate(const struct h264_module *module);

/* A pointer of ours in the server's record. */
void *h264_state(const struct h264_module *module);
void h264_set_state(struct h264_module *module, void *state);

/* The options: key, name, type and scope of each. The last two are the static file handler's
 * own. */
#define H264_OPTIONS(OPTION)                                                                                      \
    OPTION(H264_KEY_ENABLE, "h264-streaming.enable", T_CONFIG_BOOL, T_CONFIG_SCOPE_CONNECTION)                    \
    OPTION(H264_KEY_EXTENSIONS, "h264-streaming.extensions", T_CONFIG_ARRAY_VLIST, T_CONFIG_SCOPE_CONNECTION)     \
    OPTION(H264_KEY_MODE, "h264-streaming.mode", T_CONFIG_STRING, T_CONFIG_SCOPE_CONNECTION)                      \
    OPTION(H264_KEY_VERSION_HEADER, "h264-streaming.version-header", T_CONFIG_BOOL, T_CONFIG_SCOPE_CONNECTION)    \
    OPTION(H264_KEY_CACHE_SIZE, "h264-streaming.cache-size", T_CONFIG_INT, T_CONFIG_SCOPE_SERVER)                 \
    OPTION(H264_KEY_PARAMETERS, "h264-streaming.parameters", T_CONFIG_ARRAY_KVSTRING, T_CONFIG_SCOPE_CONNECTION)  \
    OPTION(H264_KEY_FORMAT, "h264-streaming.format", T_CONFIG_STRING, T_CONFIG_SCOPE_CONNECTION)                  \
    OPTION(H264_KEY_PACKAGING, "h264-streaming.packaging", T_CONFIG_ARRAY_VLIST, T_CONFIG_SCOPE_CONNECTION)       \
    OPTION(H264_KEY_SEGMENT_DURATION, "h264-streaming.segment-duration", T_CONFIG_INT, T_CONFIG_SCOPE_CONNECTION) \
    OPTION(H264_KEY_SEGMENTS, "h264-streaming.segments", T_CONFIG_STRING, T_CONFIG_SCOPE_CONNECTION)              \
    OPTION(H264_KEY_SECRET_FILE, "h264-streaming.secret-file", T_CONFIG_STRING, T_CONFIG_SCOPE_CONNECTION)        \
    OPTION(H264_KEY_WINDOW, "h264-streaming.window", T_CONFIG_STRING, T_CONFIG_SCOPE_CONNECTION)                  \
    OPTION(H264_KEY_LONGEST_CLIP, "h264-streaming.longest-clip", T_CONFIG_INT, T_CONFIG_SCOPE_CONNECTION)         \
    OPTION(H264_KEY_SHORTEST_CLIP, "h264-streaming.shortest-clip", T_CONFIG_INT, T_CONFIG_SCOPE_CONNECTION)       \
    OPTION(H264_KEY_REFUSE, "h264-streaming.refuse", T_CONFIG_ARRAY_VLIST, T_CONFIG_SCOPE_CONNECTION)             \
    OPTION(H264_KEY_BUFFER_SECONDS, "h264-streaming.buffer-seconds", T_CONFIG_INT, T_CONFIG_SCOPE_CONNECTION)     \
    OPTION(H264_KEY_RATE, "h264-streaming.rate", T_CONFIG_INT, T_CONFIG_SCOPE_CONNECTION)                         \
    OPTION(H264_KEY_CLIPS_PER_CLIENT, "h264-streaming.clips-per-client", T_CONFIG_INT, T_CONFIG_SCOPE_CONNECTION) \
    OPTION(H264_KEY_CANONICAL, "h264-streaming.canonical", T_CONFIG_STRING, T_CONFIG_SCOPE_CONNECTION)            \
    OPTION(H264_KEY_MAX_AGE, "h264-streaming.max-age", T_CONFIG_INT, T_CONFIG_SCOPE_CONNECTION)                   \
    OPTION(H264_KEY_SERVER_TIMING, "h264-streaming.server-timing", T_CONFIG_BOOL, T_CONFIG_SCOPE_CONNECTION)       \
    OPTION(H264_KEY_METRICS_URL, "h264-streaming.metrics-url", T_CONFIG_STRING, T_CONFIG_SCOPE_CONNECTION)         \
    OPTION(H264_KEY_LOG_CLIENT_ERRORS, "h264-streaming.log-client-errors", T_CONFIG_BOOL,                         \
           T_CONFIG_SCOPE_CONNECTION)                                                                             \
    OPTION(H264_KEY_STATIC_EXCLUDED, "static-file.exclude-extensions", T_CONFIG_ARRAY_VLIST,                      \
           T_CONFIG_SCOPE_CONNECTION)                                                                             \
    OPTION(H264_KEY_STATIC_ETAGS, "static-file.etags", T_CONFIG_BOOL, T_CONFIG_SCOPE_CONNECTION)

enum h264_key {
#define H264_KEY(key, name, type, scope) key,
    H264_OPTIONS(H264_KEY)
#undef H264_KEY
};

/* Configuration: contexts of conditions, each with values by key. */
struct h264_value {
    enum h264_key key;
    unsigned int number;       /* of a switch or an integer */
    struct h264_bytes string;  /* of a string */
    const void *list;          /* of a list */
};

int h264_config_read(struct server *srv, struct h264_module *module);
int h264_config_contexts(const struct h264_module *module);
int h264_config_condition(const struct h264_module *module, int context);
int h264_config_value(const struct h264_module *module, int context, uint32_t index, struct h264_value *value);
uint32_t h264_list_len(const void *list);
struct h264_bytes h264_list_item(const void *list, uint32_t index);
struct h264_bytes h264_list_key(const void *list, uint32_t index);
int h264_condition_holds(struct request_st *r, int condition);
/* The server decides on the path that came, and keeps that when it cuts off what is behind a file.
 * Between these two calls conditions are decided on the path as it is now. One request at a time. */
void h264_set_url_conditions_aside(struct request_st *r, struct h264_module *module);
void h264_put_conditions_back(struct request_st *r, struct h264_module *module);

/* Events: `ready` is called on the server's thread while `fd` can be read. */
struct fdnode_st *h264_watch(struct server *srv, int fd, void (*ready)(void *context), void *context);
void h264_unwatch(struct server *srv, struct fdnode_st *node);
void h264_wake(struct request_st *r);
/* A connection to which nothing could be written for server.max-write-idle is closed: not where there
 * was nothing to write. */
void h264_excuse_idleness(const struct request_st *r);

/* The error log. Without a server or request: wherever the server logs now. */
void h264_log(struct h264_bytes message);
void h264_log_server(struct server *srv, struct h264_bytes message);
void h264_log_request(struct request_st *r, struct h264_bytes message);
int h264_logs_handling(const struct request_st *r);

/* Measures. */
void *h264_share(size_t size);
void h264_unshare(void *memory, size_t size);
void h264_set_statistic(struct h264_bytes name, uint64_t value);
void h264_set_environment(struct request_st *r, struct h264_bytes name, struct h264_bytes value);

/* The request. */
int h264_is_get(const struct request_st *r);
int h264_is_head(const struct request_st *r);
int h264_is_post(const struct request_st *r);
int h264_is_query(const struct request_st *r);
int h264_is_http2(const struct request_st *r);
int h264_is_claimed(const struct request_st *r);
void h264_claim(struct request_st *r, struct h264_module *module);
void h264_release(struct request_st *r);
enum h264_outcome h264_serve_static(struct request_st *r, const struct h264_module *module);
int h264_enter_index(struct request_st *r, struct h264_module *module);
void h264_leave_index(struct request_st *r, struct h264_module *module);
void *h264_context(const struct request_st *r, const struct h264_module *module);
void h264_set_context(struct request_st *r, const struct h264_module *module, void *context);
struct h264_bytes h264_client(const struct request_st *r);
struct h264_bytes h264_url_path(const struct request_st *r);
struct h264_bytes h264_path(const struct request_st *r);
struct h264_bytes h264_path_info(const struct request_st *r);
struct h264_bytes h264_query(const struct request_st *r);
struct h264_bytes h264_client_target(const struct request_st *r);
struct h264_bytes h264_request_header(const struct request_st *r, struct h264_bytes name);

/* The file behind it, as the server would open it; NULL where it would not.
 * The caller owns a reference, which h264_close gives back. */
struct stat_cache_entry *h264_open(struct request_st *r);
void h264_close(struct stat_cache_entry *file);
int h264_fd(const struct stat_cache_entry *file);
struct h264_bytes h264_content_type(const struct request_st *r, struct stat_cache_entry *file);

/* The answer's head. */
int h264_status(const struct request_st *r);
int h264_is_error_page(const struct request_st *r);
void h264_set_status(struct request_st *r, int status);
void h264_set_response_header(struct request_st *r, struct h264_bytes name, struct h264_bytes value);
void h264_set_last_modified(struct request_st *r, int64_t mtime);
int h264_ranges_enabled(const struct request_st *r);
int h264_etags_enabled(const struct request_st *r);
void h264_keep_core_ranges_off(struct request_st *r);
void h264_keep_error_handler_out(struct request_st *r);

/* The answer's body. */
void h264_stream_body(struct request_st *r);
int h264_body_started(const struct request_st *r);
void h264_finish_body(struct request_st *r);
void h264_clear_body(struct request_st *r);
uint64_t h264_queued(const struct request_st *r);
unsigned char *h264_open_chunk(struct request_st *r, uint32_t len);
void h264_commit_chunk(struct request_st *r, uint32_t len);
int h264_has_default_error_page(const struct request_st *r);
int h264_append_file(struct request_st *r, struct stat_cache_entry *file, uint64_t offset, uint64_t len);

#endif
