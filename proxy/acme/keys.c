#include "acme/keys.h"

#include "acme/file.h"
#include "base/clock.h"
#include "base/secret.h"
#include "config/acme.h"
#include "tls/certificate/issue.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool complain(const char *what, const char *path, char why[ACME_WHY_SIZE]) {
    (void)snprintf(why, ACME_WHY_SIZE, "certificate acme: cannot %s '%.300s': %s", what, path,
                   strerror(errno));
    return false;
}

// --- Folders ---

static bool is_folder(const char *path) {
    struct stat status;
    bool is = lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
    errno = is ? 0 : ENOTDIR;
    return is;
}

static bool make_folder(const char *path, mode_t mode, char why[ACME_WHY_SIZE]) {
    if (mkdir(path, mode) == 0) {
        return chmod(path, mode) == 0 || complain("make the folder", path, why); // umask
    }
    return (errno == EEXIST && is_folder(path)) || complain("make the folder", path, why);
}

// Makes the folder with its parent, which is /var/lib/ravelin by default.
static bool make_base(const char *folder, char why[ACME_WHY_SIZE]) {
    char parent[ACME_PATH_MAX];
    struct stat status;
    if (stat(folder, &status) == 0 && S_ISDIR(status.st_mode)) {
        return true; // a link is fine here
    }
    (void)snprintf(parent, sizeof(parent), "%s", folder);
    char *slash = strrchr(parent, '/');
    if (slash != NULL && slash != parent) {
        *slash = '\0';
        (void)mkdir(parent, 0755);
    }
    return make_folder(folder, 0755, why);
}

// Changes the owner of a folder. Ravelin owns its parent, so the path means this folder also if the
// new owner is hostile.
static bool give_away(const char *path, const struct acme_owner *owner, char why[ACME_WHY_SIZE]) {
    struct stat status;
    if (!owner->change) {
        return true;
    }
    return (lstat(path, &status) == 0 && status.st_uid == owner->uid) ||
           lchown(path, owner->uid, owner->gid) == 0 ||
           complain("give its user the folder", path, why);
}

// Makes the folder with the folder of challenges, for which the challenge server waits. After the
// change of owner, nothing is made in it.
static bool make_work(const struct config *config, const struct acme_owner *owner,
                      char why[ACME_WHY_SIZE]) {
    char work[ACME_PATH_MAX];
    char webroot[ACME_PATH_MAX];
    if (!acme_path(config, "work", "", "", work) ||
        !acme_path(config, "work", "webroot", "", webroot)) {
        errno = ENAMETOOLONG;
        return complain("make a folder in", config->acme.folder, why);
    }
    work[strlen(work) - 1] = '\0'; // the slash
    if (is_folder(work)) {
        return give_away(work, owner, why);
    }
    return make_folder(work, 0700, why) && make_folder(webroot, 0700, why) &&
           give_away(webroot, owner, why) && give_away(work, owner, why);
}

static bool make_folders(const struct config *config, const struct acme_owner *owner,
                         char why[ACME_WHY_SIZE]) {
    static const struct {
        const char *name;
        mode_t mode;
    } folders[] = {{"keys", 0700}, {"requests", 0755}};
    if (!make_base(config->acme.folder, why)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        char path[ACME_PATH_MAX];
        int size = snprintf(path, sizeof(path), "%s/%s", config->acme.folder, folders[i].name);
        if (size >= (int)sizeof(path) || !make_folder(path, folders[i].mode, why)) {
            return false;
        }
    }
    return make_work(config, owner, why);
}

// --- Files ---

static bool write_file(const char *path, const char *text, mode_t mode, char why[ACME_WHY_SIZE]) {
    return acme_write_file(path, slice_from(text), mode) || complain("write", path, why);
}

struct paths {
    char key[ACME_PATH_MAX];
    char spare[ACME_PATH_MAX];
    char request[ACME_PATH_MAX];
    char certificate[ACME_PATH_MAX];
};

static bool find_paths(const struct config *config, const char *file, struct paths *paths) {
    return acme_path(config, "keys", file, ".key", paths->key) &&
           acme_path(config, "keys", file, ".pem", paths->spare) &&
           acme_path(config, "requests", file, ".csr", paths->request) &&
           acme_path(config, "work", file, ".pem", paths->certificate);
}

static bool are_there(const struct paths *paths) {
    return access(paths->key, F_OK) == 0 && access(paths->spare, F_OK) == 0 &&
           access(paths->request, F_OK) == 0;
}

// The key is written last: while a file is missing, all are made again.
static bool write_files(const struct paths *paths, const struct issue *issue,
                        char why[ACME_WHY_SIZE]) {
    (void)unlink(paths->key);
    (void)unlink(paths->certificate);
    return write_file(paths->request, issue->request, 0644, why) &&
           write_file(paths->spare, issue->certificate, 0600, why) &&
           write_file(paths->key, issue->key, 0600, why);
}

static bool make_key(const struct config *config, const struct config_certificate *entry,
                     int64_t until_us, char why[ACME_WHY_SIZE]) {
    struct paths paths;
    struct issue issue;
    if (!find_paths(config, entry->acme_file, &paths)) {
        errno = ENAMETOOLONG;
        return complain("make the files of", entry->acme_name, why);
    }
    if (are_there(&paths)) {
        return true;
    }
    if (clock_monotonic_us() > until_us) {
        (void)snprintf(
            why, ACME_WHY_SIZE,
            "certificate acme: '%.300s' and the keys after it could not be made in time; "
            "try again: the others are there",
            paths.key);
        return false;
    }
    enum issue_kind kind = entry->acme_is_rsa ? ISSUE_RSA : ISSUE_ECDSA;
    if (issue_make(kind, entry->acme_name, clock_wall_us() / 1000000, &issue) != RESULT_OK) {
        errno = EIO;
        return complain("make the key of", entry->acme_name, why);
    }
    bool ok = write_files(&paths, &issue, why);
    secret_wipe(&issue, sizeof(issue));
    return ok;
}

bool acme_make_files(const struct config *config, const struct acme_owner *owner, int64_t until_us,
                     char why[ACME_WHY_SIZE]) {
    if (!make_folders(config, owner, why)) {
        return false;
    }
    for (size_t i = 0; i < config->site_count; i++) {
        const struct config_site *site = &config->sites[i];
        for (size_t k = 0; k < site->certificate_count; k++) {
            const struct config_certificate *entry = &site->certificates[k];
            if (entry->acme_name != NULL && !make_key(config, entry, until_us, why)) {
                return false;
            }
        }
    }
    return true;
}
