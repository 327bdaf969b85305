#include "base/elf.h"

#include <elf.h>
#include <endian.h>
#include <link.h>
#include <stdint.h>
#include <string.h>

#define NATIVE_CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)
#define NATIVE_ORDER (__BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB)

// This part of the file; empty: not inside the file.
static struct slice part_of(struct slice file, uint64_t offset, uint64_t size) {
    if (offset > file.size || size > file.size - offset) {
        return (struct slice){NULL, 0};
    }
    return (struct slice){file.data + offset, (size_t)size};
}

static bool section_at(struct slice file, const ElfW(Ehdr) * head, uint64_t index,
                       ElfW(Shdr) * section) {
    // No overflow: an index and a size have 16 bits in the file, or the caller has checked them.
    struct slice part = part_of(file, head->e_shoff, (index + 1) * sizeof(*section));
    if (part.data == NULL) {
        return false;
    }
    memcpy(section, part.data + index * sizeof(*section), sizeof(*section));
    return true;
}

static bool read_head(struct slice file, ElfW(Ehdr) * head) {
    if (file.size < sizeof(*head)) {
        return false;
    }
    memcpy(head, file.data, sizeof(*head));
    return memcmp(head->e_ident, ELFMAG, SELFMAG) == 0 && head->e_ident[EI_CLASS] == NATIVE_CLASS &&
           head->e_ident[EI_DATA] == NATIVE_ORDER && head->e_shoff != 0 &&
           head->e_shentsize == sizeof(ElfW(Shdr));
}

void elf_symbols_find(struct slice file, struct elf_symbols *symbols) {
    ElfW(Ehdr) head;
    ElfW(Shdr) table;
    ElfW(Shdr) names;
    *symbols = (struct elf_symbols){.count = 0};
    if (!read_head(file, &head)) {
        return;
    }
    for (uint64_t i = 0; i < head.e_shnum && section_at(file, &head, i, &table); i++) {
        if (table.sh_type != SHT_SYMTAB || table.sh_entsize != sizeof(ElfW(Sym)) ||
            table.sh_link >= head.e_shnum || !section_at(file, &head, table.sh_link, &names)) {
            continue;
        }
        symbols->entries = part_of(file, table.sh_offset, table.sh_size);
        symbols->names = part_of(file, names.sh_offset, names.sh_size);
        if (symbols->entries.data != NULL && symbols->names.data != NULL) {
            symbols->count = symbols->entries.size / sizeof(ElfW(Sym));
            return;
        }
    }
}

// The name of a symbol that is defined; empty for any other.
static struct slice name_at(const struct elf_symbols *symbols, size_t index) {
    ElfW(Sym) symbol;
    memcpy(&symbol, symbols->entries.data + index * sizeof(symbol), sizeof(symbol));
    if (symbol.st_shndx == SHN_UNDEF || symbol.st_name >= symbols->names.size) {
        return (struct slice){NULL, 0};
    }
    const char *name = symbols->names.data + symbol.st_name;
    return (struct slice){name, strnlen(name, symbols->names.size - symbol.st_name)};
}

bool elf_symbols_have(const struct elf_symbols *symbols, const char *name) {
    const struct slice wanted = slice_from(name);
    for (size_t i = 0; i < symbols->count && wanted.size > 0; i++) {
        struct slice found = name_at(symbols, i);
        bool variant = found.size > wanted.size && found.data[wanted.size] == '.';
        if ((variant || found.size == wanted.size) &&
            slice_equal((struct slice){found.data, wanted.size}, wanted)) {
            return true;
        }
    }
    return false;
}

bool elf_symbols_have_part(const struct elf_symbols *symbols, const char *part) {
    const struct slice wanted = slice_from(part);
    for (size_t i = 0; i < symbols->count; i++) {
        struct slice found = name_at(symbols, i);
        for (; found.size >= wanted.size; found.data++, found.size--) {
            if (slice_equal_nocase((struct slice){found.data, wanted.size}, wanted)) {
                return true;
            }
        }
    }
    return false;
}
