// Parses an nginx configuration into a tree of directives: the output of `nginx -T`, or one file.
//
// The output has a line "# configuration file PATH:" before each file. An `include` is replaced by
// the files of the output that match its pattern; no other file is read. The parser does not
// interpret directives.
//
// Ownership: a tree owns all its memory; nginx_free() releases it. Bounds: NGINX_TEXT_MAX bytes of
// text, NGINX_DEPTH_MAX nested blocks or files. If memory is short, the process exits.
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
    struct nginx_directive **inner; // directives of a block
    size_t inner_count;
    bool is_block;
    struct nginx_directive *outer; // block that contains it; NULL: the root
    const char *file;
    int line;
    bool is_done; // translated, or named in a comment
};

struct nginx_tree {
    struct nginx_directive root;
    const char *folder;         // folder of the main file; relative paths begin there
    struct nginx_block *blocks; // blocks of memory
};

#define NGINX_ERROR_SIZE 512

// Parses a text. `path`: file name for messages; its folder is used if the text is not from `nginx
// -T`. False: `error` has "FILE:LINE: problem"; the tree is empty.
bool nginx_parse(struct nginx_tree *tree, const char *path, struct slice text,
                 char error[NGINX_ERROR_SIZE]);
void nginx_free(struct nginx_tree *tree);

// Allocates zeroed memory, and texts, in the tree.
void *nginx_alloc(struct nginx_tree *tree, size_t size);
const char *nginx_format(struct nginx_tree *tree, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Returns the argument at `index`; "": none.
const char *nginx_argument(const struct nginx_directive *directive, size_t index);
// Returns the last directive of this name in a block; NULL: none.
struct nginx_directive *nginx_find(const struct nginx_directive *block, const char *name);
// Returns the nearest block, from `block` outwards, that has a directive of this name, as nginx
// inherits. NULL: none.
struct nginx_directive *nginx_level(struct nginx_directive *block, const char *name);

#endif
