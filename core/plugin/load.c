/* SPDX-License-Identifier: Apache-2.0 */
/* From a file to mapped code, by way of a child process.
 *
 * Mapping a shared object runs code of its author: constructors. So each file is mapped and checked in
 * a child first; one that crashes there, hangs, or does not pass, never gets into this process. The
 * child is a plain fork: registries are made at start, before there are threads.
 *
 * What is mapped stays mapped. dlclose() is never called: thread-specific destructors, atexit handlers
 * and libraries below outlive it, and there is nothing to gain. */
#include "config.h"
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/plugin/plugin_priv.h"

#define ENTRY_SYMBOL "phoenix_plugin_v1"
#define REMEDY_BROKEN "report it to the plugin's author; take the file away meanwhile"

/* The GNU build id among the notes of one segment, as hex. Notes are aligned to 4 bytes. */
static void note_build_id(const char *p, size_t n, char *out, size_t cap)
{
    while (n >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) h;
        memcpy(&h, p, sizeof h);
        size_t name_n = (h.n_namesz + 3u) & ~(size_t)3;
        size_t desc_n = (h.n_descsz + 3u) & ~(size_t)3;
        if (name_n > n || desc_n > n || sizeof h + name_n + desc_n > n) {
            return;
        }
        const unsigned char *desc = (const unsigned char *)p + sizeof h + name_n;
        if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == 4 && memcmp(p + sizeof h, "GNU", 4) == 0 &&
            2 * (size_t)h.n_descsz < cap) {
            for (size_t i = 0; i < h.n_descsz; i++) {
                snprintf(out + 2 * i, 3, "%02x", desc[i]);
            }
            return;
        }
        p += sizeof h + name_n + desc_n;
        n -= sizeof h + name_n + desc_n;
    }
}

struct find_object {
    ElfW(Addr) base;
    char *out;
    size_t cap;
};

static int on_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct find_object *f = arg;
    if (info->dlpi_addr != f->base) {
        return 0;
    }
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
        if (ph->p_type == PT_NOTE) {
            note_build_id((const char *)info->dlpi_addr + ph->p_vaddr, ph->p_memsz, f->out, f->cap);
        }
    }
    return 1;
}

int load__open(const char *path, struct loaded *ret, struct refusal *why)
{
    *ret = (struct loaded){ 0 };
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!object) {
        const char *text = dlerror();
        size_t n = strlen(path);
        if (strncmp(text, path, n) == 0 && strncmp(text + n, ": ", 2) == 0) {
            text += n + 2;
        }
        return refuse(why, "a shared object with all it needs", "install what it needs, or rebuild it", "%s",
                      text);
    }
    ret->plugin = dlsym(object, ENTRY_SYMBOL);
    if (!ret->plugin) {
        return refuse(why, "the symbol " ENTRY_SYMBOL, "take the file away: it is no plugin for this release",
                      "no such symbol");
    }
    Dl_info info;
    const ElfW(Sym) *symbol = NULL;
    if (dladdr1(ret->plugin, &info, (void **)&symbol, RTLD_DL_SYMENT) && symbol) {
        ret->symbol_size = symbol->st_size;
    }
    struct link_map *map = NULL;
    if (dlinfo(object, RTLD_DI_LINKMAP, &map) == 0) {
        struct find_object f = { map->l_addr, ret->build_id, sizeof ret->build_id };
        dl_iterate_phdr(on_object, &f);
    }
    return 0;
}

/* What the child sends: less than PIPE_BUF, so it comes whole or not at all. */
struct answer {
    int32_t rc;
    struct refusal why;
};

static void limit(int resource, rlim_t most)
{
    struct rlimit r = { most, most };
    setrlimit(resource, &r);
}

static _Noreturn void probe_child(const char *path, int out)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, LIMIT_PLUGIN_PROBE_MS / 1000);
#ifndef PHX_SANITIZERS /* their shadow takes terabytes of address space */
    limit(RLIMIT_AS, (rlim_t)4 << 30);
#endif
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd <= 2 && null >= 0; fd++) {
        dup2(null, fd);
    }
    static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTERM, SIGPIPE };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        signal(faults[i], SIG_DFL);
    }
    struct answer answer = { 0 };
    struct loaded loaded;
    struct checked checked;
    struct arena *a = arena_new();
    answer.rc = load__open(path, &loaded, &answer.why);
    if (answer.rc == 0) {
        answer.rc = plugin__check(a, loaded.plugin, loaded.symbol_size, &checked, &answer.why);
    }
    ssize_t n = write(out, &answer, sizeof answer);
    _exit(n == (ssize_t)sizeof answer ? 0 : 1);
}

/* True when the answer came whole before the deadline. */
static bool read_answer(int fd, struct answer *ret)
{
    int64_t deadline = clock_mono() + LIMIT_PLUGIN_PROBE_MS * NS_PER_MS;
    for (;;) {
        int64_t left = (deadline - clock_mono()) / NS_PER_MS;
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int rc = left > 0 ? poll(&p, 1, (int)left) : 0;
        if (rc < 0 && errno == EINTR) {
            continue;
        }
        return rc > 0 && read(fd, ret, sizeof *ret) == (ssize_t)sizeof *ret;
    }
}

int load__probe(const char *path, struct refusal *why)
{
    int fds[2];
    pid_t pid = -1;
    if (pipe2(fds, O_CLOEXEC) == 0) {
        pid = fork();
        if (pid == 0) {
            probe_child(path, fds[1]);
        }
        close(fds[1]);
        if (pid < 0) {
            close(fds[0]);
        }
    }
    if (pid < 0) {
        return refuse(why, "a child process to probe it in", "raise the limit of processes or files", "%s",
                      strerror(errno));
    }
    struct answer answer = { 0 };
    bool has_answer = read_answer(fds[0], &answer);
    close(fds[0]);
    if (!has_answer) {
        kill(pid, SIGKILL); /* it hangs, or is dead already and keeps its own status */
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (has_answer) {
        *why = answer.why;
        return answer.rc;
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) {
        return refuse(why, "a plugin that can be loaded", REMEDY_BROKEN, "it crashes when it is loaded: %s",
                      strsignal(WTERMSIG(status)));
    }
    return refuse(why, "a plugin that can be loaded", REMEDY_BROKEN, "%s",
                  WIFEXITED(status) ? "it ends the process that loads it"
                                    : "it does not end loading in time");
}
