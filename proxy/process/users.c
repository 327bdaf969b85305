#include "process/users.h"

#include "base/hash.h"
#include "base/rate.h"
#include "base/secret.h"
#include "config/users_file.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { GENERATIONS_KEPT = 3, NAME_CELLS = 4096 };

struct file {
    struct users_mark mark;
    char *content; // secret_map()
    size_t size;
    struct users_entry *entries; // sorted by name; slices of the content
    size_t count;
};

struct file_set {
    uint64_t generation;
    struct file *files; // NULL: no generation
    size_t count;
};

// Memory of crypt_r(). On the stack it would be 32 KiB for each call.
struct workspace {
    struct crypt_data data;
    char password[LOGIN_PASSWORD_MAX + 1];
    char hash[USERS_HASH_MAX + 1];
};

struct users {
    struct file_set sets[GENERATIONS_KEPT]; // newest first
    struct workspace *workspace;            // secret_map()
    struct rate asked;
    uint64_t secret;                // which cell a name leads to
    int64_t full_at_ms[NAME_CELLS]; // buckets of wrong passwords: when one will be full again
};

// --- Files ---

static void free_set(struct file_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        if (set->files[i].content != NULL) {
            secret_unmap(set->files[i].content, set->files[i].size);
        }
        free(set->files[i].entries);
    }
    free(set->files);
    *set = (struct file_set){.files = NULL};
}

struct users *users_new(void) {
    struct users *users = calloc(1, sizeof(*users));
    if (users == NULL) {
        return NULL;
    }
    users->asked = (struct rate){.interval_ms = USERS_ASK_INTERVAL_MS, .burst = USERS_ASK_BURST};
    users->workspace = secret_map(sizeof(*users->workspace));
    if (users->workspace == NULL ||
        getrandom(&users->secret, sizeof(users->secret), 0) != (ssize_t)sizeof(users->secret)) {
        users_free(users);
        return NULL;
    }
    return users;
}

void users_free(struct users *users) {
    if (users == NULL) {
        return;
    }
    for (size_t i = 0; i < GENERATIONS_KEPT; i++) {
        free_set(&users->sets[i]);
    }
    if (users->workspace != NULL) {
        secret_unmap(users->workspace, sizeof(*users->workspace));
    }
    free(users);
}

static int compare_entries(const void *left, const void *right) {
    const struct users_entry *a = left;
    const struct users_entry *b = right;
    return slice_compare(a->name, b->name);
}

// The reader has refused files with faulty lines, so no line is skipped here.
static bool read_entries(struct file *file) {
    struct users_reader reader = {{file->content, file->size}, 0};
    struct users_entry entry;
    char why[USERS_WHY_SIZE];
    enum users_line what;
    file->entries = calloc(USERS_MAX, sizeof(*file->entries));
    while (file->entries != NULL && file->count < USERS_MAX &&
           (what = users_file_next(&reader, &entry, why)) != USERS_END) {
        if (what == USERS_FAULT || entry.hash.size > USERS_HASH_MAX) {
            return false;
        }
        file->entries[file->count++] = entry;
    }
    if (file->entries == NULL || file->count == 0) {
        return false;
    }
    qsort(file->entries, file->count, sizeof(*file->entries), compare_entries);
    return true;
}

static bool read_file(struct file *file, struct slice content) {
    *file = (struct file){.mark = users_file_mark(content), .size = content.size};
    file->content = content.size == 0 ? NULL : secret_map(content.size);
    if (file->content == NULL) {
        return false;
    }
    memcpy(file->content, content.data, content.size);
    return read_entries(file);
}

enum result users_load(struct users *users, uint64_t generation, const struct bundle *bundle) {
    struct slice path;
    struct slice content;
    struct file_set set = {.generation = generation};
    size_t total = 0;
    while (bundle_file_at(bundle, total, &path, &content)) {
        total++;
    }
    set.files = calloc(total + 1, sizeof(*set.files));
    if (set.files == NULL) {
        return RESULT_ERROR;
    }
    for (size_t i = 0; i < total; i++) {
        set.count++;
        if (!bundle_file_at(bundle, i, &path, &content) || !read_file(&set.files[i], content)) {
            free_set(&set);
            return RESULT_ERROR;
        }
    }
    free_set(&users->sets[GENERATIONS_KEPT - 1]);
    memmove(&users->sets[1], &users->sets[0], sizeof(users->sets[0]) * (GENERATIONS_KEPT - 1));
    users->sets[0] = set;
    return RESULT_OK;
}

