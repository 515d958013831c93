// paths.h: the files of an SGX machine other than its devices, for programs that look there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clemmys::softsgx {

// kFirstNodeInode is the inode of the first of the two nodes in /dev.
inline constexpr std::uint64_t kFirstNodeInode = 1125;

// absolute_path is `path` seen from the directory `dirfd` (AT_FDCWD: the working directory); empty when that
// cannot be known. Only as much as tells the names below: no links are followed.
std::string absolute_path(int dirfd, std::string_view path);

// behind_links is where the links of a path lead, as absolute_path; empty: it goes by none, or nowhere. For
// names that the kernel does not find.
std::string behind_links(int dirfd, std::string_view path);

// is_own_memory: the path is /proc/self/mem, by any of its names.
bool is_own_memory(std::string_view path);

// machine_file is the content of a file that this machine has otherwise, or not at all: nothing for all
// others.
std::optional<std::string> machine_file(std::string_view path);

// real_file reads a file past our own open. Empty when it cannot be read.
std::string real_file(const char* path);

// epc_size is the bytes of enclave page cache that the machine says it has.
std::uint64_t epc_size();

}  // namespace clemmys::softsgx
