/* The request, and the file behind it. */
#include "internal.h"

int h264_is_get(const struct request_st *r) {
    return r->http_method == HTTP_METHOD_GET;
}

int h264_is_head(const struct request_st *r) {
    return r->http_method == HTTP_METHOD_HEAD;
}

int h264_is_post(const struct request_st *r) {
    return r->http_method == HTTP_METHOD_POST;
}

/* The server sends files for it, where it knows it. */
int h264_is_query(const struct request_st *r) {
    return r->http_method > HTTP_METHOD_HEAD && r->http_method < HTTP_METHOD_POST;
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

/* Makes the request one for the index of its directory, as the module after this one would. 0
 * where there is none. */
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

/* Decoded, without what stands behind the file. */
struct h264_bytes h264_url_path(const struct request_st *r) {
    return bytes_of(&r->uri.path);
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

/* What the client asked for, a path and query, before rules changed it. */
struct h264_bytes h264_client_target(const struct request_st *r) {
    return bytes_of(&r->target_orig);
}

struct h264_bytes h264_request_header(const struct request_st *r, struct h264_bytes name) {
    return bytes_of(http_header_request_get(r, header_id(name), (const char *)name.ptr, (uint32_t)name.len));
}

/* File */

struct stat_cache_entry *h264_open(struct request_st *r) {
    const buffer *path = &r->physical.path;
    const int symlinks = r->conf.follow_symlink;
    stat_cache_entry *file = stat_cache_get_entry(path);
    if (file == NULL) return NULL;
    errno = EACCES; /* where it is not the system that refuses */
    if (!S_ISREG(file->st.st_mode)) return NULL;
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
