/* What the accessors share: the server's headers, and ours. */
#ifndef H264_INTERNAL_H
#define H264_INTERNAL_H

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

#include "h264_apache.h"

/* Whether it is ours before the one that writes to the socket. */
int h264_is_last_filter(const ap_filter_t *filter);

/* Takes a filter out that we have not added, and passes on what it was given. */
int h264_leave(ap_filter_t *filter, apr_bucket_brigade *brigade);

static inline const core_dir_config *core_config(const request_rec *r)
{
    return ap_get_core_module_config(r->per_dir_config);
}

#endif
