/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for components of every kind: they come and go without a trace. */
#include "config.h"
#include <dirent.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tools/plugin_check/check.h"

#define ROUNDS 1000
#ifdef PHX_SANITIZERS /* they keep freed memory for a while */
#define GROWTH_MAX_KIB (512 * 1024)
#else
#define GROWTH_MAX_KIB 1024
#endif

static unsigned count_entries(const char *dir)
{
    DIR *d = opendir(dir);
    unsigned n = 0;
    while (d && readdir(d)) {
        n++;
    }
    if (d) {
        closedir(d);
    }
    return n;
}

static long resident_kib(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f) {
        if (fscanf(f, "%*d %ld", &pages) != 1) {
            pages = 0;
        }
        fclose(f);
    }
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void create_and_destroy(struct trial *t)
{
    instance_free(trial_instance(t)); /* what is set up once, is set up now */
    unsigned fds = count_entries("/proc/self/fd"), threads = count_entries("/proc/self/task");
    long kib = resident_kib();
    for (int i = 0; i < ROUNDS; i++) {
        instance_free(trial_instance(t));
    }
    unsigned fds_now = count_entries("/proc/self/fd"), threads_now = count_entries("/proc/self/task");
    if (fds_now > fds) {
        trial_fail("%u descriptors are left of %d instances", fds_now - fds, ROUNDS);
    }
    if (threads_now > threads) {
        trial_fail("%u threads are left of %d instances", threads_now - threads, ROUNDS);
    }
    if (resident_kib() - kib > GROWTH_MAX_KIB) {
        trial_fail("memory grew by %ld KiB in %d instances", resident_kib() - kib, ROUNDS);
    }
}

static void two_at_once(struct trial *t)
{
    struct instance *a = trial_instance(t), *b = trial_instance(t);
    if (instance_self(a) && instance_self(a) == instance_self(b)) {
        trial_fail("both instances have the same state");
    }
    instance_free(a);
    instance_free(b);
}

static void unknown_extension(struct trial *t)
{
    const phx_component *c = t->component->abi;
    if (!c->extension) {
        trial_skip("it has no extensions");
    }
    if (c->extension("org.example.there-is-no-such-thing/1")) {
        trial_fail("it answers an extension that does not exist");
    }
}

/* What belongs to the process, and so to the host. */
struct manners {
    mode_t mask;
    char cwd[512], locale[128];
    struct sigaction act[32];
    sigset_t blocked;
};

static void look(struct manners *m)
{
    memset(m, 0, sizeof *m);
    m->mask = umask(0);
    umask(m->mask);
    if (!getcwd(m->cwd, sizeof m->cwd)) {
        m->cwd[0] = '\0';
    }
    snprintf(m->locale, sizeof m->locale, "%s", setlocale(LC_ALL, NULL));
    for (int s = 1; s < 32; s++) {
        sigaction(s, NULL, &m->act[s]);
    }
    sigprocmask(SIG_SETMASK, NULL, &m->blocked);
}

static void keeps_manners(struct trial *t)
{
    static struct manners before, after;
    look(&before);
    instance_free(trial_instance(t));
    look(&after);
    if (before.mask != after.mask || strcmp(before.cwd, after.cwd) != 0 ||
        strcmp(before.locale, after.locale) != 0) {
        trial_fail("it changed the umask, the working directory or the locale");
    }
    for (int s = 1; s < 32; s++) {
        if (before.act[s].sa_handler != after.act[s].sa_handler ||
            sigismember(&before.blocked, s) != sigismember(&after.blocked, s)) {
            trial_fail("it changed what happens on %s", strsignal(s));
        }
    }
}

const struct trial_case life_cases[] = {
    { "a thousand instances come and go without a trace", create_and_destroy },
    { "two instances live side by side", two_at_once },
    { "an unknown extension is answered NULL", unknown_extension },
    { "signals, umask, locale and working directory stay as they are", keeps_manners },
    { 0 },
};
