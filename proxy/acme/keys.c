#include "acme/keys.h"

#include "base/clock.h"
#include "base/secret.h"
#include "config/acme.h"
#include "tls/certificate/issue.h"

#include <errno.h>
#include <fcntl.h>
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

// With its parent, which is /var/lib/ravelin by default.
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

// Its parent is ours, so the path means this folder also if its owner is hostile.
static bool give_away(const char *path, const struct acme_owner *owner, char why[ACME_WHY_SIZE]) {
    struct stat status;
    if (!owner->change) {
        return true;
    }
    return (lstat(path, &status) == 0 && status.st_uid == owner->uid) ||
           lchown(path, owner->uid, owner->gid) == 0 ||
           complain("give its user the folder", path, why);
}

// With the folder of challenges, for which the challenge server waits. As soon as `work` is given
// away, nothing is made in it.
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

static bool write_all(int fd, const char *text) {
    size_t size = strlen(text);
    while (size > 0) {
        ssize_t written = write(fd, text, size);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        text += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

static bool write_file(const char *path, const char *text, mode_t mode, char why[ACME_WHY_SIZE]) {
    char draft[ACME_PATH_MAX + 4];
    (void)snprintf(draft, sizeof(draft), "%s.new", path);
    (void)unlink(draft); // of one that was interrupted
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return complain("make", path, why);
    }
    bool ok = fchmod(fd, mode) == 0 && write_all(fd, text) && fsync(fd) == 0;
    int error = errno;
    ok = close(fd) == 0 && ok && rename(draft, path) == 0;
    if (!ok) {
        errno = error != 0 ? error : errno;
        (void)complain("write", path, why);
        (void)unlink(draft);
    }
    return ok;
}

struct paths {
    char key[ACME_PATH_MAX];
    char spare[ACME_PATH_MAX];
    char request[ACME_PATH_MAX];
    char certificate[ACME_PATH_MAX];
};

static bool find_paths(const struct config *config, const char *name, struct paths *paths) {
    return acme_path(config, "keys", name, ".key", paths->key) &&
           acme_path(config, "keys", name, ".pem", paths->spare) &&
           acme_path(config, "requests", name, ".csr", paths->request) &&
           acme_path(config, "work", name, ".pem", paths->certificate);
}

static bool are_there(const struct paths *paths) {
    return access(paths->key, F_OK) == 0 && access(paths->spare, F_OK) == 0 &&
           access(paths->request, F_OK) == 0;
}

// The key comes last: as long as one of them is missing, all are made again.
static bool write_files(const struct paths *paths, const struct issue *issue,
                        char why[ACME_WHY_SIZE]) {
    (void)unlink(paths->key);
    (void)unlink(paths->certificate);
    return write_file(paths->request, issue->request, 0644, why) &&
           write_file(paths->spare, issue->certificate, 0600, why) &&
           write_file(paths->key, issue->key, 0600, why);
}

static bool make_name(const struct config *config, const char *name, char why[ACME_WHY_SIZE]) {
    struct paths paths;
    struct issue issue;
    if (!find_paths(config, name, &paths)) {
        errno = ENAMETOOLONG;
        return complain("make the files of", name, why);
    }
    if (are_there(&paths)) {
        return true;
    }
    if (issue_make(name, clock_wall_us() / 1000000, &issue) != RESULT_OK) {
        errno = EIO;
        return complain("make the key of", name, why);
    }
    bool ok = write_files(&paths, &issue, why);
    secret_wipe(&issue, sizeof(issue));
    return ok;
}

bool acme_make_files(const struct config *config, const struct acme_owner *owner,
                     char why[ACME_WHY_SIZE]) {
    if (!make_folders(config, owner, why)) {
        return false;
    }
    for (size_t i = 0; i < config->site_count; i++) {
        const struct config_site *site = &config->sites[i];
        for (size_t k = 0; k < site->certificate_count; k++) {
            const char *name = site->certificates[k].acme_name;
            if (name != NULL && !make_name(config, name, why)) {
                return false;
            }
        }
    }
    return true;
}
