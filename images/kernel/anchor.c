/* An empty shared object: linking the kernel against it makes ld write a dynamic section. */
