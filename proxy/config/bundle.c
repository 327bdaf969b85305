#include "config/bundle.h"

#include "config/acme.h"

#include "config/bundle_format.h"
#include "config/challenge.h"
#include "config/image.h"
#include "config/users_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
    uint64_t kind;
    struct slice path; // followed by a NUL
    struct slice content;
};

struct bundle_index {
    struct file *files; // in the order of the bundle
    size_t count;
    struct file **by_path; // sorted; without files whose contents are in the image
    size_t path_count;
    struct file **marks; // of files of users, sorted by path
    size_t mark_count;
    size_t *includes; // indexes of the texts that the configuration includes
    size_t include_count;
};

// Returns `size` bytes at *offset; NULL: the bundle has fewer.
static const char *take(const struct bundle *bundle, size_t *offset, uint64_t size) {
    if (size > bundle->size - *offset) {
        return NULL;
    }
    const char *data = (const char *)bundle->data + *offset;
    *offset += size;
    return data;
}

// Reads the entry at *offset and moves to the next. False: the end, or the bundle is damaged.
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

// Checks the structure of the bundle. Returns its number of files; -1: damaged.
static int64_t count_files(const struct bundle *bundle) {
    struct bundle_head head;
    struct file file;
    size_t offset = 0;
    int64_t count = 0;
    const char *start = take(bundle, &offset, sizeof(head));
    if (start == NULL) {
        return -1;
    }
    memcpy(&head, start, sizeof(head));
    while (next_file(bundle, &offset, &file)) {
        count++;
    }
    return head.magic == BUNDLE_MAGIC && (uint64_t)count == head.count && offset == bundle->size
               ? count
               : -1;
}

static int compare_paths(const void *left, const void *right) {
    const struct file *const *a = left;
    const struct file *const *b = right;
    return strcmp((*a)->path.data, (*b)->path.data);
}

// Whether files of this kind are found by path. Included texts and marks have other indexes, and
// the image has the contents of the others.
static bool is_looked_up(uint64_t kind) {
    return kind != BUNDLE_CONFIG && kind != BUNDLE_IMAGE && kind != BUNDLE_ADDRESS_FILE;
}

static bool make_index(struct bundle *bundle) {
    int64_t count = count_files(bundle);
    struct bundle_index *index = count < 0 ? NULL : calloc(1, sizeof(*index));
    if (index == NULL) {
        return false;
    }
    bundle->index = index;
    index->files = calloc((size_t)count + 1, sizeof(*index->files));
    index->by_path = calloc((size_t)count + 1, sizeof(struct file *));
    index->marks = calloc((size_t)count + 1, sizeof(struct file *));
    index->includes = calloc((size_t)count + 1, sizeof(*index->includes));
    if (index->files == NULL || index->by_path == NULL || index->marks == NULL ||
        index->includes == NULL) {
        return false;
    }
    size_t offset = sizeof(struct bundle_head);
    while (index->count < (size_t)count &&
           next_file(bundle, &offset, &index->files[index->count])) {
        struct file *file = &index->files[index->count++];
        if (file->kind == BUNDLE_INCLUDE) {
            index->includes[index->include_count++] = index->count - 1;
        } else if (file->kind == BUNDLE_USERS_MARK) {
            index->marks[index->mark_count++] = file;
        } else if (is_looked_up(file->kind)) {
            index->by_path[index->path_count++] = file;
        }
    }
    qsort(index->by_path, index->path_count, sizeof(struct file *), compare_paths);
    qsort(index->marks, index->mark_count, sizeof(struct file *), compare_paths);
    return true;
}

static void free_index(struct bundle_index *index) {
    if (index != NULL) {
        free(index->files);
        free(index->by_path);
        free(index->marks);
        free(index->includes);
        free(index);
    }
}

// The config text is the first file of the bundle that has one, and the image is the second.
static const struct file *file_of(const struct bundle *bundle, enum bundle_kind kind, size_t at) {
    const struct bundle_index *index = bundle->index;
    return index != NULL && index->count > at && index->files[at].kind == kind ? &index->files[at]
                                                                               : NULL;
}

static const struct file *config_file(const struct bundle *bundle) {
    return file_of(bundle, BUNDLE_CONFIG, 0);
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
    // MAP_PRIVATE, because before Linux 6.7 a sealed memfd cannot be mapped MAP_SHARED. The pages
    // are those of the memfd.
    void *data = mmap(NULL, bundle->size, PROT_READ, MAP_PRIVATE, bundle->fd, 0);
    if (data == MAP_FAILED) {
        return false;
    }
    bundle->data = data;
    return true;
}

