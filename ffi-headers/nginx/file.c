/* The film behind a request. */
#include "internal.h"

/* What the server's own handler of files says of one that cannot be opened. It is said here, as that
 * handler may succeed by now and would send a film that is not for everybody. */
static ngx_int_t failure(ngx_http_request_t *r, const ngx_str_t *path, const ngx_open_file_info_t *info) {
    const struct h264_conf *conf = ngx_http_get_module_loc_conf(r, ngx_http_h264_streaming_module);
    const ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    ngx_uint_t level = NGX_LOG_ERR;
    ngx_int_t status;
    /* Where it sends what is not guarded, that handler logs, too. */
    int is_ours = h264_section_is_guarded(conf->section);
    switch (info->err) {
        case 0:
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        case NGX_ENOENT:
        case NGX_ENOTDIR:
        case NGX_ENAMETOOLONG:
            status = NGX_HTTP_NOT_FOUND;
            is_ours = is_ours && core->log_not_found;
            break;
        case NGX_EACCES:
        case NGX_EMLINK:
        case NGX_ELOOP:
            status = NGX_HTTP_FORBIDDEN;
            is_ours = 0; /* the link comes first */
            break;
        default:
            level = NGX_LOG_CRIT;
            status = NGX_HTTP_INTERNAL_SERVER_ERROR;
            is_ours = 1;
    }
    if (is_ours) ngx_log_error(level, r->connection->log, info->err, "%s \"%V\" failed", info->failed, path);
    return status;
}

/* Opens the file as the server's own handler of files does. NGX_DECLINED where it is a directory. */
static ngx_int_t open_file(ngx_http_request_t *r, struct h264_request *request) {
    ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    ngx_open_file_info_t info;
    ngx_memzero(&info, sizeof(info));
    info.read_ahead = core->read_ahead;
    info.directio = core->directio;
    info.valid = core->open_file_cache_valid;
    info.min_uses = core->open_file_cache_min_uses;
    info.errors = core->open_file_cache_errors;
    info.events = core->open_file_cache_events;
    if (ngx_http_set_disable_symlinks(r, core, &request->path, &info) != NGX_OK) return NGX_HTTP_INTERNAL_SERVER_ERROR;
    if (ngx_open_cached_file(core->open_file_cache, &request->path, &info, r->pool) != NGX_OK)
        return failure(r, &request->path, &info);
    if (info.is_dir) return NGX_DECLINED;
    if (!info.is_file) return NGX_HTTP_NOT_FOUND;
    request->file.fd = info.fd;
    request->file.name = request->path;
    request->file.log = r->connection->log;
    request->file.directio = info.is_directio;
    return NGX_OK;
}

/* Finds the film in the address: what stands behind it may be a resource of it. */
ngx_int_t h264_find_film(ngx_http_request_t *r, struct h264_request *request) {
    const struct h264_conf *conf = ngx_http_get_module_loc_conf(r, ngx_http_h264_streaming_module);
    size_t root, end = 0;
    ngx_str_t whole = {0, NULL};
    struct h264_bytes uri = {r->uri.data, r->uri.len};
    while ((end = h264_film_end(conf->section, uri, end)) != 0) {
        if (whole.data == NULL) {
            u_char *last = ngx_http_map_uri_to_path(r, &whole, &root, 0);
            if (last == NULL) return NGX_HTTP_INTERNAL_SERVER_ERROR;
            whole.len = (size_t)(last - whole.data);
        }
        ngx_str_t behind = {uri.len - end, r->uri.data + end};
        if (behind.len > whole.len) return NGX_DECLINED;
        size_t len = whole.len - behind.len;
        /* An alias with variables may map the address to anything. */
        if (ngx_memcmp(whole.data + len, behind.data, behind.len) != 0) return NGX_DECLINED;
        request->path.data = ngx_pnalloc(r->pool, len + 1);
        if (request->path.data == NULL) return NGX_HTTP_INTERNAL_SERVER_ERROR;
        *ngx_cpymem(request->path.data, whole.data, len) = '\0';
        request->path.len = len;
        request->film_len = end;
        ngx_int_t rc = open_file(r, request);
        /* Where it is not there, the server's own handler says so and logs it. */
        if (rc == NGX_HTTP_NOT_FOUND && !h264_section_is_guarded(conf->section)) return NGX_DECLINED;
        if (rc != NGX_DECLINED) return rc;
        /* In a directory of that name there may be a film. */
    }
    return NGX_DECLINED;
}
