/* Which lighttpd is running: no header of the server can say, since its structs
 * and its version id depend on the version and on how it was built. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

uint64_t h264_running_version_id(void);

uint64_t h264_running_version_id(void) {
    /* Built into every server binary. Each does nothing but fill in the zeroed
     * record it is given, the version id among function and string pointers. */
    static const char *const built_in[] = {
        "mod_staticfile_plugin_init",
        "mod_access_plugin_init",
        "mod_indexfile_plugin_init",
        "mod_alias_plugin_init",
    };
    for (size_t i = 0; i < sizeof(built_in) / sizeof(*built_in); ++i) {
        int (*init)(void *) = (int (*)(void *))(intptr_t)dlsym(RTLD_DEFAULT, built_in[i]);
        size_t record[512] = {0}; /* some twenty times what any version needs */
        if (init == NULL || init(record) != 0) continue;
        for (size_t word = 0; word < sizeof(record) / sizeof(*record); ++word) {
            /* 0x104 and the patch level in two hexadecimal, or in two or three
             * decimal digits; no pointer is that low. */
            size_t id = record[word];
            if ((id >= 0x10400 && id <= 0x104ff) || (id >= 0x104100 && id <= 0x104999)) return id;
        }
    }
    return 0;
}
