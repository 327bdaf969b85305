#include "config/bundle.h"

#include "config/bundle_format.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
    uint64_t kind;
    struct slice path;
    struct slice content;
};

// Takes `size` bytes at *offset; NULL when they are not all there.
static const char *take(const struct bundle *bundle, size_t *offset, uint64_t size) {
    if (size > bundle->size - *offset) {
        return NULL;
    }
    const char *data = (const char *)bundle->data + *offset;
    *offset += size;
    return data;
}

// Reads the entry at *offset and moves on to the next. False at the end, and where the bundle is
// damaged.
static bool next_file(const struct bundle *bundle, size_t *offset, struct file *file) {
    struct bundle_entry entry;
    const char *head = take(bundle, offset, sizeof(entry));
    if (head == NULL) {
        return false;
    }
    memcpy(&entry, head, sizeof(entry));
    const char *path = take(bundle, offset, entry.path_size);
    const char *end = take(bundle, offset, 1);
    const char *content = take(bundle, offset, entry.content_size);
    if (path == NULL || end == NULL || *end != '\0' || content == NULL) {
        return false;
    }
    *file = (struct file){.kind = entry.kind,
                          .path = {path, entry.path_size},
                          .content = {content, entry.content_size}};
    return true;
}

static bool first_file(const struct bundle *bundle, size_t *offset, struct file *file) {
    *offset = sizeof(struct bundle_head);
    return bundle->data != NULL && next_file(bundle, offset, file);
}

// The config text comes first, in the bundle that has one.
static bool config_file(const struct bundle *bundle, struct file *file) {
    size_t offset;
    return first_file(bundle, &offset, file) && file->kind == BUNDLE_CONFIG;
}

static bool is_whole(const struct bundle *bundle) {
    struct bundle_head head;
    struct file file;
    size_t offset = 0;
    uint64_t count = 0;
    const char *start = take(bundle, &offset, sizeof(head));
    if (start == NULL) {
        return false;
    }
    memcpy(&head, start, sizeof(head));
    while (next_file(bundle, &offset, &file)) {
        count++;
    }
    return head.magic == BUNDLE_MAGIC && count == head.count && offset == bundle->size;
}

static bool is_sealed(int fd) {
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & BUNDLE_SEALS) == BUNDLE_SEALS;
}

static bool map(struct bundle *bundle) {
    struct stat status;
    if (!is_sealed(bundle->fd) || fstat(bundle->fd, &status) != 0 || status.st_size <= 0) {
        return false;
    }
    bundle->size = (size_t)status.st_size;
    // Not shared: before Linux 6.7 a sealed memfd cannot be mapped so. The pages are the memfd's
    // own.
    void *data = mmap(NULL, bundle->size, PROT_READ, MAP_PRIVATE, bundle->fd, 0);
    if (data == MAP_FAILED) {
        return false;
    }
    bundle->data = data;
    return true;
}

// Keeps keys where they are: out of core dumps, and out of processes forked later.
static bool confine(const struct bundle *bundle) {
    struct file file;
    size_t offset;
    if (!first_file(bundle, &offset, &file) || file.kind != BUNDLE_KEY) {
        return true;
    }
    void *data = (void *)(uintptr_t)bundle->data;
    return madvise(data, bundle->size, MADV_DONTDUMP) == 0 &&
           madvise(data, bundle->size, MADV_DONTFORK) == 0;
}

enum result bundle_open(int fd, struct bundle *bundle) {
    *bundle = (struct bundle){.fd = fd};
    if (!map(bundle) || !is_whole(bundle) || !confine(bundle)) {
        bundle_close(bundle);
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

void bundle_close(struct bundle *bundle) {
    if (bundle->data != NULL) {
        (void)munmap((void *)(uintptr_t)bundle->data, bundle->size);
    }
    if (bundle->fd >= 0) {
        (void)close(bundle->fd);
    }
    *bundle = (struct bundle){.fd = -1};
}

bool bundle_equal(const struct bundle *a, const struct bundle *b) {
    return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

struct slice bundle_config_text(const struct bundle *bundle) {
    struct file file;
    return config_file(bundle, &file) ? file.content : (struct slice){0};
}

struct slice bundle_config_path(const struct bundle *bundle) {
    struct file file;
    return config_file(bundle, &file) ? file.path : (struct slice){0};
}

struct slice bundle_file(const struct bundle *bundle, const char *path) {
    struct slice wanted = slice_from(path);
    struct file file;
    size_t offset;
    bool found = first_file(bundle, &offset, &file);
    while (found && (file.kind == BUNDLE_CONFIG || !slice_equal(file.path, wanted))) {
        found = next_file(bundle, &offset, &file);
    }
    return found ? file.content : (struct slice){0};
}

bool bundle_file_at(const struct bundle *bundle, size_t index, struct slice *path,
                    struct slice *content) {
    struct file file;
    size_t offset;
    bool found = first_file(bundle, &offset, &file);
    for (; found && index > 0; index--) {
        found = next_file(bundle, &offset, &file);
    }
    if (found) {
        *path = file.path;
        *content = file.content;
    }
    return found;
}
