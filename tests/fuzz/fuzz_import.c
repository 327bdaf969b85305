// Any bytes as a configuration of nginx: import_nginx() says what is wrong, or prints a text that
// Ravelin can read up to its end, whatever it says.
#include "config/text.h"
#include "import/import.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char error[IMPORT_ERROR_SIZE];
    char faults[1024];
    char *text = NULL;
    size_t written = 0;
    struct report report;
    FILE *out = open_memstream(&text, &written);
    assert(out != NULL);
    bool ok = import_nginx("/etc/fuzz", (struct slice){(const char *)data, size}, out, error);
    assert(fclose(out) == 0);
    assert(ok == (written > 0));
    report_init(&report, "fuzz", faults, sizeof(faults));
    if (ok) {
        char *prepared = text_prepare(text, written, &report);
        assert(prepared != NULL || strstr(faults, "not UTF-8") != NULL ||
               strstr(faults, "byte order mark") != NULL || strstr(faults, "larger than") != NULL);
        free(prepared);
    } else {
        assert(error[0] != '\0');
    }
    free(text);
    return 0;
}
