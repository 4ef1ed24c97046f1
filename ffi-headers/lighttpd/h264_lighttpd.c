#include "h264_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "first.h"
#include "array.h"
#include "base.h"
#include "buffer.h"
#include "chunk.h"
#include "fdevent.h"
#include "http_chunk.h"
#include "http_header.h"
#include "http_kv.h"
#include "log.h"
#include "plugin.h"
#include "plugin_config.h"
#include "request.h"
#include "response.h"
#include "stat_cache.h"

#include "h264_lighttpd.h"

/* 1.4.83: the core keeps plugins by their data instead of by their record. */
#if __has_include("http_status.h")
#define PLUGINS_BY_DATA 1
#else
#define PLUGINS_BY_DATA 0
#endif

/* Exported only by servers built with extended attributes. */
const buffer *stat_cache_content_type_get_by_xattr(stat_cache_entry *sce, const array *mimetypes, int use_xattr)
    __attribute__((weak));

struct h264_module {
    PLUGIN_DATA;
    void *state;
    handler_t (*serve_static)(request_st *r, void *data);
    void *static_data;
    /* The module that finds the index of a directory, where it is listed after this one; else NULL. */
    handler_t (*find_index)(request_st *r, void *data);
    void *index_data;
    /* What `find_index` replaces, for the time of one hook. */
    buffer uri_path;
    buffer physical_path;
};

static const struct h264_hooks *hooks;

static struct h264_bytes bytes_of(const buffer *b) {
    struct h264_bytes bytes = {NULL, 0};
    if (b != NULL && !buffer_is_blank(b)) {
        bytes.ptr = (const unsigned char *)b->ptr;
        bytes.len = buffer_clen(b);
    }
    return bytes;
}

static enum http_header_e header_id(struct h264_bytes name) {
    return http_header_hkey_get((const char *)name.ptr, name.len);
}

/* Hooks. The numbers of handler_t differ between versions. */

static handler_t handler_of(enum h264_outcome outcome) {
    switch (outcome) {
    case H264_GO_ON: return HANDLER_GO_ON;
    case H264_FINISHED: return HANDLER_FINISHED;
    case H264_WAIT: return HANDLER_WAIT_FOR_EVENT;
    case H264_ERROR: break;
    }
    return HANDLER_ERROR;
}

static enum h264_outcome outcome_of(handler_t handler) {
    switch (handler) {
    case HANDLER_GO_ON: return H264_GO_ON;
    case HANDLER_FINISHED: return H264_FINISHED;
    case HANDLER_WAIT_FOR_EVENT: return H264_WAIT;
    default: return H264_ERROR;
    }
}

static void *init(void) {
    return calloc(1, sizeof(struct h264_module));
}

static void find_other_modules(const server *srv, struct h264_module *module) {
    int is_after = 0;
    for (uint32_t i = 0; i < srv->plugins.used; ++i) {
#if PLUGINS_BY_DATA
        plugin_data_base *data = ((plugin_data_base **)srv->plugins.ptr)[i];
        const plugin *found = data->self;
#else
        const plugin *found = ((plugin **)srv->plugins.ptr)[i];
        void *data = found->data;
#endif
        if (found->name == NULL) continue;
        if (data == (void *)module) is_after = 1;
        if (strcmp(found->name, "staticfile") == 0) {
            module->serve_static = found->handle_subrequest_start;
            module->static_data = data;
        } else if (strcmp(found->name, "indexfile") == 0 && is_after) {
            module->find_index = found->handle_subrequest_start;
            module->index_data = data;
        }
    }
}

static handler_t set_defaults(server *srv, void *module) {
    find_other_modules(srv, module);
    return handler_of(hooks->set_defaults(srv, module));
}

static handler_t worker_init(server *srv, void *module) {
    return handler_of(hooks->worker_init(srv, module));
}

static handler_t trigger(server *srv, void *module) {
    (void)srv;
    hooks->trigger(module);
    return HANDLER_GO_ON;
}

static void cleanup(void *data) {
    struct h264_module *module = data;
    hooks->cleanup(module);
    free(module->uri_path.ptr);
    free(module->physical_path.ptr);
}

static handler_t subrequest_start(request_st *r, void *module) {
    return handler_of(hooks->subrequest_start(r, module));
}

static handler_t subrequest(request_st *r, void *module) {
    return handler_of(hooks->subrequest(r, module));
}

static handler_t response_start(request_st *r, void *module) {
    return handler_of(hooks->response_start(r, module));
}

static handler_t request_reset(request_st *r, void *module) {
    return handler_of(hooks->request_reset(r, module));
}

uint64_t h264_built_version_id(void) {
    return LIGHTTPD_VERSION_ID;
}

