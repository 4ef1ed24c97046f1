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

/* Whether the handler of a location is that of `mp4` or `flv`. Their modules tell its address to
 * nobody, but the directives, which have no values, set it. */
static int sends_films(ngx_conf_t *cf, ngx_http_core_loc_conf_t *core) {
    static ngx_str_t names[] = {ngx_string("mp4"), ngx_string("flv")};
    const ngx_http_handler_pt handler = core->handler;
    int is_theirs = 0;
    for (ngx_uint_t i = 0; cf->cycle->modules[i] != NULL; ++i) {
        if (cf->cycle->modules[i]->type != NGX_HTTP_MODULE) continue;
        ngx_command_t *command = cf->cycle->modules[i]->commands;
        for (; command != NULL && command->name.len > 0; ++command) {
            if (!(command->type & NGX_CONF_NOARGS) || command->name.len != names[0].len) continue;
            if (ngx_strncmp(command->name.data, names[0].data, names[0].len) != 0
                && ngx_strncmp(command->name.data, names[1].data, names[1].len) != 0)
                continue;
            core->handler = NULL;
            is_theirs |= command->set(cf, command, NULL) == NGX_CONF_OK && core->handler == handler;
        }
    }
    core->handler = handler;
    return is_theirs;
}

/* What is refused in a location holds for nothing where another handler answers. */
static char *check_handler(ngx_conf_t *cf, int stands_here) {
    ngx_http_core_loc_conf_t *core = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    /* What limits methods takes on the handler of the location around. */
    if (core->handler == NULL || core->lmt_excpt) return NGX_CONF_OK;
    /* An `if` is in a location that guards films, whatever its own handler sends. */
    if (!stands_here && !core->noname && !sends_films(cf, core)) return NGX_CONF_OK;
    /* Locations within may be what the guard is for. */
    int is_void = stands_here && core->locations == NULL;
    ngx_conf_log_error(is_void ? NGX_LOG_EMERG : NGX_LOG_WARN, cf, 0,
                       "location \"%V\" has another handler, such as \"mp4\", \"flv\" or \"proxy_pass\", for which "
                       "\"h264_streaming_secret_file\", \"h264_streaming_window\" and others that say what may be seen "
                       "do not hold: take it out, or say \"h264_streaming off\" there",
                       &core->name);
    return is_void ? NGX_CONF_ERROR : NGX_CONF_OK;
}

/* A wider place says so: here, something is refused. */
static void say_that_it_is_off(ngx_conf_t *cf) {
    const ngx_http_core_loc_conf_t *core = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    const ngx_http_core_srv_conf_t *server = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    int is_location = core->name.len > 0;
    ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                       "\"h264_streaming off\" holds in %s \"%V\", too, so what is said there of what may be seen of films "
                       "does not hold: say \"h264_streaming on\" beside it",
                       is_location ? "location" : "server", is_location ? &core->name : &server->server_name);
}

static char *merge_conf(ngx_conf_t *cf, void *parent, void *child) {
    struct h264_conf *wide = parent, *narrow = child;
    int stands_here = h264_section_has_guard(narrow->section);
    if (!h264_section_merge(wide->section, narrow->section)) return NGX_CONF_ERROR;
    if (!h264_section_is_on(narrow->section)) {
        if (stands_here) say_that_it_is_off(cf);
        return NGX_CONF_OK;
    }
    char *added = h264_add_threads(cf);
    if (added != NGX_CONF_OK || !h264_section_has_guard(narrow->section)) return added;
    return check_handler(cf, stands_here);
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
