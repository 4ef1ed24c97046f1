/* Brigades and buckets. */
#include "internal.h"

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

/* The descriptor stays the caller's. When the bucket is set aside it takes `*file` along, and
 * the next one gets another. */
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

void h264_empty(apr_bucket_brigade *brigade)
{
    (void)apr_brigade_cleanup(brigade);
}
