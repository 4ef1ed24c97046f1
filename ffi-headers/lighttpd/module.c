/* The hooks and the record of the module. */
#include "internal.h"

static const struct h264_hooks *hooks;

static handler_t handler_of(enum h264_outcome outcome) {
    switch (outcome) {
    case H264_GO_ON: return HANDLER_GO_ON;
    case H264_FINISHED: return HANDLER_FINISHED;
    case H264_WAIT: return HANDLER_WAIT_FOR_EVENT;
    case H264_ERROR: break;
    }
    return HANDLER_ERROR;
}

static void *init(void) {
    return calloc(1, sizeof(struct h264_module));
}

static void find_other_modules(const server *srv, struct h264_module *module) {
    int is_after = 0;
    for (uint32_t i = 0; i < srv->plugins.used; ++i) {
#if PLUGINS_BY_DATA
        plugin_data_base *data = ((plugin_data_base **)srv->plugins.ptr)[i];
        const plugin *found = data->self;
#else
        const plugin *found = ((plugin **)srv->plugins.ptr)[i];
        void *data = found->data;
#endif
        if (found->name == NULL) continue;
        if (data == (void *)module) is_after = 1;
        if (strcmp(found->name, "staticfile") == 0) {
            module->serve_static = found->handle_subrequest_start;
            module->static_data = data;
            module->is_behind_static = !is_after;
        } else if (strcmp(found->name, "indexfile") == 0 && is_after) {
            module->find_index = found->handle_subrequest_start;
            module->index_data = data;
        } else if (strcmp(found->name, "deflate") == 0) {
            module->has_deflate = 1;
        }
    }
}

static handler_t set_defaults(server *srv, void *module) {
    find_other_modules(srv, module);
    return handler_of(hooks->set_defaults(srv, module));
}

static handler_t worker_init(server *srv, void *module) {
    return handler_of(hooks->worker_init(srv, module));
}

static handler_t trigger(server *srv, void *module) {
    (void)srv;
    hooks->trigger(module);
    return HANDLER_GO_ON;
}

static void cleanup(void *data) {
    struct h264_module *module = data;
    hooks->cleanup(module);
    free(module->conditions);
    free(module->uri_path.ptr);
    free(module->physical_path.ptr);
}

static handler_t uri_clean(request_st *r, void *module) {
    return handler_of(hooks->uri_clean(r, module));
}

static handler_t subrequest_start(request_st *r, void *module) {
    return handler_of(hooks->subrequest_start(r, module));
}

static handler_t subrequest(request_st *r, void *module) {
    return handler_of(hooks->subrequest(r, module));
}

static handler_t response_start(request_st *r, void *module) {
    return handler_of(hooks->response_start(r, module));
}

static handler_t request_reset(request_st *r, void *module) {
    return handler_of(hooks->request_reset(r, module));
}

uint64_t h264_built_version_id(void) {
    return LIGHTTPD_VERSION_ID;
}

void h264_register(struct plugin *p, const struct h264_hooks *table) {
    hooks = table;
    p->version = LIGHTTPD_VERSION_ID;
    p->name = "h264_streaming";
    p->init = init;
    p->set_defaults = set_defaults;
    p->worker_init = worker_init;
    p->handle_trigger = trigger;
    p->cleanup = cleanup;
    p->handle_uri_clean = uri_clean;
    p->handle_subrequest_start = subrequest_start;
    p->handle_subrequest = subrequest;
    p->handle_response_start = response_start;
    p->handle_request_reset = request_reset;
}

int h264_has_deflate(const struct h264_module *module) {
    return module->has_deflate;
}

int h264_is_behind_static(const struct h264_module *module) {
    return module->is_behind_static;
}

void *h264_state(const struct h264_module *module) {
    return module->state;
}

void h264_set_state(struct h264_module *module, void *state) {
    module->state = state;
}
