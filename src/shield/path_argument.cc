#include "shield/path_argument.h"

#include <linux/fcntl.h>

#include "shield/calls.h"
#include "shield/descriptors.h"
#include "shield/lock.h"
#include "shield/memory.h"
#include "shield/paths.h"
#include "shield/scatter.h"

namespace clemmys::shield {
namespace {

constexpr uint64_t kDirectoryNumbers[] = {kDescriptorsMax - 1, kDescriptorsMax - 2};  // where it is held open

Lock lock;
bool changed;             // false: the working directory is "/"
uint64_t number;          // the descriptor that holds it
char text[kPathSizeMax];  // its name

int64_t host_working_directory() {
  Guard guard(lock);
  return changed ? host_of(number) : -ENOENT;
}

void set_working_directory(uint64_t descriptor, const char* name) {
  Guard guard(lock);
  uint64_t size = name[0] == '/' || !changed ? 0 : strlen(text);
  if (size > 1 || (size == 1 && text[0] != '/')) text[size++] = '/';
  while (*name != 0 && size + 1 < kPathSizeMax) text[size++] = *name++;
  while (size > 1 && text[size - 1] == '/') --size;
  text[size] = 0;
  changed = true;
  number = descriptor;
}

}  // namespace

int64_t PathArgument::take(Bounce& bounce, uint64_t directory_descriptor, uint64_t address) {
  if (!program_range(address, 1)) return -EFAULT;
  const char* name = reinterpret_cast<const char*>(address);
  const uint64_t size = strlen(name);
  if (size >= kPathSizeMax) return -ENAMETOOLONG;
  if (size == 0) return -ENOENT;
  if (const int64_t error = own_path(name, &own); error != 0) return error;
  if (is_own(own.kind)) return 0;
  if (name[0] == '/') {
    const LayoutPage& image = layout();
    const auto* list = reinterpret_cast<const char*>(enclave_base() + image.allowed_paths);
    if ((image.manifest_flags & kAllowHostFiles) == 0 ||
        !path_allowed(name, list, image.allowed_paths_size)) {
      return -ENOENT;
    }
  } else {  // below a directory that was opened by an allowed path
    if (has_parent_component(name)) return -ENOENT;
    const auto given = static_cast<int32_t>(directory_descriptor);
    directory = given == kCurrentDirectory ? host_working_directory() : host_of(static_cast<uint32_t>(given));
    if (directory < 0) return directory;
  }
  place = bounce.put(name, size + 1);
  return 0;
}

int64_t change_directory(uint64_t address) {
  PathArgument path;
  Bounce bounce;
  if (program_range(address, 2) && memcmp(reinterpret_cast<const char*>(address), "/", 2) == 0) {
    Guard guard(lock);
    changed = false;
    return 0;
  }
  if (const int64_t error = path.take(bounce, static_cast<uint64_t>(kCurrentDirectory), address); error != 0)
    return error;
  if (is_own(path.own.kind)) return -ENOTDIR;
  const int64_t host = call(__NR_openat, kHostDescriptorsMax - 1, path.directory, path.place,
                            O_DIRECTORY | O_CLOEXEC | O_RDONLY, 0);
  if (host < 0) return host;
  const uint64_t next =
      changed && number == kDirectoryNumbers[0] ? kDirectoryNumbers[1] : kDirectoryNumbers[0];
  const uint64_t before = number;
  const bool had_one = changed;
  if (place_open(next, host) < 0) return -EMFILE;
  set_working_directory(next, reinterpret_cast<const char*>(address));
  if (had_one) close_open(before);
  return 0;
}

int64_t working_directory(uint64_t buffer, uint64_t size) {
  Guard guard(lock);
  const char* name = changed ? text : "/";
  const uint64_t needed = strlen(name) + 1;
  if (size < needed) return -ERANGE;
  if (!program_range(buffer, needed)) return -EFAULT;
  memcpy(reinterpret_cast<void*>(buffer), name, needed);
  return static_cast<int64_t>(needed);
}

}  // namespace clemmys::shield
