/* From a request to an answer. */
#include "internal.h"

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
    /* An error page that is refused itself. */
    r->err_status = 0;
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

void *h264_section(const ngx_http_request_t *r) {
    const struct h264_conf *conf = ngx_http_get_module_loc_conf(r, ngx_http_h264_streaming_module);
    return conf->section;
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

/* What was waited for is done: the phase asks the handler once more. */
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
    const struct h264_conf *conf = ngx_http_get_module_loc_conf(r, ngx_http_h264_streaming_module);
    struct h264_bytes uri = {r->uri.data, r->uri.len};
    if (!(r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD | NGX_HTTP_POST)) || h264_film_end(conf->section, uri, 0) == 0)
        return NGX_DECLINED;
    struct h264_request *request = h264_ours(r);
    ngx_int_t rc = NGX_OK;
    if (request == NULL) {
        request = keep(r);
        if (request == NULL) return NGX_HTTP_INTERNAL_SERVER_ERROR;
        rc = h264_find_film(r, request);
        if (rc != NGX_OK && rc != NGX_HTTP_FORBIDDEN) return rc;
        ngx_http_set_ctx(r, request, ngx_http_h264_streaming_module);
    }
    int outcome = rc == NGX_OK ? h264_begin(r, request->file.fd, (int)request->file.directio, &request->context)
                               : h264_begin_unopened(r);
    if (outcome == H264_WAIT) {
        if (!request->is_reading) return NGX_HTTP_INTERNAL_SERVER_ERROR;
        wait_with(r, go_on);
        return NGX_DONE;
    }
    if (outcome == H264_DECLINED) return NGX_DECLINED;
    if (outcome == H264_ANSWERED) return request->answered;
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
