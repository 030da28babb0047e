/* Lists of names and values, which config(8) has for `env` and `hints` in a configuration: ours has neither. */
#pragma once
#include <stdbool.h>
#include <stdlib.h>

typedef struct nvlist nvlist_t;
#define nvlist_create(flags) NULL
#define nvlist_destroy(list) ((void)(list))
#define nvlist_empty(list) true
#define nvlist_exists(list, name) ((void)(list), (void)(name), false)
#define nvlist_free(list, name) ((void)(name))
#define nvlist_add_string(list, name, value) abort()
#define nvlist_next(list, type, cookie) ((void)(cookie), NULL)
#define cnvlist_get_string(cookie) ((void)(cookie), "")
#define cnvlist_free_string(cookie) ((void)(cookie))
