// /dev/attestation from inside, as programs for Gramine use it: values written in parts, files read in parts,
// sought in, open twice at once, closed lists of names, and keys that depend on what they should. Argument
// "quote": there is a quoting service.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

namespace {

std::string path(const char* name) { return std::string("/dev/attestation/") + name; }

std::string read_rest(int file) {
  std::string content;
  char buffer[100];  // smaller than most of them
  for (ssize_t got; (got = read(file, buffer, sizeof buffer)) > 0;)
    content.append(buffer, static_cast<std::size_t>(got));
  return content;
}

std::string read_file(const char* name) {
  const int file = open(path(name).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return "";
  std::string content = read_rest(file);
  close(file);
  return content;
}

// write_file gives what the last write gave, or -errno.
long write_file(const char* name, std::string_view content, std::size_t step) {
  const int file = open(path(name).c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return -errno;
  long result = 0;
  for (std::size_t at = 0; at < content.size() && result >= 0; at += step) {
    result = write(file, content.data() + at, std::min(step, content.size() - at));
    if (result < 0) result = -errno;
  }
  close(file);
  return result;
}

std::string report_data() { return read_file("report").substr(320, 64); }

void inputs() {
  const std::string data(64, 'd'), halves = std::string(32, 'a') + std::string(32, 'b');
  std::printf("report data written %ld\n", write_file("user_report_data", data, 64));
  std::printf("in the report %d\n", report_data() == data);
  std::printf("in two halves %ld %d\n", write_file("user_report_data", halves, 32), report_data() == halves);
  std::printf("short is padded %ld %d\n", write_file("user_report_data", "xyz", 3),
              report_data() == std::string("xyz") + std::string(61, '\0'));
  std::printf("too long %ld %ld\n", write_file("user_report_data", std::string(65, 'e'), 65),
              write_file("user_report_data", std::string(80, 'e'), 40));
  std::printf("read-only %ld %ld %ld\n", write_file("report", data, 64), write_file("quote", data, 64),
              write_file("keys/_sgx_mrenclave", data, 64));
  write_file("user_report_data", data, 64);
}

void reading() {
  const int first = open(path("report").c_str(), O_RDONLY | O_CLOEXEC);
  char head[10] = {}, again[10] = {}, tail[100] = {};
  std::printf("part %zd\n", read(first, head, sizeof head));
  write_file("user_report_data", std::string(64, 'n'), 64);  // after the first was opened
  const int second = open(path("report").c_str(), O_RDONLY | O_CLOEXEC);
  const std::string rest = read_rest(first), whole = read_rest(second);
  std::printf("two at once %d %d\n", rest.substr(310, 64) == std::string(64, 'd'),
              whole.substr(320, 64) == std::string(64, 'n'));
  std::printf("seek %ld, again %zd %d\n", static_cast<long>(lseek(first, 0, SEEK_SET)),
              read(first, again, sizeof again), std::memcmp(head, again, sizeof head) == 0);
  std::printf("pread %zd %d, beyond %zd, end %ld\n", pread(second, tail, sizeof tail, 320), tail[0] == 'n',
              pread(second, tail, sizeof tail, 1000), static_cast<long>(lseek(second, -32, SEEK_END)));
  struct stat status{};
  fstat(second, &status);
  const int duplicate = dup(second);
  close(second);
  std::printf("size %ld, duplicate %zd\n", static_cast<long>(status.st_size), pread(duplicate, tail, 16, 0));
  close(first);
  close(duplicate);
  write_file("user_report_data", std::string(64, 'd'), 64);
  std::printf("sizes %zu %zu %zu %zu %s\n", read_file("report").size(), read_file("target_info").size(),
              read_file("my_target_info").size(), read_file("user_report_data").size(),
              read_file("attestation_type").c_str());
  std::printf("own target %d\n",
              read_file("my_target_info").substr(0, 32) == read_file("report").substr(64, 32));
}

void keys() {
  const std::string image = read_file("keys/_sgx_mrenclave"), signer = read_file("keys/_sgx_mrsigner");
  std::printf("keys %zu %zu, differ %d, stable %d %d, zero %d\n", image.size(), signer.size(),
              image != signer, image == read_file("keys/_sgx_mrenclave"),
              signer == read_file("keys/_sgx_mrsigner"), image == std::string(16, '\0'));
  const std::string none = read_file("keys/_report");
  write_file("report_key_id", std::string(32, 'k'), 32);
  std::printf("report key %zu, depends on its id %d\n", none.size(), none != read_file("keys/_report"));
}

void names() {
  std::printf("other devices %d\n", open("/dev/attestation/other", O_RDONLY));
  std::printf("paths off the list %d %d\n", open("/etc/passwd", O_RDONLY),
              open("/dev/attestation/../../etc/passwd", O_RDONLY));
  int opened = 0;
  int files[40];
  while (opened < 40 && (files[opened] = open(path("report").c_str(), O_RDONLY)) >= 0) ++opened;
  std::printf("open at once %d, then %d\n", opened, errno == ENFILE);
  while (opened > 0) close(files[--opened]);
}

}  // namespace

int main(int argc, char** argv) {
  inputs();
  reading();
  keys();
  names();
  if (argc > 1 && std::string_view(argv[1]) == "quote") {
    const int first = open(path("quote").c_str(), O_RDONLY);
    write_file("user_report_data", std::string(64, 'q'), 64);
    const int second = open(path("quote").c_str(), O_RDONLY);
    const std::string one = read_rest(first), two = read_rest(second);
    std::printf("quotes with our data %d %d\n",
                one.size() > 432 && one.substr(48 + 320, 64) == std::string(64, 'd'),
                two.size() > 432 && two.substr(48 + 320, 64) == std::string(64, 'q'));
  } else {
    errno = 0;
    std::printf("quote without a service %d %d\n", open(path("quote").c_str(), O_RDONLY), errno == EIO);
  }
  return 0;
}