// Keeps keys out of core dumps and of processes that are forked later.
static bool confine(const struct bundle *bundle) {
    if (bundle->index->count == 0 || (bundle->index->files[0].kind != BUNDLE_KEY &&
                                      bundle->index->files[0].kind != BUNDLE_USERS)) {
        return true;
    }
    void *data = (void *)(uintptr_t)bundle->data;
    return madvise(data, bundle->size, MADV_DONTDUMP) == 0 &&
           madvise(data, bundle->size, MADV_DONTFORK) == 0;
}

enum result bundle_open(int fd, struct bundle *bundle) {
    *bundle = (struct bundle){.fd = fd};
    if (!map(bundle) || !make_index(bundle) || !confine(bundle)) {
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
    free_index(bundle->index);
    *bundle = (struct bundle){.fd = -1};
}

void bundle_close_pair(struct bundle_pair *pair) {
    bundle_close(&pair->files);
    bundle_close(&pair->keys);
    bundle_close(&pair->users);
}

bool bundle_equal(const struct bundle *a, const struct bundle *b) {
    return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

struct slice bundle_config_text(const struct bundle *bundle) {
    const struct file *file = config_file(bundle);
    return file != NULL ? file->content : (struct slice){0};
}

struct slice bundle_config_path(const struct bundle *bundle) {
    const struct file *file = config_file(bundle);
    return file != NULL ? file->path : (struct slice){0};
}

bool bundle_include_at(const struct bundle *bundle, size_t index, struct slice *path,
                       struct slice *content) {
    return bundle->index != NULL && index < bundle->index->include_count &&
           bundle_file_at(bundle, bundle->index->includes[index], path, content);
}

// The file of this path among `count` sorted ones, or NULL.
static const struct file *find_path(struct file *const *files, size_t count, const char *path) {
    const struct file wanted = {.path = slice_from(path)};
    const struct file *key = &wanted;
    struct file *const *found =
        count == 0 ? NULL : bsearch(&key, files, count, sizeof(struct file *), compare_paths);
    return found == NULL ? NULL : *found;
}

static bool find_mark(const struct bundle *bundle, struct config_login *login) {
    const struct file *file =
        find_path(bundle->index->marks, bundle->index->mark_count, login->users);
    if (file == NULL || file->content.size != sizeof(login->mark)) {
        return false;
    }
    memcpy(&login->mark, file->content.data, sizeof(login->mark));
    return true;
}

// Finds the marks that represent the files of users in this bundle. A route whose file has no mark
// must not be open.
static bool find_marks(const struct bundle *bundle, struct config *config) {
    const struct config_login *former = NULL;
    bool whole = true;
    for (size_t i = 0; i < config->site_count; i++) {
        for (size_t j = 0; whole && j < config->sites[i].route_count; j++) {
            struct config_login *login = &config->sites[i].routes[j].login;
            if (login->users == NULL) {
                continue;
            }
            if (former != NULL && strcmp(former->users, login->users) == 0) {
                login->mark = former->mark;
            } else {
                whole = find_mark(bundle, login);
            }
            former = login;
        }
    }
    return whole;
}

struct config *bundle_config(const struct bundle *bundle, const char *path,
                             char error[CONFIG_ERROR_SIZE]) {
    const struct file *text = config_file(bundle);
    const struct file *image = file_of(bundle, BUNDLE_IMAGE, 1);
    if (text == NULL || image == NULL) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "the bundle holds no configuration");
        return NULL;
    }
    // A NUL follows the path in the bundle.
    struct config *config =
        image_read(image->content, path != NULL ? path : text->path.data, error);
    if (config != NULL && !(acme_expand(config) && challenge_add_backend(config))) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "out of memory");
        config_free(config);
        return NULL;
    }
    if (config != NULL && !find_marks(bundle, config)) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "the bundle lacks a file of users");
        config_free(config);
        return NULL;
    }
    return config;
}

struct slice bundle_file(const struct bundle *bundle, const char *path) {
    const struct file *file =
        bundle->index == NULL ? NULL
                              : find_path(bundle->index->by_path, bundle->index->path_count, path);
    return file != NULL ? file->content : (struct slice){0};
}

bool bundle_file_at(const struct bundle *bundle, size_t index, struct slice *path,
                    struct slice *content) {
    if (bundle->index == NULL || index >= bundle->index->count) {
        return false;
    }
    *path = bundle->index->files[index].path;
    *content = bundle->index->files[index].content;
    return true;
}
