// What a machine that loses its power would lose: what is not durable yet, of files and of their names.

static struct file {
    dev_t device;
    ino_t inode;
    int kept, copy;
} files[MOST_FILES];
static int file_count;

static struct change {
    enum { MADE, REMOVED, MOVED } how;
    char path[PATH_MAX / 4], to[PATH_MAX / 4];
    int spooled;
    ino_t folder[2];
} changes[MOST_CHANGES];
static int change_count, spooled_count;

static int remembering(void) { return mode->what == LOST; }

static void spool_path(char *path, int number) { snprintf(path, PATH_MAX, "%s/%d-%d", spool, (int)getpid(), number); }

static void copy_all(int from, int to) {
    char buffer[1 << 14];
    long length, offset = 0;
    if (syscall(SYS_ftruncate, to, 0) < 0) {
        broken("cannot empty a copy");
    }
    while ((length = syscall(SYS_pread64, from, buffer, sizeof buffer, offset)) > 0) {
        if (syscall(SYS_pwrite64, to, buffer, length, offset) != length) {
            broken("cannot copy");
        }
        offset += length;
    }
}

// Keeps what is in a file that is about to be changed, unless it was changed before and not synced since.
static void before_change(const char *path) {
    struct stat stat;
    if (!remembering() || syscall(SYS_newfstatat, AT_FDCWD, path, &stat, 0) < 0 || !S_ISREG(stat.st_mode)) {
        return;
    }
    for (int i = 0; i < file_count; i++) {
        if (files[i].inode == stat.st_ino && files[i].device == stat.st_dev) {
            return;
        }
    }
    char copy[PATH_MAX];
    spool_path(copy, spooled_count++);
    struct file file = { stat.st_dev, stat.st_ino, 0, 0 };
    file.kept = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    file.copy = syscall(SYS_openat, AT_FDCWD, copy, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file.kept < 0 || file.copy < 0 || file_count == MOST_FILES) {
        broken("cannot keep what is in a file");
    }
    copy_all(file.kept, file.copy);
    files[file_count++] = file;
}

static void before_change_of(int fd) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    before_change(path);
}

static ino_t folder_of(const char *path) {
    char folder[PATH_MAX];
    struct stat stat;
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = 0;
    return syscall(SYS_newfstatat, AT_FDCWD, folder, &stat, 0) < 0 ? 0 : stat.st_ino;
}

// Takes note of a change of names; `covered` is what it takes a name from, which a link in the spool keeps alive. To be
// called before the change.
static struct change *note(int how, const char *path, const char *to, const char *covered) {
    if (!remembering()) {
        return NULL;
    }
    int fits = strlen(path) < sizeof changes->path && (!to || strlen(to) < sizeof changes->to);
    if (change_count == MOST_CHANGES || !fits) {
        broken("cannot remember a change");
    }
    struct change *change = &changes[change_count++];
    *change = (struct change) { .how = how, .spooled = -1, .folder = { folder_of(path), to ? folder_of(to) : 0 } };
    strcpy(change->path, path);
    strcpy(change->to, to ? to : "");
    struct stat stat;
    int there = covered && syscall(SYS_newfstatat, AT_FDCWD, covered, &stat, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && !S_ISDIR(stat.st_mode)) {
        char kept[PATH_MAX];
        spool_path(kept, change->spooled = spooled_count++);
        if (syscall(SYS_linkat, AT_FDCWD, covered, AT_FDCWD, kept, 0) < 0) {
            broken("cannot keep a file");
        }
    }
    return change;
}

static void forget_if_failed(struct change *change, long result) {
    if (change && result < 0) {
        change_count--;
    }
}

static void durable(int fd) {
    struct stat stat;
    if (!remembering() || syscall(SYS_newfstatat, fd, "", &stat, AT_EMPTY_PATH) < 0) {
        return;
    }
    for (int i = 0; i < file_count; i++) {
        if (files[i].inode == stat.st_ino && files[i].device == stat.st_dev) {
            syscall(SYS_close, files[i].kept);
            syscall(SYS_close, files[i].copy);
            files[i] = files[--file_count];
            break;
        }
    }
    for (int i = 0; i < change_count; i++) {
        for (int side = 0; side < 2; side++) {
            changes[i].folder[side] = changes[i].folder[side] == stat.st_ino ? 0 : changes[i].folder[side];
        }
    }
}

static void move(const char *from, const char *to) {
    if (syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to) < 0 && errno != ENOENT) {
        broken("cannot undo a change");
    }
}

static void lose(int what) {
    char kept[PATH_MAX];
    for (int i = 0; (what & 1) && i < file_count; i++) {
        copy_all(files[i].copy, files[i].kept);
    }
    for (int i = change_count - 1; (what & 2) && i >= 0; i--) {
        struct change *change = &changes[i];
        if (!change->folder[0] && !change->folder[1]) {
            continue;
        }
        if (change->how == MADE) {
            spool_path(kept, spooled_count++);
            move(change->path, kept);
        } else if (change->how == MOVED) {
            move(change->to, change->path);
        } else if (change->spooled < 0) {
            syscall(SYS_mkdirat, AT_FDCWD, change->path, 0777);
        }
        if (change->spooled >= 0) {
            spool_path(kept, change->spooled);
            move(kept, change->how == MOVED ? change->to : change->path);
        }
    }
}
