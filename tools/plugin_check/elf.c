/* SPDX-License-Identifier: Apache-2.0 */
/* What the file itself says, without running a byte of it. Everything read is checked against the
 * file's end first: the file may be anything. */
#include "config.h"
#include <ctype.h>
#include <elf.h>
#include <link.h>
#include <string.h>
#include "core/base/buf.h"
#include "core/base/yaml.h"
#include "tools/plugin_check/check.h"

#define FILE_MAX_BYTES (64u << 20)
#define ENTRY_PREFIX "phoenix_plugin_v"
#if __ELF_NATIVE_CLASS == 64
#define NATIVE_CLASS ELFCLASS64
#else
#define NATIVE_CLASS ELFCLASS32
#endif

struct elf {
    struct str file;
    ElfW(Ehdr) header;
    struct str dynamic, dynsym, dynstr, symtab, strtab; /* contents of sections; empty: there is none */
};

/* `n` bytes at `offset`, or nothing. */
static struct str part(const struct elf *e, uint64_t offset, uint64_t n)
{
    if (offset > e->file.n || n > e->file.n - offset) {
        return (struct str){ NULL, 0 };
    }
    return (struct str){ e->file.p + offset, (size_t)n };
}

static bool copy_at(struct str from, size_t i, void *to, size_t size)
{
    if (from.n / size <= i) {
        return false;
    }
    memcpy(to, from.p + i * size, size);
    return true;
}

static const char *name_at(struct str strings, size_t offset)
{
    bool ok = offset < strings.n && memchr(strings.p + offset, '\0', strings.n - offset);
    return ok ? strings.p + offset : "";
}

static bool section_at(const struct elf *e, size_t i, ElfW(Shdr) *ret)
{
    struct str all = part(e, e->header.e_shoff, (uint64_t)e->header.e_shnum * sizeof(ElfW(Shdr)));
    return e->header.e_shentsize == sizeof(ElfW(Shdr)) && copy_at(all, i, ret, sizeof *ret);
}

static bool segment_at(const struct elf *e, size_t i, ElfW(Phdr) *ret)
{
    struct str all = part(e, e->header.e_phoff, (uint64_t)e->header.e_phnum * sizeof(ElfW(Phdr)));
    return e->header.e_phentsize == sizeof(ElfW(Phdr)) && copy_at(all, i, ret, sizeof *ret);
}

static const char *elf_open(struct elf *e, struct str file)
{
    *e = (struct elf){ .file = file };
    if (!copy_at(file, 0, &e->header, sizeof e->header) || memcmp(e->header.e_ident, ELFMAG, SELFMAG) != 0) {
        return "it is no ELF file";
    }
    if (e->header.e_ident[EI_CLASS] != NATIVE_CLASS || e->header.e_type != ET_DYN) {
        return "it is no shared object for this machine";
    }
    ElfW(Shdr) s, strings;
    for (size_t i = 0; section_at(e, i, &s); i++) {
        struct str body = s.sh_type == SHT_NOBITS ? (struct str){ NULL, 0 } : part(e, s.sh_offset, s.sh_size);
        if (s.sh_type == SHT_DYNAMIC) {
            e->dynamic = body;
        } else if (s.sh_type == SHT_DYNSYM && section_at(e, s.sh_link, &strings)) {
            e->dynsym = body;
            e->dynstr = part(e, strings.sh_offset, strings.sh_size);
        } else if (s.sh_type == SHT_SYMTAB && section_at(e, s.sh_link, &strings)) {
            e->symtab = body;
            e->strtab = part(e, strings.sh_offset, strings.sh_size);
        }
    }
    return e->dynamic.n && e->dynsym.n ? NULL : "it has no dynamic section or no symbols";
}

/* The last value of a tag, or 0. */
static uint64_t dynamic_value(const struct elf *e, int64_t tag)
{
    ElfW(Dyn) d;
    uint64_t v = 0;
    for (size_t i = 0; copy_at(e->dynamic, i, &d, sizeof d) && d.d_tag != DT_NULL; i++) {
        v = d.d_tag == tag ? d.d_un.d_val : v;
    }
    return v;
}

static bool has_dynamic(const struct elf *e, int64_t tag)
{
    ElfW(Dyn) d;
    for (size_t i = 0; copy_at(e->dynamic, i, &d, sizeof d) && d.d_tag != DT_NULL; i++) {
        if (d.d_tag == tag) {
            return true;
        }
    }
    return false;
}

static void result(struct tap *t, const char *name, bool ok, const char *why)
{
    tap_result(t, ok ? OUTCOME_PASS : OUTCOME_FAIL, name, why);
}

static bool is_entry(const char *name)
{
    size_t n = strlen(ENTRY_PREFIX);
    if (strncmp(name, ENTRY_PREFIX, n) != 0 || !name[n]) {
        return false;
    }
    for (const char *p = name + n; *p; p++) {
        if (!isdigit((unsigned char)*p)) {
            return false;
        }
    }
    return true;
}

