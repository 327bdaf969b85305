// A PROXY header from any bytes: what is taken, taken again from its own writing, is the same.
#include "http/proxy_protocol.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition) {
    if (!condition) {
        abort();
    }
}

static void check_written(const struct address *client, enum proxy_version version) {
    uint8_t output[PROXY_HEADER_WRITE_MAX];
    struct proxy_header again;
    const char *why;
    size_t size = proxy_header_write(version, client, client, output);
    check(size > 0 && size <= sizeof(output));
    check(proxy_header_read(output, size, &again, &why) == RESULT_OK);
    check(again.size == size && again.has_client && address_equal(client, &again.client));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct proxy_header header;
    struct proxy_header cut;
    const char *why = NULL;
    switch (proxy_header_read(data, size, &header, &why)) {
    case RESULT_OK:
        check(header.size > 0 && header.size <= size && header.size <= PROXY_HEADER_SIZE_MAX);
        // Neither what follows nor how it arrived matters.
        check(proxy_header_read(data, header.size, &cut, &why) == RESULT_OK);
        check(cut.size == header.size && cut.has_client == header.has_client);
        check(proxy_header_read(data, header.size - 1, &cut, &why) == RESULT_AGAIN);
        if (header.has_client) {
            check_written(&header.client, PROXY_VERSION_1);
            check_written(&header.client, PROXY_VERSION_2);
        }
        break;
    case RESULT_AGAIN:
        check(size < PROXY_HEADER_SIZE_MAX);
        break;
    default:
        check(why != NULL);
        break;
    }
    return 0;
}
