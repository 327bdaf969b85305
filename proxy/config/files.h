// The functions through which config_load() reads files whose content becomes a part of the
// configuration. config_load() opens no file itself. Its caller passes these functions
// (bundle_texts.h), or none for a text without other files.
#ifndef RAVELIN_CONFIG_FILES_H
#define RAVELIN_CONFIG_FILES_H

#include "base/result.h"
#include "base/slice.h"

#include <stddef.h>

#define FILES_WHY_SIZE 128

// Paths on the heap, each owned by the list.
struct path_list {
    char **items;
    size_t count;
};

struct config_files {
    void *context;
    // Finds the files that match a pattern (glob(7), absolute), sorted. No file is not an error.
    // ERROR: a folder cannot be read, with the reason. The caller frees the list in both cases.
    enum result (*list)(void *context, const char *pattern, struct path_list *paths,
                        char why[FILES_WHY_SIZE]);
    // Reads a file of configuration text. The content is valid until the load has ended. ERROR: the
    // file cannot be read, with the reason.
    enum result (*read)(void *context, const char *path, struct slice *content,
                        char why[FILES_WHY_SIZE]);
    // The same for a list of addresses. It is read from disk also when the text is from a bundle.
    enum result (*read_list)(void *context, const char *path, struct slice *content,
                             char why[FILES_WHY_SIZE]);
};

void path_list_free(struct path_list *paths);

#endif
