/* plugin.c: a library that a program loads while it runs, and that opens the device. */
#include <fcntl.h>

int plugin_open(void) { return open("/dev/sgx_enclave", O_RDWR); }
