/* The head and the body of an answer. */
#include "internal.h"

/* Head */

int h264_status(const struct request_st *r) {
    return r->http_status;
}

int h264_is_error_page(const struct request_st *r) {
    return r->error_handler_saved_status != 0;
}

void h264_set_status(struct request_st *r, int status) {
    r->http_status = status;
}

void h264_set_response_header(struct request_st *r, struct h264_bytes name, struct h264_bytes value) {
    http_header_response_set(r, header_id(name), (const char *)name.ptr, (uint32_t)name.len,
                             (const char *)value.ptr, (uint32_t)value.len);
}

void h264_set_last_modified(struct request_st *r, int64_t mtime) {
    if (!light_btst(r->resp_htags, HTTP_HEADER_LAST_MODIFIED)) http_response_set_last_modified(r, (unix_time64_t)mtime);
}

int h264_ranges_enabled(const struct request_st *r) {
    return r->conf.range_requests;
}

int h264_etags_enabled(const struct request_st *r) {
    return r->conf.etag_flags != 0;
}

void h264_keep_core_ranges_off(struct request_st *r) {
    r->conf.range_requests = 0; /* this request's copy */
}

void h264_keep_error_handler_out(struct request_st *r) {
    r->conf.error_handler = NULL; /* this request's copy */
}

/* Body */

void h264_stream_body(struct request_st *r) {
    r->resp_body_started = 1;
    /* HTTP/2 sends nothing of an unfinished body otherwise. */
    r->conf.stream_response_body |= FDEVENT_STREAM_RESPONSE;
}

int h264_body_started(const struct request_st *r) {
    return r->resp_body_started;
}

void h264_finish_body(struct request_st *r) {
    r->resp_body_finished = 1;
}

void h264_clear_body(struct request_st *r) {
    http_response_body_clear(r, 0);
    /* mod_deflate may have compressed what goes. */
    http_header_response_unset(r, HTTP_HEADER_CONTENT_ENCODING, CONST_STR_LEN("Content-Encoding"));
}

/* Whether the server has put its own page in place of the body, and neither a document nor a
 * handler of the configuration. It makes the path that of the document. */
int h264_has_default_error_page(const struct request_st *r) {
    return r->handler_module == NULL && r->error_handler_saved_status == 0 && buffer_is_blank(&r->physical.path);
}

uint64_t h264_queued(const struct request_st *r) {
    return (uint64_t)chunkqueue_length(&r->write_queue);
}

unsigned char *h264_open_chunk(struct request_st *r, uint32_t len) {
    buffer *chunk = chunkqueue_append_buffer_open_sz(&r->write_queue, (size_t)len + 1);
    return memset(buffer_string_prepare_copy(chunk, len), 0, len);
}

void h264_commit_chunk(struct request_st *r, uint32_t len) {
    buffer_truncate(r->write_queue.last->mem, len);
    chunkqueue_append_buffer_commit(&r->write_queue);
}

int h264_append_file(struct request_st *r, struct stat_cache_entry *file, uint64_t offset, uint64_t len) {
    /* The server cuts a range off at the size it remembers, which is up to
     * seconds old; a growing file must not make a Content-Length a lie. */
    if ((uint64_t)file->st.st_size < offset + len) {
        struct stat now;
        if (fstat(file->fd, &now) != 0 || (uint64_t)now.st_size < offset + len) return 0;
        file->st = now;
        buffer_clear(&file->etag);
    }
    const off_t before = r->write_queue.bytes_in;
    http_chunk_append_file_ref_range(r, file, (off_t)offset, (off_t)len);
    return (uint64_t)(r->write_queue.bytes_in - before) == len;
}
