/* The configuration. */
#include "internal.h"

int h264_config_read(struct server *srv, struct h264_module *module) {
    static const config_plugin_keys_t keys[] = {
#define H264_KEY(key, name, type, scope) [key] = {CONST_STR_LEN(name), type, scope},
        H264_OPTIONS(H264_KEY)
#undef H264_KEY
        {NULL, 0, T_CONFIG_UNSET, T_CONFIG_SCOPE_UNSET},
    };
    /* As many as each request has. What guards films may not depend on there being memory later. */
    module->conditions_len = srv->config_context->used * sizeof(cond_cache_t);
    module->conditions = malloc(module->conditions_len);
    if (module->conditions == NULL) return 0;
    return config_plugin_values_init(srv, module, keys, "mod_h264_streaming");
}

int h264_config_contexts(const struct h264_module *module) {
    return module->nconfig;
}

int h264_config_condition(const struct h264_module *module, int context) {
    return module->cvlist[context].k_id;
}

int h264_config_value(const struct h264_module *module, int context, uint32_t index, struct h264_value *value) {
    /* Each context says where its values begin and how many it found; what was
     * rejected is missing, so a list can also end early. */
    const config_plugin_value_t *values = module->cvlist + module->cvlist[context].v.u2[0];
    if (index >= module->cvlist[context].v.u2[1] || values[index].k_id < 0) return 0;
    memset(value, 0, sizeof(*value));
    /* The server calls a value by its row in `keys`. */
    value->key = (enum h264_key)values[index].k_id;
    switch (values[index].vtype) {
    case T_CONFIG_BOOL:
    case T_CONFIG_INT: value->number = values[index].v.u; break;
    case T_CONFIG_STRING: value->string = bytes_of(values[index].v.b); break;
    case T_CONFIG_ARRAY_KVSTRING:
    case T_CONFIG_ARRAY_VLIST: value->list = values[index].v.a; break;
    default: break;
    }
    return 1;
}

uint32_t h264_list_len(const void *list) {
    return list ? ((const array *)list)->used : 0;
}

struct h264_bytes h264_list_item(const void *list, uint32_t index) {
    return bytes_of(&((const data_string *)((const array *)list)->data[index])->value);
}

struct h264_bytes h264_list_key(const void *list, uint32_t index) {
    return bytes_of(&((const array *)list)->data[index]->key);
}

int h264_condition_holds(struct request_st *r, int condition) {
    return config_check_cond(r, condition);
}

void h264_set_url_conditions_aside(struct request_st *r, struct h264_module *module) {
    memcpy(module->conditions, r->cond_cache, module->conditions_len);
    config_cond_cache_reset_item(r, COMP_HTTP_URL);
}

void h264_put_conditions_back(struct request_st *r, struct h264_module *module) {
    memcpy(r->cond_cache, module->conditions, module->conditions_len);
}