void users_drop(struct users *users, uint64_t generation) {
    if (users->sets[0].files != NULL && users->sets[0].generation == generation) {
        free_set(&users->sets[0]);
        memmove(&users->sets[0], &users->sets[1], sizeof(users->sets[0]) * (GENERATIONS_KEPT - 1));
        users->sets[GENERATIONS_KEPT - 1] = (struct file_set){.files = NULL};
    }
}

static const struct file *find_file(const struct users *users, const struct users_mark *mark) {
    for (size_t i = 0; i < GENERATIONS_KEPT; i++) {
        for (size_t j = 0; j < users->sets[i].count; j++) {
            if (memcmp(&users->sets[i].files[j].mark, mark, sizeof(*mark)) == 0) {
                return &users->sets[i].files[j];
            }
        }
    }
    return NULL;
}

// --- Passwords ---

// 1: the password matches the hash. 0: it does not. -1: the hash cannot be computed.
static int compare_password(struct users *users, struct slice password, struct slice hash) {
    struct workspace *space = users->workspace;
    memcpy(space->password, password.data, password.size);
    space->password[password.size] = '\0';
    memcpy(space->hash, hash.data, hash.size);
    space->hash[hash.size] = '\0';
    const char *computed = crypt_r(space->password, space->hash, &space->data);
    int same = -1;
    if (computed != NULL && computed[0] != '*') {
        same = strlen(computed) == hash.size && secret_equal(computed, hash.data, hash.size);
    }
    secret_wipe(space, sizeof(*space));
    return same;
}

static uint32_t judge(struct users *users, const struct file *file,
                      const struct login_request *request, uint64_t name_hash) {
    const struct users_entry wanted = {.name = {request->user, request->user_size}};
    const struct users_entry *found =
        bsearch(&wanted, file->entries, file->count, sizeof(wanted), compare_entries);
    const struct users_entry *entry =
        found != NULL ? found : &file->entries[name_hash % file->count];
    int same = compare_password(users, (struct slice){request->password, request->password_size},
                                entry->hash);
    if (same < 0) {
        return LOGIN_FAILED;
    }
    return same > 0 && found != NULL ? LOGIN_GRANTED : LOGIN_WRONG;
}

static bool is_sound(const struct login_request *request) {
    return request->user_size > 0 && request->user_size <= USERS_NAME_MAX &&
           request->password_size <= LOGIN_PASSWORD_MAX &&
           memchr(request->password, '\0', request->password_size) == NULL;
}

static uint32_t seconds_of(int64_t ms) {
    int64_t seconds = (ms + 999) / 1000;
    return seconds < 1 ? 1 : seconds > LOGIN_WAIT_MAX_S ? LOGIN_WAIT_MAX_S : (uint32_t)seconds;
}

void users_judge(struct users *users, const struct login_request *request, int64_t now_ms,
                 struct login_response *response) {
    const struct file *file = find_file(users, &request->file);
    *response = (struct login_response){.number = request->number, .verdict = LOGIN_FAILED};
    if (file == NULL || !is_sound(request)) {
        return;
    }
    uint64_t hash = hash_mix(hash_bytes(request->user, request->user_size) ^ users->secret);
    int64_t *full_at_ms = &users->full_at_ms[hash % NAME_CELLS];
    // The bucket is empty when it is a whole burst short of full.
    const int64_t most_ms = (int64_t)(USERS_WRONG_BURST - 1) * USERS_WRONG_INTERVAL_MS;
    int64_t wait_ms = *full_at_ms - now_ms - most_ms;
    if (wait_ms > 0 || !rate_take(&users->asked, now_ms)) {
        response->verdict = wait_ms > 0 ? LOGIN_LATER : LOGIN_BUSY;
        response->wait_s = seconds_of(wait_ms);
        return;
    }
    response->verdict = judge(users, file, request, hash / NAME_CELLS);
    if (response->verdict == LOGIN_WRONG) {
        *full_at_ms = (*full_at_ms > now_ms ? *full_at_ms : now_ms) + USERS_WRONG_INTERVAL_MS;
    }
}
