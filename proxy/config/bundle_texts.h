// The files that a configuration includes, and its lists of addresses: found and read, and kept for
// the bundle.
//
// From disk; what is included, from a former bundle when its text is read again. Then a pattern
// matches those files that it matched at the time. Only regular files are read, of CONFIG_TEXT_MAX
// bytes at most. A file that is named twice is read once.
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

// For config_load_with(). Valid while `texts` is where it is.
struct config_files bundle_texts_files(struct bundle_texts *texts);
void bundle_texts_free(struct bundle_texts *texts);

#endif
