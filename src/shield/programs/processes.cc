// What an enclave does not have: child processes and executable memory. Each is refused as by a Linux without
// it.
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

int main() {
  errno = 0;
  std::printf("fork %d %d\n", fork(), errno == ENOSYS);
  errno = 0;
  std::printf("vfork %ld %d\n", syscall(SYS_vfork), errno == ENOSYS);
  char name[] = "/bin/true";
  char* arguments[] = {name, nullptr};
  errno = 0;
  std::printf("execve %d %d\n", execve(name, arguments, nullptr), errno == ENOSYS);
  std::printf("system %d\n", std::system("true"));
  std::printf("popen %d\n", popen("true", "r") != nullptr);
  pid_t child;
  std::printf("spawn %d\n", posix_spawn(&child, name, nullptr, nullptr, arguments, nullptr) == ENOSYS);
  errno = 0;
  std::printf("wait %d %d\n", wait(nullptr), errno == ECHILD);
  errno = 0;
  std::printf("code %d %d\n",
              mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED,
              errno == EACCES);
  errno = 0;
  std::printf("unknown %ld %d\n", syscall(SYS_fanotify_init, 0, 0), errno == ENOSYS);
  errno = 0;
  std::printf("no number %ld %d\n", syscall(9999), errno == ENOSYS);
  return 0;
}
