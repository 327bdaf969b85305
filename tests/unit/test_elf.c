// The symbol table of an ELF file: this program's own, and damaged ones.
#include "base/elf.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <elf.h>
#include <link.h>
#include <cmocka.h>

// Looked for by name; it must not be inlined.
int a_function_of_this_test(int number);

__attribute__((noinline, used)) int a_function_of_this_test(int number) {
    return number + 1;
}

// A copy that may be damaged.
static struct slice own_file(void) {
    struct stat status = {.st_size = 0};
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && fstat(fd, &status) == 0);
    char *data = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    assert_ptr_not_equal(data, MAP_FAILED);
    (void)close(fd);
    return (struct slice){data, (size_t)status.st_size};
}

static void give_back(struct slice file) {
    (void)munmap((void *)(uintptr_t)file.data, file.size);
}

static void test_own_symbols_are_found(void **state) {
    (void)state;
    struct slice file = own_file();
    struct elf_symbols symbols;
    elf_symbols_find(file, &symbols);
    assert_in_range(symbols.count, 20, 1000000);
    assert_true(elf_symbols_have(&symbols, "a_function_of_this_test"));
    assert_true(elf_symbols_have(&symbols, "main"));
    assert_false(elf_symbols_have(&symbols, "a_function_of_this_tes"));
    assert_false(elf_symbols_have(&symbols, "a_function_of_this_test_"));
    assert_false(elf_symbols_have(&symbols, "function_of_this_test"));
    assert_false(elf_symbols_have(&symbols, ""));
    // Wanted from the C library, defined there.
    assert_false(elf_symbols_have(&symbols, "mmap"));
    assert_true(elf_symbols_have_part(&symbols, "FUNCTION_of_THIS_test"));
    assert_true(elf_symbols_have_part(&symbols, "a_function_of_this_test"));
    assert_false(elf_symbols_have_part(&symbols, "function_of_that_test"));
    give_back(file);
}

// A small file with the names in it, by hand.
struct small {
    ElfW(Ehdr) head;
    ElfW(Shdr) sections[3];
    ElfW(Sym) entries[3];
    char names[32];
};

static struct small small_file(void) {
    struct small file = {
        .head = {.e_ident = {0x7f, 'E', 'L', 'F', sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32,
                             __BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB},
                 .e_shoff = offsetof(struct small, sections),
                 .e_shentsize = sizeof(ElfW(Shdr)),
                 .e_shnum = 3},
        .sections = {[1] = {.sh_type = SHT_SYMTAB,
                            .sh_offset = offsetof(struct small, entries),
                            .sh_size = sizeof(file.entries),
                            .sh_link = 2,
                            .sh_entsize = sizeof(ElfW(Sym))},
                     [2] = {.sh_type = SHT_STRTAB,
                            .sh_offset = offsetof(struct small, names),
                            .sh_size = sizeof(file.names)}},
        .entries = {[1] = {.st_name = 1, .st_shndx = 1}, [2] = {.st_name = 15, .st_shndx = 1}},
        .names = "\0made.part.0\0\0\0made_not",
    };
    return file;
}

static size_t count_in(const struct small *file, size_t size) {
    struct elf_symbols symbols;
    elf_symbols_find((struct slice){(const char *)file, size}, &symbols);
    return symbols.count;
}

static void test_variants_of_the_compiler_count(void **state) {
    (void)state;
    struct small file = small_file();
    struct elf_symbols symbols;
    elf_symbols_find((struct slice){(const char *)&file, sizeof(file)}, &symbols);
    assert_int_equal(symbols.count, 3);
    assert_true(elf_symbols_have(&symbols, "made"));
    assert_true(elf_symbols_have(&symbols, "made_not"));
    file.entries[2].st_shndx = SHN_UNDEF;
    assert_false(elf_symbols_have(&symbols, "made_not"));
    assert_false(elf_symbols_have_part(&symbols, "not"));
    // A name without an end, and one outside of the names.
    memset(file.names, 'x', sizeof(file.names));
    assert_false(elf_symbols_have(&symbols, "made"));
    assert_true(elf_symbols_have_part(&symbols, "xxx"));
    file.entries[1].st_name = sizeof(file.names);
    assert_false(elf_symbols_have_part(&symbols, "xxx"));
}

static void test_damaged_files_have_no_symbols(void **state) {
    (void)state;
    struct small file = small_file();
    for (size_t size = 0; size < sizeof(file); size++) {
        // On the heap, so that a sanitizer sees a read past the end.
        char *copy = malloc(size + 1);
        memcpy(copy, &file, size);
        struct elf_symbols symbols;
        elf_symbols_find((struct slice){copy, size}, &symbols);
        assert_int_equal(symbols.count, 0);
        assert_false(elf_symbols_have(&symbols, "made"));
        free(copy);
    }
    assert_int_equal(count_in(&file, sizeof(file)), 3);
    struct small broken = file;
    broken.head.e_ident[EI_CLASS] ^= 3;
    assert_int_equal(count_in(&broken, sizeof(broken)), 0);
    broken = file;
    broken.head.e_shoff = UINT32_MAX;
    assert_int_equal(count_in(&broken, sizeof(broken)), 0);
    broken = file;
    broken.head.e_shoff = (ElfW(Off)) - 1;
    assert_int_equal(count_in(&broken, sizeof(broken)), 0);
    broken = file;
    broken.sections[1].sh_link = 3;
    assert_int_equal(count_in(&broken, sizeof(broken)), 0);
    broken = file;
    broken.sections[1].sh_size = (ElfW(Off)) - 1;
    assert_int_equal(count_in(&broken, sizeof(broken)), 0);
    broken = file;
    broken.sections[2].sh_offset = sizeof(broken) - 1;
    assert_int_equal(count_in(&broken, sizeof(broken)), 0);
    broken = file;
    broken.sections[1].sh_type = SHT_DYNSYM; // what a stripped file still has
    assert_int_equal(count_in(&broken, sizeof(broken)), 0);
}

static void test_no_flipped_byte_leads_astray(void **state) {
    (void)state;
    for (size_t at = 0; at < sizeof(struct small); at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct small file = small_file();
            size_t size = sizeof(file);
            char *copy = malloc(size);
            memcpy(copy, &file, size);
            copy[at] = (char)(copy[at] ^ (1 << bit));
            struct elf_symbols symbols;
            elf_symbols_find((struct slice){copy, size}, &symbols);
            (void)elf_symbols_have(&symbols, "made");
            (void)elf_symbols_have_part(&symbols, "nowhere");
            free(copy);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_symbols_are_found),
        cmocka_unit_test(test_variants_of_the_compiler_count),
        cmocka_unit_test(test_damaged_files_have_no_symbols),
        cmocka_unit_test(test_no_flipped_byte_leads_astray),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
