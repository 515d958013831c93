// Files: paths, metadata, directories.
#include <fcntl.h>
#include <sys/stat.h>

#include "shield/hostile/world.h"

namespace clemmys::shield::hostile {
namespace {

constexpr auto kHere = static_cast<std::uint64_t>(AT_FDCWD);
constexpr std::uint64_t kStat = sizeof(struct stat);

std::uint64_t path(World& world) { return world.buffer(16, "/state/x"); }

// A directory of one entry, 32 bytes long, after `change`.
Answer directory(const std::function<void(char*)>& change, std::int64_t result = 32) {
  return [=](World&, const HostCall& call) {
    char record[64] = {};
    const std::uint16_t length = 32;
    std::memcpy(record + 16, &length, sizeof length);
    std::memcpy(record + 19, "name", 5);
    change(record);
    std::memcpy(reinterpret_cast<void*>(call.arguments[1]), record, sizeof record);
    return result;
  };
}
Answer directory_length(std::uint16_t length) {
  return directory([length](char* record) { std::memcpy(record + 16, &length, sizeof length); });
}

using Change = std::function<void(struct stat&)>;

Answer stat_written(int argument, const Change& change) {
  return [=](World&, const HostCall& call) -> std::int64_t {
    struct stat facts{};
    facts.st_mode = S_IFREG | 0600;
    facts.st_size = 5;
    facts.st_blksize = 4096;
    facts.st_atim = facts.st_mtim = facts.st_ctim = {.tv_sec = -1, .tv_nsec = 999'999'999};
    change(facts);
    host_write(call.arguments[argument], facts);
    return 0;
  };
}

// plain is a call that gives 0 or an error.
Subject plain(std::uint64_t number, std::function<std::int64_t(World&)> act) {
  return subject(number, 0, std::move(act), says(0));
}

}  // namespace

Answer honest_stat(int argument) {
  return stat_written(argument, [](struct stat&) {});
}

std::vector<Lie> stat_lies(int argument) {
  const std::pair<const char*, Change> changes[] = {
      {"a negative size", [](struct stat& facts) { facts.st_size = -1; }},
      {"blocks of no size", [](struct stat& facts) { facts.st_blksize = 0; }},
      {"blocks of negative size", [](struct stat& facts) { facts.st_blksize = -4096; }},
      {"a negative count of blocks", [](struct stat& facts) { facts.st_blocks = -1; }},
      {"a second of nanoseconds", [](struct stat& facts) { facts.st_mtim.tv_nsec = 1'000'000'000; }},
      {"negative nanoseconds", [](struct stat& facts) { facts.st_ctim.tv_nsec = -1; }},
  };
  std::vector<Lie> lies;
  for (const auto& [what, change] : changes)
    lies.push_back({what, stat_written(argument, change), "files.stat"});
  return lies;
}

std::vector<Subject> file_subjects() {
  const auto on_file = [](std::uint64_t number) {
    return plain(number, [number](World& world) { return run(number, world.file, 0, 0, 1); });
  };
  const auto on_path = [](std::uint64_t number) {
    return plain(number, [number](World& world) { return run(number, kHere, path(world), 0, 0); });
  };
  return {
      subject(__NR_openat, 65535, [](World& world) { return run(__NR_openat, kHere, path(world), 0); },
              says(30),
              {{"a descriptor that is open", says(2), "descriptors.host_reuse"},
               {"a descriptor that nobody opened", says(60000), nullptr,
                [](World&, std::int64_t result) { return result == 10; }}}),
      subject(
          __NR_fstat, 0, [](World& world) { return run(__NR_fstat, world.file, world.buffer(kStat)); },
          honest_stat(1), stat_lies(1)),
      subject(
          __NR_newfstatat, 0,
          [](World& world) {
            const std::uint64_t name = path(world);
            return run(__NR_newfstatat, kHere, name, world.buffer(kStat), 0);
          },
          honest_stat(2), stat_lies(2)),
      subject(__NR_getdents64, 64,
              [](World& world) { return run(__NR_getdents64, world.file, world.out = world.buffer(64), 64); },
              directory([](char*) {}),
              {{"a record of size zero", directory_length(0), "files.directory_length"},
               {"a record that ends before its name", directory_length(16), "files.directory_length"},
               {"a record that ends over the next", directory_length(27), "files.directory_length"},
               {"a record over the end", directory_length(40), "files.directory_length"},
               {"the largest record", directory_length(0xffff), "files.directory_length"},
               {"a second record without room for its head", directory([](char*) {}, 40),
                "files.directory_header"},
               {"a name without end", directory([](char* record) { std::memset(record + 19, 'a', 13); }),
                "files.directory_name"},
               {"no name", directory([](char* record) { record[19] = 0; }), "files.directory_name"},
               {"a name in another directory",
                directory([](char* record) { std::memcpy(record + 19, "../passwd", 10); }),
                "files.directory_name"}}),
      on_file(__NR_fsync),
      on_file(__NR_fdatasync),
      plain(__NR_sync, [](World&) { return run(__NR_sync); }),
      on_file(__NR_ftruncate),
      on_file(__NR_fallocate),
      on_file(__NR_fchmod),
      on_file(__NR_flock),
      on_path(__NR_unlinkat),
      on_path(__NR_mkdirat),
      on_path(__NR_fchmodat),
      on_path(__NR_faccessat),
      on_path(__NR_utimensat),
      plain(__NR_renameat2,
            [](World& world) {
              const std::uint64_t from = path(world);
              return run(__NR_renameat2, kHere, from, kHere, path(world), 0);
            }),
  };
}

}  // namespace clemmys::shield::hostile
