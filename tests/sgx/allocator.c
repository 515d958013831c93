/* allocator.c: a library that replaces malloc, as jemalloc, mimalloc and tcmalloc do: from its first
   allocation on it asks the kernel for memory and for what the machine is like, under a lock that is its
   own, through functions of the C library, and through mmap and munmap of its own. A call that comes back
   to it meanwhile would wait forever. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kArena = 1 << 20, kUnit = 64, kOften = 7 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local int inside;
static char *place, *end;
static unsigned calls;

void* mmap(void* address, size_t size, int protection, int flags, int fd, off_t offset) {
  return (void*)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
}
int munmap(void* address, size_t size) { return (int)syscall(SYS_munmap, address, size); }

static void fail(const char* why) {
  syscall(SYS_write, 2, why, strlen(why));
  _exit(1);
}

static void look_around(void) {
  char byte;
  const int fd = open("/proc/self/status", O_RDONLY);
  if (fd < 0 || read(fd, &byte, 1) != 1 || close(fd) != 0) fail("a file cannot be read\n");
  if (access("/sys/devices/system/node/node4095/nowhere", R_OK) == 0) fail("a file that is nowhere\n");
}

static char* arena(size_t size) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  char* memory = mmap(NULL, size + kArena, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (memory == MAP_FAILED || munmap(memory + size, kArena) != 0) fail("no memory\n");
  if (madvise(memory, size, MADV_NOHUGEPAGE) != 0 && errno != EINVAL) fail("no advice\n");
  return memory;
}

static void* take(size_t size, size_t alignment) {
  if (inside) fail("malloc is called from its own calls\n");
  pthread_mutex_lock(&lock);
  inside = 1;
  const int error = errno;
  if (calls++ % kOften == 0) look_around();
  const size_t whole = (size + 2 * kUnit - 1) / kUnit * kUnit + alignment;
  if (place == NULL || (size_t)(end - place) < whole) {
    const size_t more = (whole / kArena + 1) * kArena;
    place = arena(more);
    end = place + more;
  }
  char* out = (char*)(((unsigned long)place + kUnit + alignment - 1) / alignment * alignment);
  place += whole;
  memcpy(out - sizeof size, &size, sizeof size);
  errno = error;
  inside = 0;
  pthread_mutex_unlock(&lock);
  return out;
}

void* malloc(size_t size) { return take(size, kUnit); }
void* calloc(size_t count, size_t size) { return take(count * size, kUnit); } /* never used before: zeros */
void free(void* memory) { (void)memory; }
void* memalign(size_t alignment, size_t size) { return take(size, alignment < kUnit ? kUnit : alignment); }
void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void** out, size_t alignment, size_t size) { return *out = memalign(alignment, size), 0; }
void* realloc(void* old, size_t size) {
  size_t before = 0;
  void* out = malloc(size);
  if (old != NULL) memcpy(&before, (char*)old - sizeof before, sizeof before);
  return before == 0 ? out : memcpy(out, old, before < size ? before : size);
}

__attribute__((constructor)) static void start(void) { free(malloc(1)); }
