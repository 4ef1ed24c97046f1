/* Memory that all workers share, and what the server's own pages and logs say. */
#include "internal.h"

#include <limits.h>
#include <sys/mman.h>

/* Zeroed. NULL where the system has none. */
void *h264_share(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void h264_unshare(void *memory, size_t size) {
    (void)munmap(memory, size);
}

/* A number on the page of status.statistics-url. */
void h264_set_statistic(struct h264_bytes name, uint64_t value) {
    plugin_stats_set((const char *)name.ptr, (uint32_t)name.len, value > INT_MAX ? INT_MAX : (int)value);
}

/* A variable of the environment of a request, for its line in the access log. */
void h264_set_environment(struct request_st *r, struct h264_bytes name, struct h264_bytes value) {
    http_header_env_set(r, (const char *)name.ptr, (uint32_t)name.len, (const char *)value.ptr, (uint32_t)value.len);
}
