// The symbol table of an ELF file of this machine's word size and byte order: which functions are
// in an executable.
//
// Bytes in, answers out: no I/O, no allocation. Every offset of the file is checked against its
// size, so a damaged file has no symbols, and is never read past its end. Undefined symbols, which
// only say that something is wanted from elsewhere, do not count.
#ifndef RAVELIN_BASE_ELF_H
#define RAVELIN_BASE_ELF_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

// Points into the file.
struct elf_symbols {
    struct slice entries;
    struct slice names;
    size_t count; // 0: stripped, or not such a file
};

void elf_symbols_find(struct slice file, struct elf_symbols *symbols);

// Whether something of that name is defined; also when the compiler made a variant of it, which has
// the name, a dot and more (constprop, part).
bool elf_symbols_have(const struct elf_symbols *symbols, const char *name);
// Whether a defined name has `part` in it, upper and lower case alike.
bool elf_symbols_have_part(const struct elf_symbols *symbols, const char *part);

#endif
