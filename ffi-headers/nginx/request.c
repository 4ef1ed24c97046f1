/* A request, and the head of its answer. */
#include "internal.h"

struct h264_request *h264_ours(const ngx_http_request_t *r) {
    return ngx_http_get_module_ctx(r, ngx_http_h264_streaming_module);
}

static struct h264_bytes bytes_of(const ngx_str_t *text) {
    struct h264_bytes bytes = {text->data, text->len};
    return bytes;
}

struct h264_bytes h264_query(const ngx_http_request_t *r) {
    return bytes_of(&r->args);
}

struct h264_bytes h264_client(const ngx_http_request_t *r) {
    return bytes_of(&r->connection->addr_text);
}

struct h264_bytes h264_path(const ngx_http_request_t *r) {
    return bytes_of(&h264_ours(r)->path);
}

struct h264_bytes h264_header(const ngx_http_request_t *r, struct h264_bytes name) {
    struct h264_bytes none = {NULL, 0};
    const ngx_list_part_t *part = &r->headers_in.headers.part;
    for (; part != NULL; part = part->next) {
        const ngx_table_elt_t *fields = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; ++i) {
            if (fields[i].key.len == name.len &&
                ngx_strncasecmp(fields[i].key.data, (u_char *)name.ptr, name.len) == 0)
                return bytes_of(&fields[i].value);
        }
    }
    return none;
}

struct h264_bytes h264_content_type(ngx_http_request_t *r) {
    (void)ngx_http_set_content_type(r);
    return bytes_of(&r->headers_out.content_type);
}

int h264_is_subrequest(const ngx_http_request_t *r) {
    return r != r->main;
}

size_t h264_max_ranges(ngx_http_request_t *r) {
    ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    return core->max_ranges;
}

struct h264_pace h264_pace(ngx_http_request_t *r) {
    const struct h264_conf *conf = ngx_http_get_module_loc_conf(r, ngx_http_h264_streaming_module);
    size_t rate = ngx_min(conf->rate, UINT32_MAX);
    struct h264_pace pace = {(uint32_t)conf->buffer_seconds, (uint32_t)rate};
    return pace;
}

int h264_etags_enabled(ngx_http_request_t *r) {
    ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    return core->etag != 0;
}

int h264_is_head(const ngx_http_request_t *r) {
    return r->method == NGX_HTTP_HEAD;
}

void h264_log(const ngx_http_request_t *r, int is_error, struct h264_bytes line) {
    ngx_str_t text = {line.len, (u_char *)line.ptr};
    ngx_uint_t level = is_error ? NGX_LOG_ERR : NGX_LOG_INFO;
    ngx_log_error(level, r->connection->log, 0, "%V", &text);
}

void h264_log_process(struct h264_bytes line) {
    ngx_str_t text = {line.len, (u_char *)line.ptr};
    ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0, "%V", &text);
}

static int copy(ngx_http_request_t *r, ngx_str_t *to, struct h264_bytes from) {
    ngx_str_t text = {from.len, (u_char *)from.ptr};
    to->data = ngx_pstrdup(r->pool, &text);
    to->len = from.len;
    return to->data != NULL;
}

int h264_set_header(ngx_http_request_t *r, struct h264_bytes name, struct h264_bytes value) {
    ngx_table_elt_t *field = ngx_list_push(&r->headers_out.headers);
    if (field == NULL) return 0;
    ngx_memzero(field, sizeof(*field));
    if (!copy(r, &field->key, name) || !copy(r, &field->value, value)) return 0;
    field->hash = 1;
    if (field->key.len == 4 && ngx_strncasecmp(field->key.data, (u_char *)"ETag", 4) == 0) r->headers_out.etag = field;
    return 1;
}

/* The server neither cuts the body nor compresses it, and answers no condition: all that is done. */
int h264_set_head(ngx_http_request_t *r, int status, uint64_t len, int64_t mtime, struct h264_bytes type) {
    r->headers_out.status = (ngx_uint_t)status;
    r->headers_out.content_length_n = (off_t)len;
    r->headers_out.last_modified_time = (time_t)mtime;
    r->disable_not_modified = 1;
    r->allow_ranges = 0;
    r->gzip_tested = 1;
    r->gzip_ok = 0;
    if (!copy(r, &r->headers_out.content_type, type)) return 0;
    r->headers_out.content_type_len = type.len;
    r->headers_out.content_type_lowcase = NULL;
    return 1;
}

/* The server calls this even while a thread keeps the request. */
static void end(void *data) {
    struct h264_request *request = data;
    request->is_ended = 1;
    if (request->context != NULL) h264_give_up(request->context);
}

static void cleanup(void *data) {
    struct h264_request *request = data;
    if (request->context != NULL) h264_drop(request->context);
}

/* What a request of ours keeps; NULL where there is no memory. */
static struct h264_request *keep(ngx_http_request_t *r) {
    struct h264_request *request = ngx_pcalloc(r->pool, sizeof(*request));
    ngx_pool_cleanup_t *last = request == NULL ? NULL : ngx_pool_cleanup_add(r->pool, 0);
    if (last == NULL) return NULL;
    last->handler = cleanup;
    last->data = request;
    ngx_http_cleanup_t *first = ngx_http_cleanup_add(r, 0);
    if (first == NULL) return NULL;
    first->handler = end;
    first->data = request;
    request->r = r;
    return request;
}

/* The plan is made: the phase asks the handler once more. */
static void go_on(ngx_http_request_t *r) {
    struct h264_request *request = h264_ours(r);
    if (request->is_reading) return;
    if (request->is_ended) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }
    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}

/* Keeps the request until the server calls `then`, and has the end of the client noticed. */
static void wait_with(ngx_http_request_t *r, ngx_http_event_handler_pt then) {
    r->main->count++;
    r->read_event_handler = r->discard_body ? ngx_http_discarded_request_body_handler : ngx_http_test_reading;
    r->write_event_handler = then;
}

ngx_int_t h264_handler(ngx_http_request_t *r) {
    struct h264_conf *conf = ngx_http_get_module_loc_conf(r, ngx_http_h264_streaming_module);
    if (!conf->enable || !(r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)) || r->uri.data[r->uri.len - 1] == '/')
        return NGX_DECLINED;
    struct h264_request *request = h264_ours(r);
    ngx_int_t rc;
    if (request == NULL) {
        request = keep(r);
        if (request == NULL) return NGX_HTTP_INTERNAL_SERVER_ERROR;
        rc = h264_open(r, request);
        if (rc != NGX_OK) return rc;
        ngx_http_set_ctx(r, request, ngx_http_h264_streaming_module);
    }
    int outcome = h264_begin(r, request->file.fd, (int)request->file.directio, &request->context);
    if (outcome == H264_WAIT) {
        if (!request->is_reading) return NGX_HTTP_INTERNAL_SERVER_ERROR;
        wait_with(r, go_on);
        return NGX_DONE;
    }
    if (outcome == H264_DECLINED) return NGX_DECLINED;
    if (outcome >= NGX_HTTP_OK) return outcome;
    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) return rc;
    if (outcome == H264_NO_BODY) r->header_only = 1;
    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) return rc;
    wait_with(r, h264_send_body);
    h264_send_body(r);
    return NGX_DONE;
}
