// One call in the folder: counted, done or failed, and what may happen there.

static void crash(void) { syscall(SYS_exit_group, CRASHED); }

static void rest(long milliseconds) {
    struct timespec time = { 0, milliseconds * 1000000 };
    syscall(SYS_nanosleep, &time, NULL);
}

static void pause_here(void) {
    char path[PATH_MAX];
    struct stat stat;
    snprintf(path, sizeof path, "%s/paused", spool);
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        broken("cannot say that it is paused");
    }
    syscall(SYS_close, fd);
    while (syscall(SYS_newfstatat, AT_FDCWD, path, &stat, 0) == 0) {
        rest(1);
    }
}

struct call {
    // Whether this is the one that FAULTS_AT names.
    int due;
    // Whether it is not to be done, errno saying why.
    int fails;
};

// Begins a call inside of the folder; the next waits until `leave`.
static struct call enter(enum kind kind, const char *path) {
    int before = errno;
    pthread_mutex_lock(&one);
    struct call call = { ++counted >= at && at > 0 && (wanted < 0 || wanted == (int)kind), 0 };
    at = call.due ? -1 : at;
    if (log_fd >= 0) {
        say(log_fd, "%ld\t%s\t%s\n", counted, kinds[kind], path[inside_length] ? path + inside_length + 1 : ".");
    }
    errno = before;
    if (call.due) {
        switch (mode->what) {
        case CRASH: crash(); break;
        case TORN: case TORN_HEAD: if (kind != WRITE) crash(); break;
        case LOST: lose(mode->number); crash(); break;
        case FAIL: call.fails = 1; failing = mode->on ? (int)kind : -1; break;
        case SIGNAL: syscall(SYS_kill, getpid(), mode->number); rest(20); break;
        case PAUSE: pause_here(); break;
        case COUNT: case CRASH_AFTER: case SHORT: break;
        }
    }
    if (failing == (int)kind) {
        call.fails = 1;
    }
    if (call.fails) {
        errno = mode->number;
    }
    return call;
}

static void leave(struct call call) {
    if (call.due && mode->what == CRASH_AFTER) {
        crash();
    }
    pthread_mutex_unlock(&one);
}

// How many of so many bytes are to be read or written.
static size_t allowed(struct call call, size_t length) {
    if (!call.due || mode->what != SHORT || length < 2) {
        return length;
    }
    return mode->number ? (size_t)mode->number : length / 2;
}

// A call inside of the folder: counted, and done by `act` unless it fails.
#define COUNTED(kind, path, act, failed) \
    struct call call = enter(kind, path); \
    __typeof__(act) result = call.fails ? (failed) : (act); \
    leave(call); \
    return result

static void tear(int fd, const char *bytes, size_t length, long offset) {
    static const char zeros[SECTOR];
    long start = offset;
    if (offset < 0) {
        int append = syscall(SYS_fcntl, fd, F_GETFL) & O_APPEND;
        start = syscall(SYS_lseek, fd, 0, append ? SEEK_END : SEEK_CUR);
        // What is written at a place would be appended.
        syscall(SYS_fcntl, fd, F_SETFL, 0);
    }
    if (mode->what == TORN) {
        syscall(SYS_pwrite64, fd, bytes, length / 2, start);
    } else {
        size_t head = SECTOR - start % SECTOR;
        head = head < length ? head : length;
        syscall(SYS_pwrite64, fd, zeros, head, start);
        syscall(SYS_pwrite64, fd, bytes + head, length - head, start + (long)head);
    }
    crash();
}

// `offset` is that of `pwrite`, or -1.
static ssize_t written(int fd, const char *path, const void *bytes, size_t length, long offset) {
    struct call call = enter(WRITE, path);
    ssize_t result = -1;
    if (!call.fails) {
        before_change_of(fd);
        if (call.due && (mode->what == TORN || mode->what == TORN_HEAD)) {
            tear(fd, bytes, length, offset);
        }
        size_t now = allowed(call, length);
        result = offset < 0 ? syscall(SYS_write, fd, bytes, now) : syscall(SYS_pwrite64, fd, bytes, now, offset);
    }
    leave(call);
    return result;
}

static long opened(int folder, const char *given, int flags, mode_t permissions) {
    char path[PATH_MAX];
    struct stat stat;
    if (!path_inside(folder, given, path)) {
        return syscall(SYS_openat, folder, given, flags, permissions);
    }
    int before = errno;
    int creates = (flags & O_CREAT) && syscall(SYS_newfstatat, folder, given, &stat, 0) < 0;
    errno = before;
    struct call call = enter(creates ? CREATE : OPEN, path);
    long result = -1;
    if (!call.fails) {
        struct change *change = creates ? note(MADE, path, NULL, NULL) : NULL;
        if (flags & O_TRUNC) {
            before_change(path);
        }
        result = syscall(SYS_openat, folder, given, flags, permissions);
        forget_if_failed(change, result);
    }
    leave(call);
    return result;
}

static long renamed(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    char path[PATH_MAX], target[PATH_MAX];
    if (!path_inside(from_folder, from, path) || !path_inside(to_folder, to, target)) {
        return syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
    }
    struct call call = enter(RENAME, target);
    long result = -1;
    if (!call.fails) {
        struct change *change = note(MOVED, path, target, target);
        result = syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
        forget_if_failed(change, result);
    }
    leave(call);
    return result;
}

static long removed(int folder, const char *given, int flags) {
    char path[PATH_MAX];
    if (!path_inside(folder, given, path)) {
        return syscall(SYS_unlinkat, folder, given, flags);
    }
    struct call call = enter(UNLINK, path);
    long result = -1;
    if (!call.fails) {
        struct change *change = note(REMOVED, path, NULL, path);
        result = syscall(SYS_unlinkat, folder, given, flags);
        forget_if_failed(change, result);
    }
    leave(call);
    return result;
}

// A new name, by a call that gives 0 or -1.
#define MAKES(kind, folder, given, act) \
    char path[PATH_MAX]; \
    if (!path_inside(folder, given, path)) { \
        return act; \
    } \
    struct call call = enter(kind, path); \
    long result = -1; \
    if (!call.fails) { \
        struct change *change = note(MADE, path, NULL, NULL); \
        result = act; \
        forget_if_failed(change, result); \
    } \
    leave(call); \
    return result

static int synced(int fd, int number) {
    char path[PATH_MAX];
    if (!fd_inside(fd, path)) {
        return syscall(number, fd);
    }
    struct call call = enter(SYNC, path);
    if (!call.fails) {
        durable(fd);
    }
    leave(call);
    return call.fails ? -1 : 0;
}

static int looked_at(int folder, const char *given, struct stat *stat, int flags) {
    char path[PATH_MAX];
    int found = *given ? path_inside(folder, given, path) : fd_inside(folder, path);
    if (!found) {
        return syscall(SYS_newfstatat, folder, given, stat, flags);
    }
    COUNTED(STAT, path, syscall(SYS_newfstatat, folder, given, stat, flags), -1);
}
