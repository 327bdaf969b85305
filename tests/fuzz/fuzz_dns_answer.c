// Any bytes as the response of a DNS server: what is read is bounded and well formed.
#include "monitor/dns_answer.h"

#include <stdlib.h>
#include <string.h>

static void check(const struct dns_answer *answer, enum dns_type type) {
    if (answer->count > DNS_RECORDS_MAX) {
        abort();
    }
    for (size_t i = 0; type == DNS_SRV && i < answer->count; i++) {
        char host[HOST_TEXT_SIZE];
        const struct dns_service *service = &answer->services[i];
        if (service->port == 0 || host_canonical(service->target, false, host) != NULL ||
            strcmp(host, service->target) != 0) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_SRV};
    static struct dns_answer answer;
    for (size_t i = 0; i < 3; i++) {
        if (dns_answer_read(data, size, "app.test", types[i], &answer) == RESULT_OK) {
            check(&answer, types[i]);
        }
    }
    return 0;
}
