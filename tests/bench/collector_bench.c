/* SPDX-License-Identifier: Apache-2.0 */
/* collector_bench COLLECTOR PROCESSES SCRAPES: how much CPU time phoenix-collector takes for a scrape over
 * HTTP, and its resident memory, with so many processes on the host; and how much a bare loop takes that
 * only opens, reads and closes the same files. Both take turns, so that they meet the same machine.
 *
 * Prints: "scrape_us bare_us ratio rss_kib", medians. */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_SCRAPES = 1000, MAX_PROCESSES = 10000, WARM_UP = 3 };

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double cpu_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* ---- the yardstick */
static char scratch[65536];

static void bare_read(int proc, const char *path)
{
    int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (read(fd, scratch, sizeof scratch) < 0) scratch[0] = 0; /* not ours to read, or gone */
    close(fd);
}

static void bare_list(int proc, const char *path)
{
    int fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    while (syscall(SYS_getdents64, fd, scratch, sizeof scratch) > 0) continue;
    close(fd);
}

static double bare_scan(int proc)
{
    static const char *const host[] = { "stat", "meminfo", "loadavg", "uptime" };
    double start = cpu_us();
    for (unsigned i = 0; i < 4; i++) bare_read(proc, host[i]);
    DIR *dir = fdopendir(openat(proc, ".", O_RDONLY | O_DIRECTORY));
    if (!dir) die("/proc");
    for (const struct dirent *e; (e = readdir(dir));) {
        char path[300];
        if (e->d_name[0] < '0' || e->d_name[0] > '9') continue;
        snprintf(path, sizeof path, "%s/stat", e->d_name);
        bare_read(proc, path);
        snprintf(path, sizeof path, "%s/io", e->d_name);
        bare_read(proc, path);
        snprintf(path, sizeof path, "%s/fd", e->d_name);
        bare_list(proc, path);
    }
    closedir(dir);
    return cpu_us() - start;
}

/* ---- the collector */
static uint16_t free_port(void)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof in;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&in, n) || getsockname(fd, (struct sockaddr *)&in, &n)) die("port");
    close(fd);
    return ntohs(in.sin_port);
}

static pid_t start_collector(const char *program, uint16_t port)
{
    pid_t pid = fork();
    if (pid) return pid;
    char listen_arg[64];
    char config[] = "/tmp/phoenix-bench-XXXXXX";
    static const char text[] = "min_interval_ms: 0\n";
    int fd = mkstemp(config);
    if (fd < 0 || write(fd, text, sizeof text - 1) < 0) die(config);
    snprintf(listen_arg, sizeof listen_arg, "127.0.0.1:%u", port);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execl(program, program, "--config", config, "--listen", listen_arg, (char *)NULL);
    die(program);
    return 0;
}

/* The whole answer of one scrape, NUL-terminated; static. */
static const char *scrape(uint16_t port)
{
    static char answer[64 << 20];
    static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    size_t n = 0;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&in, sizeof in)) {
        close(fd);
        return NULL;
    }
    if (send(fd, request, sizeof request - 1, 0) < 0) die("send");
    for (ssize_t r; (r = recv(fd, answer + n, sizeof answer - 1 - n, 0)) > 0;) n += (size_t)r;
    close(fd);
    answer[n] = 0;
    return answer;
}

/* CPU time of another process, by its own clock. */
static double cpu_of(pid_t pid)
{
    clockid_t clock;
    struct timespec ts;
    if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &ts)) die("clock of the collector");
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static long rss_of(pid_t pid)
{
    char path[64], line[256];
    long kib = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *in = fopen(path, "r");
    while (in && fgets(line, sizeof line, in)) sscanf(line, "VmRSS: %ld", &kib);
    if (in) fclose(in);
    return kib;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, unsigned n)
{
    qsort(v, n, sizeof *v, compare);
    return v[n / 2];
}

int main(int argc, char **argv)
{
    static double ours[MAX_SCRAPES], bare[MAX_SCRAPES];
    static pid_t crowd[MAX_PROCESSES];
    unsigned processes = argc == 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    unsigned scrapes = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    if (!processes || processes > MAX_PROCESSES || !scrapes || scrapes > MAX_SCRAPES) return 2;
    for (unsigned i = 0; i < processes; i++) {
        crowd[i] = fork();
        if (crowd[i]) continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) pause();
    }
    int proc = open("/proc", O_RDONLY | O_DIRECTORY);
    uint16_t port = free_port();
    pid_t collector = start_collector(argv[1], port);
    for (unsigned tries = 0; tries < 200 && !scrape(port); tries++) usleep(20000);
    for (unsigned i = 0; i < WARM_UP + scrapes; i++) {
        double before = cpu_of(collector);
        const char *answer = scrape(port);
        if (!answer || !strstr(answer, "phoenix_collector_scans_total")) die("scrape");
        ours[i < WARM_UP ? 0 : i - WARM_UP] = cpu_of(collector) - before;
        bare[i < WARM_UP ? 0 : i - WARM_UP] = bare_scan(proc);
    }
    double us = median(ours, scrapes), yardstick = median(bare, scrapes);
    printf("%.0f %.0f %.3f %ld\n", us, yardstick, us / yardstick, rss_of(collector));
    kill(collector, SIGTERM);
    waitpid(collector, NULL, 0);
    for (unsigned i = 0; i < processes; i++) kill(crowd[i], SIGKILL); /* the next run counts processes, too */
    while (wait(NULL) > 0) continue;
    return 0;
}
