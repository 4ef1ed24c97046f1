/* The tables that the server wants. */
#include "internal.h"

ngx_int_t h264_handler(ngx_http_request_t *r);

static void *create_conf(ngx_conf_t *cf) {
    struct h264_conf *conf = ngx_pcalloc(cf->pool, sizeof(*conf));
    if (conf == NULL) return NULL;
    conf->enable = NGX_CONF_UNSET;
    conf->buffer_seconds = NGX_CONF_UNSET;
    conf->rate = NGX_CONF_UNSET_SIZE;
    return conf;
}

static char *merge_conf(ngx_conf_t *cf, void *parent, void *child) {
    struct h264_conf *wide = parent, *narrow = child;
    ngx_conf_merge_value(narrow->enable, wide->enable, 0);
    ngx_conf_merge_value(narrow->buffer_seconds, wide->buffer_seconds, 0);
    ngx_conf_merge_size_value(narrow->rate, wide->rate, 0);
    return narrow->enable ? h264_add_threads(cf) : NGX_CONF_OK;
}

/* The handlers that are added last are asked first: before the server's own for files. */
static ngx_int_t after_configuration(ngx_conf_t *cf) {
    ngx_http_core_main_conf_t *core = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    ngx_http_handler_pt *handler = ngx_array_push(&core->phases[NGX_HTTP_CONTENT_PHASE].handlers);
    if (handler == NULL) return NGX_ERROR;
    *handler = h264_handler;
    return NGX_OK;
}

/* A day at most, as in the other servers. */
static ngx_conf_num_bounds_t seconds_bounds = {ngx_conf_check_num_bounds, 0, 86400};

static ngx_command_t commands[] = {
    {ngx_string("h264_streaming"), NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_CONF_FLAG,
     ngx_conf_set_flag_slot, NGX_HTTP_LOC_CONF_OFFSET, offsetof(struct h264_conf, enable), NULL},
    {ngx_string("h264_streaming_buffer_seconds"),
     NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1, ngx_conf_set_num_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(struct h264_conf, buffer_seconds), &seconds_bounds},
    {ngx_string("h264_streaming_rate"),
     NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1, ngx_conf_set_size_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(struct h264_conf, rate), NULL},
    ngx_null_command,
};

static ngx_http_module_t context = {
    NULL, after_configuration, NULL, NULL, NULL, NULL, create_conf, merge_conf,
};

ngx_module_t ngx_http_h264_streaming_module = {
    NGX_MODULE_V1, &context, commands, NGX_HTTP_MODULE, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NGX_MODULE_V1_PADDING,
};
