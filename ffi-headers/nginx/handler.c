/* From a request to the film behind it, and answers that are texts. */
#include "internal.h"

static void cleanup(void *data) {
    struct h264_request *request = data;
    if (request->context != NULL) h264_drop(request->context);
}

/* Opens the file as the server's own handler of files does. */
static ngx_int_t open_file(ngx_http_request_t *r, struct h264_request *request) {
    ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    ngx_open_file_info_t info;
    ngx_memzero(&info, sizeof(info));
    info.read_ahead = core->read_ahead;
    info.directio = core->directio;
    info.valid = core->open_file_cache_valid;
    info.min_uses = core->open_file_cache_min_uses;
    info.errors = core->open_file_cache_errors;
    info.events = core->open_file_cache_events;
    if (ngx_http_set_disable_symlinks(r, core, &request->path, &info) != NGX_OK) return NGX_HTTP_INTERNAL_SERVER_ERROR;
    if (ngx_open_cached_file(core->open_file_cache, &request->path, &info, r->pool) != NGX_OK)
        return info.err == NGX_EACCES || info.err == NGX_ELOOP ? NGX_HTTP_FORBIDDEN : NGX_DECLINED;
    if (!info.is_file) return NGX_DECLINED;
    request->file.fd = info.fd;
    request->file.name = request->path;
    request->file.log = r->connection->log;
    request->file.directio = info.is_directio;
    return NGX_OK;
}

/* Finds the film in the address: what stands behind it may be a resource of it. */
static ngx_int_t find_film(ngx_http_request_t *r, struct h264_conf *conf, struct h264_request *request) {
    size_t root, end = 0;
    ngx_str_t whole = {0, NULL};
    struct h264_bytes uri = {r->uri.data, r->uri.len};
    while ((end = h264_film_end(conf->section, uri, end)) != 0) {
        if (whole.data == NULL) {
            u_char *last = ngx_http_map_uri_to_path(r, &whole, &root, 0);
            if (last == NULL) return NGX_HTTP_INTERNAL_SERVER_ERROR;
            whole.len = (size_t)(last - whole.data);
        }
        ngx_str_t behind = {uri.len - end, r->uri.data + end};
        if (behind.len > whole.len) return NGX_DECLINED;
        size_t len = whole.len - behind.len;
        /* An alias with variables may map the address to anything. */
        if (ngx_memcmp(whole.data + len, behind.data, behind.len) != 0) return NGX_DECLINED;
        request->path.data = ngx_pnalloc(r->pool, len + 1);
        if (request->path.data == NULL) return NGX_HTTP_INTERNAL_SERVER_ERROR;
        *ngx_cpymem(request->path.data, whole.data, len) = '\0';
        request->path.len = len;
        request->film_len = end;
        ngx_int_t rc = open_file(r, request);
        /* The server's own handler says so of a film, and knows no resource of it. */
        struct h264_bytes rest = {behind.data, behind.len};
        if (rc == NGX_HTTP_FORBIDDEN && !h264_is_resource(conf->section, rest)) return NGX_DECLINED;
        if (rc != NGX_DECLINED) return rc;
    }
    return NGX_DECLINED;
}

static int is_page_configured(const ngx_http_request_t *r, int status) {
    const ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    if (core->error_pages == NULL || (r->error_page && !core->recursive_error_pages)) return 0;
    const ngx_http_err_page_t *pages = core->error_pages->elts;
    for (ngx_uint_t i = 0; i < core->error_pages->nelts; ++i) {
        if (pages[i].status == (ngx_int_t)status) return 1;
    }
    return 0;
}

int h264_send_text(ngx_http_request_t *r, int status, struct h264_bytes type, struct h264_bytes text) {
    if (status >= NGX_HTTP_SPECIAL_RESPONSE && (r != r->main || is_page_configured(r, status))) return status;
    ngx_buf_t *buf = ngx_create_temp_buf(r->pool, text.len + 1);
    if (buf == NULL) return NGX_HTTP_INTERNAL_SERVER_ERROR;
    ngx_int_t rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) return (int)rc;
    buf->last = ngx_cpymem(buf->last, text.ptr, text.len);
    buf->last_buf = r == r->main;
    buf->last_in_chain = 1;
    r->headers_out.status = (ngx_uint_t)status;
    r->headers_out.content_length_n = (off_t)text.len;
    r->headers_out.content_type.data = (u_char *)type.ptr;
    r->headers_out.content_type.len = r->headers_out.content_type_len = type.len;
    r->headers_out.content_type_lowcase = NULL;
    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) return (int)rc;
    ngx_chain_t chain = {buf, NULL};
    return (int)ngx_http_output_filter(r, &chain);
}

int h264_etags(const ngx_http_request_t *r) {
    const ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    return core->etag != 0;
}

int h264_ranges(const ngx_http_request_t *r) {
    const ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    return core->max_ranges != 0 && r == r->main;
}

void *h264_section(const ngx_http_request_t *r) {
    const struct h264_conf *conf = ngx_http_get_module_loc_conf(r, ngx_http_h264_streaming_module);
    return conf->section;
}

ngx_int_t h264_handler(ngx_http_request_t *r) {
    struct h264_conf *conf = ngx_http_get_module_loc_conf(r, ngx_http_h264_streaming_module);
    struct h264_bytes uri = {r->uri.data, r->uri.len};
    if (!(r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD | NGX_HTTP_POST)) || h264_film_end(conf->section, uri, 0) == 0)
        return NGX_DECLINED;
    struct h264_request *request = ngx_pcalloc(r->pool, sizeof(*request));
    ngx_pool_cleanup_t *end = request == NULL ? NULL : ngx_pool_cleanup_add(r->pool, 0);
    if (end == NULL) return NGX_HTTP_INTERNAL_SERVER_ERROR;
    end->handler = cleanup;
    end->data = request;
    ngx_int_t rc = find_film(r, conf, request);
    if (rc != NGX_OK) return rc;
    ngx_http_set_ctx(r, request, ngx_http_h264_streaming_module);
    int outcome = h264_begin(r, request->file.fd, &request->context);
    if (outcome == H264_DECLINED) return NGX_DECLINED;
    if (outcome == H264_ANSWERED) return request->answered;
    if (outcome >= NGX_HTTP_OK) return outcome;
    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) return rc;
    if (outcome == H264_NO_BODY) r->header_only = 1;
    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) return rc;
    r->main->count++;
    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = h264_send_body;
    h264_send_body(r);
    return NGX_DONE;
}
