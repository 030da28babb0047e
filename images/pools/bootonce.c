/*
 * bootonce POOL DEVICE: sets what to boot from once in the pool's boot block, as bectl activate -t does on FreeBSD.
 * cc -I/usr/include/libzfs -I/usr/include/libspl -o bootonce bootonce.c -lzfsbootenv
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <libzfsbootenv.h>

int
main(int argc, char **argv)
{
	/* That it is a list, not a command of a loader. */
	uint64_t version = 1;
	void *list;

	if (argc != 3 || lzbe_nvlist_get(argv[1], NULL, &list) != 0 ||
	    lzbe_add_pair(list, "version", "DATA_TYPE_UINT64", &version, sizeof (version)) != 0 ||
	    lzbe_add_pair(list, "freebsd:bootonce", "DATA_TYPE_STRING", argv[2], strlen(argv[2]) + 1) != 0 ||
	    lzbe_nvlist_set(argv[1], NULL, list) != 0)
		return (1);
	lzbe_nvlist_free(list);
	return (0);
}
