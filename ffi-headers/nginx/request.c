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

struct h264_bytes h264_client_target(const ngx_http_request_t *r) {
    return bytes_of(&r->unparsed_uri);
}

struct h264_bytes h264_film_url(const ngx_http_request_t *r) {
    struct h264_bytes bytes = {r->uri.data, h264_ours(r)->film_len};
    return bytes;
}

struct h264_bytes h264_path_info(const ngx_http_request_t *r) {
    size_t len = h264_ours(r)->film_len;
    struct h264_bytes bytes = {r->uri.data + len, r->uri.len - len};
    return bytes;
}

void h264_set_answered(const ngx_http_request_t *r, int result) {
    h264_ours(r)->answered = result;
}

struct h264_bytes h264_path(const ngx_http_request_t *r) {
    return bytes_of(&h264_ours(r)->path);
}

/* The first field of that name. */
static ngx_table_elt_t *find_field(const ngx_list_t *fields, struct h264_bytes name) {
    for (const ngx_list_part_t *part = &fields->part; part != NULL; part = part->next) {
        ngx_table_elt_t *field = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; ++i)
            if (field[i].key.len == name.len
                && ngx_strncasecmp(field[i].key.data, (u_char *)name.ptr, name.len) == 0)
                return &field[i];
    }
    return NULL;
}

struct h264_bytes h264_header(const ngx_http_request_t *r, struct h264_bytes name) {
    struct h264_bytes none = {NULL, 0};
    const ngx_table_elt_t *field = find_field(&r->headers_in.headers, name);
    return field != NULL ? bytes_of(&field->value) : none;
}

struct h264_bytes h264_content_type(ngx_http_request_t *r) {
    (void)ngx_http_set_content_type(r);
    return bytes_of(&r->headers_out.content_type);
}

int h264_is_post(const ngx_http_request_t *r) {
    return r->method == NGX_HTTP_POST;
}

int h264_is_subrequest(const ngx_http_request_t *r) {
    return r != r->main;
}

/* What the directive `if_modified_since` says of the client's date. */
int h264_takes_modified_since(const ngx_http_request_t *r, struct h264_bytes date, int64_t mtime) {
    const ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    if (core->if_modified_since == NGX_HTTP_IMS_BEFORE) return 1;
    return core->if_modified_since == NGX_HTTP_IMS_EXACT
           && ngx_parse_http_time((u_char *)date.ptr, date.len) == (time_t)mtime;
}

/* Whether it has the status of the error that led to it (`error_page`), whatever it is by itself. Those
 * that have 200 are answers like any other. */
int h264_has_status_of_error(const ngx_http_request_t *r) {
    return r->err_status != 0 && r->err_status != NGX_HTTP_OK;
}

/* Whether it is there in place of an error, with whatever status. With `error_page 404 = …` the server says no more. */
int h264_is_error_page(const ngx_http_request_t *r) {
    return r->err_status != 0;
}

size_t h264_max_ranges(const ngx_http_request_t *r) {
    const ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    return core->max_ranges;
}

int h264_etags(const ngx_http_request_t *r) {
    const ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    return core->etag != 0;
}

int h264_is_head(const ngx_http_request_t *r) {
    return r->method == NGX_HTTP_HEAD;
}

static ngx_uint_t level_of(int level) {
    return level == H264_LOG_DEBUG ? NGX_LOG_DEBUG : level == H264_LOG_INFO ? NGX_LOG_INFO : NGX_LOG_ERR;
}

int h264_logs(const ngx_http_request_t *r, int level) {
    return r->connection->log->log_level >= level_of(level);
}

/* The line says itself who asked for what, as on other servers. */
void h264_log(const ngx_http_request_t *r, int level, struct h264_bytes line) {
    ngx_str_t text = {line.len, (u_char *)line.ptr};
    ngx_log_t log = *r->connection->log;
    log.handler = NULL;
    ngx_log_error(level_of(level), &log, 0, "%V", &text);
}

void h264_log_process(struct h264_bytes line) {
    ngx_str_t text = {line.len, (u_char *)line.ptr};
    ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0, "%V", &text);
}

static int copy(ngx_http_request_t *r, ngx_str_t *to, struct h264_bytes from) {
    ngx_str_t text = {from.len, (u_char *)from.ptr};
    to->data = ngx_pstrdup(r->pool, &text);
    to->len = from.len;
    return to->data != NULL;
}

int h264_has_header_out(const ngx_http_request_t *r, struct h264_bytes name) {
    const ngx_table_elt_t *field = find_field(&r->headers_out.headers, name);
    return field != NULL && field->hash != 0;
}

int h264_set_header(ngx_http_request_t *r, struct h264_bytes name, struct h264_bytes value) {
    /* It is there after a redirect to an error page. */
    ngx_table_elt_t *field = find_field(&r->headers_out.headers, name);
    if (field == NULL) {
        field = ngx_list_push(&r->headers_out.headers);
        if (field == NULL) return 0;
        ngx_memzero(field, sizeof(*field));
        if (!copy(r, &field->key, name)) return 0;
    }
    if (!copy(r, &field->value, value)) return 0;
    field->hash = 1;
    /* Where the server compresses the body, it makes the one weak, and takes the other back. */
    if (field->key.len == 4 && ngx_strncasecmp(field->key.data, (u_char *)"ETag", 4) == 0) r->headers_out.etag = field;
    if (field->key.len == 13 && ngx_strncasecmp(field->key.data, (u_char *)"Accept-Ranges", 13) == 0)
        r->headers_out.accept_ranges = field;
    return 1;
}

/* The server neither cuts the body nor answers a condition: all that is done. */
int h264_set_head(ngx_http_request_t *r, int status, int64_t len, int64_t mtime, struct h264_bytes type) {
    /* The server would say 200 of a part, too. */
    if (r->err_status == NGX_HTTP_OK) r->err_status = 0;
    r->headers_out.status = (ngx_uint_t)status;
    r->headers_out.content_length_n = (off_t)len;
    r->headers_out.last_modified_time = (time_t)mtime;
    r->disable_not_modified = 1;
    r->allow_ranges = 0;
    if (!copy(r, &r->headers_out.content_type, type)) return 0;
    r->headers_out.content_type_len = type.len;
    r->headers_out.content_type_lowcase = NULL;
    return 1;
}

void h264_keep_compression_off(ngx_http_request_t *r) {
    r->gzip_tested = 1;
    r->gzip_ok = 0;
}
