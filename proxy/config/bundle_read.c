#include "config/bundle.h"

#include "base/secret.h"
#include "config/acme.h"
#include "config/bundle_format.h"
#include "config/bundle_texts.h"
#include "config/doubts.h"
#include "config/image.h"
#include "config/key_file.h"
#include "config/report.h"
#include "config/resolv_conf.h"
#include "config/text.h"
#include "config/users_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// A file that a config names.
struct source {
    enum bundle_kind kind;
    const char *path;
    int line;
    bool is_ordered;  // Ravelin or acme makes the file, and no link is followed: see acme.h
    bool is_optional; // one that cannot be used is left out
};

// A bundle that is being written.
struct writer {
    int fd;
    uint64_t count;
};

struct reader {
    struct report report;
    struct report warnings;
    char place[KEY_PLACE_SIZE]; // that the last warning was about
    char *buffer;               // every file is read through it, also keys
    struct writer files;
    struct writer keys;
    struct writer users;
    struct bundle_texts texts;
    bundle_prepare *prepare; // NULL: no file is made
};

#define BUFFER_SIZE                                                                                \
    (CONFIG_TEXT_MAX + 1) // one more than the largest file, to see that one is larger

// --- Reading files ---

static bool refuse(struct reader *reader, const struct source *source, const char *what) {
    static const char *const names[] = {[BUNDLE_CERTIFICATE] = "certificate",
                                        [BUNDLE_KEY] = "key",
                                        [BUNDLE_OCSP] = "ocsp",
                                        [BUNDLE_CLIENT_CA] = "client-ca",
                                        [BUNDLE_CLIENT_CRL] = "client-crl",
                                        [BUNDLE_PAGE] = "file",
                                        [BUNDLE_USERS] = "users",
                                        [BUNDLE_RESOLV_CONF] = "resolver"};
    if (source->kind == BUNDLE_CONFIG) {
        report_add(&reader->report, 0, "%s", what);
    } else if (source->is_optional) {
        report_add(&reader->warnings, source->line,
                   "certificate '%s': %s; Ravelin's own certificate is used until there is another",
                   source->path, what);
    } else {
        report_add(&reader->report, source->line, "%s '%s': %s", names[source->kind], source->path,
                   what);
    }
    return false;
}

// One warning for all keys of a folder or mount. The keys are sorted by path.
static void warn_of_place(struct reader *reader, const struct source *source, unsigned mode,
                          const char *place) {
    if (strcmp(reader->place, place) == 0) {
        return;
    }
    (void)snprintf(reader->place, sizeof(reader->place), "%s", place);
    report_add(&reader->warnings, source->line,
               "key '%s': world-readable (mode %04o); only the %s protects it and the keys beside "
               "it; set mode "
               "0400 if you can",
               source->path, mode, place);
}

static bool check_key(struct reader *reader, const struct source *source, int fd,
                      const struct stat *status) {
    unsigned mode = status->st_mode & 07777;
    char place[KEY_PLACE_SIZE];
    switch (key_file_judge(fd, status, place)) {
    case KEY_FILE_PRIVATE:
        return true;
    case KEY_FILE_SHIELDED:
        warn_of_place(reader, source, mode, place);
        return true;
    case KEY_FILE_CHANGEABLE:
        report_add(
            &reader->report, source->line,
            "key '%s': users other than its owner can change it (mode %04o); run: chmod 0600 "
            "'%s'",
            source->path, mode, source->path);
        return false;
    default:
        report_add(
            &reader->report, source->line,
            "key '%s': any user can read it (mode %04o); run: chmod 0600 '%s', set mode: 0400 "
            "(Docker secret) or defaultMode: 0400 (Kubernetes), or copy it to a folder of "
            "mode 0700",
            source->path, mode, source->path);
        return false;
    }
}

// A user who can change this file can give access to any user. Hashes may be world-readable.
static bool check_users(struct reader *reader, const struct source *source, int fd,
                        const struct stat *status) {
    unsigned mode = status->st_mode & 07777;
    char place[KEY_PLACE_SIZE];
    switch (key_file_judge(fd, status, place)) {
    case KEY_FILE_CHANGEABLE:
        report_add(&reader->report, source->line,
                   "users '%s': users other than its owner can change it (mode %04o); run: chmod "
                   "0640 '%s'",
                   source->path, mode, source->path);
        return false;
    case KEY_FILE_EXPOSED:
        report_add(&reader->warnings, source->line,
                   "users '%s': any local user can read the hashes (mode %04o); run: chmod 0640 "
                   "'%s'",
                   source->path, mode, source->path);
        return true;
    default:
        return true;
    }
}

