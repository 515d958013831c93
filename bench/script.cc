// script.cc: JavaScript alone: no platform, no envelopes. As an ordinary process and inside an enclave, with
// the same numbers. Prints a JSON object; times are medians.
#include "runtime/js/script.h"

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string_view>

#include "base/bytes.h"
#include "base/check.h"
#include "crypto/crypto.h"

extern "C" {
extern const char clemmys_bench_work[], clemmys_bench_work_end[];
}
asm(".section .rodata\n.globl clemmys_bench_work\nclemmys_bench_work: .incbin \"" CLEMMYS_BENCH_WORK
    "\"\n.globl clemmys_bench_work_end\nclemmys_bench_work_end:\n.previous\n");

namespace {

using namespace clemmys;
using namespace clemmys::runtime;

template <typename Work>
double median_us(int rounds, int batch, Work work) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> samples;
  for (int round = 0; round < rounds; ++round) {
    const auto begin = Clock::now();
    for (int i = 0; i < batch; ++i) work();
    samples.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count() / batch);
  }
  std::ranges::nth_element(samples, samples.begin() + rounds / 2);
  return samples[static_cast<std::size_t>(rounds / 2)];
}

std::unique_ptr<Script> loaded(Isolation isolation) {
  const ByteView code = as_bytes({clemmys_bench_work, clemmys_bench_work_end});
  LoadedScript script =
      load_script({.code = code, .is_zip = false, .main = "main", .environment = {}}, {}, isolation);
  CHECK(std::holds_alternative<std::unique_ptr<Script>>(script));
  return std::move(std::get<std::unique_ptr<Script>>(script));
}

void call(Script& script, std::string_view json) {
  const Reply reply = script.call({.is_json = true,
                                   .body = as_bytes(json),
                                   .parameters_json = "{}",
                                   .activation_id = "0",
                                   .action_name = {},
                                   .action_version = {},
                                   .namespace_name = {},
                                   .deadline_unix_ms = 0});
  CHECK(reply.kind == Reply::Kind::kAnswer);
}

}  // namespace

int main() {
  CHECK(crypto::initialize().has_value());
  const double load_us = median_us(51, 1, [] { loaded(Isolation::kSharedState); });
  const auto script = loaded(Isolation::kResettable);
  const double hello_us = median_us(51, 1000, [&] { call(*script, R"({"name":"World"})"); });
  const double json_us = median_us(51, 1, [&] { call(*script, R"({"what":"json","n":1000})"); });
  const double sha256_us = median_us(5, 1, [&] { call(*script, R"({"what":"sha256","n":1048576})"); });
  const double reset_us = median_us(51, 1, [&] { script->reset(); });
  const struct mallinfo2 heap = mallinfo2();
  std::printf(
      "{\"load_us\":%.0f,\"hello_us\":%.2f,\"json_us\":%.0f,\"sha256_us\":%.0f,\"reset_us\":%.0f,\"sandbox_"
      "bytes\":%zu,\"heap_bytes\":%zu}\n",
      load_us, hello_us, json_us, sha256_us, reset_us, script->memory_size(), heap.uordblks + heap.hblkhd);
}
