/* Preloaded into a program: a disk that cannot read some bytes of the files whose name holds
 * FAIL_FILE (from FAIL_FROM up to FAIL_TO; with the error FAIL_WITH, or EIO), names that have just become those of something else:
 * what holds STALE_FILE looks like a regular file of 1 MiB until it is opened; a file on a network,
 * NETWORK_FILE, of which the first look is remembered; files that cannot be opened for a moment;
 * files with FULL_FILE in their paths, for which there turns out to be no room once they are written; and,
 * with NO_LINKS, a file system that can only rename over what is there. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_named(const char *path, const char *variable) {
    const char *name = getenv(variable), *base = strrchr(path, '/');
    return name != NULL && strstr(base != NULL ? base : path, name) != NULL;
}

static int path_of(int fd, char path[static 4096]) {
    char link[64];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    const ssize_t len = readlink(link, path, 4095);
    if (len >= 0) path[len] = '\0';
    return len >= 0;
}

static int fails(int fd, off_t offset, size_t len) {
    char path[4096];
    const char *from = getenv("FAIL_FROM"), *to = getenv("FAIL_TO");
    if (from == NULL || to == NULL || offset >= atoll(to) || offset + (off_t)len <= atoll(from)) return 0;
    if (!path_of(fd, path)) return 0;
    if (!is_named(path, "FAIL_FILE")) return 0;
    const char *with = getenv("FAIL_WITH");
    errno = with != NULL ? atoi(with) : EIO;
    return 1;
}

ssize_t pread(int fd, void *buffer, size_t len, off_t offset) {
    return fails(fd, offset, len) ? -1 : syscall(SYS_pread64, fd, buffer, len, offset);
}

ssize_t pread64(int fd, void *buffer, size_t len, off64_t offset) {
    return pread(fd, buffer, len, offset);
}

ssize_t preadv2(int fd, const struct iovec *parts, int count, off_t offset, int flags) {
    size_t len = 0;
    for (int i = 0; i < count; ++i) len += parts[i].iov_len;
    if (!fails(fd, offset, len)) return syscall(SYS_preadv2, fd, parts, count, offset, 0L, flags);
    /* What cannot be read is not in memory. */
    if (flags & RWF_NOWAIT) errno = EAGAIN;
    return -1;
}

ssize_t preadv64v2(int fd, const struct iovec *parts, int count, off64_t offset, int flags) {
    return preadv2(fd, parts, count, offset, flags);
}

ssize_t sendfile(int out, int in, off_t *offset, size_t len) {
    return fails(in, *offset, len) ? -1 : syscall(SYS_sendfile, out, in, offset, len);
}

ssize_t sendfile64(int out, int in, off64_t *offset, size_t len) {
    return sendfile(out, in, offset, len);
}

static int has_no_room(int fd) {
    char path[4096];
    const char *name = getenv("FULL_FILE");
    if (name == NULL || !path_of(fd, path) || strstr(path, name) == NULL) return 0;
    errno = ENOSPC;
    return 1;
}

int fsync(int fd) {
    return has_no_room(fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

int syncfs(int fd) {
    return has_no_room(fd) ? -1 : (int)syscall(SYS_syncfs, fd);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
    if (getenv("NO_LINKS") == NULL || flags == 0) return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
    errno = EINVAL;
    return -1;
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    if (getenv("NO_LINKS") == NULL) return (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
    errno = EPERM;
    return -1;
}

int link(const char *from, const char *to) {
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* The first file whose name holds OPEN_FILE cannot be opened, as where a process has no descriptor
 * left for a moment. In OPENS_LOG there is a byte for each try. */
static int cannot_open(const char *path) {
    static int tries;
    const char *log = getenv("OPENS_LOG");
    if (getenv("OPEN_FILE") == NULL || strstr(path, getenv("OPEN_FILE")) == NULL) return 0;
    if (log != NULL) {
        const int fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
        if (write(fd, ".", 1) < 0) abort();
        close(fd);
        return 0;
    }
    if (__atomic_fetch_add(&tries, 1, __ATOMIC_SEQ_CST) != 0) return 0;
    errno = EMFILE;
    return 1;
}

int openat(int dir, const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return cannot_open(path) ? -1 : (int)syscall(SYS_openat, dir, path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return openat(AT_FDCWD, path, flags, mode);
}

/* The same, where offsets have 64 bits. */
int openat64(int dir, const char *path, int flags, ...) __attribute__((alias("openat")));
int open64(const char *path, int flags, ...) __attribute__((alias("open")));

static int looked_at(int result, const char *path, struct stat *st) {
    if (result == 0 && is_named(path, "STALE_FILE")) {
        st->st_mode = S_IFREG | 0644;
        st->st_size = 1 << 20;
    }
    return result;
}

int fstatat(int dir, const char *restrict path, struct stat *restrict st, int flags) {
    const int result = (int)syscall(SYS_newfstatat, dir, path, st, flags);
    return (flags & AT_EMPTY_PATH) ? result : looked_at(result, path, st);
}

int stat(const char *restrict path, struct stat *restrict st) {
    return fstatat(AT_FDCWD, path, st, 0);
}

int lstat(const char *restrict path, struct stat *restrict st) {
    return fstatat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

/* What is remembered of the file that NETWORK_FILE names: the answer to the first who looked. */
int statx(int dir, const char *restrict path, int flags, unsigned mask, struct statx *restrict st) {
    static struct statx remembered;
    const int result = (int)syscall(SYS_statx, dir, path, flags, mask, st);
    char name[4096];
    if (result != 0 || getenv("NETWORK_FILE") == NULL || *path != '\0' || !(flags & AT_EMPTY_PATH)) return result;
    if (!path_of(dir, name) || !is_named(name, "NETWORK_FILE") || (flags & AT_STATX_FORCE_SYNC)) return result;
    if (remembered.stx_mask == 0) remembered = *st;
    *st = remembered;
    return result;
}

/* The same structure, where times have 64 bits. */
_Static_assert(sizeof(struct stat) == sizeof(struct stat64), "struct stat64");

int fstatat64(int dir, const char *restrict path, struct stat64 *restrict st, int flags) {
    return fstatat(dir, path, (struct stat *)st, flags);
}

int stat64(const char *restrict path, struct stat64 *restrict st) {
    return stat(path, (struct stat *)st);
}

int lstat64(const char *restrict path, struct stat64 *restrict st) {
    return lstat(path, (struct stat *)st);
}