void h264_register(struct plugin *p, const struct h264_hooks *table) {
    hooks = table;
    p->version = LIGHTTPD_VERSION_ID;
    p->name = "h264_streaming";
    p->init = init;
    p->set_defaults = set_defaults;
    p->worker_init = worker_init;
    p->handle_trigger = trigger;
    p->cleanup = cleanup;
    p->handle_subrequest_start = subrequest_start;
    p->handle_subrequest = subrequest;
    p->handle_response_start = response_start;
    p->handle_request_reset = request_reset;
}

void *h264_state(const struct h264_module *module) {
    return module->state;
}

void h264_set_state(struct h264_module *module, void *state) {
    module->state = state;
}

/* Configuration */

int h264_config_read(struct server *srv, struct h264_module *module) {
    static const config_plugin_keys_t keys[] = {
        [H264_KEY_ENABLE] = {CONST_STR_LEN("h264-streaming.enable"), T_CONFIG_BOOL, T_CONFIG_SCOPE_CONNECTION},
        [H264_KEY_EXTENSIONS] =
            {CONST_STR_LEN("h264-streaming.extensions"), T_CONFIG_ARRAY_VLIST, T_CONFIG_SCOPE_CONNECTION},
        [H264_KEY_MODE] = {CONST_STR_LEN("h264-streaming.mode"), T_CONFIG_STRING, T_CONFIG_SCOPE_CONNECTION},
        [H264_KEY_VERSION_HEADER] =
            {CONST_STR_LEN("h264-streaming.version-header"), T_CONFIG_BOOL, T_CONFIG_SCOPE_CONNECTION},
        [H264_KEY_CACHE_SIZE] = {CONST_STR_LEN("h264-streaming.cache-size"), T_CONFIG_INT, T_CONFIG_SCOPE_SERVER},
        [H264_KEY_PARAMETERS] =
            {CONST_STR_LEN("h264-streaming.parameters"), T_CONFIG_ARRAY_KVSTRING, T_CONFIG_SCOPE_CONNECTION},
        [H264_KEY_LOG_CLIENT_ERRORS] =
            {CONST_STR_LEN("h264-streaming.log-client-errors"), T_CONFIG_BOOL, T_CONFIG_SCOPE_CONNECTION},
        [H264_KEY_STATIC_EXCLUDED] =
            {CONST_STR_LEN("static-file.exclude-extensions"), T_CONFIG_ARRAY_VLIST, T_CONFIG_SCOPE_CONNECTION},
        [H264_KEY_STATIC_ETAGS] = {CONST_STR_LEN("static-file.etags"), T_CONFIG_BOOL, T_CONFIG_SCOPE_CONNECTION},
        {NULL, 0, T_CONFIG_UNSET, T_CONFIG_SCOPE_UNSET},
    };
    return config_plugin_values_init(srv, module, keys, "mod_h264_streaming");
}

int h264_config_contexts(const struct h264_module *module) {
    return module->nconfig;
}

int h264_config_condition(const struct h264_module *module, int context) {
    return module->cvlist[context].k_id;
}

int h264_config_value(const struct h264_module *module, int context, uint32_t index, struct h264_value *value) {
    /* Each context says where its values begin and how many it found; what was
     * rejected is missing, so a list can also end early. */
    const config_plugin_value_t *values = module->cvlist + module->cvlist[context].v.u2[0];
    if (index >= module->cvlist[context].v.u2[1] || values[index].k_id < 0) return 0;
    memset(value, 0, sizeof(*value));
    value->key = (enum h264_key)values[index].k_id;
    switch (values[index].vtype) {
    case T_CONFIG_BOOL:
    case T_CONFIG_INT: value->number = values[index].v.u; break;
    case T_CONFIG_STRING: value->string = bytes_of(values[index].v.b); break;
    case T_CONFIG_ARRAY_KVSTRING:
    case T_CONFIG_ARRAY_VLIST: value->list = values[index].v.a; break;
    default: break;
    }
    return 1;
}

uint32_t h264_list_len(const void *list) {
    return ((const array *)list)->used;
}

struct h264_bytes h264_list_item(const void *list, uint32_t index) {
    return bytes_of(&((const data_string *)((const array *)list)->data[index])->value);
}

struct h264_bytes h264_list_key(const void *list, uint32_t index) {
    return bytes_of(&((const array *)list)->data[index]->key);
}

int h264_condition_holds(struct request_st *r, int condition) {
    return config_check_cond(r, condition);
}

/* Events */

/* There is one watch in a process. */
static void (*on_ready)(void *context);

static handler_t ready(void *context, int revents) {
    (void)revents;
    on_ready(context);
    return HANDLER_FINISHED;
}

