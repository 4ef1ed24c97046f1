/* What an access log can say of a request, and the counts. */
/* First of all: the server's headers say which features of the system's they need. */
#include "internal.h"

#include <sys/mman.h>

static const ngx_str_t NAMES[] = {
    ngx_string("h264_streaming_kind"),     ngx_string("h264_streaming_format"),
    ngx_string("h264_streaming_start"),    ngx_string("h264_streaming_end"),
    ngx_string("h264_streaming_mode"),     ngx_string("h264_streaming_samples"),
    ngx_string("h264_streaming_metadata"), ngx_string("h264_streaming_cache"),
    ngx_string("h264_streaming_plan_us"),  ngx_string("h264_streaming_reason"),
};
#define COUNT (sizeof(NAMES) / sizeof(NAMES[0]))
static const size_t PREFIX = sizeof("h264_streaming_") - 1;

struct facts {
    ngx_str_t values[COUNT];
};

/* It tells the facts among what a request's pool ends with. */
static void forget(void *data) {
    (void)data;
}

/* A redirect within the server takes a request's context, and leaves its pool. */
static struct facts *facts_of(const ngx_http_request_t *r) {
    for (ngx_pool_cleanup_t *end = r->pool->cleanup; end != NULL; end = end->next) {
        if (end->handler == forget) return end->data;
    }
    return NULL;
}

void h264_set_fact(ngx_http_request_t *r, struct h264_bytes name, struct h264_bytes value) {
    struct facts *facts = facts_of(r);
    if (facts == NULL) {
        ngx_pool_cleanup_t *end = ngx_pool_cleanup_add(r->pool, sizeof(*facts));
        if (end == NULL) return;
        facts = end->data;
        ngx_memzero(facts, sizeof(*facts));
        end->handler = forget;
    }
    for (size_t i = 0; i < COUNT; ++i) {
        if (NAMES[i].len - PREFIX != name.len) continue;
        if (ngx_strncasecmp(NAMES[i].data + PREFIX, (u_char *)name.ptr, name.len) != 0) continue;
        ngx_str_t text = {value.len, (u_char *)value.ptr};
        facts->values[i].data = ngx_pstrdup(r->pool, &text);
        facts->values[i].len = facts->values[i].data == NULL ? 0 : value.len;
    }
}

static ngx_int_t get(ngx_http_request_t *r, ngx_http_variable_value_t *value, uintptr_t index) {
    const struct facts *facts = facts_of(r);
    if (facts == NULL || facts->values[index].len == 0) {
        value->not_found = 1;
        return NGX_OK;
    }
    value->data = facts->values[index].data;
    value->len = (unsigned)(facts->values[index].len & 0xfffffff);
    value->valid = 1;
    value->no_cacheable = 0;
    value->not_found = 0;
    return NGX_OK;
}

ngx_int_t h264_add_variables(ngx_conf_t *cf) {
    for (size_t i = 0; i < COUNT; ++i) {
        ngx_str_t name = NAMES[i];
        ngx_http_variable_t *variable = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);
        if (variable == NULL) return NGX_ERROR;
        variable->get_handler = get;
        variable->data = i;
    }
    return NGX_OK;
}

void *h264_share(size_t len) {
    void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_ANON | MAP_SHARED, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static ngx_int_t answer_metrics(ngx_http_request_t *r) {
    if (!(r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD))) return NGX_HTTP_NOT_ALLOWED;
    ngx_int_t rc = ngx_http_discard_request_body(r);
    return rc == NGX_OK ? h264_metrics(r) : rc;
}

char *h264_metrics_directive(ngx_conf_t *cf, ngx_command_t *command, void *conf) {
    (void)command;
    (void)conf;
    ngx_http_core_loc_conf_t *core = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    core->handler = answer_metrics;
    return NGX_CONF_OK;
}
