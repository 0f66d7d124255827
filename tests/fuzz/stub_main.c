/* SPDX-License-Identifier: Apache-2.0 */
/* Without libFuzzer a target is a test: it gets every file of the folder named after it, as TAP. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

int main(void)
{
    char folder[4096], path[5000];
    const char *top = getenv("top_srcdir");
    struct dirent **names = NULL;
    snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s", top ? top : ".", FUZZ_CORPUS);
    int n = scandir(folder, &names, is_visible, alphasort);
    if (n <= 0) {
        printf("Bail out! no corpus in %s\n", folder);
        return 1;
    }
    printf("1..%d\n", n);
    for (int i = 0; i < n; i++) {
        struct buf text CLEANUP_BUF;
        struct err err = { 0 };
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        bool read = file_read(path, 1 << 20, &text, &err) == 0;
        if (read)
            LLVMFuzzerTestOneInput((const uint8_t *)buf_cstr(&text), text.len);
        printf("%s %d - %s\n", read ? "ok" : "not ok", i + 1, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    return 0;
}
