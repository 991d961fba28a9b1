// What is asked for, and which paths it concerns.

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { CRASHED = 86, BROKEN = 87, SECTOR = 512, MOST_FILES = 64, MOST_CHANGES = 4096 };

enum kind {
    OPEN, CREATE, READ, WRITE, SYNC, TRUNCATE, RENAME, UNLINK, MKDIR, LINK, CLOSE, LOCK, MAP, STAT, LIST, COPY
};
static const char *const kinds[] = { "open", "create", "read", "write", "sync", "truncate", "rename", "unlink",
                                     "mkdir", "link", "close", "lock", "map", "stat", "list", "copy" };

enum what { COUNT, CRASH, CRASH_AFTER, TORN, TORN_HEAD, LOST, FAIL, SHORT, SIGNAL, PAUSE };
static const struct mode {
    const char *name;
    enum what what;
    // The errno of FAIL, the signal of SIGNAL, the bytes of SHORT (0: half), what LOST loses: 1 data, 2 names.
    int number;
    // Whether all later calls of the kind fail too.
    int on;
} modes[] = {
    { "count", COUNT, 0, 0 },
    { "crash", CRASH, 0, 0 },             // ends before the call
    { "crash-after", CRASH_AFTER, 0, 0 }, // ends after it
    { "torn", TORN, 0, 0 },               // ends when half is written
    { "torn-head", TORN_HEAD, 0, 0 },     // ends when all is written but the first sector, which is zeros
    { "lost", LOST, 3, 0 },               // ends before it, and what was not made durable is lost
    { "lost-data", LOST, 1, 0 },          // the same of what is in files
    { "lost-names", LOST, 2, 0 },         // the same of what files are called
    { "eio", FAIL, EIO, 0 },
    { "eio-on", FAIL, EIO, 1 },
    { "enospc", FAIL, ENOSPC, 0 },
    { "enospc-on", FAIL, ENOSPC, 1 },
    { "edquot", FAIL, EDQUOT, 0 },
    { "eintr", FAIL, EINTR, 0 },
    { "short", SHORT, 1, 0 },
    { "half", SHORT, 0, 0 },
    { "interrupt", SIGNAL, SIGINT, 0 },   // a signal, with time for whoever handles it
    { "terminate", SIGNAL, SIGTERM, 0 },
    { "hangup", SIGNAL, SIGHUP, 0 },
    { "pause", PAUSE, 0, 0 },             // waits while FAULTS_SPOOL/paused, which it makes, is there
};

static char inside[PATH_MAX], spool[PATH_MAX / 2];
static size_t inside_length;
static int log_fd = -1;
static long at = -1, counted;
static int wanted = -1;
static const struct mode *mode = &modes[0];
static int failing = -1;
static long every;
static _Atomic long looks, ahead;
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

static void say(int fd, const char *format, ...) {
    char line[2 * PATH_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length > 0) {
        syscall(SYS_write, fd, line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
    }
}

// What the harness has to hear of: this library could not do its work.
static void broken(const char *what) {
    say(2, "faults.c: %s: %s\n", what, strerror(errno));
    syscall(SYS_exit_group, BROKEN);
}

__attribute__((constructor)) static void start(void) {
    const char *in = getenv("FAULTS_IN"), *log = getenv("FAULTS_LOG"), *number = getenv("FAULTS_AT");
    const char *name = getenv("FAULTS_MODE"), *clock = getenv("FAULTS_CLOCK"), *beside = getenv("FAULTS_SPOOL");
    const char *kind = getenv("FAULTS_KIND");
    every = clock ? atol(clock) : 0;
    at = number ? atol(number) : -1;
    snprintf(spool, sizeof spool, "%s", beside ? beside : "");
    for (size_t i = 0; name; i++) {
        if (i == sizeof modes / sizeof *modes) {
            broken(name);
        }
        if (strcmp(modes[i].name, name) == 0) {
            mode = &modes[i];
            break;
        }
    }
    for (size_t i = 0; kind && wanted < 0; i++) {
        if (i == sizeof kinds / sizeof *kinds) {
            broken(kind);
        }
        wanted = strcmp(kinds[i], kind) == 0 ? (int)i : -1;
    }
    if (log && (log_fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) < 0) {
        broken(log);
    }
    if (in) {
        snprintf(inside, sizeof inside, "%s", in);
        inside_length = strlen(inside);
    }
}

// Paths

static int path_of_fd(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return length > 0;
}

static int is_inside(const char *path) {
    return strncmp(path, inside, inside_length) == 0 && (path[inside_length] == '/' || path[inside_length] == 0);
}

static int fd_inside(int fd, char *path) {
    int before = errno, found = inside_length && fd >= 0 && path_of_fd(fd, path) && is_inside(path);
    errno = before;
    return found;
}

// The absolute path, without `.` and `..`; links are not followed.
static int path_inside(int folder, const char *given, char *path) {
    char whole[2 * PATH_MAX], base[PATH_MAX] = "";
    int before = errno;
    if (!inside_length) {
        return 0;
    }
    if (given[0] != '/') {
        if (folder == AT_FDCWD) {
            syscall(SYS_getcwd, base, sizeof base);
        } else {
            path_of_fd(folder, base);
        }
        errno = before;
    }
    snprintf(whole, sizeof whole, "%s/%s", base, given);
    size_t end = 0;
    for (char *rest = whole, *part; (part = strsep(&rest, "/"));) {
        if (strcmp(part, "..") == 0) {
            while (end > 0 && path[--end] != '/') {
            }
        } else if (*part && strcmp(part, ".") != 0 && end + strlen(part) + 2 < PATH_MAX) {
            path[end++] = '/';
            memcpy(path + end, part, strlen(part));
            end += strlen(part);
        }
    }
    path[end] = 0;
    return is_inside(path);
}
