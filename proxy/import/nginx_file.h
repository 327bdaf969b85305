// Reads a configuration of nginx into a tree of directives: the output of `nginx -T`, or one file.
//
// The output has a line "# configuration file PATH:" before each file. An `include` stands for the
// files that its pattern matches among these; nothing else is read. Nothing is said about what a
// directive means.
//
// Ownership: a tree owns all its memory; nginx_free() releases it. Bounds: NGINX_TEXT_MAX bytes of
// text, NGINX_DEPTH_MAX blocks or files inside one another. If memory is short, the process ends.
#ifndef RAVELIN_IMPORT_NGINX_FILE_H
#define RAVELIN_IMPORT_NGINX_FILE_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

#define NGINX_TEXT_MAX ((size_t)16 << 20)
#define NGINX_DEPTH_MAX 32
#define NGINX_ARGUMENTS_MAX 512

struct nginx_directive {
    const char *name;
    const char **arguments; // without their quotes
    size_t argument_count;
    struct nginx_directive **inner; // of a block
    size_t inner_count;
    bool is_block;
    struct nginx_directive *outer; // NULL: of the root
    const char *file;
    int line;
    bool is_done; // translated, or told of
};

struct nginx_tree {
    struct nginx_directive root;
    const char *folder;         // of the main file; relative paths begin there
    struct nginx_block *blocks; // of memory
};

#define NGINX_ERROR_SIZE 512

// `path`: of the file, for messages, and for the folder if the text is not of `nginx -T`. False:
// `error` has "FILE:LINE: problem"; the tree is empty.
bool nginx_parse(struct nginx_tree *tree, const char *path, struct slice text,
                 char error[NGINX_ERROR_SIZE]);
void nginx_free(struct nginx_tree *tree);

// Memory of the tree, zeroed, and texts in it.
void *nginx_alloc(struct nginx_tree *tree, size_t size);
const char *nginx_format(struct nginx_tree *tree, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// The argument at `index`, or "".
const char *nginx_argument(const struct nginx_directive *directive, size_t index);
// The last directive of this name in a block, or NULL.
struct nginx_directive *nginx_find(const struct nginx_directive *block, const char *name);
// The block itself or the nearest one around it that has a directive of this name, as nginx
// inherits; NULL: none has.
struct nginx_directive *nginx_level(struct nginx_directive *block, const char *name);

#endif
