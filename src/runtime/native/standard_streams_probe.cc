// What a function may print, for standard_streams_test.cc: descriptor 3 is the test's socket, on which the
// captured text goes back.
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "base/clock.h"
#include "runtime/native/call_log.h"

int main() {
  using namespace clemmys;
  const FakeClock clock(0);
  runtime::CallLog log(clock);
  std::printf("before the sink\n");
  runtime::set_stream_sink(
      [&log](runtime::Stream stream, std::string_view piece) { log.append(stream, piece); });
  log.begin(1 << 20);
  std::printf("printf %d\n", 1);
  std::puts("puts");
  std::cout << "cout " << 2 << std::endl;
  std::cerr << "cerr " << 3 << "\n";
  std::fprintf(stderr, "stderr in ");
  std::fprintf(stderr, "pieces\n");
  std::printf("no line end");
  [[maybe_unused]] ssize_t count = ::write(STDOUT_FILENO, "raw write", 9);
  count = ::write(STDERR_FILENO, "raw write", 9);
  const Bytes text = log.end();
  count = ::write(3, text.data(), text.size());
  runtime::set_stream_sink({});
  std::printf("after the sink\n");
}
