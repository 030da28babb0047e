/*
 * The guests' module: amd64 gets it as a relocatable object, i386 as a shared
 * object, which is how FreeBSD ships modules on these machines.  Nothing runs
 * it; it is there to be loaded, described by its metadata and checksummed.
 */
#include "../kernel/abi.h"

int ubdemo_events;
static int ubdemo_history[16];
static char ubdemo_greeting[] = "userboot-wasm demonstration module";

int ubdemo_event(void *module, int what, void *argument);
const char *ubdemo_hello(void);

int
ubdemo_event(void *module, int what, void *argument)
{
	(void)module;
	(void)argument;
	ubdemo_history[ubdemo_events++ & 15] = what;
	return (0);
}

const char *
ubdemo_hello(void)
{
	return (ubdemo_greeting);
}

static const struct moduledata ubdemo_module = { "ubdemo", ubdemo_event, 0 };

METADATA(ubdemo_metadata, MOD_MODULE, &ubdemo_module, "ubdemo");
VERSION_OF_MODULE(ubdemo_version, "ubdemo", 1);
DEPENDS_ON(ubdemo_on_kernel, "kernel", 1200000, 1201000, 1299999);
DEPENDS_ON(ubdemo_on_base, "ubbase", 1, 1, 1);