struct fdnode_st *h264_watch(struct server *srv, int fd, void (*callback)(void *context), void *context) {
    on_ready = callback;
    fdnode *node = fdevent_register(srv->ev, fd, ready, context);
    fdevent_fdnode_event_set(srv->ev, node, FDEVENT_IN);
    return node;
}

void h264_unwatch(struct server *srv, struct fdnode_st *node) {
    fdevent_fdnode_event_del(srv->ev, node);
    fdevent_unregister(srv->ev, node);
}

void h264_wake(struct request_st *r) {
    joblist_append(r->con);
}

/* Log */

static void log_line(log_error_st *errh, struct h264_bytes message) {
    log_error(errh, "mod_h264_streaming", 0, "%.*s", (int)message.len, (const char *)message.ptr);
}

void h264_log(struct h264_bytes message) {
    log_line(NULL, message);
}

void h264_log_server(struct server *srv, struct h264_bytes message) {
    log_line(srv->errh, message);
}

void h264_log_request(struct request_st *r, struct h264_bytes message) {
    log_line(r->conf.errh, message);
}

int h264_logs_handling(const struct request_st *r) {
    return r->conf.log_request_handling;
}

/* Request */

int h264_is_get(const struct request_st *r) {
    return r->http_method == HTTP_METHOD_GET;
}

int h264_is_head(const struct request_st *r) {
    return r->http_method == HTTP_METHOD_HEAD;
}

int h264_is_http2(const struct request_st *r) {
    return r->http_version > HTTP_VERSION_1_1;
}

int h264_is_claimed(const struct request_st *r) {
    return r->handler_module != NULL;
}

void h264_claim(struct request_st *r, struct h264_module *module) {
#if PLUGINS_BY_DATA
    r->handler_module = (plugin_data_base *)module;
#else
    r->handler_module = module->self;
#endif
}

void h264_release(struct request_st *r) {
    r->handler_module = NULL;
}

enum h264_outcome h264_serve_static(struct request_st *r, const struct h264_module *module) {
    r->tmp_sce = NULL; /* of the path check: opening the file may have replaced it */
    if (module->serve_static != NULL) {
        handler_t handler = module->serve_static(r, module->static_data);
        if (handler != HANDLER_GO_ON) return outcome_of(handler);
    }
    if (r->http_status == 0) r->http_status = 403; /* as the core, when nobody serves a file */
    return H264_FINISHED;
}

/* Makes the request one for the index of its directory, as the module after this one would. 0 where there is none. */
int h264_enter_index(struct request_st *r, struct h264_module *module) {
    if (module->find_index == NULL || !buffer_has_slash_suffix(&r->uri.path)) return 0;
    buffer_copy_buffer(&module->uri_path, &r->uri.path);
    buffer_copy_buffer(&module->physical_path, &r->physical.path);
    if (module->find_index(r, module->index_data) != HANDLER_GO_ON) {
        r->http_status = 0; /* that module will find the same once more, in its turn */
        return 0;
    }
    return !buffer_is_equal(&module->physical_path, &r->physical.path);
}

/* Makes it one for the directory again. */
void h264_leave_index(struct request_st *r, struct h264_module *module) {
    buffer_copy_buffer(&r->uri.path, &module->uri_path);
    buffer_copy_buffer(&r->physical.path, &module->physical_path);
}

void *h264_context(const struct request_st *r, const struct h264_module *module) {
    return r->plugin_ctx[module->id];
}

void h264_set_context(struct request_st *r, const struct h264_module *module, void *context) {
    r->plugin_ctx[module->id] = context;
}

/* The client that mod_extforward found, where that is loaded. */
struct h264_bytes h264_client(const struct request_st *r) {
#ifdef H264_CLIENT_OF_REQUEST
    return bytes_of(r->dst_addr_buf);
#else
    return bytes_of(&r->con->dst_addr_buf);
#endif
}

struct h264_bytes h264_path(const struct request_st *r) {
    return bytes_of(&r->physical.path);
}

struct h264_bytes h264_path_info(const struct request_st *r) {
    return bytes_of(&r->pathinfo);
}

struct h264_bytes h264_query(const struct request_st *r) {
    return bytes_of(&r->uri.query);
}

struct h264_bytes h264_request_header(const struct request_st *r, struct h264_bytes name) {
    return bytes_of(http_header_request_get(r, header_id(name), (const char *)name.ptr, (uint32_t)name.len));
}

/* File */

