#include "runtime/js/zip.h"

#include <minizip/unzip.h>

#include <algorithm>
#include <cstring>

namespace clemmys::runtime::js {

struct ZipReader::Memory {
  ByteView content;
  std::uint64_t position = 0;
  bool failed = false;
};

namespace {

constexpr std::size_t kNameSizeMax = 1024;

// The callbacks of minizip's ioapi.h over memory: `opaque` is the stream, too.
template <typename Memory>
zlib_filefunc64_def over(Memory* memory) {
  zlib_filefunc64_def functions{};
  functions.opaque = memory;
  functions.zopen64_file = [](voidpf opaque, const void*, int) -> voidpf { return opaque; };
  functions.zread_file = [](voidpf, voidpf stream, void* out, uLong size) -> uLong {
    auto* self = static_cast<Memory*>(stream);
    const std::uint64_t count = std::min<std::uint64_t>(size, self->content.size() - self->position);
    std::memcpy(out, self->content.data() + self->position, count);
    self->position += count;
    return count;
  };
  functions.ztell64_file = [](voidpf, voidpf stream) -> ZPOS64_T {
    return static_cast<Memory*>(stream)->position;
  };
  functions.zseek64_file = [](voidpf, voidpf stream, ZPOS64_T offset, int origin) -> long {
    auto* self = static_cast<Memory*>(stream);
    const std::uint64_t base = origin == ZLIB_FILEFUNC_SEEK_CUR   ? self->position
                               : origin == ZLIB_FILEFUNC_SEEK_END ? self->content.size()
                                                                  : 0;
    if (offset > self->content.size() - base) return -1;
    self->position = base + offset;
    return 0;
  };
  functions.zclose_file = [](voidpf, voidpf) { return 0; };
  functions.zerror_file = [](voidpf, voidpf) { return 0; };
  return functions;
}

Error invalid(std::string_view site, std::string text) {
  return {ErrorCode::kInvalid, site, std::move(text)};
}

Error damaged() { return invalid("runtime.js.zip.damaged", "The zip archive is damaged."); }

bool is_plain(std::string_view name) {
  if (name.empty() || name.find('\\') != std::string_view::npos ||
      name.find('\0') != std::string_view::npos || name.find('\n') != std::string_view::npos)
    return false;
  for (std::size_t start = 0; start <= name.size();) {
    const std::size_t end = std::min(name.find('/', start), name.size());
    const std::string_view part = name.substr(start, end - start);
    if (part.empty() || part == "." || part == "..") return false;
    start = end + 1;
  }
  return true;
}

}  // namespace

void ZipReader::Close::operator()(void* archive) const { unzClose(archive); }
void ZipReader::FreeMemory::operator()(Memory* memory) const { delete memory; }

Result<ZipReader> ZipReader::open(ByteView archive) {
  ZipReader reader;
  reader.memory_.reset(new Memory{.content = archive});
  zlib_filefunc64_def functions = over(reader.memory_.get());
  reader.archive_.reset(unzOpen2_64("", &functions));
  if (!reader.archive_) return invalid("runtime.js.zip.open", "The action's code is not a zip archive.");
  return reader;
}

std::size_t ZipReader::entries() const {
  unz_global_info64 info{};
  return unzGetGlobalInfo64(archive_.get(), &info) == UNZ_OK ? info.number_entry : 0;
}

Result<std::optional<ZipReader::Entry>> ZipReader::next(std::size_t size_max) {
  for (;;) {
    const int moved = started_ ? unzGoToNextFile(archive_.get()) : unzGoToFirstFile(archive_.get());
    started_ = true;
    if (moved == UNZ_END_OF_LIST_OF_FILE) return std::optional<Entry>();
    unz_file_info64 info{};
    char name[kNameSizeMax + 1] = {};
    if (moved != UNZ_OK ||
        unzGetCurrentFileInfo64(archive_.get(), &info, name, kNameSizeMax, nullptr, 0, nullptr, 0) != UNZ_OK)
      return damaged();
    if (info.size_filename > kNameSizeMax)
      return invalid("runtime.js.zip.name", "The archive has a file with a name of more than 1024 bytes.");
    Entry entry{.name = std::string(name, info.size_filename), .content = {}};
    if (entry.name.ends_with('/')) continue;
    if (entry.name.starts_with("./")) entry.name.erase(0, 2);
    if (!is_plain(entry.name))
      return invalid("runtime.js.zip.name",
                     "The archive has a file with a name that is not allowed: " + entry.name);
    if ((info.flag & 1) != 0)
      return invalid("runtime.js.zip.encrypted", "The archive is encrypted: " + entry.name);
    entry.content = TRY(read_current(info.uncompressed_size, size_max));
    return std::optional<Entry>(std::move(entry));
  }
}

Result<Bytes> ZipReader::find(const std::string& name, std::size_t size_max) {
  unz_file_info64 info{};
  if (unzLocateFile(archive_.get(), name.c_str(), 1) != UNZ_OK ||
      unzGetCurrentFileInfo64(archive_.get(), &info, nullptr, 0, nullptr, 0, nullptr, 0) != UNZ_OK)
    return Error{ErrorCode::kNotFound, "runtime.js.zip.find"};
  return read_current(info.uncompressed_size, size_max);
}

Result<Bytes> ZipReader::read_current(std::uint64_t size, std::size_t size_max) {
  if (size > size_max)
    return Error{ErrorCode::kTooLarge, "runtime.js.zip.size",
                 "The archive is too large when it is unpacked."};
  if (unzOpenCurrentFile(archive_.get()) != UNZ_OK) return damaged();
  Bytes content(size);
  std::size_t done = 0;
  for (int count = 1; count > 0 && done < size;) {
    const std::size_t piece = std::min<std::size_t>(size - done, 1u << 20);
    count = unzReadCurrentFile(archive_.get(), content.data() + done, static_cast<unsigned>(piece));
    if (count > 0) done += static_cast<std::size_t>(count);
  }
  // Closing checks the CRC.
  if (unzCloseCurrentFile(archive_.get()) != UNZ_OK || done != size) return damaged();
  return content;
}

}  // namespace clemmys::runtime::js
