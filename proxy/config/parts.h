// Parts: which file each line of a configuration was read from.
//
// A configuration with `include` is parsed as one text (include.h), whose lines have continuous
// numbers. Every line number in struct config is of this text. The parts convert such a number to a
// file and a line in it, for messages. They are sorted by their first line, and the first part
// begins at line 1. A configuration of a single file has no parts: its lines are those of the file.
#ifndef RAVELIN_CONFIG_PARTS_H
#define RAVELIN_CONFIG_PARTS_H

#include <stddef.h>

struct config_part {
    char *path;      // absolute, of the included file; NULL: the configuration file itself
    char *directory; // absolute; relative paths in this part begin there; NULL with `path`
    int first;       // line of the whole text that the part begins on
    int line;        // this line in its file
};

struct config_parts {
    struct config_part *items; // owned
    size_t count;
};

struct place {
    const char *file;
    int line;
};

// The part that has this line of the whole text; NULL: there are no parts.
const struct config_part *parts_find(const struct config_parts *parts, int line);
// The file and line of a line of the whole text. `file`: the name of the configuration file.
struct place parts_place(const struct config_parts *parts, const char *file, int line);
void parts_free(struct config_parts *parts);

#endif
