// Files below a directory of the allow-list: create, append, seek, positioned I/O, rename, list, large
// transfers, refusals.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

int main(int, char** argv) {
  namespace fs = std::filesystem;
  const std::string root = argv[1];
  fs::create_directories(root + "/a/b");
  std::ofstream(root + "/a/text") << "first\n";
  std::ofstream(root + "/a/text", std::ios::app) << "second\n";
  std::ifstream file(root + "/a/text");
  for (std::string line; std::getline(file, line);) std::printf("%s\n", line.c_str());

  std::vector<char> big(3 << 20);
  for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i * 7 + i / 4096);
  const int out = open((root + "/big").c_str(), O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0600);
  std::size_t done = 0;
  while (done < big.size())
    done += static_cast<std::size_t>(write(out, big.data() + done, big.size() - done));
  std::vector<char> back(big.size());
  done = 0;
  while (done < back.size()) {
    const ssize_t step = pread(out, back.data() + done, back.size() - done, static_cast<off_t>(done));
    if (step <= 0) break;
    done += static_cast<std::size_t>(step);
  }
  struct stat status{};
  fstat(out, &status);
  std::printf("big equal %d, size %ld, sync %d %d, lock %d\n", big == back, static_cast<long>(status.st_size),
              fsync(out), fdatasync(out), flock(out, LOCK_EX));
  std::printf("truncate %d, seek %ld, write at %zd\n", ftruncate(out, 100),
              static_cast<long>(lseek(out, 0, SEEK_END)), pwrite(out, "xyz", 3, 50));
  char three[3];
  std::printf("read at %zd %.3s\n", pread(out, three, 3, 50), three);
  close(out);
  sync();  // gives nothing back; the host's part is in enclave/host/sandbox_test.cc

  fs::rename(root + "/big", root + "/a/renamed");
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(root))
    names.push_back(entry.path().string().substr(root.size()));
  std::sort(names.begin(), names.end());
  for (const auto& name : names) std::printf("%s\n", name.c_str());
  std::printf("missing %d\n", open((root + "/none").c_str(), O_RDONLY));
  std::printf("bad descriptor %zd\n", read(77, three, 3));
  fs::remove_all(root + "/a");
  std::printf("left %d\n", fs::exists(root + "/a"));
  return 0;
}
