/* Hooks and filters. */
#include <strings.h>

#include "internal.h"

/* After the handlers that come last and before the server's own for files. */
enum { AFTER_LAST = APR_HOOK_LAST + 5 };
_Static_assert(AFTER_LAST < APR_HOOK_REALLY_LAST, "hook order");

void h264_hook_handler(int (*handler)(request_rec *r))
{
    ap_hook_handler(handler, NULL, NULL, AFTER_LAST);
}

/* A filter that is registered has a name, and SetOutputFilter or another module can add it by that
 * name. It then lacks what ours have, and does nothing. */
int h264_leave(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    ap_remove_output_filter(filter);
    return ap_pass_brigade(filter->next, brigade);
}

typedef int (*filter_function)(ap_filter_t *filter, apr_bucket_brigade *brigade);

/* What a filter of ours has: that we added it, and that it has answered. */
static char is_added, is_answered;

static ap_filter_rec_t *filter_record;
static filter_function last_filter;

static apr_status_t filter_last(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    return filter->ctx ? last_filter(filter, brigade) : h264_leave(filter, brigade);
}

/* Right before the filter that writes to the socket, whatever else there is. */
void h264_register_filter(int (*filter)(ap_filter_t *filter, apr_bucket_brigade *brigade))
{
    last_filter = filter;
    filter_record = ap_register_output_filter("H264_STREAMING", filter_last, NULL, AP_FTYPE_NETWORK - 1);
}

/* Once per connection, and only where the connection is a socket's own (not an HTTP/2 stream's). */
void h264_add_filter(request_rec *r)
{
    const ap_filter_t *filter = r->connection->output_filters;
    if (r->connection->master) {
        return;
    }
    while (filter && !h264_is_last_filter(filter)) {
        filter = filter->next;
    }
    if (!filter) {
        (void)ap_add_output_filter_handle(filter_record, &is_added, r, r->connection);
    }
}

int h264_is_last_filter(const ap_filter_t *filter)
{
    return filter && filter->frec == filter_record && filter->ctx;
}

int h264_pass_on(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    return ap_pass_brigade(filter->next, brigade);
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

/* The hook runs after that of mod_xsendfile. */
void h264_hook_insert_filter(void (*hook)(request_rec *r))
{
    ap_hook_insert_filter(hook, NULL, NULL, AFTER_LAST);
}

static ap_filter_rec_t *sent_file_record;
static filter_function sent_file_filter;

static apr_status_t filter_sent_file(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    return filter->ctx ? sent_file_filter(filter, brigade) : h264_leave(filter, brigade);
}

/* The type is that of mod_xsendfile's filter. Of filters of one type, those that are added later
 * come later. */
void h264_register_sent_file_filter(int (*filter)(ap_filter_t *filter, apr_bucket_brigade *brigade))
{
    sent_file_filter = filter;
    sent_file_record = ap_register_output_filter("H264_STREAMING_SENT_FILE", filter_sent_file, NULL,
                                                 AP_FTYPE_CONTENT_SET);
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
    (void)ap_add_output_filter_handle(sent_file_record, &is_added, r, r->connection);
}

request_rec *h264_request_of(const ap_filter_t *filter)
{
    return filter->r;
}

ap_filter_t *h264_next_filter(const ap_filter_t *filter)
{
    return filter->next;
}

/* Whether the brigade is one file from its first byte on, and the end of the answer. The
 * descriptor stays the bucket's. */
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
    return filter->ctx == &is_answered;
}

void h264_note_answered(ap_filter_t *filter)
{
    filter->ctx = &is_answered;
}

/* The server answers with its page for the status. An error bucket would lose the header fields
 * of the refusal. The page's filters replace those of the request, and what the script still
 * sends must not follow the page: the filter is added once more to keep that away. */
void h264_refuse(ap_filter_t *filter, int status)
{
    request_rec *r = filter->r;
    const ap_filter_t *left;
    ap_die(status, r);
    for (left = r->output_filters; left && left != filter; left = left->next) {
    }
    if (!left) {
        (void)ap_add_output_filter_handle(sent_file_record, &is_answered, r, r->connection);
    }
}
