/* The tables that the server wants. */
#include "internal.h"

extern ngx_command_t h264_directives[];
ngx_int_t h264_handler(ngx_http_request_t *r);
ngx_int_t h264_add_variables(ngx_conf_t *cf);

static void drop_section(void *section) {
    h264_section_drop(section);
}

static void *create_conf(ngx_conf_t *cf) {
    struct h264_conf *conf = ngx_pcalloc(cf->pool, sizeof(*conf));
    ngx_pool_cleanup_t *end = conf == NULL ? NULL : ngx_pool_cleanup_add(cf->pool, 0);
    if (end == NULL) return NULL;
    conf->section = h264_section_new();
    if (conf->section == NULL) return NULL;
    end->handler = drop_section;
    end->data = conf->section;
    return conf;
}

static char *merge_conf(ngx_conf_t *cf, void *parent, void *child) {
    struct h264_conf *wide = parent, *narrow = child;
    if (!h264_section_merge(wide->section, narrow->section)) return NGX_CONF_ERROR;
    return h264_section_is_on(narrow->section) ? h264_add_threads(cf) : NGX_CONF_OK;
}

/* The handlers that are added last are asked first: before the server's own for files. */
static ngx_int_t after_configuration(ngx_conf_t *cf) {
    ngx_http_core_main_conf_t *core = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    ngx_http_handler_pt *handler = ngx_array_push(&core->phases[NGX_HTTP_CONTENT_PHASE].handlers);
    if (handler == NULL) return NGX_ERROR;
    *handler = h264_handler;
    return NGX_OK;
}

/* Before the server forks its workers. */
static ngx_int_t init_module(ngx_cycle_t *cycle) {
    (void)cycle;
    h264_init_module();
    return NGX_OK;
}

static ngx_http_module_t context = {
    h264_add_variables, after_configuration, NULL, NULL, NULL, NULL, create_conf, merge_conf,
};

ngx_module_t ngx_http_h264_streaming_module = {
    NGX_MODULE_V1, &context, h264_directives, NGX_HTTP_MODULE, NULL, init_module, NULL, NULL, NULL, NULL, NULL,
    NGX_MODULE_V1_PADDING,
};
