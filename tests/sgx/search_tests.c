/* search_tests.c: the ways in which programs come to the nodes and look at them. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sgx.h"

static int is_node(int fd) {
  struct stat status;
  return fd >= 0 && fstat(fd, &status) == 0 && S_ISCHR(status.st_mode);
}

TEST(the_nodes_are_listed) {
  for (int round = 0; round < 2; ++round) {
    DIR* dev = opendir("/dev");
    int enclave = 0, provision = 0, again = 0;
    struct stat status;
    for (const struct dirent* entry; (entry = readdir(dev));) {
      if (strcmp(entry->d_name, "sgx_enclave") == 0) {
        ++enclave;
        CHECK_EQ(entry->d_type, DT_CHR);
        CHECK_EQ(fstatat(dirfd(dev), entry->d_name, &status, 0), 0);
        CHECK_EQ(status.st_ino, entry->d_ino);
      }
      provision += strcmp(entry->d_name, "sgx_provision") == 0;
      if (round == 1 && enclave == 1 && provision == 1 && !again++) rewinddir(dev);
    }
    CHECK_EQ(enclave, round + 1);
    CHECK(provision > 0);
    CHECK_EQ(closedir(dev), 0);
  }
  DIR* root = opendir("/");
  for (const struct dirent* entry; (entry = readdir(root));) CHECK(strcmp(entry->d_name, "sgx_enclave") != 0);
  closedir(root);
}

TEST(shells_list_them_too) {
  CHECK_EQ(system("ls /dev | grep -q '^sgx_enclave$' && ls -l /dev/sgx_* | grep -q ^c"), 0);
  CHECK_EQ(system("lscpu | grep -qw sgx && grep -qw sgx_enclave /proc/misc"), 0);
  CHECK_EQ(system("find /dev -maxdepth 1 -name 'sgx*' -type c | grep -q /dev/sgx_provision"), 0);
}

TEST(a_node_by_many_paths) {
  CHECK(is_node(open("/dev//sgx_enclave", O_RDWR)));
  CHECK(is_node(open("/dev/../dev/./sgx_enclave", O_RDWR)));
  CHECK_EQ(access("/dev/./sgx_provision", R_OK | W_OK), 0);
  char* real = realpath("/dev/../dev//sgx_enclave", 0);
  CHECK(real && strcmp(real, "/dev/sgx_enclave") == 0);
  CHECK_EQ(chdir("/"), 0);
  CHECK(is_node(open("dev/sgx_enclave", O_RDWR)));
  CHECK_EQ(chdir("/dev"), 0);
  CHECK(is_node(open("../dev/sgx_enclave", O_RDWR)));
  CHECK(is_node(open("sgx_provision", O_RDONLY)));
}

TEST(a_node_by_many_calls) {
  const int created = creat("/dev/sgx_enclave", 0600);
  CHECK(is_node(created));
  if (!is_node(created)) unlink("/dev/sgx_enclave"); /* made a file: nothing else should find it */
  struct open_how how = {.flags = O_RDWR};
  CHECK(is_node((int)syscall(SYS_openat2, AT_FDCWD, "/dev/sgx_enclave", &how, sizeof how)));
  CHECK_EQ(syscall(SYS_openat2, AT_FDCWD, "/dev/sgx_enclave", (void*)8, sizeof how), -1);
  CHECK_EQ(errno, EFAULT);
  CHECK_EQ(syscall(SYS_faccessat2, AT_FDCWD, "/dev/sgx_enclave", R_OK, AT_EACCESS), 0);
  FILE* file = fopen("/dev/sgx_enclave", "r+");
  CHECK(file && is_node(fileno(file)));
}

TEST(a_descriptor_tells_its_name) {
  char link[64], name[64] = "";
  snprintf(link, sizeof link, "/proc/self/fd/%d", open("/dev/sgx_enclave", O_RDWR));
  CHECK_EQ(readlink(link, name, sizeof name), strlen("/dev/sgx_enclave"));
  CHECK_EQ(memcmp(name, "/dev/sgx_enclave", 16), 0);
  CHECK_EQ(readlink(link, name, 5), 5);
}

TEST(the_device_has_no_position) {
  const int fd = open("/dev/sgx_enclave", O_RDWR);
  CHECK_EQ(lseek(fd, 0, SEEK_SET), -1);
  CHECK_EQ(errno, ESPIPE);
  char byte = 0;
  const struct iovec part = {&byte, 1};
  CHECK_EQ(readv(fd, &part, 1), -1);
  CHECK_EQ(errno, EINVAL);
  CHECK_EQ(writev(fd, &part, 1), -1);
  CHECK_EQ(errno, EINVAL);
}
