// A disk that fails on request. Loaded before libc (LD_PRELOAD), it stands between a program and the calls by which it
// reads and changes files, counts those inside one folder, and at the call of a given number does what is asked for.
// What is outside of the folder it passes on.
//
//   FAULTS_IN     the folder, absolute
//   FAULTS_LOG    where each counted call is written: number, kind, path in the folder, a tab between
//   FAULTS_AT     the number of the call
//   FAULTS_KIND   its kind: the first of it from that number on; any otherwise
//   FAULTS_MODE   what happens there, see `modes`
//   FAULTS_SPOOL  a folder on the same disk and outside of FAULTS_IN, for what may have to come back
//   FAULTS_CLOCK  every so many looks of the first thread at the monotonic clock, 21 seconds pass
//
// It calls the kernel itself and allocates nothing, so it works from the first instruction of a program on and under
// any allocator. A sync inside of the folder is taken note of and not done: no power fails but by FAULTS_MODE. Who
// calls the kernel itself passes it by; the standard library of Rust goes through libc.

#include "request.h"
#include "lost.h"
#include "call.h"

#define OPENS(name) \
    int name(const char *path, int flags, ...) { \
        va_list rest; \
        va_start(rest, flags); \
        mode_t permissions = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        return opened(AT_FDCWD, path, flags, permissions); \
    }
#define OPENS_AT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        va_list rest; \
        va_start(rest, flags); \
        mode_t permissions = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        return opened(folder, path, flags, permissions); \
    }
OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)
int creat(const char *path, mode_t permissions) {
    return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, permissions);
}
int creat64(const char *path, mode_t permissions) {
    return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, permissions);
}

int close(int fd) {
    char path[PATH_MAX];
    if (!fd_inside(fd, path)) {
        return syscall(SYS_close, fd);
    }
    struct call call = enter(CLOSE, path);
    int before = errno, result = syscall(SYS_close, fd);
    if (call.fails) {
        // Closed it is, whatever it says.
        errno = before;
        result = -1;
    }
    leave(call);
    return result;
}

ssize_t read(int fd, void *buffer, size_t length) {
    char path[PATH_MAX];
    if (!fd_inside(fd, path)) {
        return syscall(SYS_read, fd, buffer, length);
    }
    COUNTED(READ, path, syscall(SYS_read, fd, buffer, allowed(call, length)), -1);
}
ssize_t pread(int fd, void *buffer, size_t length, off_t offset) {
    char path[PATH_MAX];
    if (!fd_inside(fd, path)) {
        return syscall(SYS_pread64, fd, buffer, length, offset);
    }
    COUNTED(READ, path, syscall(SYS_pread64, fd, buffer, allowed(call, length), offset), -1);
}
ssize_t pread64(int fd, void *buffer, size_t length, off64_t offset) { return pread(fd, buffer, length, offset); }
ssize_t readv(int fd, const struct iovec *parts, int count) {
    char path[PATH_MAX];
    if (!fd_inside(fd, path)) {
        return syscall(SYS_readv, fd, parts, (long)count);
    }
    // As much as goes into the first part: a caller must expect that.
    while (count > 1 && parts->iov_len == 0) {
        parts++, count--;
    }
    return count < 1 ? 0 : read(fd, parts->iov_base, parts->iov_len);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    char path[PATH_MAX];
    return fd_inside(fd, path) ? written(fd, path, bytes, length, -1) : syscall(SYS_write, fd, bytes, length);
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    char path[PATH_MAX];
    int counts = fd_inside(fd, path);
    return counts ? written(fd, path, bytes, length, offset) : syscall(SYS_pwrite64, fd, bytes, length, offset);
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) { return pwrite(fd, bytes, length, offset); }
ssize_t writev(int fd, const struct iovec *parts, int count) {
    char path[PATH_MAX];
    if (!fd_inside(fd, path)) {
        return syscall(SYS_writev, fd, parts, (long)count);
    }
    while (count > 1 && parts->iov_len == 0) {
        parts++, count--;
    }
    return count < 1 ? 0 : write(fd, parts->iov_base, parts->iov_len);
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

int ftruncate(int fd, off_t length) {
    char path[PATH_MAX];
    if (!fd_inside(fd, path)) {
        return syscall(SYS_ftruncate, fd, length);
    }
    struct call call = enter(TRUNCATE, path);
    int result = -1;
    if (!call.fails) {
        before_change_of(fd);
        result = syscall(SYS_ftruncate, fd, length);
    }
    leave(call);
    return result;
}
int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

int rename(const char *from, const char *to) { return renamed(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    return renamed(from_folder, from, to_folder, to, 0);
}
int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    return renamed(from_folder, from, to_folder, to, flags);
}
int unlink(const char *path) { return removed(AT_FDCWD, path, 0); }
int unlinkat(int folder, const char *path, int flags) { return removed(folder, path, flags); }
int rmdir(const char *path) { return removed(AT_FDCWD, path, AT_REMOVEDIR); }
int mkdirat(int folder, const char *given, mode_t permissions) {
    MAKES(MKDIR, folder, given, syscall(SYS_mkdirat, folder, given, permissions));
}
int mkdir(const char *path, mode_t permissions) { return mkdirat(AT_FDCWD, path, permissions); }
int linkat(int from_folder, const char *from, int folder, const char *given, int flags) {
    MAKES(LINK, folder, given, syscall(SYS_linkat, from_folder, from, folder, given, flags));
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
int symlinkat(const char *from, int folder, const char *given) {
    MAKES(LINK, folder, given, syscall(SYS_symlinkat, from, folder, given));
}
int symlink(const char *from, const char *to) { return symlinkat(from, AT_FDCWD, to); }

int flock(int fd, int operation) {
    char path[PATH_MAX];
    if (!fd_inside(fd, path)) {
        return syscall(SYS_flock, fd, operation);
    }
    COUNTED(LOCK, path, syscall(SYS_flock, fd, operation), -1);
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    char path[PATH_MAX];
    if (fd < 0 || !fd_inside(fd, path)) {
        return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
    }
    COUNTED(MAP, path, (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset), MAP_FAILED);
}
void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
    return mmap(address, length, protection, flags, fd, offset);
}

ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t length, unsigned flags) {
    char path[PATH_MAX];
    if (!fd_inside(to, path)) {
        return syscall(SYS_copy_file_range, from, from_offset, to, to_offset, length, flags);
    }
    struct call call = enter(COPY, path);
    ssize_t result = -1;
    if (!call.fails) {
        before_change_of(to);
        result = syscall(SYS_copy_file_range, from, from_offset, to, to_offset, allowed(call, length), flags);
    }
    leave(call);
    return result;
}
ssize_t sendfile(int to, int from, off_t *offset, size_t length) {
    char path[PATH_MAX];
    if (!fd_inside(to, path)) {
        return syscall(SYS_sendfile, to, from, offset, length);
    }
    struct call call = enter(COPY, path);
    ssize_t result = -1;
    if (!call.fails) {
        before_change_of(to);
        result = syscall(SYS_sendfile, to, from, offset, allowed(call, length));
    }
    leave(call);
    return result;
}
ssize_t sendfile64(int to, int from, off64_t *offset, size_t length) { return sendfile(to, from, offset, length); }

