#include "process/file_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { LINKS_MAX = 40 }; // as the kernel
enum { READS_MAX = 64 }; // of a buffer each: a busy folder cannot keep the reader

// Events of the names in a folder, and of the folder itself.
#define NAMES (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF)
#define CONTENT (IN_CLOSE_WRITE | IN_ATTRIB)
#define FOLDER_ON_THE_WAY (NAMES | IN_ONLYDIR | IN_MASK_ADD)
#define FOLDER_OF_A_FILE (NAMES | CONTENT | IN_ONLYDIR | IN_MASK_ADD)
#define FILE_ITSELF (CONTENT | IN_DELETE_SELF | IN_MOVE_SELF | IN_DONT_FOLLOW | IN_MASK_ADD)
// After one of these events the path may be another one, or events were lost.
#define ALARM (IN_Q_OVERFLOW | IN_UNMOUNT | IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)

// A watched name in the folder of an inotify watch. If two names have the same hash, the files are
// only read once too often.
struct name {
    int folder;
    uint32_t hash; // NO_NAME: the watched file or folder itself
};

#define NO_NAME 0

struct file_watch {
    int fd;
    struct name *names; // sorted
    size_t count;
    size_t capacity;
    char *problem;
};

// A path that is being walked.
struct walk {
    char here[PATH_MAX]; // the folder that was reached, without links; "" is the root
    char rest[PATH_MAX]; // rest of the path, from its first component on
    int links;
};

static uint32_t hash_name(const char *name, size_t size) {
    uint32_t hash = 2166136261U; // FNV-1a
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (uint8_t)name[i]) * 16777619U;
    }
    return hash == NO_NAME ? NO_NAME + 1 : hash;
}

static int compare_names(const void *left, const void *right) {
    const struct name *a = left;
    const struct name *b = right;
    int order = (a->folder > b->folder) - (a->folder < b->folder);
    return order != 0 ? order : (a->hash > b->hash) - (a->hash < b->hash);
}

static void complain(struct file_watch *watch, const char *path, int error) {
    if (watch->problem[0] != '\0') {
        return; // one is enough
    }
    const char *hint = error == ENOSPC   ? " (raise the sysctl fs.inotify.max_user_watches)"
                       : error == EMFILE ? " (raise the sysctl fs.inotify.max_user_instances)"
                                         : "";
    (void)snprintf(watch->problem, FILE_WATCH_PROBLEM_SIZE, "cannot watch %s%s%s%s",
                   error == ENOSPC || path == NULL ? "files" : path, ": ", strerror(error), hint);
}

static bool note_name(struct file_watch *watch, int folder, uint32_t hash) {
    if (watch->count == watch->capacity) {
        size_t capacity = watch->capacity == 0 ? 64 : watch->capacity * 2;
        struct name *larger = realloc(watch->names, capacity * sizeof(*larger));
        if (larger == NULL) {
            return false;
        }
        watch->names = larger;
        watch->capacity = capacity;
    }
    watch->names[watch->count++] = (struct name){folder, hash};
    return true;
}

// Returns 0 or an errno. A missing file is not an error, because its absence was watched before.
static int add(struct file_watch *watch, const char *path, uint32_t mask, uint32_t hash) {
    int folder = inotify_add_watch(watch->fd, path[0] == '\0' ? "/" : path, mask);
    if (folder < 0) {
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : errno;
    }
    return note_name(watch, folder, hash) ? 0 : ENOMEM;
}

// Removes the first component of `rest`. Returns its size; 0: none. *last: nothing follows it.
static size_t take_component(struct walk *walk, char component[NAME_MAX + 1], bool *last) {
    const char *start = walk->rest + strspn(walk->rest, "/");
    size_t size = strcspn(start, "/");
    const char *after = start + size + strspn(start + size, "/");
    *last = *after == '\0';
    if (size > NAME_MAX) {
        return 0;
    }
    memcpy(component, start, size);
    component[size] = '\0';
    memmove(walk->rest, after, strlen(after) + 1);
    return size;
}