static void check_exports(const struct elf *e, struct tap *t)
{
    ElfW(Sym) s;
    unsigned n_entries = 0;
    struct buf others;
    buf_init(&others, 200);
    bool is_unique = false;
    for (size_t i = 0; copy_at(e->dynsym, i, &s, sizeof s); i++) {
        unsigned bind = ELF64_ST_BIND(s.st_info);
        const char *name = name_at(e->dynstr, s.st_name);
        if (s.st_shndx == SHN_UNDEF || s.st_shndx == SHN_ABS || bind == STB_LOCAL) {
            continue;
        }
        is_unique |= bind == STB_GNU_UNIQUE;
        if (is_entry(name)) {
            n_entries++;
        } else {
            buf_addf(&others, "%s%s", others.len ? ", " : "", name);
        }
    }
    result(t, "it exports an entry symbol phoenix_plugin_v1", n_entries > 0, "there is none");
    result(t, "it exports nothing else", others.len == 0 && !others.failed,
           others.failed ? "more than can be listed" : buf_cstr(&others));
    result(t, "it has no unique symbols, which would tie processes together", !is_unique, "STB_GNU_UNIQUE");
    buf_done(&others);
}

static void check_needed(const struct elf *e, struct tap *t)
{
    static const char *const refused[] = { "libevent", "libphoenix", "libjson-c" };
    ElfW(Dyn) d;
    const char *bad = NULL;
    for (size_t i = 0; copy_at(e->dynamic, i, &d, sizeof d) && d.d_tag != DT_NULL; i++) {
        if (d.d_tag != DT_NEEDED) {
            continue;
        }
        const char *name = name_at(e->dynstr, d.d_un.d_val);
        tap_note("needs %s", name);
        for (size_t k = 0; k < sizeof refused / sizeof refused[0]; k++) {
            bad = strncmp(name, refused[k], strlen(refused[k])) == 0 ? name : bad;
        }
    }
    result(t, "it needs no library of the host's", !bad, bad);
}

static bool is_origin(const char *path)
{
    return strncmp(path, "$ORIGIN", 7) == 0 || strncmp(path, "${ORIGIN}", 9) == 0;
}

/* Every part of a search path must be relative to the file itself. */
static bool is_origin_path(const char *path)
{
    for (struct str rest = str_of(path), one; str_split(&rest, ':', &one);) {
        if (!is_origin(one.p)) {
            return false;
        }
    }
    return true;
}

static void check_dynamic(const struct elf *e, struct tap *t)
{
    uint64_t flags = dynamic_value(e, DT_FLAGS), flags_1 = dynamic_value(e, DT_FLAGS_1);
    bool is_now = (flags & DF_BIND_NOW) || (flags_1 & DF_1_NOW) || has_dynamic(e, DT_BIND_NOW);
    result(t, "it is bound at load (-z now)", is_now, "a missing symbol would fail later, at its first use");
    result(t, "it is never unmapped (-z nodelete)", flags_1 & DF_1_NODELETE, "not marked");
    result(t, "its code needs no relocation", !(flags & DF_TEXTREL) && !has_dynamic(e, DT_TEXTREL),
           "built without -fPIC");
    const char *rpath = NULL;
    if (has_dynamic(e, DT_RPATH)) {
        rpath = name_at(e->dynstr, dynamic_value(e, DT_RPATH));
    } else if (has_dynamic(e, DT_RUNPATH)) {
        rpath = name_at(e->dynstr, dynamic_value(e, DT_RUNPATH));
    }
    result(t, "it searches libraries beside itself only, if anywhere", !rpath || is_origin_path(rpath),
           rpath);
}

static void check_segments(const struct elf *e, struct tap *t)
{
    ElfW(Phdr) p;
    bool has_relro = false, is_stack_bad = false;
    for (size_t i = 0; segment_at(e, i, &p); i++) {
        has_relro |= p.p_type == PT_GNU_RELRO;
        is_stack_bad |= p.p_type == PT_GNU_STACK && (p.p_flags & PF_X);
    }
    result(t, "its tables are read-only after load (-z relro)", has_relro, "no PT_GNU_RELRO");
    result(t, "it wants no executable stack", !is_stack_bad, "PT_GNU_STACK with PF_X");
}

/* The compiler's own start-up code is one entry; -ffast-math links one that changes the floating-point
 * mode of the thread that loads the plugin, so of the host. */
static void check_constructors(const struct elf *e, struct tap *t)
{
    uint64_t n = dynamic_value(e, DT_INIT_ARRAYSZ) / sizeof(void *);
    ElfW(Sym) s;
    bool is_fast_math = false;
    for (size_t i = 0; copy_at(e->symtab, i, &s, sizeof s); i++) {
        is_fast_math |= strcmp(name_at(e->strtab, s.st_name), "set_fast_math") == 0;
    }
    result(t, "it leaves the floating-point mode alone", !is_fast_math,
           "linked with -ffast-math: denormals of the whole host would become 0");
    if (n > 1) {
        tap_note("warning: %llu constructors; one is the compiler's own", (unsigned long long)n);
    }
}

void check_static(const struct options *o, struct tap *t)
{
    struct buf file;
    struct err err = { 0 };
    struct elf e;
    buf_init(&file, FILE_MAX_BYTES);
    const char *why =
        file_read(o->file, FILE_MAX_BYTES, &file, &err) == 0 ? elf_open(&e, buf_str(&file)) : err.msg;
    result(t, "it is a shared object", !why, why);
    if (!why) {
        check_exports(&e, t);
        check_needed(&e, t);
        check_dynamic(&e, t);
        check_segments(&e, t);
        check_constructors(&e, t);
    }
    buf_done(&file);
}