int fstatat(int folder, const char *path, struct stat *stat, int flags) { return looked_at(folder, path, stat, flags); }
int fstatat64(int folder, const char *path, struct stat64 *stat, int flags) {
    return looked_at(folder, path, (struct stat *)stat, flags);
}
int stat(const char *path, struct stat *stat) { return looked_at(AT_FDCWD, path, stat, 0); }
int stat64(const char *path, struct stat64 *stat) { return looked_at(AT_FDCWD, path, (struct stat *)stat, 0); }
int lstat(const char *path, struct stat *stat) { return looked_at(AT_FDCWD, path, stat, AT_SYMLINK_NOFOLLOW); }
int lstat64(const char *path, struct stat64 *stat) {
    return looked_at(AT_FDCWD, path, (struct stat *)stat, AT_SYMLINK_NOFOLLOW);
}
int fstat(int fd, struct stat *stat) { return looked_at(fd, "", stat, AT_EMPTY_PATH); }
int fstat64(int fd, struct stat64 *stat) { return looked_at(fd, "", (struct stat *)stat, AT_EMPTY_PATH); }
int statx(int folder, const char *given, int flags, unsigned mask, struct statx *stat) {
    char path[PATH_MAX];
    int found = *given ? path_inside(folder, given, path) : fd_inside(folder, path);
    if (!found) {
        return syscall(SYS_statx, folder, given, flags, mask, stat);
    }
    COUNTED(STAT, path, syscall(SYS_statx, folder, given, flags, mask, stat), -1);
}

// A listing is more than one call of the kernel: what libc makes of them is asked of it. Opening it counts, and the
// first look, since how many there are depends on what is there.
static DIR *fresh;

DIR *opendir(const char *given) {
    DIR *(*real)(const char *) = (DIR * (*)(const char *)) dlsym(RTLD_NEXT, "opendir");
    char path[PATH_MAX];
    if (!path_inside(AT_FDCWD, given, path)) {
        return real(given);
    }
    COUNTED(LIST, path, fresh = real(given), NULL);
}
struct dirent64 *readdir64(DIR *listing) {
    struct dirent64 *(*real)(DIR *) = (struct dirent64 * (*)(DIR *)) dlsym(RTLD_NEXT, "readdir64");
    char path[PATH_MAX];
    if (listing != fresh || !fd_inside(dirfd(listing), path)) {
        return real(listing);
    }
    fresh = NULL;
    COUNTED(LIST, path, real(listing), NULL);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = syscall(SYS_clock_gettime, clock, time);
    if (every > 0 && clock == CLOCK_MONOTONIC) {
        if (syscall(SYS_gettid) == getpid() && ++looks % every == 0) {
            ahead += 21;
        }
        time->tv_sec += ahead;
    }
    return result;
}
