/* Answers that are held back until it is time for them.
 *
 * A filter of the connection, above that of TLS, keeps what may not be sent yet, up to the bucket
 * behind which the server ends the request. With an MPM that polls for connections itself (event),
 * the thread goes on to other work. The server comes back to the connection through two hooks:
 *
 * - Before it polls (suspend_connection): where the client has taken all that it may have, the
 *   server polls a timer in the place of the socket. Else it polls the socket, as for any answer.
 * - When a thread takes the connection up again (resume_connection): the socket is put back, and
 *   what may be sent by now is passed on.
 *
 * In between the server takes it for a connection whose answer is being written, and keeps the
 * client's Timeout. Where the thread is the connection's own (worker, prefork), or mod_http2's for the
 * request, it sleeps. */
#include <sys/timerfd.h>
#include <unistd.h>

#include "ap_mpm.h"
#include "http_connection.h"
#include "mpm_common.h"
#include "internal.h"

extern module AP_MODULE_DECLARE_DATA h264_streaming_module;

/* Most bytes that are passed on at once where a filter below copies them, as TLS does: the last
 * filter does not wait for the client as long as no more than 64 KiB are in memory. */
enum { COPIED = 32 << 10 };

/* The same where nothing copies them. */
enum { NOT_COPIED = 4 << 20 };

typedef struct held_answer {
    conn_rec *c;
    ap_filter_t *filter;
    /* What is held back, and what is being passed on. */
    apr_bucket_brigade *held;
    apr_bucket_brigade *passed;
    /* A descriptor that can be read when it is time; -1 until it is needed. */
    int timer;
    /* The connection's own, while the timer is in its place; else -1. */
    int socket;
} held_answer;

/* How many bytes of a bucket may be sent, or H264_NOT_HELD; where that is 0, for how many
 * milliseconds. */
static h264_permission permission;

static ap_filter_rec_t *hold_record;

static int is_empty(const held_answer *this)
{
    return APR_BRIGADE_EMPTY(this->held);
}

/* Whether the server polls for the connection itself while it waits. */
static int is_polled(conn_rec *c)
{
    int is_async = 0;
    return c->cs && !c->master && !c->clogging_input_filters
           && ap_mpm_query(AP_MPMQ_IS_ASYNC, &is_async) == APR_SUCCESS && is_async;
}

static held_answer *answer_of(conn_rec *c)
{
    return ap_get_module_config(c->conn_config, &h264_streaming_module);
}

/* Moves what may be sent now from the front of a brigade to that which is passed on. */
static void take(held_answer *this, apr_bucket_brigade *from, apr_size_t most)
{
    while (!APR_BRIGADE_EMPTY(from)) {
        apr_bucket *bucket = APR_BRIGADE_FIRST(from);
        uint32_t wait = 0;
        uint64_t allowed = permission(bucket, &wait);
        if (allowed != H264_NOT_HELD) {
            if (allowed > most) {
                allowed = most;
            }
            if (allowed == 0 || (allowed < bucket->length && apr_bucket_split(bucket, (apr_size_t)allowed))) {
                return;
            }
            most -= bucket->length;
        }
        APR_BUCKET_REMOVE(bucket);
        APR_BRIGADE_INSERT_TAIL(this->passed, bucket);
    }
}

/* The client is gone: nobody waits for the rest. */
static void drop(held_answer *this)
{
    this->c->aborted = 1;
    (void)apr_brigade_cleanup(this->held);
}

/* Passes on what may be sent now, until the client has to take it first. */
static apr_status_t pass_on(held_answer *this)
{
    conn_rec *c = this->c;
    const apr_size_t most = h264_is_last_filter(this->filter->next) ? NOT_COPIED : COPIED;
    apr_status_t status = APR_SUCCESS;
    /* What the last call has set below. A filter that is passed something may set it, too. */
    c->cs->sense = CONN_SENSE_DEFAULT;
    while (!is_empty(this)) {
        take(this, this->held, most);
        if (APR_BRIGADE_EMPTY(this->passed)) {
            break;
        }
        status = ap_pass_brigade(this->filter->next, this->passed);
        (void)apr_brigade_cleanup(this->passed);
        if (status != APR_SUCCESS || c->aborted) {
            drop(this);
            return status == APR_SUCCESS ? APR_ECONNABORTED : status;
        }
        if (c->data_in_output_filters) {
            break;
        }
    }
    if (!is_empty(this)) {
        /* So the server asks `suspend` even where all has been written. */
        c->cs->sense = CONN_SENSE_WANT_READ;
    }
    return status;
}

/* The same on a thread that has nothing else to do. */
static apr_status_t pass_in_time(held_answer *this, apr_bucket_brigade *brigade)
{
    while (!APR_BRIGADE_EMPTY(brigade)) {
        apr_status_t status;
        uint32_t wait = 0;
        take(this, brigade, NOT_COPIED);
        if (APR_BRIGADE_EMPTY(this->passed)) {
            APR_BRIGADE_INSERT_TAIL(this->passed, apr_bucket_flush_create(this->c->bucket_alloc));
            (void)permission(APR_BRIGADE_FIRST(brigade), &wait);
        }
        status = ap_pass_brigade(this->filter->next, this->passed);
        (void)apr_brigade_cleanup(this->passed);
        if (status != APR_SUCCESS || this->c->aborted) {
            return status == APR_SUCCESS ? APR_ECONNABORTED : status;
        }
        if (wait > 0) {
            apr_sleep(apr_time_from_msec(wait));
        }
    }
    return APR_SUCCESS;
}

