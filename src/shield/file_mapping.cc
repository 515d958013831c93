// mmap of files. A mapping is a private copy of what the file holds at the call: enough for loaders and
// readers. Shared mappings would need the host's memory and are refused. Code comes from files of the image
// alone, so that all of it is measured.
#include <linux/mman.h>

#include "shield/calls.h"
#include "shield/descriptors.h"
#include "shield/host.h"
#include "shield/image_files.h"
#include "shield/memory.h"
#include "shield/pages.h"

namespace clemmys::shield {
namespace {

// fill copies the file's bytes from `offset` on; what lies beyond its end stays zero.
int64_t fill(const Descriptor& file, uint64_t place, uint64_t size, uint64_t offset) {
  if (file.kind == Kind::kImage) return image_file_read(file.device, offset, Scatter(place, size));
  for (uint64_t done = 0; done < size;) {
    Bounce bounce;
    const uint64_t step = size - done < bounce.room() ? size - done : bounce.room();
    const uint64_t from = bounce.reserve(step);
    const int64_t got = call(__NR_pread64, step, file.host, from, step, offset + done);
    if (got < 0) return got;
    if (got == 0) break;
    bounce.get(reinterpret_cast<void*>(place + done), from, static_cast<uint64_t>(got));
    done += static_cast<uint64_t>(got);
  }
  return 0;
}

}  // namespace

int64_t map_file(uint64_t address, uint64_t size, uint64_t protection, uint64_t flags, uint64_t descriptor,
                 uint64_t offset) {
  Descriptor file;
  if (!get(descriptor, &file)) return -EBADF;
  if (offset % kPageSize != 0) return -EINVAL;
  const bool of_image = file.kind == Kind::kImage;
  if (!of_image && file.kind != Kind::kHost) return -ENODEV;
  if ((flags & MAP_SHARED) != 0 && !(of_image && (protection & PROT_WRITE) == 0)) return -ENODEV;
  if ((protection & PROT_EXEC) != 0 && (!of_image || (protection & PROT_WRITE) != 0)) return -EACCES;
  if ((protection & PROT_EXEC) != 0 && heap_strategy() == HeapStrategy::kSgx1) return -EACCES;  // no EMODPE
  const uint64_t placing = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
  const int64_t mapped =
      call_mmap(address, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | placing, 0, 0);
  if (mapped < 0) return mapped;
  const auto place = static_cast<uint64_t>(mapped);
  const uint64_t pages = (size + kPageSize - 1) & ~(kPageSize - 1);
  const int64_t filled = fill(file, place, size, offset);
  if (filled < 0) {
    call_munmap(place, pages);
    return filled;
  }
  return set_protection(place, pages, protection) ? mapped : -ENOMEM;
}

}  // namespace clemmys::shield