static void leave_folder(struct walk *walk) {
    char *slash = strrchr(walk->here, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
}

// Replaces the component by the target of a link. False: the path becomes too long.
static bool follow_link(struct walk *walk, const char *target) {
    char rest[PATH_MAX];
    int size = snprintf(rest, sizeof(rest), "%s/%s", target, walk->rest);
    if (++walk->links > LINKS_MAX || size < 0 || (size_t)size >= sizeof(rest)) {
        return false;
    }
    if (target[0] == '/') {
        walk->here[0] = '\0';
    }
    memcpy(walk->rest, rest, (size_t)size + 1);
    return true;
}

// Continues with the target of the component named `there`. False: the path has ended.
static bool go_there(struct walk *walk, const char *there) {
    char target[PATH_MAX];
    ssize_t size = readlink(there, target, sizeof(target) - 1);
    if (size >= 0) {
        target[size] = '\0';
        return follow_link(walk, target);
    }
    // EINVAL: not a link. Other errors: it does not exist, or is not accessible.
    if (errno != EINVAL || walk->rest[0] == '\0' || strlen(there) >= sizeof(walk->here)) {
        return false;
    }
    memcpy(walk->here, there, strlen(there) + 1);
    return true;
}

// Watches the next component and continues with it. False: the path has ended. *error: errno if the
// component cannot be watched; 0: none.
static bool step(struct file_watch *watch, struct walk *walk, int *error) {
    char component[NAME_MAX + 1];
    char there[PATH_MAX + NAME_MAX + 2];
    bool last;
    size_t size = take_component(walk, component, &last);
    *error = 0;
    if (size == 0 || strcmp(component, ".") == 0) {
        return size > 0;
    }
    if (strcmp(component, "..") == 0) {
        leave_folder(walk);
        return true;
    }
    *error = add(watch, walk->here, last ? FOLDER_OF_A_FILE : FOLDER_ON_THE_WAY,
                 hash_name(component, size));
    (void)snprintf(there, sizeof(there), "%s/%s", walk->here, component);
    int links = walk->links;
    bool more = go_there(walk, there);
    if (!last && more && walk->links == links && *error == EACCES) {
        *error = 0; // a folder that may be passed but not listed: the next one will hardly go away
    }
    if (*error == 0 && last && !more) {
        *error = add(watch, there, FILE_ITSELF, NO_NAME);
    }
    return more;
}

// No more watches can be made, for any path.
static bool is_limit(int error) {
    return error == ENOSPC || error == ENOMEM;
}

// False: a limit was reached.
static bool watch_path(struct file_watch *watch, const char *path) {
    struct walk walk = {.here = "", .links = 0};
    int error = 0;
    bool more = strlen(path) < sizeof(walk.rest); // a longer path cannot be opened either
    memcpy(walk.rest, path, more ? strlen(path) + 1 : 0);
    while (more && !is_limit(error)) {
        more = step(watch, &walk, &error);
        if (error != 0) {
            complain(watch, path, error);
        }
    }
    return !is_limit(error);
}

static void sort_names(struct file_watch *watch) {
    size_t kept = 0;
    if (watch->count == 0) {
        return;
    }
    qsort(watch->names, watch->count, sizeof(*watch->names), compare_names);
    for (size_t i = 0; i < watch->count; i++) {
        if (kept == 0 || compare_names(&watch->names[kept - 1], &watch->names[i]) != 0) {
            watch->names[kept++] = watch->names[i];
        }
    }
    watch->count = kept;
}

struct file_watch *file_watch_new(const char *const *paths, size_t count,
                                  char problem[FILE_WATCH_PROBLEM_SIZE]) {
    problem[0] = '\0';
    struct file_watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL) {
        (void)snprintf(problem, FILE_WATCH_PROBLEM_SIZE, "out of memory");
        return NULL;
    }
    watch->problem = problem;
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->fd < 0) {
        complain(watch, NULL, errno);
        file_watch_free(watch);
        return NULL;
    }
    bool go_on = true;
    for (size_t i = 0; i < count && go_on; i++) {
        go_on = watch_path(watch, paths[i]);
    }
    sort_names(watch);
    watch->problem = NULL; // the caller's
    return watch;
}

void file_watch_free(struct file_watch *watch) {
    if (watch == NULL) {
        return;
    }
    if (watch->fd >= 0) {
        (void)close(watch->fd);
    }
    free(watch->names);
    free(watch);
}

int file_watch_fd(const struct file_watch *watch) {
    return watch->fd;
}

static bool matters(const struct file_watch *watch, const struct inotify_event *event) {
    if ((event->mask & ALARM) != 0) {
        return true;
    }
    const struct name wanted = {
        event->wd,
        event->len == 0 ? NO_NAME : hash_name(event->name, strnlen(event->name, event->len))};
    return watch->count > 0 &&
           bsearch(&wanted, watch->names, watch->count, sizeof(wanted), compare_names) != NULL;
}

static bool judge(const struct file_watch *watch, const char *buffer, size_t size) {
    bool found = false;
    for (size_t at = 0; at < size && !found;) {
        // The kernel writes whole events, each aligned.
        const struct inotify_event *event = (const struct inotify_event *)(buffer + at);
        found = matters(watch, event);
        at += sizeof(*event) + event->len;
    }
    return found;
}

bool file_watch_read(struct file_watch *watch) {
    _Alignas(struct inotify_event) char buffer[16384];
    bool changed = false;
    for (int i = 0; i < READS_MAX; i++) {
        ssize_t size = read(watch->fd, buffer, sizeof(buffer));
        if (size <= 0) {
            break;
        }
        changed = changed || judge(watch, buffer, (size_t)size);
    }
    return changed;
}
