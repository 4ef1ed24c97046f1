/* What the accessors share: the server's headers, and ours. */
#ifndef H264_INTERNAL_H
#define H264_INTERNAL_H

#include "h264_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "first.h"
#include "array.h"
#include "base.h"
#include "buffer.h"
#include "chunk.h"
#include "fdevent.h"
#include "http_chunk.h"
#include "http_header.h"
#include "http_kv.h"
#include "log.h"
#include "plugin.h"
#include "plugin_config.h"
#include "request.h"
#include "response.h"
#include "stat_cache.h"

#include "h264_lighttpd.h"

/* 1.4.83: the core keeps plugins by their data instead of by their record. */
#if __has_include("http_status.h")
#define PLUGINS_BY_DATA 1
#else
#define PLUGINS_BY_DATA 0
#endif

/* Exported only by servers built with extended attributes. */
const buffer *stat_cache_content_type_get_by_xattr(stat_cache_entry *sce, const array *mimetypes, int use_xattr)
    __attribute__((weak));

struct h264_module {
    PLUGIN_DATA;
    void *state;
    handler_t (*serve_static)(request_st *r, void *data);
    void *static_data;
    /* That module is asked first, and sends all of a film. */
    int is_behind_static;
    /* The module that finds the index of a directory, where it is listed after this one; else
     * NULL. */
    handler_t (*find_index)(request_st *r, void *data);
    void *index_data;
    /* mod_deflate is there, and compresses bodies that are complete before their heads are sent. */
    int has_deflate;
    /* What the server has decided, while it is decided again. */
    cond_cache_t *conditions;
    size_t conditions_len;
    /* What `find_index` replaces, for the time of one hook. */
    buffer uri_path;
    buffer physical_path;
};

static inline struct h264_bytes bytes_of(const buffer *b) {
    struct h264_bytes bytes = {NULL, 0};
    if (b != NULL && !buffer_is_blank(b)) {
        bytes.ptr = (const unsigned char *)b->ptr;
        bytes.len = buffer_clen(b);
    }
    return bytes;
}

static inline enum http_header_e header_id(struct h264_bytes name) {
    return http_header_hkey_get((const char *)name.ptr, name.len);
}

/* The numbers of handler_t differ between versions. */
static inline enum h264_outcome outcome_of(handler_t handler) {
    switch (handler) {
    case HANDLER_GO_ON: return H264_GO_ON;
    case HANDLER_FINISHED: return H264_FINISHED;
    case HANDLER_WAIT_FOR_EVENT: return H264_WAIT;
    default: return H264_ERROR;
    }
}

#endif
