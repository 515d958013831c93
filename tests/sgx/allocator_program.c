/* allocator_program.c: the device in a program with an allocator of its own. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void* allocate(void* unused) {
  for (int i = 0; i < 10000; ++i) memset(malloc(300), i, 300);
  return unused;
}

static int device_opens(void) {
  const int fd = open("/dev/sgx_enclave", O_RDWR);
  void* range = mmap(NULL, 8192, PROT_NONE, MAP_SHARED, fd, 0);
  if (fd < 0 || range == MAP_FAILED) return 0;
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  const int replaced = mmap(range, 4096, PROT_READ, flags, -1, 0) == range;
  return replaced && munmap(range, 8192) == 0 && close(fd) == 0;
}

int main(void) {
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i)
    if (pthread_create(&threads[i], NULL, allocate, NULL) != 0) return 1;
  int opened = 1;
  for (int i = 0; i < 20; ++i) opened = opened && device_opens();
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
  return puts(opened ? "ok" : "not ok") < 0 || !opened;
}
