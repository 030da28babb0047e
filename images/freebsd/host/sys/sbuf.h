/* Strings that grow, as far as config(8) uses FreeBSD's: on top of open_memstream(3). */
#pragma once
#include <stdio.h>
#include <stdlib.h>

#define SBUF_AUTOEXTEND 0
struct sbuf {
	FILE *file;
	char *text;
	size_t size;
};

static inline struct sbuf *sbuf_new(void *place, char *text, int size, int flags) {
	struct sbuf *made = calloc(1, sizeof *made);
	(void)place, (void)text, (void)size, (void)flags;
	if (made == NULL || (made->file = open_memstream(&made->text, &made->size)) == NULL) abort();
	return made;
}
#define sbuf_printf(it, ...) fprintf((it)->file, __VA_ARGS__)
#define sbuf_putc(it, c) putc(c, (it)->file)
static inline void sbuf_clear(struct sbuf *it) { rewind(it->file); }
static inline int sbuf_finish(struct sbuf *it) { return fflush(it->file); }
static inline char *sbuf_data(struct sbuf *it) { return it->text; }
static inline void sbuf_delete(struct sbuf *it) {
	fclose(it->file);
	free(it->text);
	free(it);
}
