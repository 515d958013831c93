/* sanitized_program.c: a program with AddressSanitizer, whose functions stand in front of the C library's. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>

int main(void) {
  void* vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
  const int found = vdso && dlsym(vdso, "__vdso_sgx_enter_enclave");
  const int opened = open("/dev/sgx_enclave", O_RDWR) >= 0;
  return puts(found && opened ? "ok" : "not ok") < 0 || !found || !opened;
}
