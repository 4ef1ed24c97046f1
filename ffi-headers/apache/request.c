/* The log, the configuration and the request. */
#include "internal.h"

/* The record itself is a Rust item. */
extern module AP_MODULE_DECLARE_DATA h264_streaming_module;
APLOG_USE_MODULE(h264_streaming);

int h264_logs(const request_rec *r, int level)
{
    return APLOG_R_IS_LEVEL(r, level);
}

void h264_log_request(const request_rec *r, int level, const char *message, size_t len)
{
    ap_log_rerror(APLOG_MARK, level, 0, r, "%.*s", (int)len, message);
}

server_rec *h264_server(const request_rec *r)
{
    return r->server;
}

/* Without a virtual host: to the log of the main server. */
void h264_log_server(const server_rec *server, int level, const char *message, size_t len)
{
    ap_log_error(APLOG_MARK, level, 0, server ? server : ap_server_conf, "%.*s", (int)len, message);
}

apr_pool_t *h264_command_pool(const cmd_parms *command)
{
    return command->pool;
}

void *h264_command_data(const cmd_parms *command)
{
    return command->cmd->cmd_data;
}

/* The line with which to refuse a directive that holds for the whole server. */
const char *h264_refuse_unless_global(cmd_parms *command)
{
    return ap_check_cmd_context(command, GLOBAL_ONLY);
}

void *h264_dir_config(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &h264_streaming_module);
}

int h264_is_get(const request_rec *r)
{
    return r->method_number == M_GET;
}

int h264_is_post(const request_rec *r)
{
    return r->method_number == M_POST;
}

/* AcceptPathInfo Off. */
int h264_refuses_path_info(const request_rec *r)
{
    return r->used_path_info == AP_REQ_REJECT_PATH_INFO;
}

/* What the answer 405 allows. */
void h264_allow_get_alone(request_rec *r)
{
    ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, M_OPTIONS, -1);
}

int h264_is_subrequest(const request_rec *r)
{
    return r->main != NULL;
}

int h264_has_no_body(const request_rec *r)
{
    return r->header_only;
}

int h264_is_regular_file(const request_rec *r)
{
    return r->finfo.filetype == APR_REG;
}

int h264_is_device(const request_rec *r)
{
    const apr_filetype_e type = r->finfo.filetype;
    return type == APR_PIPE || type == APR_SOCK || type == APR_CHR || type == APR_BLK;
}

int h264_status(const request_rec *r)
{
    return r->status;
}

void h264_set_status(request_rec *r, int status)
{
    r->status = status;
}

/* The client that mod_remoteip found, where that is on. */
const char *h264_client(const request_rec *r)
{
    return r->useragent_ip;
}

/* The path of the URL, decoded. */
const char *h264_uri(const request_rec *r)
{
    return r->uri;
}

const char *h264_filename(const request_rec *r)
{
    return r->filename;
}

const char *h264_path_info(const request_rec *r)
{
    return r->path_info;
}

const char *h264_args(const request_rec *r)
{
    return r->args;
}

/* What the client asked for, a path and query or a whole address, before other modules changed it. */
const char *h264_client_target(const request_rec *r)
{
    while (r->prev != NULL) {
        r = r->prev;
    }
    return r->unparsed_uri;
}

/* Whether a rule of mod_rewrite has led to the file. Its hook notes so, with or without a change of the URL. */
int h264_is_rewritten(const request_rec *r)
{
    const char *status = apr_table_get(r->notes, "mod_rewrite_rewritten");
    return status != NULL && *status != '0';
}

const char *h264_request_handler(const request_rec *r)
{
    return r->handler;
}

const char *h264_content_type(const request_rec *r)
{
    return r->content_type;
}

void h264_set_content_type(request_rec *r, const char *type)
{
    ap_set_content_type(r, apr_pstrdup(r->pool, type));
}

int64_t h264_mtime(const request_rec *r)
{
    return r->mtime;
}

int h264_makes_etags(const request_rec *r)
{
    return !(core_config(r)->etag_bits & ETAG_NONE);
}

const char *h264_header_in(const request_rec *r, const char *name)
{
    return apr_table_get(r->headers_in, name);
}

void h264_drop_header_in(request_rec *r, const char *name)
{
    apr_table_unset(r->headers_in, name);
}

int h264_has_header_out(const request_rec *r, const char *name)
{
    return apr_table_get(r->headers_out, name) || apr_table_get(r->err_headers_out, name);
}

void h264_set_header_out(request_rec *r, const char *name, const char *value)
{
    apr_table_set(r->headers_out, name, value);
}

void h264_drop_header_out(request_rec *r, const char *name)
{
    apr_table_unset(r->headers_out, name);
    apr_table_unset(r->err_headers_out, name);
}

void h264_drop_place_of_file(request_rec *r)
{
    const char *place = apr_table_get(r->err_headers_out, "Content-Location");
    const char *name = r->filename ? strrchr(r->filename, '/') : NULL;
    if (!place) {
        place = apr_table_get(r->headers_out, "Content-Location");
    }
    if (place && name && !strcmp(place, ap_escape_path_segment(r->pool, name + 1))) {
        h264_drop_header_out(r, "Content-Location");
    }
}

void h264_set_error_header_out(request_rec *r, const char *name, const char *value)
{
    apr_table_set(r->err_headers_out, name, value);
}

/* An ErrorDocument of the configuration comes first. The page must not look like a URL or a
 * path. */
void h264_set_error_page(request_rec *r, int status, const char *page)
{
    if (!ap_response_code_string(r, ap_index_of_response(status))) {
        ap_custom_response(r, status, page);
    }
}

void h264_set_environment(request_rec *r, const char *name, const char *value)
{
    apr_table_set(r->subprocess_env, name, value);
}

/* A variable of the request, and of those that redirects within the server began with: the conditions
 * of logs are theirs. */
void h264_set_fact(request_rec *r, const char *name, const char *value)
{
    for (; r != NULL; r = r->prev) {
        apr_table_set(r->subprocess_env, name, value);
    }
}

int h264_is_aborted(const request_rec *r)
{
    return r->connection->aborted;
}

/* After this answer, which is shorter than its header says. */
void h264_end_connection(request_rec *r)
{
    r->connection->keepalive = AP_CONN_CLOSE;
}

int h264_uses_sendfile(const request_rec *r)
{
    return APR_HAS_SENDFILE && core_config(r)->enable_sendfile == ENABLE_SENDFILE_ON;
}

/* That of the client's request: what a subrequest sends may be on its way when the subrequest is
 * gone. */
apr_pool_t *h264_request_pool(const request_rec *r)
{
    while (r->main) {
        r = r->main;
    }
    return r->pool;
}

/* When the last byte of the answer has gone out, or the client has: the pool goes then. */
void h264_when_sent(const request_rec *r, void *data, int (*done)(void *data))
{
    apr_pool_cleanup_register(h264_request_pool(r), data, done, apr_pool_cleanup_null);
}
