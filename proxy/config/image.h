// The image: a checked configuration as bytes. A process reads it without libconfuse and without
// the text.
//
// The format is private to this module: host byte order, one machine, one build. An image begins
// with a number that is computed from the option table (options.h), so that an image of another
// build is refused. Then follow, for each section, its title, its options in the order of the table
// with their values and lines, and its inner sections. So a new row of the option table is in the
// image without more code. The image does not contain what check.h derives from the options:
// image_read() derives it again.
//
// Bounds: image_read() checks every size and count against the bytes that are left and against the
// table, and every number and word against its range. A damaged image is an error, never an
// overrun. The memory for reading is at most the size of the image times a constant.
#ifndef RAVELIN_CONFIG_IMAGE_H
#define RAVELIN_CONFIG_IMAGE_H

#include "base/slice.h"
#include "config/config.h"

// Writes the image of a config. The caller frees the bytes; data is NULL if memory is short. Equal
// configs give equal bytes.
struct slice image_write(const struct config *config);

// Builds the config of an image. `path`: becomes config.path. The result does not point into the
// image; the caller frees it with config_free(). NULL, with `error`: the image is damaged or memory
// is short. Otherwise `error` is empty.
struct config *image_read(struct slice image, const char *path, char error[CONFIG_ERROR_SIZE]);

#endif
