// The image: a checked configuration as bytes, which a process reads without libconfuse and without
// the text.
//
// The image is private to this module: host byte order, one machine, one build. A number that is
// reckoned from the option table (options.h) comes first, so that an image of another build is
// refused. The table also says what an image holds: for each section its title, its options in the
// order of the table with their values and lines, and the sections inside it. An option that is a
// row of the table is therefore in the image without another line of code. What check.h derives
// from the options is not in the image: image_read() derives it again.
//
// Bounds: reading checks every size and count against the bytes that are left and against the
// table, and every number and word against its range. A damaged image is an error and never an
// overrun. Memory that reading takes is bounded by the size of the image times a constant.
#ifndef RAVELIN_CONFIG_IMAGE_H
#define RAVELIN_CONFIG_IMAGE_H

#include "base/slice.h"
#include "config/config.h"

// The image of a config that config_load() or image_read() made. The bytes are the caller's to
// free; data is NULL when memory is short. Equal configs give equal bytes.
struct slice image_write(const struct config *config);

// The config of an image, with `path` as the path of its config file. NULL with `error` when the
// image is damaged or memory is short; `error` is empty otherwise. Nothing of the image is kept.
struct config *image_read(struct slice image, const char *path, char error[CONFIG_ERROR_SIZE]);

#endif
