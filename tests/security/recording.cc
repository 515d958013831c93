#include "recording.h"

#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <utility>

namespace clemmys::testing {
namespace {

int nibble(char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; }

}  // namespace

std::vector<std::string> tracer(const std::string& directory) {
  const std::string calls =
      "read,write,readv,writev,pread64,pwrite64,preadv,pwritev,preadv2,pwritev2,"
      "sendto,recvfrom,sendmsg,recvmsg,sendmmsg,recvmmsg,execve,openat,open,rename,mkdir,unlink";
  return {"strace",
          "-D",  // the traced program is our child, so that stopping it stops it
          "-ff",    "--seccomp-bpf",  "-xx", "-qq",
          "-s",     "134217728",      "-e",  "signal=none",
          "-e",     "trace=" + calls, "-o",  directory + "/trace"};
}

EndOfRecording::EndOfRecording() {
  if (::pipe(ends_) != 0) throw std::runtime_error("pipe failed");
}

EndOfRecording::~EndOfRecording() {
  for (const int end : ends_) ::close(end);
}

void EndOfRecording::wait() {
  ::close(std::exchange(ends_[1], -1));
  char nothing;
  while (::read(ends_[0], &nothing, 1) > 0) {
  }
}

Bytes decode_trace(const std::string& path) {
  const Bytes text = read_file(path);
  Bytes out;
  out.reserve(text.size() / 4);
  for (std::size_t i = 0; i + 3 < text.size();) {
    if (text[i] == '\\' && text[i + 1] == 'x') {
      out.push_back(static_cast<std::uint8_t>(nibble(static_cast<char>(text[i + 2])) << 4 |
                                              nibble(static_cast<char>(text[i + 3]))));
      i += 4;
    } else {
      ++i;
    }
  }
  return out;
}

Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return {};
  Bytes bytes(static_cast<std::size_t>(file.tellg()));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file) return {};
  return bytes;
}

}  // namespace clemmys::testing
