/*
 * Preloaded into makefs so that its output depends on nothing but its input:
 * directories are read in name order, random numbers count up, the clock is
 * SOURCE_DATE_EPOCH, and files belong to root with plain modes.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

#define MAX_OPEN 32

static struct listing {
	DIR *dir;
	struct dirent **entries;
	int count, next;
} listings[MAX_OPEN];

static time_t
epoch(void)
{
	const char *value = getenv("SOURCE_DATE_EPOCH");

	return ((time_t)(value != NULL ? atoll(value) : 0));
}

static struct listing *
listing_of(DIR *dir)
{
	for (int i = 0; i < MAX_OPEN; i++)
		if (listings[i].dir == dir)
			return (&listings[i]);
	abort();
}

static int
by_bytes(const struct dirent **a, const struct dirent **b)
{
	return (strcmp((*a)->d_name, (*b)->d_name));
}

/* scandir opens the directory without coming through here. */
DIR *
opendir(const char *path)
{
	DIR *(*real)(const char *) = (DIR *(*)(const char *))dlsym(RTLD_NEXT, "opendir");
	struct listing *listing = listing_of(NULL);

	listing->next = 0;
	listing->count = scandir(path, &listing->entries, NULL, by_bytes);
	return (listing->count < 0 ? NULL : (listing->dir = real(path)));
}

struct dirent *
readdir(DIR *dir)
{
	struct listing *listing = listing_of(dir);

	return (listing->next < listing->count ? listing->entries[listing->next++] : NULL);
}

int
closedir(DIR *dir)
{
	int (*real)(DIR *) = (int (*)(DIR *))dlsym(RTLD_NEXT, "closedir");

	listing_of(dir)->dir = NULL;
	return (real(dir));
}

static int
plain_stat(const char *path, struct stat *st)
{
	if (fstatat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW) != 0)
		return (-1);
	st->st_uid = st->st_gid = 0;
	if (S_ISDIR(st->st_mode))
		st->st_mode = S_IFDIR | 0755;
	else if (S_ISREG(st->st_mode))
		st->st_mode = S_IFREG | 0444;
	st->st_atime = st->st_mtime = st->st_ctime = epoch();
	st->st_atim.tv_nsec = st->st_mtim.tv_nsec = st->st_ctim.tv_nsec = 0;
	return (0);
}

/* Older and newer C libraries' names for the same call. */
int
__lxstat(int version, const char *path, struct stat *st)
{
	(void)version;
	return (plain_stat(path, st));
}

int
lstat(const char *path, struct stat *st)
{
	return (plain_stat(path, st));
}

long
random(void)
{
	static long counter;

	return (++counter);
}

time_t
time(time_t *out)
{
	if (out != NULL)
		*out = epoch();
	return (epoch());
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	(void)zone;
	tv->tv_sec = epoch();
	tv->tv_usec = 0;
	return (0);
}
