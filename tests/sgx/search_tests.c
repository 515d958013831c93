/* search_tests.c: the ways in which programs come to the nodes and look at them. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/xattr.h>
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

static int named_enclave(const struct dirent* entry) { return strcmp(entry->d_name, "sgx_enclave") == 0; }
TEST(scandir_lists_a_node) {
  struct dirent** found = 0;
  CHECK_EQ(scandir("/dev", &found, named_enclave, alphasort), 1);
  CHECK(found && found[0]->d_type == DT_CHR);
  const int all = scandir("/dev", &found, 0, alphasort);
  int before = 0;
  while (before < all && strcmp(found[before]->d_name, "sgx_enclave") != 0) ++before;
  CHECK(before + 1 < all && strcmp(found[before + 1]->d_name, "sgx_provision") == 0);
  CHECK_EQ(scandir("/", &found, named_enclave, alphasort), 0);
  CHECK_EQ(scandirat(open("/", O_RDONLY), "dev", &found, named_enclave, 0), 1);
  CHECK_EQ(scandir("/no/such/folder", &found, 0, 0), -1);
  CHECK_EQ(errno, ENOENT);
}

TEST(glob_finds_the_nodes) {
  glob_t found;
  CHECK_EQ(glob("/dev/sgx_*", 0, 0, &found), 0);
  CHECK_EQ(found.gl_pathc, 2);
  CHECK(found.gl_pathc == 2 && strcmp(found.gl_pathv[1], "/dev/sgx_provision") == 0);
  globfree(&found);
  CHECK_EQ(glob("/d?v/sgx_enclave", GLOB_NOSORT, 0, &found), 0);
  CHECK_EQ(glob("/dev/sgx_[pe]n*", GLOB_APPEND, 0, &found), 0);
  CHECK_EQ(found.gl_pathc, 2);
  CHECK_EQ(glob("/dev/sgx_z*", 0, 0, &found), GLOB_NOMATCH);
}

/* what a walk showed: when it came to /dev and to the nodes, how often, how deep the nodes are */
static struct {
  int visits, dev_at, nodes_at[2], nodes, level;
} walk;
static int note(const char* path, const struct stat* status, int flag, int level) {
  ++walk.visits;
  if (strcmp(path, "/dev") == 0) walk.dev_at = walk.visits;
  for (int i = 0; i < 2; ++i) {
    if (strcmp(path, i ? "/dev/sgx_provision" : "/dev/sgx_enclave") != 0) continue;
    CHECK(flag == FTW_F && S_ISCHR(status->st_mode));
    walk.nodes_at[i] = walk.visits;
    walk.level = level;
    ++walk.nodes;
  }
  return 0;
}
static int visit(const char* path, const struct stat* status, int flag, struct FTW* place) {
  CHECK(path[place->base - 1] == '/');
  return note(path, status, flag, place->level);
}
static int visit_flat(const char* path, const struct stat* status, int flag) {
  return note(path, status, flag, 0);
}
static int stop_at_provision(const char* path, const struct stat* status, int flag, struct FTW* place) {
  (void)status, (void)flag, (void)place;
  return strcmp(path, "/dev/sgx_provision") == 0 ? 7 : 0;
}
static int skip_dev(const char* path, const struct stat* status, int flag, struct FTW* place) {
  (void)status, (void)place;
  if (strncmp(path, "/dev/", 5) == 0) return FTW_STOP;
  return flag == FTW_D ? FTW_SKIP_SUBTREE : FTW_CONTINUE;
}
TEST(walks_come_by_the_nodes) {
  CHECK_EQ(nftw("/dev", visit, 8, FTW_PHYS), 0);
  CHECK_EQ(walk.nodes, 2);
  CHECK_EQ(walk.level, 1);
  CHECK(walk.dev_at == 1 && walk.nodes_at[0] > 1 && walk.nodes_at[1] > 1);
  memset(&walk, 0, sizeof walk);
  CHECK_EQ(nftw("/dev", visit, 8, FTW_PHYS | FTW_DEPTH), 0);
  CHECK_EQ(walk.nodes, 2);
  CHECK_EQ(walk.dev_at, walk.visits);
  memset(&walk, 0, sizeof walk);
  CHECK_EQ(ftw("/dev", visit_flat, 8), 0);
  CHECK_EQ(walk.nodes, 2);
  CHECK_EQ(nftw("/dev", stop_at_provision, 8, FTW_PHYS), 7);
  CHECK_EQ(nftw("/dev", skip_dev, 8, FTW_PHYS | FTW_ACTIONRETVAL), 0);
}

