/* All that the Apache module sees of the server. bindgen reads this file and
 * nothing of what the server's own headers declare; the files beside it, compiled
 * against those headers, make the compiler check every line of it. */
#ifndef H264_APACHE_H
#define H264_APACHE_H

#include <stddef.h>
#include <stdint.h>

#include "ap_mmn.h"

typedef struct apr_pool_t apr_pool_t;
typedef struct apr_file_t apr_file_t;
typedef struct apr_bucket apr_bucket;
typedef struct apr_bucket_alloc_t apr_bucket_alloc_t;
typedef struct apr_bucket_brigade apr_bucket_brigade;
typedef struct ap_filter_t ap_filter_t;
typedef struct request_rec request_rec;
typedef struct server_rec server_rec;
typedef struct cmd_parms_struct cmd_parms;

/* Values of the server's headers. */
enum h264_constant {
    H264_MAGIC_MAJOR = MODULE_MAGIC_NUMBER_MAJOR,
    H264_MAGIC_MINOR = MODULE_MAGIC_NUMBER_MINOR,
    H264_MAGIC_COOKIE = MODULE_MAGIC_COOKIE,
    H264_RAW_ARGS = 0,
    H264_TAKE1 = 1,
    H264_ITERATE = 3,
    H264_FLAG = 5,
    H264_OR_FILEINFO = 4,
    H264_ACCESS_CONF = 64,
    H264_RSRC_CONF = 128,
    H264_LOG_CRITICAL = 2,
    H264_LOG_ERROR = 3,
    H264_LOG_WARNING = 4,
    H264_LOG_INFO = 6,
    H264_LOG_DEBUG = 7,
    H264_OK = 0,
    H264_DECLINED = -1,
    H264_FILTER_ERROR = -102,
    H264_HTTP_OK = 200,
    H264_MOVED_TEMPORARILY = 302,
    H264_NOT_MODIFIED = 304,
    H264_FORBIDDEN = 403,
    H264_INTERNAL_SERVER_ERROR = 500,
    H264_EGENERAL = 20014,
    H264_NONBLOCKING = 1
};

/* The server's records that the module defines: the layouts of command_rec,
 * module and apr_bucket_type_t. */
typedef union h264_setter {
    const char *(*flag)(cmd_parms *command, void *config, int on);
    const char *(*one)(cmd_parms *command, void *config, const char *value);
} h264_setter;

typedef struct h264_command {
    const char *name;
    h264_setter set;
    void *data;
    int overrides;
    int arguments;
    const char *usage;
} h264_command;

typedef struct h264_module {
    int version;
    int minor_version;
    int module_index;
    const char *name;
    void *dynamic_load_handle;
    struct h264_module *next;
    unsigned long magic;
    void (*rewrite_args)(void);
    void *(*create_dir_config)(apr_pool_t *pool, char *directory);
    void *(*merge_dir_config)(apr_pool_t *pool, void *base, void *add);
    void *(*create_server_config)(void);
    void *(*merge_server_config)(void);
    const h264_command *commands;
    void (*register_hooks)(apr_pool_t *pool);
    int flags;
} h264_module;

typedef struct h264_bucket_type {
    const char *name;
    int functions;
    int is_metadata;
    void (*destroy)(void *data);
    int (*read)(apr_bucket *bucket, const char **bytes, size_t *len, int block);
    int (*setaside)(apr_bucket *bucket, apr_pool_t *pool);
    int (*split)(apr_bucket *bucket, size_t point);
    int (*copy)(apr_bucket *bucket, apr_bucket **copy);
} h264_bucket_type;

/* The server's own functions. */
void *apr_palloc(apr_pool_t *pool, size_t size);
char *ap_server_root_relative(apr_pool_t *pool, const char *path);
int ap_discard_request_body(request_rec *r);
int ap_meets_conditions(request_rec *r);
void ap_set_last_modified(request_rec *r);
void ap_set_accept_ranges(request_rec *r);
void ap_set_content_length(request_rec *r, int64_t len);
void ap_update_mtime(request_rec *r, int64_t microseconds);
void *apr_bucket_alloc(size_t size, apr_bucket_alloc_t *list);
void apr_bucket_free(void *block);
int apr_bucket_copy_notimpl(apr_bucket *bucket, apr_bucket **copy);
int apr_bucket_setaside_noop(apr_bucket *bucket, apr_pool_t *pool);
int apr_bucket_shared_copy(apr_bucket *bucket, apr_bucket **copy);
int apr_bucket_shared_destroy(void *data);
int apr_bucket_shared_split(apr_bucket *bucket, size_t point);
int apr_bucket_split_notimpl(apr_bucket *bucket, size_t point);
apr_bucket *apr_bucket_heap_make(apr_bucket *bucket, const char *bytes, size_t len, void (*free)(void *));

/* Accessors: a field or a macro of the server each. */
void h264_hook_handler(int (*handler)(request_rec *r));
void h264_hook_insert_filter(void (*hook)(request_rec *r));
void h264_register_sent_file_filter(int (*filter)(ap_filter_t *filter, apr_bucket_brigade *brigade));
void h264_register_filter(int (*filter)(ap_filter_t *filter, apr_bucket_brigade *brigade));
int h264_logs(const request_rec *r, int level);
void h264_log_request(const request_rec *r, int level, const char *message, size_t len);
server_rec *h264_server(const request_rec *r);
void h264_log_server(const server_rec *server, int level, const char *message, size_t len);

