// How config_load() gets at the files whose content becomes a part of the configuration. It opens
// no file itself: who calls it brings these functions (bundle_texts.h), or none for a text that
// must stand alone.
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
    // Finds the files that a pattern (glob(7), absolute) matches, sorted. None is no error. ERROR:
    // a folder cannot be read, with the reason; the caller frees the list in either case.
    enum result (*list)(void *context, const char *pattern, struct path_list *paths,
                        char why[FILES_WHY_SIZE]);
    // Reads a file of configuration text. The content stays until the load has ended. ERROR: it
    // cannot be read, with the reason.
    enum result (*read)(void *context, const char *path, struct slice *content,
                        char why[FILES_WHY_SIZE]);
    // The same for a list of addresses. It is read from disk even if the text is one in use.
    enum result (*read_list)(void *context, const char *path, struct slice *content,
                             char why[FILES_WHY_SIZE]);
};

void path_list_free(struct path_list *paths);

#endif
