#include "config/bundle_texts.h"

#include "config/text.h"
#include "config/value.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum result refuse(char why[FILES_WHY_SIZE], const char *what) {
    (void)snprintf(why, FILES_WHY_SIZE, "%s", what);
    return RESULT_ERROR;
}

// --- Finding ---

static bool list_add(struct path_list *paths, const char *path) {
    char *copy = strdup(path);
    char **place = copy == NULL ? NULL : array_append(&paths->items, &paths->count, sizeof(*place));
    if (place == NULL) {
        free(copy);
        return false;
    }
    *place = copy;
    return true;
}

static int compare_paths(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static enum result list_done(struct path_list *paths, bool ok, char why[FILES_WHY_SIZE]) {
    if (paths->count > 0) {
        qsort(paths->items, paths->count, sizeof(*paths->items), compare_paths);
    }
    return ok ? RESULT_OK : refuse(why, "out of memory");
}

// Ends the search with an error, except for a folder that does not exist.
static int on_folder(const char *path, int number) {
    (void)path;
    return number != ENOENT && number != ENOTDIR;
}

static enum result list_on_disk(const char *pattern, struct path_list *paths,
                                char why[FILES_WHY_SIZE]) {
    glob_t found = {0};
    bool ok = true;
    int result = glob(pattern, GLOB_NOSORT, on_folder, &found);
    if (result != 0 && result != GLOB_NOMATCH) {
        globfree(&found);
        return refuse(why, result == GLOB_NOSPACE ? "out of memory" : "a folder cannot be read");
    }
    for (size_t i = 0; ok && i < found.gl_pathc; i++) {
        ok = list_add(paths, found.gl_pathv[i]);
    }
    globfree(&found);
    return list_done(paths, ok, why);
}

static enum result list_of_former(const struct bundle *former, const char *pattern,
                                  struct path_list *paths, char why[FILES_WHY_SIZE]) {
    struct slice path;
    struct slice content;
    bool ok = true;
    for (size_t i = 0; ok && bundle_include_at(former, i, &path, &content); i++) {
        if (fnmatch(pattern, path.data, FNM_PATHNAME | FNM_PERIOD) == 0) {
            ok = list_add(paths, path.data);
        }
    }
    return list_done(paths, ok, why);
}

static enum result list(void *context, const char *pattern, struct path_list *paths,
                        char why[FILES_WHY_SIZE]) {
    const struct bundle_texts *texts = context;
    return texts->former != NULL ? list_of_former(texts->former, pattern, paths, why)
                                 : list_on_disk(pattern, paths, why);
}

// --- Reading ---

static enum result read_open(int fd, struct slice *content, char why[FILES_WHY_SIZE]) {
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return refuse(why, strerror(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        return refuse(why, "not a regular file");
    }
    if (status.st_size > (off_t)CONFIG_TEXT_MAX) {
        return refuse(why, "larger than 4 MiB");
    }
    size_t capacity = (size_t)status.st_size + 1; // one more, to detect a file that grows
    char *data = malloc(capacity);
    size_t size = 0;
    ssize_t got = data == NULL ? -1 : 1;
    while (got > 0 && size < capacity) {
        got = read(fd, data + size, capacity - size);
        size += got > 0 ? (size_t)got : 0;
    }
    if (got != 0) {
        free(data);
        return refuse(why, data == NULL ? "out of memory"
                           : got > 0    ? "the file grows while it is read"
                                        : strerror(errno));
    }
    *content = (struct slice){data, size};
    return RESULT_OK;
}

static enum result read_from_disk(const char *path, struct slice *content,
                                  char why[FILES_WHY_SIZE]) {
    // Non-blocking, because opening a pipe must not wait for a writer.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return refuse(why, strerror(errno));
    }
    enum result result = read_open(fd, content, why);
    (void)close(fd);
    return result;
}

static enum result read_from_former(const struct bundle *former, const char *wanted,
                                    struct slice *content, char why[FILES_WHY_SIZE]) {
    struct slice path;
    struct slice text;
    for (size_t i = 0; bundle_include_at(former, i, &path, &text); i++) {
        if (strcmp(path.data, wanted) == 0) {
            char *data = malloc(text.size + 1);
            if (data == NULL) {
                return refuse(why, "out of memory");
            }
            memcpy(data, text.data, text.size);
            *content = (struct slice){data, text.size};
            return RESULT_OK;
        }
    }
    return refuse(why, "not among the files in use");
}

static enum result keep(struct bundle_texts *texts, enum bundle_kind kind, const char *path,
                        struct slice content, char why[FILES_WHY_SIZE]) {
    char *copy = strdup(path);
    struct bundle_text *place =
        copy == NULL ? NULL : array_append(&texts->items, &texts->count, sizeof(*place));
    if (place == NULL) {
        free(copy);
        free((void *)(uintptr_t)content.data);
        return refuse(why, "out of memory");
    }
    place->kind = kind;
    place->path = copy;
    place->content = content;
    return RESULT_OK;
}

static enum result read_once(struct bundle_texts *texts, enum bundle_kind kind, const char *path,
                             struct slice *content, char why[FILES_WHY_SIZE]) {
    for (size_t i = 0; i < texts->count; i++) {
        if (texts->items[i].kind == kind && strcmp(texts->items[i].path, path) == 0) {
            *content = texts->items[i].content;
            return RESULT_OK;
        }
    }
    enum result result = kind == BUNDLE_INCLUDE && texts->former != NULL
                             ? read_from_former(texts->former, path, content, why)
                             : read_from_disk(path, content, why);
    return result == RESULT_OK ? keep(texts, kind, path, *content, why) : result;
}

static enum result read_text(void *context, const char *path, struct slice *content,
                             char why[FILES_WHY_SIZE]) {
    return read_once(context, BUNDLE_INCLUDE, path, content, why);
}

static enum result read_list(void *context, const char *path, struct slice *content,
                             char why[FILES_WHY_SIZE]) {
    return read_once(context, BUNDLE_ADDRESS_FILE, path, content, why);
}

struct config_files bundle_texts_files(struct bundle_texts *texts) {
    return (struct config_files){
        .context = texts, .list = list, .read = read_text, .read_list = read_list};
}

void bundle_texts_free(struct bundle_texts *texts) {
    for (size_t i = 0; i < texts->count; i++) {
        free(texts->items[i].path);
        free((void *)(uintptr_t)texts->items[i].content.data);
    }
    free(texts->items);
    *texts = (struct bundle_texts){.former = NULL};
}
