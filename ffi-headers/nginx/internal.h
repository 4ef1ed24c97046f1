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
    ngx_flag_t is_directio;
    void *context;
    /* The piece that is being sent, used again for each. */
    ngx_buf_t bufs[2];
    ngx_chain_t links[2];
    int is_last;
};

void h264_send_body(ngx_http_request_t *r);

extern ngx_module_t ngx_http_h264_streaming_module;

#endif
