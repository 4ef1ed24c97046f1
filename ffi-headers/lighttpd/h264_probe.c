/* A lighttpd module that prints the version id of the server that loads it. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

uint64_t h264_running_version_id(void);
int h264_probe_plugin_init(void *plugin);

int h264_probe_plugin_init(void *plugin) {
    (void)plugin;
    /* The server has closed its standard output by now. */
    fprintf(stderr, "h264_probe=%" PRIu64 "\n", h264_running_version_id());
    _exit(0);
}
