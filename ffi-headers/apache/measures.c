/* Memory that all children share, and what the server's own pages say. */
#include "internal.h"
#include "apr_optional_hooks.h"
#include "apr_shm.h"
#include "mod_status.h"

void h264_hook_post_config(int (*hook)(apr_pool_t *config, apr_pool_t *log, apr_pool_t *temp, server_rec *server))
{
    ap_hook_post_config(hook, NULL, NULL, APR_HOOK_MIDDLE);
}

/* Zeroed, and gone with the pool. NULL where the system has none. */
void *h264_shared_memory(apr_pool_t *pool, size_t size)
{
    apr_shm_t *shared;
    void *memory;
    if (apr_shm_create(&shared, size, NULL, pool) != APR_SUCCESS) {
        return NULL;
    }
    memory = apr_shm_baseaddr_get(shared);
    memset(memory, 0, size);
    return memory;
}

/* The page of mod_status, where that is loaded. */
void h264_hook_status(int (*hook)(request_rec *r, int flags))
{
    APR_OPTIONAL_HOOK(ap, status_hook, hook, NULL, NULL, APR_HOOK_MIDDLE);
}

int h264_is_short_status(int flags)
{
    return flags & AP_STATUS_SHORT;
}

void h264_write(request_rec *r, const char *text, size_t len)
{
    (void)ap_rwrite(text, (int)len, r);
}
