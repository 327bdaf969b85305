#include "exchange/shared.h"

#include "exchange/answer.h"

#include <inttypes.h>
#include <stdio.h>

struct answer shared_answer_later(struct shared *shared, uint16_t status, const char *why,
                                  uint64_t wait_s) {
    int size =
        snprintf(shared->scratch, shared->scratch_size, "Retry-After: %" PRIu64 "\r\n", wait_s);
    struct answer answer = answer_of(status, why);
    answer.fields = (struct slice){shared->scratch, (size_t)size};
    return answer;
}

struct slice shared_date(struct shared *shared) {
    time_t now = (time_t)((shared->now_ms * 1000 + shared->wall_offset_us) / 1000000);
    if (now != shared->date_second) {
        shared->date_second = now;
        clock_format_http_date(now, shared->date);
    }
    return (struct slice){shared->date, CLOCK_HTTP_DATE_SIZE - 1};
}