/* Whether the server is about to close the connection. */
static int is_closing(const conn_rec *c, const apr_bucket_brigade *brigade)
{
    const apr_bucket *bucket;
    if (c->cs->state == CONN_STATE_LINGER) {
        return 1;
    }
    for (bucket = APR_BRIGADE_FIRST(brigade); bucket != APR_BRIGADE_SENTINEL(brigade);
         bucket = APR_BUCKET_NEXT(bucket)) {
        if (AP_BUCKET_IS_EOC(bucket)) {
            return 1;
        }
    }
    return 0;
}

static int is_held_back(const apr_bucket_brigade *brigade)
{
    const apr_bucket *bucket;
    uint32_t wait;
    for (bucket = APR_BRIGADE_FIRST(brigade); bucket != APR_BRIGADE_SENTINEL(brigade);
         bucket = APR_BUCKET_NEXT(bucket)) {
        if (permission(bucket, &wait) != H264_NOT_HELD) {
            return 1;
        }
    }
    return 0;
}

static apr_status_t hold_filter(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    held_answer *this = filter->ctx;
    apr_bucket *bucket;
    if (!this) {
        return h264_leave(filter, brigade);
    }
    if (is_empty(this) && !is_held_back(brigade)) {
        return ap_pass_brigade(filter->next, brigade);
    }
    if (!is_polled(this->c)) {
        return pass_in_time(this, brigade);
    }
    if (is_closing(this->c, brigade)) {
        drop(this);
        return ap_pass_brigade(filter->next, brigade);
    }
    while (!APR_BRIGADE_EMPTY(brigade)) {
        bucket = APR_BRIGADE_FIRST(brigade);
        if (!APR_BUCKET_IS_METADATA(bucket)) {
            (void)apr_bucket_setaside(bucket, this->c->pool);
        }
        APR_BUCKET_REMOVE(bucket);
        APR_BRIGADE_INSERT_TAIL(this->held, bucket);
    }
    return pass_on(this);
}

static apr_status_t close_timer(void *answer)
{
    held_answer *this = answer;
    if (this->timer >= 0) {
        (void)close(this->timer);
    }
    return APR_SUCCESS;
}

/* Puts the timer in the place of the socket. Whether that could be done. */
static int poll_timer(held_answer *this, uint32_t wait)
{
    const struct itimerspec time = {{0, 0}, {wait / 1000, (long)(wait % 1000) * 1000000}};
    apr_socket_t *socket = ap_get_conn_socket(this->c);
    if (this->timer < 0) {
        this->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    }
    return this->timer >= 0 && timerfd_settime(this->timer, 0, &time, NULL) == 0
           && apr_os_sock_get(&this->socket, socket) == APR_SUCCESS
           && apr_os_sock_put(&socket, &this->timer, this->c->pool) == APR_SUCCESS;
}

static void poll_socket(held_answer *this)
{
    apr_socket_t *socket = ap_get_conn_socket(this->c);
    int polled = -1;
    if (this->socket < 0) {
        return;
    }
    if (apr_os_sock_get(&polled, socket) == APR_SUCCESS && polled == this->timer) {
        (void)apr_os_sock_put(&socket, &this->socket, this->c->pool);
    } else {
        /* The server has closed what it polled. */
        (void)close(this->socket);
        this->timer = -1;
    }
    this->socket = -1;
}

static void suspend(conn_rec *c, request_rec *r)
{
    held_answer *this = answer_of(c);
    uint32_t wait = 0;
    (void)r;
    if (!this || is_empty(this) || c->cs->state != CONN_STATE_WRITE_COMPLETION) {
        return;
    }
    c->cs->sense = CONN_SENSE_WANT_WRITE;
    if (!c->data_in_output_filters && permission(APR_BRIGADE_FIRST(this->held), &wait) == 0) {
        if (poll_timer(this, wait)) {
            c->cs->sense = CONN_SENSE_WANT_READ;
        } else {
            /* Without another descriptor, a thread has to wait. */
            this->socket = -1;
            apr_sleep(apr_time_from_msec(wait));
        }
    }
}

static void resume(conn_rec *c, request_rec *r)
{
    held_answer *this = answer_of(c);
    (void)r;
    if (!this) {
        return;
    }
    poll_socket(this);
    if (is_empty(this)) {
        return;
    }
    if (!c->sbh) {
        /* The connection is about to be freed. */
        drop(this);
    } else if (c->cs->state == CONN_STATE_WRITE_COMPLETION) {
        if (c->data_in_output_filters) {
            c->cs->sense = CONN_SENSE_WANT_READ;
        } else {
            (void)pass_on(this);
        }
    }
}

void h264_register_hold(h264_permission permitted)
{
    permission = permitted;
    hold_record = ap_register_output_filter("H264_STREAMING_PACE", hold_filter, NULL, AP_FTYPE_CONNECTION);
    ap_hook_suspend_connection(suspend, NULL, NULL, APR_HOOK_LAST);
    ap_hook_resume_connection(resume, NULL, NULL, APR_HOOK_FIRST);
}

void h264_hold_back(request_rec *r)
{
    conn_rec *c = r->connection;
    held_answer *this = answer_of(c);
    if (this) {
        return;
    }
    this = apr_pcalloc(c->pool, sizeof(*this));
    this->c = c;
    this->held = apr_brigade_create(c->pool, c->bucket_alloc);
    this->passed = apr_brigade_create(c->pool, c->bucket_alloc);
    this->timer = this->socket = -1;
    apr_pool_cleanup_register(c->pool, this, close_timer, apr_pool_cleanup_null);
    this->filter = ap_add_output_filter_handle(hold_record, this, r, c);
    ap_set_module_config(c->conn_config, &h264_streaming_module, this);
}
