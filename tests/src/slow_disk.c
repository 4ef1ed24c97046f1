/* Preloaded into a server: a disk that takes SLOW_MS for each read of the files whose
 * name holds SLOW_FILE, and as long as there is a file SLOW_UNTIL_GONE, and of which
 * nothing is ever in memory. With SLOW_STUCK, that file keeps only those waiting whose
 * name holds that, and gives their first bytes. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_named(int fd, const char *name) {
    char link[64], path[4096];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    const ssize_t len = readlink(link, path, sizeof(path) - 1);
    if (name == NULL || len < 0) return 0;
    path[len] = '\0';
    const char *base = strrchr(path, '/');
    return base != NULL && strstr(base, name) != NULL;
}

static int is_slow(int fd) {
    return is_named(fd, getenv("SLOW_FILE"));
}

static void wait_if_slow(int fd) {
    const char *ms = getenv("SLOW_MS"), *latch = getenv("SLOW_UNTIL_GONE"), *stuck = getenv("SLOW_STUCK");
    if (ms == NULL || !is_slow(fd)) return;
    usleep(1000 * (useconds_t)atoi(ms));
    if (stuck != NULL && !is_named(fd, stuck)) return;
    while (latch != NULL && access(latch, F_OK) == 0) usleep(5000);
}

ssize_t pread(int fd, void *buffer, size_t len, off_t offset) {
    wait_if_slow(fd);
    return syscall(SYS_pread64, fd, buffer, len, offset);
}

ssize_t pread64(int fd, void *buffer, size_t len, off64_t offset) {
    wait_if_slow(fd);
    return syscall(SYS_pread64, fd, buffer, len, offset);
}

ssize_t preadv2(int fd, const struct iovec *parts, int count, off_t offset, int flags) {
    if ((flags & RWF_NOWAIT) && is_slow(fd)) {
        errno = EAGAIN;
        return -1;
    }
    wait_if_slow(fd);
    return syscall(SYS_preadv2, fd, parts, count, offset, 0L, flags);
}

ssize_t preadv64v2(int fd, const struct iovec *parts, int count, off64_t offset, int flags) {
    return preadv2(fd, parts, count, offset, flags);
}
