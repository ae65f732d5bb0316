/* Controllers, middlewares and type checkers of Ketch in C, as WASM components: each is one function.
 *
 *     #include "ketch.h"
 *
 *     ketch_result ketch_call(ketch_text request) {
 *         (void)request; // {"method":"GET","args":{...}}, see docs/reference/wasm.md
 *         return ketch_ok(KETCH_TEXT("{\"text\":\"Hello\"}"));
 *     }
 *
 * `ketch build` brings this header and says what is wanted: KETCH_CONTROLLER wants `ketch_call`, KETCH_MIDDLEWARE
 * `ketch_inspect`, KETCH_TYPE_CHECKER `ketch_matches` and `ketch_check`. There is no C library. What ketch_alloc gives is
 * gone when the call has ended. */
#ifndef KETCH_H
#define KETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *data; /* UTF-8, without a 0 at its end */
    size_t size;
} ketch_text;

#define KETCH_TEXT(literal) ((ketch_text){(literal), sizeof(literal) - 1})

typedef struct {
    bool is_error;
    ketch_text text; /* the answer, as JSON; or why there is none, for the log */
    bool yes;        /* the answer of a type checker */
} ketch_result;

static inline ketch_result ketch_ok(ketch_text json) { return (ketch_result){false, json, false}; }
static inline ketch_result ketch_fail(ketch_text why) { return (ketch_result){true, why, false}; }
static inline ketch_result ketch_is(bool yes) { return (ketch_result){false, {0, 0}, yes}; }

enum ketch_level { KETCH_DEBUG, KETCH_INFO, KETCH_WARN, KETCH_ERROR };

__attribute__((import_module("ketch:api/log@0.1.0"), import_name("write"))) void
ketch_log_bytes(int32_t level, const char *data, size_t size);

/* A line in the server's log. */
static inline void ketch_log(enum ketch_level level, ketch_text line) {
    ketch_log_bytes((int32_t)level, line.data, line.size);
}

/* Memory until the end of the call, for any type of C; the call is trapped when there is no more. */
void *ketch_alloc(size_t size);

#if defined(KETCH_CONTROLLER)
ketch_result ketch_call(ketch_text request);
#elif defined(KETCH_MIDDLEWARE)
ketch_result ketch_inspect(ketch_text request);
#elif defined(KETCH_TYPE_CHECKER)
ketch_result ketch_matches(ketch_text name);
ketch_result ketch_check(ketch_text name, ketch_text value);
#endif

/* ---- What follows is for the component's interface. With several files, KETCH_NO_GLUE in all but one leaves it out. */
#ifndef KETCH_NO_GLUE

extern unsigned char __heap_base;
static uintptr_t ketch_next;

static void *ketch_take(size_t size, size_t align) {
    if (ketch_next == 0) ketch_next = (uintptr_t)&__heap_base;
    uintptr_t at = (ketch_next + align - 1) & ~(uintptr_t)(align - 1);
    if (size > UINTPTR_MAX - at) __builtin_trap();
    uintptr_t end = at + size, pages = __builtin_wasm_memory_size(0);
    uintptr_t wanted = (end >> 16) + ((end & 0xFFFF) != 0);
    if (wanted > pages && __builtin_wasm_memory_grow(0, wanted - pages) == (size_t)-1) __builtin_trap();
    ketch_next = end;
    return (void *)at;
}

void *ketch_alloc(size_t size) { return ketch_take(size, 16); }

/* The compiler calls these by itself. */
__attribute__((weak)) void *memcpy(void *to, const void *from, size_t size) {
    unsigned char *a = to;
    const volatile unsigned char *b = from;
    while (size--) *a++ = *b++;
    return to;
}

__attribute__((weak)) void *memset(void *to, int byte, size_t size) {
    volatile unsigned char *a = to;
    while (size--) *a++ = (unsigned char)byte;
    return to;
}

__attribute__((export_name("cabi_realloc"))) void *ketch_realloc(void *old, size_t old_size, size_t align, size_t size) {
    unsigned char *made = ketch_take(size, align);
    const unsigned char *from = old;
    for (size_t at = 0; at < old_size && at < size; at++) made[at] = from[at];
    return made;
}

/* result<string, string> and result<bool, string>, as they lie in memory. */
typedef struct {
    uint8_t tag;
    union {
        uint8_t yes;
        ketch_text text;
    } is;
} ketch_returned;

static ketch_returned ketch_area;

static inline ketch_returned *ketch_give(ketch_result result, bool is_check) {
    ketch_area.tag = result.is_error;
    if (is_check && !result.is_error)
        ketch_area.is.yes = result.yes;
    else
        ketch_area.is.text = result.text;
    return &ketch_area;
}

static inline void ketch_ended(void) { ketch_next = 0; }

#if defined(KETCH_CONTROLLER)
__attribute__((export_name("call"))) ketch_returned *ketch_export_call(const char *data, size_t size) {
    return ketch_give(ketch_call((ketch_text){data, size}), false);
}
__attribute__((export_name("cabi_post_call"))) void ketch_post_call(ketch_returned *area) { (void)area, ketch_ended(); }
#elif defined(KETCH_MIDDLEWARE)
__attribute__((export_name("inspect"))) ketch_returned *ketch_export_inspect(const char *data, size_t size) {
    return ketch_give(ketch_inspect((ketch_text){data, size}), false);
}
__attribute__((export_name("cabi_post_inspect"))) void ketch_post_inspect(ketch_returned *area) { (void)area, ketch_ended(); }
#elif defined(KETCH_TYPE_CHECKER)
__attribute__((export_name("matches"))) ketch_returned *ketch_export_matches(const char *data, size_t size) {
    return ketch_give(ketch_matches((ketch_text){data, size}), true);
}
__attribute__((export_name("cabi_post_matches"))) void ketch_post_matches(ketch_returned *area) { (void)area, ketch_ended(); }
__attribute__((export_name("check"))) ketch_returned *
ketch_export_check(const char *data, size_t size, const char *value, size_t value_size) {
    return ketch_give(ketch_check((ketch_text){data, size}, (ketch_text){value, value_size}), true);
}
__attribute__((export_name("cabi_post_check"))) void ketch_post_check(ketch_returned *area) { (void)area, ketch_ended(); }
#endif

#endif /* KETCH_NO_GLUE */
#endif /* KETCH_H */
