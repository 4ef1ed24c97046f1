#include "httpd.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_main.h"
#include "http_protocol.h"
#include "http_request.h"
#include "mod_core.h"
#include "util_filter.h"
#include "apr_buckets.h"
#include "apr_portable.h"
#include "apr_strings.h"

#include <strings.h>

#include "h264_apache.h"

#define SAME_FIELD(ours, our_field, theirs, their_field)                                        \
    _Static_assert(offsetof(ours, our_field) == offsetof(theirs, their_field)                   \
                       && sizeof(((ours *)0)->our_field) == sizeof(((theirs *)0)->their_field), \
                   #theirs "." #their_field)

SAME_FIELD(h264_command, name, command_rec, name);
SAME_FIELD(h264_command, set, command_rec, func);
SAME_FIELD(h264_command, data, command_rec, cmd_data);
SAME_FIELD(h264_command, overrides, command_rec, req_override);
SAME_FIELD(h264_command, arguments, command_rec, args_how);
SAME_FIELD(h264_command, usage, command_rec, errmsg);
_Static_assert(sizeof(h264_command) == sizeof(command_rec), "command_rec");

SAME_FIELD(h264_module, version, module, version);
SAME_FIELD(h264_module, minor_version, module, minor_version);
SAME_FIELD(h264_module, module_index, module, module_index);
SAME_FIELD(h264_module, name, module, name);
SAME_FIELD(h264_module, magic, module, magic);
SAME_FIELD(h264_module, create_dir_config, module, create_dir_config);
SAME_FIELD(h264_module, merge_dir_config, module, merge_dir_config);
SAME_FIELD(h264_module, commands, module, cmds);
SAME_FIELD(h264_module, register_hooks, module, register_hooks);
/* `flags` came in a later 2.4: ours may be the longer record, never the shorter. */
_Static_assert(sizeof(h264_module) >= sizeof(module), "module");

SAME_FIELD(h264_bucket_type, name, apr_bucket_type_t, name);
SAME_FIELD(h264_bucket_type, functions, apr_bucket_type_t, num_func);
SAME_FIELD(h264_bucket_type, is_metadata, apr_bucket_type_t, is_metadata);
SAME_FIELD(h264_bucket_type, destroy, apr_bucket_type_t, destroy);
SAME_FIELD(h264_bucket_type, read, apr_bucket_type_t, read);
SAME_FIELD(h264_bucket_type, setaside, apr_bucket_type_t, setaside);
SAME_FIELD(h264_bucket_type, split, apr_bucket_type_t, split);
SAME_FIELD(h264_bucket_type, copy, apr_bucket_type_t, copy);
_Static_assert(sizeof(h264_bucket_type) == sizeof(apr_bucket_type_t), "apr_bucket_type_t");

_Static_assert(H264_RAW_ARGS == (int)RAW_ARGS, "cmd_how");
_Static_assert(H264_TAKE1 == (int)TAKE1 && H264_ITERATE == (int)ITERATE && H264_FLAG == (int)FLAG, "cmd_how");
_Static_assert(H264_OR_FILEINFO == OR_FILEINFO && H264_RSRC_CONF == RSRC_CONF, "OR_FILEINFO, RSRC_CONF");
_Static_assert(H264_LOG_CRITICAL == APLOG_CRIT && H264_LOG_ERROR == APLOG_ERR && H264_LOG_WARNING == APLOG_WARNING
                   && H264_LOG_INFO == APLOG_INFO && H264_LOG_DEBUG == APLOG_DEBUG,
               "log levels");
_Static_assert(H264_OK == OK && H264_DECLINED == DECLINED && H264_FILTER_ERROR == AP_FILTER_ERROR, "handler results");
_Static_assert(H264_FORBIDDEN == HTTP_FORBIDDEN && H264_NOT_MODIFIED == HTTP_NOT_MODIFIED, "403, 304");
_Static_assert(H264_INTERNAL_SERVER_ERROR == HTTP_INTERNAL_SERVER_ERROR && H264_HTTP_OK == HTTP_OK, "500, 200");
_Static_assert(H264_EGENERAL == APR_EGENERAL, "APR_EGENERAL");
_Static_assert(H264_NONBLOCKING == (int)APR_NONBLOCK_READ, "APR_NONBLOCK_READ");
_Static_assert(sizeof(apr_off_t) == sizeof(int64_t), "files over 2 GiB need a 64-bit apr_off_t");

/* The record itself is a Rust item. */
extern module AP_MODULE_DECLARE_DATA h264_streaming_module;
APLOG_USE_MODULE(h264_streaming);

static const core_dir_config *core_config(const request_rec *r)
{
    return ap_get_core_module_config(r->per_dir_config);
}

/* After the handlers that come last and before the server's own for files. */
enum { AFTER_LAST = APR_HOOK_LAST + 5 };
_Static_assert(AFTER_LAST < APR_HOOK_REALLY_LAST, "hook order");

void h264_hook_handler(int (*handler)(request_rec *r))
{
    ap_hook_handler(handler, NULL, NULL, AFTER_LAST);
}

static ap_filter_rec_t *filter_record;

/* Right before the filter that writes to the socket, whatever else there is. */
void h264_register_filter(int (*filter)(ap_filter_t *filter, apr_bucket_brigade *brigade))
{
    filter_record = ap_register_output_filter("H264_STREAMING", filter, NULL, AP_FTYPE_NETWORK - 1);
}

int h264_logs(const request_rec *r, int level)
{
    return APLOG_R_IS_LEVEL(r, level);
}

void h264_log_request(const request_rec *r, int level, const char *message, size_t len)
{
    ap_log_rerror(APLOG_MARK, level, 0, r, "%.*s", (int)len, message);
}

void h264_log_server(int level, const char *message, size_t len)
{
    ap_log_error(APLOG_MARK, level, 0, ap_server_conf, "%.*s", (int)len, message);
}

apr_pool_t *h264_command_pool(const cmd_parms *command)
{
    return command->pool;
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

const char *h264_request_handler(const request_rec *r)
{
    return r->handler;
}

const char *h264_content_type(const request_rec *r)
{
    return r->content_type;
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

void h264_set_header_out(request_rec *r, const char *name, const char *value)
{
    apr_table_set(r->headers_out, name, value);
}

void h264_drop_header_out(request_rec *r, const char *name)
{
    apr_table_unset(r->headers_out, name);
    apr_table_unset(r->err_headers_out, name);
}

void h264_set_error_header_out(request_rec *r, const char *name, const char *value)
{
    apr_table_set(r->err_headers_out, name, value);
}

/* An ErrorDocument of the configuration comes first. The page must not look like a URL or a path. */
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

int h264_is_aborted(const request_rec *r)
{
    return r->connection->aborted;
}

int h264_uses_sendfile(const request_rec *r)
{
    return APR_HAS_SENDFILE && core_config(r)->enable_sendfile == ENABLE_SENDFILE_ON;
}

/* That of the client's request: what a subrequest sends may be on its way when the subrequest is gone. */
apr_pool_t *h264_request_pool(const request_rec *r)
{
    while (r->main) {
        r = r->main;
    }
    return r->pool;
}

apr_bucket_brigade *h264_brigade(const request_rec *r)
{
    return apr_brigade_create(r->pool, r->connection->bucket_alloc);
}

apr_bucket *h264_shared_bucket(const request_rec *r, const h264_bucket_type *type, void *data)
{
    apr_bucket *bucket = apr_bucket_alloc(sizeof(*bucket), r->connection->bucket_alloc);
    APR_BUCKET_INIT(bucket);
    bucket->free = apr_bucket_free;
    bucket->list = r->connection->bucket_alloc;
    bucket->type = (const apr_bucket_type_t *)type;
    return apr_bucket_shared_make(bucket, data, 0, 0);
}

void h264_append_range(apr_bucket_brigade *brigade, apr_bucket *whole, uint64_t start, size_t len)
{
    apr_bucket *bucket;
    (void)apr_bucket_copy(whole, &bucket);
    bucket->start = (apr_off_t)start;
    bucket->length = len;
    APR_BRIGADE_INSERT_TAIL(brigade, bucket);
}

void h264_append_eos(const request_rec *r, apr_bucket_brigade *brigade)
{
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(r->connection->bucket_alloc));
}

/* Once per connection, and only where the connection is a socket's own (not an HTTP/2 stream's). */
void h264_add_filter(request_rec *r)
{
    const ap_filter_t *filter = r->connection->output_filters;
    if (r->connection->master) {
        return;
    }
    while (filter && filter->frec != filter_record) {
        filter = filter->next;
    }
    if (!filter) {
        (void)ap_add_output_filter_handle(filter_record, NULL, r, r->connection);
    }
}

int h264_pass_on(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    return ap_pass_brigade(filter->next, brigade);
}

apr_bucket *h264_first_bucket(const apr_bucket_brigade *brigade)
{
    apr_bucket *first = APR_BRIGADE_FIRST(brigade);
    return first == APR_BRIGADE_SENTINEL(brigade) ? NULL : first;
}

apr_bucket *h264_next_bucket(const apr_bucket_brigade *brigade, const apr_bucket *bucket)
{
    apr_bucket *next = APR_BUCKET_NEXT(bucket);
    return next == APR_BRIGADE_SENTINEL(brigade) ? NULL : next;
}

const h264_bucket_type *h264_bucket_type_of(const apr_bucket *bucket)
{
    return (const h264_bucket_type *)bucket->type;
}

void h264_bucket_become(apr_bucket *bucket, const h264_bucket_type *type, void *data, size_t len)
{
    bucket->type = (const apr_bucket_type_t *)type;
    bucket->data = data;
    bucket->start = 0;
    bucket->length = len;
}

void h264_insert_after(apr_bucket *bucket, const h264_bucket_type *type, void *data, size_t len)
{
    apr_bucket *next = apr_bucket_alloc(sizeof(*next), bucket->list);
    APR_BUCKET_INIT(next);
    next->free = apr_bucket_free;
    next->list = bucket->list;
    h264_bucket_become(next, type, data, len);
    APR_BUCKET_INSERT_AFTER(bucket, next);
}

/* The descriptor stays the caller's. When the bucket is set aside it takes `*file` along, and the next one gets another. */
int h264_insert_file_after(apr_bucket *bucket, apr_file_t **file, int descriptor, uint64_t start, size_t len,
                           apr_pool_t *pool)
{
    apr_bucket *next;
    apr_os_file_t held = -1;
    if (!*file || apr_os_file_get(&held, *file) != APR_SUCCESS || held != descriptor) {
        apr_status_t status = apr_os_file_put(file, &descriptor, APR_READ | APR_BINARY | APR_SENDFILE_ENABLED, pool);
        if (status != APR_SUCCESS) {
            return status;
        }
    }
    next = apr_bucket_file_create(*file, (apr_off_t)start, len, pool, bucket->list);
    /* A mapped file that is truncated while it is sent ends the process. */
    (void)apr_bucket_file_enable_mmap(next, 0);
    APR_BUCKET_INSERT_AFTER(bucket, next);
    return APR_SUCCESS;
}

void h264_bucket_become_empty(apr_bucket *bucket)
{
    (void)apr_bucket_immortal_make(bucket, "", 0);
}

ap_filter_t *h264_output_filters(const request_rec *r)
{
    return r->output_filters;
}

int h264_pass(ap_filter_t *next, apr_bucket_brigade *brigade)
{
    apr_status_t status = ap_pass_brigade(next, brigade);
    (void)apr_brigade_cleanup(brigade);
    return status;
}

void h264_bucket_delete(apr_bucket *bucket)
{
    apr_bucket_destroy(bucket);
}

int h264_bucket_split(apr_bucket *bucket, size_t point)
{
    return apr_bucket_split(bucket, point);
}

uint64_t h264_bucket_start(const apr_bucket *bucket)
{
    return (uint64_t)bucket->start;
}

size_t h264_bucket_len(const apr_bucket *bucket)
{
    return bucket->length;
}

void *h264_bucket_data(const apr_bucket *bucket)
{
    return bucket->data;
}

apr_bucket_alloc_t *h264_bucket_list(const apr_bucket *bucket)
{
    return bucket->list;
}

apr_bucket_alloc_t *h264_request_buckets(const request_rec *r)
{
    return r->connection->bucket_alloc;
}

/* The hook runs after that of mod_xsendfile. */
void h264_hook_insert_filter(void (*hook)(request_rec *r))
{
    ap_hook_insert_filter(hook, NULL, NULL, AFTER_LAST);
}

static ap_filter_rec_t *sent_file_record;

/* The type is that of mod_xsendfile's filter. Of filters of one type, those that are added later come later. */
void h264_register_sent_file_filter(int (*filter)(ap_filter_t *filter, apr_bucket_brigade *brigade))
{
    sent_file_record = ap_register_output_filter("H264_STREAMING_SENT_FILE", filter, NULL, AP_FTYPE_CONTENT_SET);
}

/* Whether mod_xsendfile may replace the answer by a file. */
int h264_sends_named_files(const request_rec *r)
{
    const ap_filter_t *filter = r->output_filters;
    while (filter && strcasecmp(filter->frec->name, "XSENDFILE") != 0) {
        filter = filter->next;
    }
    return filter != NULL;
}

void h264_add_sent_file_filter(request_rec *r)
{
    (void)ap_add_output_filter_handle(sent_file_record, NULL, r, r->connection);
}

request_rec *h264_request_of(const ap_filter_t *filter)
{
    return filter->r;
}

ap_filter_t *h264_next_filter(const ap_filter_t *filter)
{
    return filter->next;
}

/* Whether the brigade is one file from its first byte on, and the end of the answer. The descriptor stays the bucket's. */
int h264_sent_file(const apr_bucket_brigade *brigade, const char **path, int *descriptor)
{
    const apr_bucket *first = APR_BRIGADE_FIRST(brigade);
    const apr_bucket *second;
    apr_file_t *file;
    if (first == APR_BRIGADE_SENTINEL(brigade) || !APR_BUCKET_IS_FILE(first) || first->start != 0) {
        return 0;
    }
    second = APR_BUCKET_NEXT(first);
    if (second == APR_BRIGADE_SENTINEL(brigade) || !APR_BUCKET_IS_EOS(second)) {
        return 0;
    }
    file = ((const apr_bucket_file *)first->data)->fd;
    return apr_file_name_get(path, file) == APR_SUCCESS && *path && apr_os_file_get(descriptor, file) == APR_SUCCESS;
}

void h264_step_aside(ap_filter_t *filter)
{
    ap_remove_output_filter(filter);
}

int h264_has_answered(const ap_filter_t *filter)
{
    return filter->ctx != NULL;
}

void h264_note_answered(ap_filter_t *filter)
{
    filter->ctx = filter;
}

/* The server answers with its page for the status. An error bucket would lose the header fields of the refusal. The page's
 * filters replace those of the request, and what the script still sends must not follow the page: the filter is added
 * once more to keep that away. */
void h264_refuse(ap_filter_t *filter, int status)
{
    request_rec *r = filter->r;
    const ap_filter_t *left;
    ap_die(status, r);
    for (left = r->output_filters; left && left != filter; left = left->next) {
    }
    if (!left) {
        (void)ap_add_output_filter_handle(sent_file_record, filter, r, r->connection);
    }
}

void h264_empty(apr_bucket_brigade *brigade)
{
    (void)apr_brigade_cleanup(brigade);
}
