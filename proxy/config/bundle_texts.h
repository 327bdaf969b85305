// Finds, reads and keeps the files that a configuration includes and its lists of addresses, for
// the bundle.
//
// The files are read from disk. If the text of a former bundle is read again, its includes come
// from this bundle: a pattern matches the files that it matched then. Only regular files of at most
// CONFIG_TEXT_MAX bytes are read. A file that is named twice is read once.
// Private to bundle_read.c and bundle_texts.c.
#ifndef RAVELIN_CONFIG_BUNDLE_TEXTS_H
#define RAVELIN_CONFIG_BUNDLE_TEXTS_H

#include "config/bundle.h"
#include "config/bundle_format.h"
#include "config/files.h"

struct bundle_text {
    enum bundle_kind kind;
    char *path; // absolute
    struct slice content;
};

struct bundle_texts {
    const struct bundle *former; // NULL: from disk
    struct bundle_text *items;
    size_t count;
};

// For config_load_with(). Valid while `texts` is not moved.
struct config_files bundle_texts_files(struct bundle_texts *texts);
void bundle_texts_free(struct bundle_texts *texts);

#endif
