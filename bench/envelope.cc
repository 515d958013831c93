// envelope.cc: what sealing and opening one envelope costs per payload size. Prints a JSON array of rows.
#include "wire/envelope.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "base/check.h"
#include "crypto/crypto.h"

namespace {

using namespace clemmys;

double median_us(std::vector<double> samples) {
  std::nth_element(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2),
                   samples.end());
  return samples[samples.size() / 2];
}

// measure runs `work` in batches of about a millisecond and returns the median time of one call.
template <typename Work>
double measure(std::size_t size, Work work) {
  using Clock = std::chrono::steady_clock;
  const std::size_t batch = std::max<std::size_t>(1, 200'000 / (size + 500));
  std::vector<double> samples;
  for (int round = 0; round < 101; ++round) {
    const auto begin = Clock::now();
    for (std::size_t i = 0; i < batch; ++i) work();
    samples.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count() /
                      static_cast<double>(batch));
  }
  return median_us(std::move(samples));
}

}  // namespace

int main() {
  CHECK(crypto::initialize().has_value());
  const Key key = crypto::random_key();
  std::printf("[");
  bool first = true;
  for (std::size_t size : {64u, 1024u, 16u << 10, 256u << 10, 1u << 20, 16u << 20}) {
    wire::Payload payload;
    payload.body.resize(size);
    crypto::random_bytes(payload.body);
    payload.blinding = crypto::random_key();
    wire::Header header;
    header.steps = 1;
    header.receiver.bytes[0] = header.image.bytes[0] = 1;
    header.activation = crypto::random_fixed<ActivationId>();
    const Bytes sealed = wire::seal(header, key, payload);
    const double seal_us =
        measure(size, [&] { CHECK(wire::seal(header, key, payload).size() == sealed.size()); });
    const double open_us = measure(size, [&] { CHECK(wire::open(sealed, key).has_value()); });
    std::printf("%s{\"bytes\":%zu,\"envelope_bytes\":%zu,\"seal_us\":%.2f,\"open_us\":%.2f}",
                first ? "" : ",", size, sealed.size(), seal_us, open_us);
    first = false;
  }
  std::printf("]\n");
}
