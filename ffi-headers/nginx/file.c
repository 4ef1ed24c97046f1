/* The file behind a request. */
#include "internal.h"

/* Opens the file as the server's own handler of files does. */
ngx_int_t h264_open(ngx_http_request_t *r, struct h264_request *request) {
    ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    size_t root;
    u_char *last = ngx_http_map_uri_to_path(r, &request->path, &root, 0);
    if (last == NULL) return NGX_HTTP_INTERNAL_SERVER_ERROR;
    request->path.len = (size_t)(last - request->path.data);
    ngx_open_file_info_t info;
    ngx_memzero(&info, sizeof(info));
    info.read_ahead = core->read_ahead;
    info.directio = core->directio;
    info.valid = core->open_file_cache_valid;
    info.min_uses = core->open_file_cache_min_uses;
    info.errors = core->open_file_cache_errors;
    info.events = core->open_file_cache_events;
    if (ngx_http_set_disable_symlinks(r, core, &request->path, &info) != NGX_OK) return NGX_HTTP_INTERNAL_SERVER_ERROR;
    if (ngx_open_cached_file(core->open_file_cache, &request->path, &info, r->pool) != NGX_OK || !info.is_file)
        return NGX_DECLINED;
    request->file.fd = info.fd;
    request->file.name = request->path;
    request->file.log = r->connection->log;
    request->file.directio = info.is_directio;
    return NGX_OK;
}
