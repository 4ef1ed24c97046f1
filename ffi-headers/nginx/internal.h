/* What the accessors share: the server's headers, and ours. */
#ifndef H264_INTERNAL_H
#define H264_INTERNAL_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "exports.h"

struct h264_conf {
    void *section;
};

/* What a request of ours keeps. */
struct h264_request {
    ngx_str_t path;
    /* How much of the address is that of the film. */
    size_t film_len;
    /* What the server gets where the answer is sent. */
    ngx_int_t answered;
    ngx_file_t file;
    void *context;
    ngx_http_request_t *r;
#if (NGX_THREADS)
    ngx_thread_task_t *task;
#endif
    /* What ends a pause. */
    ngx_event_t pause;
    /* While a thread works for it, or it pauses. */
    int is_reading;
    /* The request is over, and waits for that thread only. */
    int is_ended;
    /* The piece that is being sent, used again for each. */
    ngx_buf_t bufs[2];
    ngx_chain_t links[2];
    int is_last;
};

extern ngx_module_t ngx_http_h264_streaming_module;

struct h264_request *h264_ours(const ngx_http_request_t *r);
/* NGX_OK: the film is open. NGX_HTTP_FORBIDDEN: it is known, and may not be opened. */
ngx_int_t h264_find_film(ngx_http_request_t *r, struct h264_request *request);
char *h264_add_threads(ngx_conf_t *cf);
void h264_send_body(ngx_http_request_t *r);

#endif