static bool check_status(struct reader *reader, const struct source *source, int fd,
                         const struct stat *status) {
    if (!S_ISREG(status->st_mode)) {
        return refuse(reader, source, "not a regular file");
    }
    if (source->kind == BUNDLE_USERS) {
        return check_users(reader, source, fd, status);
    }
    return source->kind != BUNDLE_KEY || check_key(reader, source, fd, status);
}

// Reads to the end of the file or of the buffer. False with errno.
static bool read_all(int fd, char *buffer, size_t *size) {
    for (*size = 0; *size < BUFFER_SIZE;) {
        ssize_t got = read(fd, buffer + *size, BUFFER_SIZE - *size);
        if (got < 0 && errno != EINTR) {
            return false;
        }
        if (got == 0) {
            break;
        }
        *size += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static size_t limit_of(const struct source *source) {
    if (source->is_optional) {
        return ACME_CERTIFICATE_MAX;
    }
    switch (source->kind) {
    case BUNDLE_CONFIG:
    case BUNDLE_CLIENT_CRL:
        return CONFIG_TEXT_MAX;
    case BUNDLE_PAGE:
        return BUNDLE_PAGE_MAX;
    default:
        return BUNDLE_FILE_MAX;
    }
}

static bool check_content(struct reader *reader, const struct source *source,
                          struct slice content) {
    static const char key_mark[] = "PRIVATE KEY-----";
    size_t limit = limit_of(source);
    if (content.size == 0) {
        return refuse(reader, source, "the file is empty");
    }
    if (content.size > limit) {
        char what[64];
        bool is_small = limit < 1 << 20;
        (void)snprintf(what, sizeof(what), "larger than %zu %s", limit >> (is_small ? 10 : 20),
                       is_small ? "KiB" : "MiB");
        return refuse(reader, source, what);
    }
    // Files that are neither the config nor keys are sent to workers.
    if (source->kind != BUNDLE_CONFIG && source->kind != BUNDLE_KEY &&
        memmem(content.data, content.size, key_mark, sizeof(key_mark) - 1) != NULL) {
        return refuse(reader, source, "it holds a private key, which belongs in a file of its own");
    }
    if (source->kind == BUNDLE_USERS) {
        return users_file_check(source->path, content, source->line, &reader->report,
                                &reader->warnings);
    }
    struct address resolvers[RESOLV_CONF_SERVERS_MAX];
    if (source->kind == BUNDLE_RESOLV_CONF && resolv_conf_parse(content, resolvers) == 0) {
        return refuse(reader, source, "it names no server; set resolver = ADDRESS");
    }
    return true;
}

// Reads a file into the buffer. A fault is added to the report, or to the warnings if the file is
// optional.
static bool read_source(struct reader *reader, const struct source *source, struct slice *content) {
    struct stat status;
    // Non-blocking, because opening a pipe must not wait for a writer. A less trusted process
    // writes certificates of ACME: none may be a link to another file.
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    int fd = open(source->path, flags | (source->is_ordered ? O_NOFOLLOW : 0));
    if (fd < 0) {
        bool is_link = source->is_ordered && errno == ELOOP;
        return (source->is_optional && errno == ENOENT)
                   ? false
                   : refuse(reader, source, is_link ? "it is a link" : strerror(errno));
    }
    bool ok = fstat(fd, &status) == 0 ? check_status(reader, source, fd, &status)
                                      : refuse(reader, source, strerror(errno));
    content->data = reader->buffer;
    if (ok && !read_all(fd, reader->buffer, &content->size)) {
        ok = refuse(reader, source, strerror(errno));
    }
    (void)close(fd);
    return ok && check_content(reader, source, *content);
}

// --- Writing bundles ---

static bool write_all(int fd, const void *data, size_t size) {
    const char *from = data;
    while (size > 0) {
        ssize_t put = write(fd, from, size);
        if (put < 0 && errno != EINTR) {
            return false;
        }
        from += put > 0 ? put : 0;
        size -= put > 0 ? (size_t)put : 0;
    }
    return true;
}

static bool writer_open(struct writer *writer, const char *name) {
    struct bundle_head head = {0}; // set when the count is known
    writer->fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return writer->fd >= 0 && write_all(writer->fd, &head, sizeof(head));
}

static bool writer_add(struct writer *writer, const struct source *source, struct slice content) {
    struct bundle_entry entry = {source->kind, strlen(source->path), content.size};
    writer->count++;
    return write_all(writer->fd, &entry, sizeof(entry)) &&
           write_all(writer->fd, source->path, entry.path_size + 1) &&
           write_all(writer->fd, content.data, content.size);
}

static bool writer_finish(struct writer *writer, struct bundle *bundle) {
    struct bundle_head head = {BUNDLE_MAGIC, writer->count};
    int fd = writer->fd;
    if (pwrite(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
        fcntl(fd, F_ADD_SEALS, BUNDLE_SEALS) != 0) {
        return false;
    }
    writer->fd = -1;
    return bundle_open(fd, bundle) == RESULT_OK;
}

static void writer_close(struct writer *writer) {
    if (writer->fd >= 0) {
        (void)close(writer->fd);
    }
}

// --- The files of a config ---

static int compare_sources(const void *left, const void *right) {
    const struct source *a = left;
    const struct source *b = right;
    int order = (a->kind > b->kind) - (a->kind < b->kind);
    if (order == 0) {
        order = strcmp(a->path, b->path);
    }
    return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

// Returns the next item of a list with space.
static void list_source(struct source *sources, size_t *count, enum bundle_kind kind,
                        const char *path, int line) {
    if (path != NULL) {
        sources[(*count)++] = (struct source){.kind = kind, .path = path, .line = line};
    }
}

static void list_site(struct source *sources, size_t *count, const struct config_site *site) {
    for (size_t i = 0; i < site->certificate_count; i++) {
        const struct config_certificate *entry = &site->certificates[i];
        size_t first = *count;
        list_source(sources, count, BUNDLE_CERTIFICATE, entry->certificate_path, entry->line);
        sources[first].is_optional = entry->spare_path != NULL;
        list_source(sources, count, BUNDLE_CERTIFICATE, entry->spare_path, entry->line);
        list_source(sources, count, BUNDLE_KEY, entry->key_path, entry->key_line);
        for (size_t k = first; k < *count; k++) {
            sources[k].is_ordered = entry->acme_name != NULL;
        }
        list_source(sources, count, BUNDLE_OCSP, entry->ocsp_path, entry->ocsp_line);
    }
    list_source(sources, count, BUNDLE_CLIENT_CA, site->client_ca_path, site->client_ca_line);
    list_source(sources, count, BUNDLE_CLIENT_CRL, site->client_crl_path, site->client_crl_line);
    for (size_t i = 0; i < site->route_count; i++) {
        const struct config_route *route = &site->routes[i];
        list_source(sources, count, BUNDLE_USERS, route->login.users,
                    route->users != NULL ? route->users_line : site->users_line);
        const struct config_page *page = &site->routes[i].page;
        list_source(sources, count, BUNDLE_PAGE, page->file, page->file_line);
    }
    for (size_t i = 0; i < site->error_page_count; i++) {
        const struct config_page *page = &site->error_pages[i].page;
        list_source(sources, count, BUNDLE_PAGE, page->file, page->file_line);
    }
}

// Whether a name needs the system's resolvers.
static int first_name_line(const struct config *config) {
    for (size_t i = 0; i < config->backend_count; i++) {
        for (size_t k = 0; k < config->backends[i].server_count; k++) {
            if (config->backends[i].servers[k].host != NULL) {
                return config->backends[i].servers[k].line;
            }
        }
    }
    return 0;
}

static struct source *list_sources(const struct config *config, size_t *count) {
    size_t most = 1; // for the resolvers
    for (size_t i = 0; i < config->site_count; i++) {
        const struct config_site *site = &config->sites[i];
        most += 4 * site->certificate_count + 2 + 2 * site->route_count + site->error_page_count;
    }
    struct source *sources = calloc(most, sizeof(*sources));
    *count = 0;
    for (size_t i = 0; sources != NULL && i < config->site_count; i++) {
        list_site(sources, count, &config->sites[i]);
    }
    if (sources != NULL && config_has_names(config) && config_uses_system_resolver(config)) {
        int line = config->resolver_line != 0 ? config->resolver_line : first_name_line(config);
        list_source(sources, count, BUNDLE_RESOLV_CONF, RESOLV_CONF_PATH, line);
    }
    if (sources != NULL) {
        qsort(sources, *count, sizeof(*sources), compare_sources);
    }
    return sources;
}

static void list_address_files(const struct config_site *site, const char **paths, size_t *count) {
    for (size_t i = 0; i < site->route_count; i++) {
        const char *both[] = {site->routes[i].allow_file.path, site->routes[i].deny_file.path};
        for (size_t j = 0; j < 2; j++) {
            if (both[j] != NULL) {
                paths[(*count)++] = both[j];
            }
        }
    }
}

const char **bundle_list_paths(const struct config *config, size_t *count) {
    struct source *sources = list_sources(config, count);
    size_t most = *count + 2;
    for (size_t i = 0; i < config->site_count; i++) {
        most += 2 * config->sites[i].route_count;
    }
    const char **paths = sources == NULL ? NULL : calloc(most, sizeof(*paths));
    for (size_t i = 0; paths != NULL && i < *count; i++) {
        paths[i] = sources[i].path;
    }
    if (paths != NULL && config->trusted_proxies_file.path != NULL) {
        paths[(*count)++] = config->trusted_proxies_file.path;
    }
    for (size_t i = 0; paths != NULL && i < config->site_count; i++) {
        list_address_files(&config->sites[i], paths, count);
    }
    free(sources);
    return paths;
}

static bool is_repeat(const struct source *sources, size_t i) {
    return i > 0 && sources[i].kind == sources[i - 1].kind &&
           strcmp(sources[i].path, sources[i - 1].path) == 0;
}

// Copies the mark of a file of users. Workers get the mark, and nothing else of the file.
static bool copy_mark(struct reader *reader, const struct source *source, struct slice content) {
    const struct source marked = {.kind = BUNDLE_USERS_MARK, .path = source->path};
    const struct users_mark mark = users_file_mark(content);
    return writer_add(&reader->files, &marked, (struct slice){(const char *)&mark, sizeof(mark)});
}

static bool copy_source(struct reader *reader, const struct source *source) {
    struct slice content = {0};
    struct writer *writer = source->kind == BUNDLE_KEY     ? &reader->keys
                            : source->kind == BUNDLE_USERS ? &reader->users
                                                           : &reader->files;
    // `ravelin check` before the first start: files that the start makes do not exist yet.
    if (reader->prepare == NULL && source->is_ordered && access(source->path, F_OK) != 0) {
        return true;
    }
    if (!read_source(reader, source, &content)) {
        return true; // reported; the other files are checked, too
    }
    return writer_add(writer, source, content) &&
           (source->kind != BUNDLE_USERS || copy_mark(reader, source, content));
}

// False: a bundle cannot be written. Faults of files are in the report.
static bool copy_sources(struct reader *reader, const struct config *config) {
    size_t count;
    struct source *sources = list_sources(config, &count);
    bool ok = sources != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        ok = is_repeat(sources, i) || copy_source(reader, &sources[i]);
    }
    free(sources);
    return ok;
}

// The absolute path of the config file. bundle_read_again() resolves relative paths with it, for
// any working directory.
static char *absolute_path(const struct config *config, const char *path) {
    const char *slash = strrchr(path, '/');
    const char *separator = strcmp(config->directory, "/") == 0 ? "" : "/";
    const char *name = slash == NULL ? path : slash + 1;
    char *absolute;
    return asprintf(&absolute, "%s%s%s", config->directory, separator, name) < 0 ? NULL : absolute;
}

static bool copy_text(struct reader *reader, const struct config *config, const char *path,
                      struct slice text) {
    char *absolute = absolute_path(config, path);
    struct source source = {.kind = BUNDLE_CONFIG, .path = absolute};
    bool ok = absolute != NULL && writer_add(&reader->files, &source, text);
    free(absolute);
    return ok;
}

static bool copy_image(struct reader *reader, const struct config *config) {
    struct slice image = image_write(config);
    const struct source source = {.kind = BUNDLE_IMAGE, .path = ""};
    bool ok = image.data != NULL && writer_add(&reader->files, &source, image);
    free((void *)(uintptr_t)image.data);
    return ok;
}

// A missing folder is not an error, because it may be made at any time.
static void check_folders(struct reader *reader, const struct config *config) {
    struct stat status;
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listen *listen = &config->listeners[i];
        if (listen->challenge_path != NULL && listen->challenge_line != 0 &&
            (stat(listen->challenge_path, &status) != 0 || !S_ISDIR(status.st_mode))) {
            report_add(&reader->warnings, listen->challenge_line,
                       "acme-challenge '%s': there is no such folder; challenges get 404",
                       listen->challenge_path);
        }
    }
}

static bool refuse_bundle(struct reader *reader) {
    report_add(&reader->report, 0, "its bundle cannot be written: %s", strerror(errno));
    return false;
}

static bool copy_texts(struct reader *reader, const struct bundle_texts *texts) {
    bool ok = true;
    for (size_t i = 0; ok && i < texts->count; i++) {
        const struct source source = {.kind = texts->items[i].kind, .path = texts->items[i].path};
        ok = writer_add(&reader->files, &source, texts->items[i].content);
    }
    return ok;
}

static bool prepare_files(struct reader *reader, const struct config *config) {
    char why[BUNDLE_WHY_SIZE];
    if (reader->prepare == NULL || reader->prepare(config, why)) {
        return true;
    }
    report_add(&reader->report, 0, "%s", why);
    return false;
}

// `text`: of the config, if it was read already.
static bool read_pair(struct reader *reader, const char *path, struct slice text,
                      struct bundle_pair *pair, struct config **config,
                      char error[CONFIG_ERROR_SIZE]) {
    struct source source = {.kind = BUNDLE_CONFIG, .path = path};
    if (reader->buffer == NULL || !writer_open(&reader->files, "ravelin-files") ||
        !writer_open(&reader->keys, "ravelin-keys") ||
        !writer_open(&reader->users, "ravelin-users")) {
        return refuse_bundle(reader);
    }
    if (text.data == NULL && !read_source(reader, &source, &text)) {
        return false;
    }
    // The text is in the buffer until it is copied, so its includes are read elsewhere.
    const struct config_files files = bundle_texts_files(&reader->texts);
    *config = config_load_with(path, text, &files, error);
    if (*config == NULL) {
        return false;
    }
    reader->report.parts = reader->warnings.parts = &(*config)->parts;
    if (!copy_text(reader, *config, path, text) || !copy_image(reader, *config) ||
        !copy_texts(reader, &reader->texts) || !acme_expand(*config)) {
        return refuse_bundle(reader);
    }
    if (!prepare_files(reader, *config)) {
        return false;
    }
    check_folders(reader, *config);
    doubts_find(*config, &reader->warnings);
    if (!copy_sources(reader, *config)) {
        return refuse_bundle(reader);
    }
    if (!report_is_empty(&reader->report)) {
        return false;
    }
    return (writer_finish(&reader->files, &pair->files) &&
            writer_finish(&reader->keys, &pair->keys) &&
            writer_finish(&reader->users, &pair->users)) ||
           refuse_bundle(reader);
}

static enum result read_bundles(const char *path, const struct bundle *former,
                                bundle_prepare *prepare, struct bundle_pair *pair,
                                struct config **config, char error[CONFIG_ERROR_SIZE]) {
    struct reader reader = {.buffer = secret_map(BUFFER_SIZE),
                            .files = {.fd = -1},
                            .keys = {.fd = -1},
                            .users = {.fd = -1},
                            .texts = {.former = former},
                            .prepare = prepare};
    struct slice text = former != NULL ? bundle_config_text(former) : (struct slice){0};
    *config = NULL;
    pair->files = pair->keys = pair->users = (struct bundle){.fd = -1};
    report_init(&reader.report, path, error, CONFIG_ERROR_SIZE);
    report_init(&reader.warnings, path, pair->warnings, sizeof(pair->warnings));
    bool ok = read_pair(&reader, path, text, pair, config, error);
    report_sort(&reader.report);
    report_sort(&reader.warnings);
    if (!ok) {
        bundle_close_pair(pair);
        config_free(*config);
        *config = NULL;
    }
    writer_close(&reader.files);
    writer_close(&reader.keys);
    writer_close(&reader.users);
    bundle_texts_free(&reader.texts);
    secret_unmap(reader.buffer, BUFFER_SIZE);
    return ok ? RESULT_OK : RESULT_ERROR;
}

enum result bundle_read(const char *path, struct bundle_pair *pair, struct config **config,
                        char error[CONFIG_ERROR_SIZE]) {
    return read_bundles(path, NULL, NULL, pair, config, error);
}

enum result bundle_read_prepared(const char *path, bundle_prepare *prepare,
                                 struct bundle_pair *pair, struct config **config,
                                 char error[CONFIG_ERROR_SIZE]) {
    return read_bundles(path, NULL, prepare, pair, config, error);
}

enum result bundle_read_again(const struct bundle *files, bundle_prepare *prepare,
                              struct bundle_pair *pair, struct config **config,
                              char error[CONFIG_ERROR_SIZE]) {
    // A NUL follows the path.
    return read_bundles(bundle_config_path(files).data, files, prepare, pair, config, error);
}
