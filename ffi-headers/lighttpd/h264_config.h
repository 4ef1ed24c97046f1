/* What of lighttpd's config.h its headers ask for. The macros that change a
 * struct that the accessors look into must say what the server's own
 * configuration said; on Linux that follows from the system's headers. */
#ifndef H264_CONFIG_H
#define H264_CONFIG_H

/* What lighttpd is built with everywhere. Before any header of the system. */
#define _FILE_OFFSET_BITS 64
#define _GNU_SOURCE 1

#include <stdint.h>

/* Nobody has tried: where the accessors and the server see one struct differently, memory is
 * corrupted. */
_Static_assert(UINTPTR_MAX > 0xffffffff, "the module for lighttpd is for 64-bit systems");

#define HAVE_INTTYPES_H 1
#define HAVE_STDINT_H 1
#define HAVE_SYS_TIME_H 1
#define HAVE_SYS_TYPES_H 1
#define HAVE_UNISTD_H 1
#define HAVE_CLOCK_GETTIME 1
#define HAVE_GMTIME_R 1
#define HAVE_LOCALTIME_R 1
#define HAVE_SOCKLEN_T 1
#define HAVE_TIMEGM 1
#define HAVE_IPV6 1
#define HAVE_MMAP 1
#define HAVE_SYS_MMAN_H 1
#define HAVE_SYS_UN_H 1

/* stat_cache_entry: a member before `st`. */
#if __has_include(<sys/inotify.h>)
#define HAVE_SYS_INOTIFY_H 1
#endif

#endif
