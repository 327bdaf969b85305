// A file of users from any bytes, and requests for an auth process from any bytes. Hashes are not
// computed here: the requests name a file that is not there, or make no sense.
#include "config/users_file.h"
#include "process/users.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition) {
    if (!condition) {
        abort();
    }
}

static bool is_in(struct slice part, struct slice whole) {
    return part.data >= whole.data && part.data + part.size <= whole.data + whole.size;
}

static void check_file(struct slice content) {
    struct users_reader reader = {content, 0};
    struct users_entry entry;
    char why[USERS_WHY_SIZE];
    enum users_line what;
    int line = 0;
    while ((what = users_file_next(&reader, &entry, why)) != USERS_END) {
        check(reader.line > line);
        line = reader.line;
        if (what == USERS_FAULT) {
            check(why[0] != '\0' && memchr(why, '\0', sizeof(why)) != NULL);
            continue;
        }
        check(is_in(entry.name, content) && is_in(entry.hash, content));
        check(entry.name.size > 0 && entry.name.size <= USERS_NAME_MAX);
        check(entry.hash.size >= 13 && entry.hash.size <= USERS_HASH_MAX);
        check(entry.hash.data[0] == '$');
        check(memchr(entry.name.data, ':', entry.name.size) == NULL);
        check(memchr(entry.hash.data, ':', entry.hash.size) == NULL);
        check(memchr(entry.hash.data, '\0', entry.hash.size) == NULL);
    }
}

static void check_report(struct slice content) {
    static struct report report;
    static struct report warnings;
    static char text[1024];
    static char warning[1024];
    report_init(&report, "r.conf", text, sizeof(text));
    report_init(&warnings, "r.conf", warning, sizeof(warning));
    bool ok = users_file_check("/users", content, 1, &report, &warnings);
    check(ok == report_is_empty(&report));
}

static void check_request(struct users *users, const uint8_t *data, size_t size) {
    struct login_request request;
    struct login_response response;
    memset(&request, 0, sizeof(request));
    memcpy(&request, data, size < sizeof(request) ? size : sizeof(request));
    users_judge(users, &request, 1000, &response);
    check(response.number == request.number);
    check(response.verdict == LOGIN_FAILED && response.wait_s == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct users *users;
    if (users == NULL) {
        users = users_new();
        check(users != NULL);
    }
    const struct slice content = {(const char *)data, size};
    check_file(content);
    check_report(content);
    check_request(users, data, size);
    return 0;
}