struct stat_cache_entry *h264_open(struct request_st *r) {
    const buffer *path = &r->physical.path;
    const int symlinks = r->conf.follow_symlink;
    stat_cache_entry *file = stat_cache_get_entry(path);
    if (file == NULL || !S_ISREG(file->st.st_mode)) return NULL;
    if (!symlinks && stat_cache_path_contains_symlink(path, r->conf.errh) != 0) return NULL;
    file = stat_cache_get_entry_open(path, symlinks);
    if (file == NULL) return NULL;
    /* The cache does not open empty files; here they are an error to explain. */
    if (file->fd < 0 && file->st.st_size == 0) file->fd = stat_cache_open_rdonly_fstat(path, &file->st, symlinks);
    if (file->fd < 0 || !S_ISREG(file->st.st_mode)) return NULL;
    stat_cache_entry_refchg(file, 1);
    return file;
}

void h264_close(struct stat_cache_entry *file) {
    stat_cache_entry_refchg(file, -1);
}

int h264_fd(const struct stat_cache_entry *file) {
    return file->fd;
}

struct h264_bytes h264_content_type(const struct request_st *r, struct stat_cache_entry *file) {
    if (light_btst(r->resp_htags, HTTP_HEADER_CONTENT_TYPE))
        return bytes_of(http_header_response_get(r, HTTP_HEADER_CONTENT_TYPE, CONST_STR_LEN("Content-Type")));
    if (stat_cache_content_type_get_by_xattr != NULL)
        return bytes_of(stat_cache_content_type_get_by_xattr(file, r->conf.mimetypes, r->conf.use_xattr));
    return bytes_of(stat_cache_mimetype_by_ext(r->conf.mimetypes, BUF_PTR_LEN(&file->name)));
}

/* Head */

int h264_status(const struct request_st *r) {
    return r->http_status;
}

void h264_set_status(struct request_st *r, int status) {
    r->http_status = status;
}

void h264_set_response_header(struct request_st *r, struct h264_bytes name, struct h264_bytes value) {
    http_header_response_set(r, header_id(name), (const char *)name.ptr, (uint32_t)name.len,
                             (const char *)value.ptr, (uint32_t)value.len);
}

void h264_set_last_modified(struct request_st *r, int64_t mtime) {
    if (!light_btst(r->resp_htags, HTTP_HEADER_LAST_MODIFIED)) http_response_set_last_modified(r, (unix_time64_t)mtime);
}

int h264_ranges_enabled(const struct request_st *r) {
    return r->conf.range_requests;
}

int h264_etags_enabled(const struct request_st *r) {
    return r->conf.etag_flags != 0;
}

void h264_keep_core_ranges_off(struct request_st *r) {
    r->conf.range_requests = 0; /* this request's copy */
}

void h264_keep_error_handler_out(struct request_st *r) {
    r->conf.error_handler = NULL; /* this request's copy */
}

/* Body */

void h264_stream_body(struct request_st *r) {
    r->resp_body_started = 1;
    /* HTTP/2 sends nothing of an unfinished body otherwise. */
    r->conf.stream_response_body |= FDEVENT_STREAM_RESPONSE;
}

int h264_body_started(const struct request_st *r) {
    return r->resp_body_started;
}

void h264_finish_body(struct request_st *r) {
    r->resp_body_finished = 1;
}

void h264_clear_body(struct request_st *r) {
    http_response_body_clear(r, 0);
}

/* Whether the server has put its own page in place of the body, and neither a document nor a handler of the
 * configuration. It makes the path that of the document. */
int h264_has_default_error_page(const struct request_st *r) {
    return r->handler_module == NULL && r->error_handler_saved_status == 0 && buffer_is_blank(&r->physical.path);
}

uint64_t h264_queued(const struct request_st *r) {
    return (uint64_t)chunkqueue_length(&r->write_queue);
}

unsigned char *h264_open_chunk(struct request_st *r, uint32_t len) {
    buffer *chunk = chunkqueue_append_buffer_open_sz(&r->write_queue, (size_t)len + 1);
    return memset(buffer_string_prepare_copy(chunk, len), 0, len);
}

void h264_commit_chunk(struct request_st *r, uint32_t len) {
    buffer_truncate(r->write_queue.last->mem, len);
    chunkqueue_append_buffer_commit(&r->write_queue);
}

int h264_append_file(struct request_st *r, struct stat_cache_entry *file, uint64_t offset, uint64_t len) {
    /* The server cuts a range off at the size it remembers, which is up to
     * seconds old; a growing file must not make a Content-Length a lie. */
    if ((uint64_t)file->st.st_size < offset + len) {
        struct stat now;
        if (fstat(file->fd, &now) != 0 || (uint64_t)now.st_size < offset + len) return 0;
        file->st = now;
        buffer_clear(&file->etag);
    }
    const off_t before = r->write_queue.bytes_in;
    http_chunk_append_file_ref_range(r, file, (off_t)offset, (off_t)len);
    return (uint64_t)(r->write_queue.bytes_in - before) == len;
}
