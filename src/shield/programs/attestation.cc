// /dev/attestation from inside: a report over our data, a seal key that stays the same, and a quote where
// there is a quoting service (argument "quote").
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

namespace {

std::string read_file(const char* path) {
  std::string content;
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return "";
  char buffer[1000];
  for (ssize_t got; (got = read(file, buffer, sizeof buffer)) > 0;)
    content.append(buffer, static_cast<std::size_t>(got));
  close(file);
  return content;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string data(64, 'd');
  const int file = open("/dev/attestation/user_report_data", O_WRONLY | O_CLOEXEC);
  std::printf("report data written %zd\n", write(file, data.data(), data.size()));
  close(file);
  const std::string report = read_file("/dev/attestation/report");
  std::printf("report %zu bytes, our data in it %d\n", report.size(),
              report.size() == 432 && report.substr(320, 64) == data);
  const std::string key = read_file("/dev/attestation/keys/_sgx_mrenclave");
  std::printf("key %zu bytes, stable %d, not zero %d\n", key.size(),
              key == read_file("/dev/attestation/keys/_sgx_mrenclave"), key != std::string(16, '\0'));
  std::printf("other devices %d\n", open("/dev/attestation/other", O_RDONLY));
  std::printf("paths off the list %d %d\n", open("/etc/passwd", O_RDONLY),
              open("/dev/attestation/../../etc/passwd", O_RDONLY));
  if (argc > 1 && std::string_view(argv[1]) == "quote") {
    const std::string quote = read_file("/dev/attestation/quote");
    std::printf("quote with our data %d\n", quote.size() > 432 && quote.substr(48 + 320, 64) == data);
  } else {
    const int quote = open("/dev/attestation/quote", O_RDONLY);
    char byte;
    std::printf("quote without a service %zd\n", read(quote, &byte, 1));
  }
  return 0;
}
