/* Work for the threads of the server's own pool. */
#include "internal.h"

int h264_is_terminating(void) {
    return ngx_terminate != 0;
}

int h264_is_reading(const ngx_http_request_t *r) {
    const struct h264_request *request = h264_ours(r);
    return request != NULL && request->is_reading;
}

/* It is not the client who keeps the server waiting, unless another part of the answer is being
 * sent. */
static void begin_wait(struct h264_request *request) {
    ngx_http_request_t *r = request->r;
    ngx_event_t *event = r->connection->write;
    r->main->blocked++;
    r->aio = 1;
    request->is_reading = 1;
    if (r == r->connection->data && event->timer_set && !event->delayed) ngx_del_timer(event);
}

/* A request that was given up in between ends now. */
static void end_wait(struct h264_request *request) {
    ngx_http_request_t *r = request->r;
    ngx_connection_t *c = r->connection;
    r->main->blocked--;
    r->aio = 0;
    request->is_reading = 0;
    if (r->done || request->is_ended) {
        c->write->handler(c->write);
        return;
    }
    r->write_event_handler(r);
    ngx_http_run_posted_requests(c);
}

/* How long a request pauses, in milliseconds, whose film is being read for another. */
#define PAUSE 50

static void end_pause(ngx_event_t *event) {
    struct h264_request *request = event->data;
    event->timedout = 0;
    ngx_http_set_log_request(request->r->connection->log, request->r);
    end_wait(request);
}

void h264_pause(ngx_http_request_t *r) {
    struct h264_request *request = h264_ours(r);
    request->pause.data = request;
    request->pause.handler = end_pause;
    request->pause.log = r->connection->log;
    begin_wait(request);
    ngx_add_timer(&request->pause, PAUSE);
}

#if (NGX_THREADS)

/* On the thread: nothing of the request is touched. */
static void work(void *data, ngx_log_t *log) {
    void **what = data;
    (void)log;
    h264_work(*what);
}

/* A worker that shuts down ends once it has no timers: this one keeps it as long as the server's own
 * reads on threads do. */
#define PATIENCE 60000

/* On the worker's own thread. */
static void done(ngx_event_t *event) {
    struct h264_request *request = event->data;
    ngx_http_request_t *r = request->r;
    ngx_connection_t *c = r->connection;
    ngx_http_set_log_request(c->log, r);
    if (event->timedout) {
        event->timedout = 0;
        ngx_log_error(NGX_LOG_ALERT, c->log, 0, "a read of \"%V\" takes very long", &request->path);
        return;
    }
    if (event->timer_set) ngx_del_timer(event);
    end_wait(request);
}

static ngx_str_t pool_name = ngx_string("default");

int h264_post(ngx_http_request_t *r, void *what) {
    struct h264_request *request = h264_ours(r);
    ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    ngx_thread_pool_t *pool = core->thread_pool;
    if (pool == NULL) pool = ngx_thread_pool_get((ngx_cycle_t *)ngx_cycle, &pool_name);
    if (pool == NULL) return H264_NO_THREADS;
    if (request->task == NULL) request->task = ngx_thread_task_alloc(r->pool, sizeof(void *));
    ngx_thread_task_t *task = request->task;
    if (task == NULL) return H264_NOT_POSTED;
    *(void **)task->ctx = what;
    task->handler = work;
    task->event.data = request;
    task->event.handler = done;
    task->event.log = r->connection->log;
    if (ngx_thread_task_post(pool, task) != NGX_OK) return H264_NOT_POSTED;
    begin_wait(request);
    ngx_add_timer(&task->event, PATIENCE);
    return H264_POSTED;
}

char *h264_add_threads(ngx_conf_t *cf) {
    return ngx_thread_pool_add(cf, &pool_name) == NULL ? NGX_CONF_ERROR : NGX_CONF_OK;
}

#else

int h264_post(ngx_http_request_t *r, void *what) {
    (void)r;
    (void)what;
    return H264_NO_THREADS;
}

char *h264_add_threads(ngx_conf_t *cf) {
    static ngx_cycle_t *told;
    if (told == cf->cycle) return NGX_CONF_OK;
    told = cf->cycle;
    ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                       "this nginx is built without threads: \"h264_streaming\" reads films that are "
                       "not in memory in the worker, which waits for the disk");
    return NGX_CONF_OK;
}

#endif
