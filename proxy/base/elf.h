// Reads the symbol table of an ELF file with this machine's word size and byte order, to find the
// functions in an executable.
//
// No I/O, no allocation. Every offset in the file is checked against the file's size: a damaged
// file has no symbols and is never read past its end. Undefined symbols do not count, because they
// name functions of other files.
#ifndef RAVELIN_BASE_ELF_H
#define RAVELIN_BASE_ELF_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

// Points into the bytes of the file, which must outlive it.
struct elf_symbols {
    struct slice entries;
    struct slice names;
    size_t count; // number of symbols; 0: stripped, damaged, or another kind of file
};

void elf_symbols_find(struct slice file, struct elf_symbols *symbols);

// True if a symbol of that name is defined. A variant that the compiler made counts, too: its name
// is that name, a dot and a suffix (constprop, part).
bool elf_symbols_have(const struct elf_symbols *symbols, const char *name);
// True if the name of a defined symbol contains `part`. The case of letters does not matter.
bool elf_symbols_have_part(const struct elf_symbols *symbols, const char *part);

#endif