TEST(links_lead_to_a_node) {
  char folder[] = "/tmp/sgx-links-XXXXXX";
  CHECK(mkdtemp(folder) && chdir(folder) == 0);
  CHECK_EQ(symlink("/dev/sgx_enclave", "one"), 0);
  CHECK_EQ(symlink("one", "two"), 0);
  CHECK_EQ(symlink("/dev", "devices"), 0);
  CHECK_EQ(symlink("/dev/nothing-there", "nowhere"), 0);
  CHECK_EQ(symlink("round", "round"), 0);
  struct stat status;
  CHECK(is_node(open("one", O_RDWR)));
  CHECK(is_node(openat(open(folder, O_RDONLY), "two", O_RDWR)));
  CHECK(is_node(open("devices/sgx_enclave", O_RDWR)));
  FILE* file = fopen("one", "r+");
  CHECK(file && is_node(fileno(file)));
  CHECK(stat("two", &status) == 0 && S_ISCHR(status.st_mode));
  CHECK(fstatat(AT_FDCWD, "two", &status, 0) == 0 && S_ISCHR(status.st_mode));
  CHECK(lstat("two", &status) == 0 && S_ISLNK(status.st_mode));
  CHECK(fstatat(AT_FDCWD, "two", &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode));
  CHECK_EQ(access("devices/sgx_provision", R_OK | W_OK), 0);
  char* real = realpath("two", 0);
  CHECK(real && strcmp(real, "/dev/sgx_enclave") == 0);
  /* Should one make a file, nothing else may find it. */
  const int created[] = {open("two", O_RDWR | O_CREAT, 0600), creat("devices/sgx_enclave", 0600),
                         openat(AT_FDCWD, "one", O_RDWR | O_CREAT | O_TRUNC, 0600)};
  for (int i = 0; i < 3; ++i) {
    if (!is_node(created[i])) unlink("/dev/sgx_enclave");
    CHECK(is_node(created[i]));
  }
  file = fopen("two", "w");
  if (!file || !is_node(fileno(file))) unlink("/dev/sgx_enclave");
  CHECK(file && is_node(fileno(file)));
  CHECK_EQ(open("two", O_RDWR | O_CREAT | O_EXCL, 0600), -1);
  CHECK_EQ(errno, EEXIST);
  CHECK_EQ(symlink("new", "to-new"), 0);
  CHECK(open("to-new", O_RDWR | O_CREAT, 0600) >= 0 && access("new", R_OK) == 0);
  CHECK_EQ(open("two", O_RDWR | O_NOFOLLOW), -1);
  CHECK_EQ(errno, ELOOP);
  CHECK_EQ(open("nowhere", O_RDWR), -1);
  CHECK_EQ(errno, ENOENT);
  CHECK_EQ(stat("round", &status), -1);
  CHECK_EQ(errno, ELOOP);
  CHECK_EQ(system("rm -r /tmp/sgx-links-*"), 0);
}

TEST(a_node_has_no_extended_attributes) {
  char value[64];
  CHECK_EQ(getxattr("/dev/sgx_enclave", "system.posix_acl_access", value, sizeof value), -1);
  CHECK_EQ(errno, ENODATA);
  CHECK_EQ(lgetxattr("/dev/sgx_enclave", "system.posix_acl_access", value, sizeof value), -1);
  CHECK_EQ(errno, ENODATA);
  CHECK(listxattr("/dev/sgx_enclave", value, sizeof value) >= 0);
  CHECK(llistxattr("/dev/sgx_enclave", value, sizeof value) >= 0);
}

TEST(stat_and_statx_agree) {
  struct stat status;
  struct statx more;
  CHECK_EQ(stat("/dev/sgx_enclave", &status), 0);
  CHECK_EQ(statx(AT_FDCWD, "/dev/sgx_enclave", 0, STATX_BASIC_STATS, &more), 0);
  CHECK(status.st_blksize > 0);
  CHECK_EQ(more.stx_blksize, status.st_blksize);
  CHECK_EQ(more.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
  CHECK_EQ(more.stx_mode, status.st_mode);
  CHECK_EQ(more.stx_ino, status.st_ino);
  CHECK_EQ(makedev(more.stx_dev_major, more.stx_dev_minor), status.st_dev);
  CHECK_EQ(makedev(more.stx_rdev_major, more.stx_rdev_minor), status.st_rdev);
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

TEST(a_node_after_privileges_are_gone) {
  const uid_t other = getuid() ? getuid() : 65534;
  CHECK_EQ(setgid(getuid() ? getgid() : 65534), 0);
  CHECK_EQ(setuid(other), 0);
  CHECK(is_node(open("/dev/sgx_enclave", O_RDWR)));
  struct enclave enclave;
  load(&enclave);
  CHECK_EQ(simple(&enclave, GET, enclave.base + READ_ONLY, 0, 0), 0x5a5a5a5a5a5a5a5a);
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

/* as runtimes of other languages come to the C library */
TEST(a_node_by_a_function_of_the_c_librarys_handle) {
  void* library = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
  CHECK(library != 0);
  int (*by_name)(const char*, int, ...) = (int (*)(const char*, int, ...))dlsym(library, "open");
  CHECK(by_name && is_node(by_name("/dev/sgx_enclave", O_RDWR)));
  by_name = (int (*)(const char*, int, ...))dlvsym(library, "open64", "GLIBC_2.2.5");
  CHECK(by_name && is_node(by_name("/dev/sgx_enclave", O_RDWR)));
  CHECK(dlsym(library, "getppid") == (void*)getppid);
  CHECK(dlsym(library, "no_such_function_at_all") == 0);
}

TEST(a_node_by_libraries_loaded_later) {
  const int modes[] = {RTLD_NOW | RTLD_LOCAL, RTLD_LAZY | RTLD_GLOBAL, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND};
  for (size_t i = 0; i < array_size(modes); ++i) {
    void* library = dlopen("$ORIGIN/sgx-plugin.so", modes[i]); /* the folder of who calls */
    CHECK(library != 0);
    int (*plugin_open)(void) = library ? (int (*)(void))dlsym(library, "plugin_open") : 0;
    CHECK(plugin_open && is_node(plugin_open()));
    if (library) dlclose(library);
  }
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
