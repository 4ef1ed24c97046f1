/* Events and the error log. */
#include "internal.h"

/* There is one watch in a process. */
static void (*on_ready)(void *context);

static handler_t ready(void *context, int revents) {
    (void)revents;
    on_ready(context);
    return HANDLER_FINISHED;
}

struct fdnode_st *h264_watch(struct server *srv, int fd, void (*callback)(void *context), void *context) {
    on_ready = callback;
    fdnode *node = fdevent_register(srv->ev, fd, ready, context);
    fdevent_fdnode_event_set(srv->ev, node, FDEVENT_IN);
    return node;
}

void h264_unwatch(struct server *srv, struct fdnode_st *node) {
    fdevent_fdnode_event_del(srv->ev, node);
    fdevent_unregister(srv->ev, node);
}

void h264_wake(struct request_st *r) {
    joblist_append(r->con);
}

void h264_excuse_idleness(const struct request_st *r) {
    connection *con = r->con;
    if (chunkqueue_is_empty(&r->write_queue) && chunkqueue_is_empty(con->write_queue))
        con->write_request_ts = log_monotonic_secs;
}

/* Log */

static void log_line(log_error_st *errh, struct h264_bytes message) {
    log_error(errh, "mod_h264_streaming", 0, "%.*s", (int)message.len, (const char *)message.ptr);
}

void h264_log(struct h264_bytes message) {
    log_line(NULL, message);
}

void h264_log_server(struct server *srv, struct h264_bytes message) {
    log_line(srv->errh, message);
}

void h264_log_request(struct request_st *r, struct h264_bytes message) {
    log_line(r->conf.errh, message);
}

int h264_logs_handling(const struct request_st *r) {
    return r->conf.log_request_handling;
}
