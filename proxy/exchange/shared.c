#include "exchange/shared.h"

struct slice shared_date(struct shared *shared) {
    time_t now = (time_t)((shared->now_ms * 1000 + shared->wall_offset_us) / 1000000);
    if (now != shared->date_second) {
        shared->date_second = now;
        clock_format_http_date(now, shared->date);
    }
    return (struct slice){shared->date, CLOCK_HTTP_DATE_SIZE - 1};
}