apr_pool_t *h264_command_pool(const cmd_parms *command);
void *h264_command_data(const cmd_parms *command);
const char *h264_refuse_unless_global(cmd_parms *command);
void *h264_dir_config(const request_rec *r);
int h264_is_get(const request_rec *r);
int h264_is_post(const request_rec *r);
int h264_refuses_path_info(const request_rec *r);
void h264_allow_get_alone(request_rec *r);
int h264_is_subrequest(const request_rec *r);
int h264_has_no_body(const request_rec *r);
int h264_is_regular_file(const request_rec *r);
int h264_is_device(const request_rec *r);
int h264_status(const request_rec *r);
void h264_set_status(request_rec *r, int status);
const char *h264_client(const request_rec *r);
const char *h264_uri(const request_rec *r);
const char *h264_filename(const request_rec *r);
const char *h264_path_info(const request_rec *r);
const char *h264_args(const request_rec *r);
const char *h264_client_target(const request_rec *r);
int h264_is_rewritten(const request_rec *r);
const char *h264_request_handler(const request_rec *r);
const char *h264_content_type(const request_rec *r);
void h264_set_content_type(request_rec *r, const char *type);
int64_t h264_mtime(const request_rec *r);
int h264_makes_etags(const request_rec *r);
const char *h264_header_in(const request_rec *r, const char *name);
void h264_drop_header_in(request_rec *r, const char *name);
int h264_has_header_out(const request_rec *r, const char *name);
void h264_set_header_out(request_rec *r, const char *name, const char *value);
void h264_drop_header_out(request_rec *r, const char *name);
/* Drops the `Content-Location` that mod_negotiation sets: the name of the file. */
void h264_drop_place_of_file(request_rec *r);
void h264_set_error_header_out(request_rec *r, const char *name, const char *value);
void h264_set_error_page(request_rec *r, int status, const char *page);
void h264_set_environment(request_rec *r, const char *name, const char *value);
void h264_set_fact(request_rec *r, const char *name, const char *value);
int h264_is_aborted(const request_rec *r);

void h264_end_connection(request_rec *r);
int h264_uses_sendfile(const request_rec *r);
apr_pool_t *h264_request_pool(const request_rec *r);
void h264_when_sent(const request_rec *r, void *data, int (*done)(void *data));
apr_bucket_brigade *h264_brigade(const request_rec *r);
apr_bucket *h264_shared_bucket(const request_rec *r, const h264_bucket_type *type, void *data);
void h264_append_range(apr_bucket_brigade *brigade, apr_bucket *whole, uint64_t start, size_t len);
void h264_append_eos(const request_rec *r, apr_bucket_brigade *brigade);
void h264_add_filter(request_rec *r);
ap_filter_t *h264_output_filters(const request_rec *r);
int h264_pass(ap_filter_t *next, apr_bucket_brigade *brigade);
int h264_pass_on(ap_filter_t *filter, apr_bucket_brigade *brigade);
apr_bucket *h264_first_bucket(const apr_bucket_brigade *brigade);
apr_bucket *h264_next_bucket(const apr_bucket_brigade *brigade, const apr_bucket *bucket);
const h264_bucket_type *h264_bucket_type_of(const apr_bucket *bucket);
void h264_bucket_become(apr_bucket *bucket, const h264_bucket_type *type, void *data, size_t len);
void h264_insert_after(apr_bucket *bucket, const h264_bucket_type *type, void *data, size_t len);
int h264_insert_file_after(apr_bucket *bucket, apr_file_t **file, int descriptor, uint64_t start, size_t len,
                           apr_pool_t *pool);
void h264_bucket_become_empty(apr_bucket *bucket);
void h264_bucket_delete(apr_bucket *bucket);
int h264_bucket_split(apr_bucket *bucket, size_t point);
uint64_t h264_bucket_start(const apr_bucket *bucket);
size_t h264_bucket_len(const apr_bucket *bucket);
void *h264_bucket_data(const apr_bucket *bucket);
apr_bucket_alloc_t *h264_bucket_list(const apr_bucket *bucket);
apr_bucket_alloc_t *h264_request_buckets(const request_rec *r);

/* What is held back until it is time for it. */
#define H264_NOT_HELD UINT64_MAX
typedef uint64_t (*h264_permission)(const apr_bucket *bucket, uint32_t *wait);
void h264_register_hold(h264_permission permission);
void h264_hold_back(request_rec *r);

void h264_hook_post_config(int (*hook)(apr_pool_t *config, apr_pool_t *log, apr_pool_t *temp, server_rec *server));
void *h264_shared_memory(apr_pool_t *pool, size_t size);
void h264_hook_status(int (*hook)(request_rec *r, int flags));
int h264_is_short_status(int flags);
void h264_write(request_rec *r, const char *text, size_t len);

int h264_sends_named_files(const request_rec *r);
void h264_add_sent_file_filter(request_rec *r);
request_rec *h264_request_of(const ap_filter_t *filter);
ap_filter_t *h264_next_filter(const ap_filter_t *filter);
int h264_sent_file(const apr_bucket_brigade *brigade, const char **path, int *descriptor);
void h264_step_aside(ap_filter_t *filter);
int h264_has_answered(const ap_filter_t *filter);
void h264_note_answered(ap_filter_t *filter);
void h264_refuse(ap_filter_t *filter, int status);
void h264_empty(apr_bucket_brigade *brigade);

#endif
