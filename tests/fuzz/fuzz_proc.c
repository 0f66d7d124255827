/* SPDX-License-Identifier: Apache-2.0 */
/* No text of /proc harms a parser, and the labels made of any name obey the exposition's grammar. */
#include <stdint.h>
#include <stdlib.h>

#include "collector/expose.h"

static void require(bool truth)
{
    if (!truth) abort();
}

/* Between the quotes: UTF-8, no newline, a backslash only before \ " n, a quote only behind one. */
static void check_labels(const char *labels, size_t n)
{
    static const char key[] = "process_executable_name=\"";
    const char *p = memmem(labels, n, key, sizeof key - 1), *end = labels + n - 1;
    require(p && *end == '"' && utf8_valid((struct str){ labels, n }));
    for (p += sizeof key - 1; p < end; p++) {
        require(*p != '"' && *p != '\n');
        if (*p == '\\') require(++p < end && (*p == '\\' || *p == '"' || *p == 'n'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = { (const char *)data, size };
    struct proc_stat stat;
    struct proc_io io;
    struct host_cpu cpu;
    struct host_memory memory;
    uint64_t load[3], uptime;
    if (proctext_stat(text, &stat)) {
        char labels[LABELS_MAX];
        require(stat.name_len <= PROC_NAME_MAX);
        size_t n = expose_labels(labels, UINT32_MAX, (struct str){ stat.name, stat.name_len });
        require(n <= sizeof labels);
        check_labels(labels, n);
    }
    (void)proctext_io(text, &io);
    (void)proctext_host_cpu(text, &cpu);
    (void)proctext_host_memory(text, &memory);
    (void)proctext_load(text, load);
    (void)proctext_uptime(text, &uptime);
    return 0;
}
