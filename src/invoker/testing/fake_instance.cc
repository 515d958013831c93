// fake_instance.cc: an ordinary program in the place of clemmys-host, for tests of the invoker. Its "image"
// is a text that says how it behaves; it speaks wire/links.h InstanceFrame and opens no envelope.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "wire/frame.h"
#include "wire/handover.h"
#include "wire/kms_api.h"
#include "wire/links.h"

namespace {

using namespace clemmys;
using wire::InstanceFrame;

extern "C" char** environ;

void send(InstanceFrame type, ByteView body) {
  if (!wire::write_frame(3, std::to_underlying(type), body)) std::exit(0);
}

wire::Frame receive() {
  auto frame = wire::read_frame(3);
  if (!frame) std::exit(0);
  return std::move(*frame);
}

// onwards is the envelope for the next receiver: the same bytes under a header that leads on.
Bytes onwards(ByteView envelope) {
  wire::Header header = *wire::decode_header(envelope);
  if (++header.step == header.steps) {
    header.kind = wire::Kind::kResult;
    header.receiver = {};
    header.image = {};
  }
  Bytes out;
  wire::encode_header(header, out);
  const ByteView payload = envelope.subspan(wire::kHeaderSize);
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

// surroundings describes what this process was given, for a test to compare.
std::string surroundings() {
  std::string text;
  for (int descriptor = 0; descriptor < 256; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) >= 0) text += std::to_string(descriptor) + " ";
  }
  int variables = 0;
  while (environ[variables] != nullptr) ++variables;
  rlimit core{};
  ::getrlimit(RLIMIT_CORE, &core);
  int death_signal = 0;
  ::prctl(PR_GET_PDEATHSIG, &death_signal);
  text += "variables " + std::to_string(variables) + " core " + std::to_string(core.rlim_max) +
          " no-new-privileges " + std::to_string(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)) +
          " death-signal " + std::to_string(death_signal);
  return text;
}

// hold_tables reads pages of zeros that lie far apart: each takes a table of 4 KiB, and no page.
void hold_tables() {
  constexpr std::size_t kApart = 2u << 20, kSize = 256ul << 30;
  void* const memory = ::mmap(nullptr, kSize, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) std::exit(7);
  ::madvise(memory, kSize, MADV_NOHUGEPAGE);
  for (std::size_t at = 0; at < kSize; at += kApart) (void)static_cast<volatile char*>(memory)[at];
  ::pause();
}

void ask_kms() {
  for (std::uint8_t i = 0; i < 3; ++i)
    send(InstanceFrame::kKmsRequest, Bytes{std::to_underlying(wire::KmsFrame::kNonce), i});
  for (std::uint8_t i = 0; i < 3; ++i) {
    const wire::Frame answer = receive();
    const bool refused =
        answer.body.size() > 1 && answer.body[0] == std::to_underlying(wire::KmsFrame::kRefused);
    if (refused) std::fprintf(stderr, "the KMS refused\n");
    if (answer.type != std::to_underlying(InstanceFrame::kKmsAnswer) || refused || answer.body.back() != i)
      std::exit(4);
  }
}

}  // namespace

int main() {
  const auto given = wire::receive_handover(3);
  if (!given) return 0;
  std::string behaviour(64, 0);
  const ssize_t size = ::read(given->image, behaviour.data(), behaviour.size());
  behaviour.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  ::close(given->image);
  ::close(given->quoting);
  std::uint8_t first = receive().type;
  const bool prewarmed = first == std::to_underlying(InstanceFrame::kPrewarm);
  if (prewarmed) {
    if (behaviour == "early") send(InstanceFrame::kOutput, {});
    send(InstanceFrame::kReady, {});
    first = receive().type;
  }
  if (first != std::to_underlying(InstanceFrame::kAssign)) return 5;
  if (behaviour == "die at start") return 3;
  if (behaviour == "hang at start") ::pause();
  if (behaviour == "kms") ask_kms();
  if (behaviour == "claim") {
    send(InstanceFrame::kKmsRequest, Bytes{std::to_underlying(wire::KmsFrame::kCreateNamespace), 'x'});
    receive();
  }
  for (int i = 0; i < 2 && behaviour == "two sessions"; ++i) {
    send(InstanceFrame::kKmsRequest, Bytes{std::to_underlying(wire::KmsFrame::kHello)});
    receive();
  }
  std::fprintf(stderr, "says %s\n", behaviour.c_str());
  if (behaviour == "surroundings") std::fprintf(stderr, "surroundings: %s\n", surroundings().c_str());
  if (!prewarmed) send(InstanceFrame::kReady, {});
  for (;;) {
    const Bytes envelope = receive().body;
    if (behaviour == "blob") {
      send(InstanceFrame::kBlobRequest, Bytes(32, 7));
      const Bytes blob = receive().body;
      std::fprintf(stderr, "blob %s\n", std::string(as_text(blob).substr(1)).c_str());
      if (blob.empty() || blob[0] != 1) return 6;
    }
    if (behaviour == "two blobs") {  // in one write, so that no answer comes between
      Bytes both = wire::encode_frame(std::to_underlying(InstanceFrame::kBlobRequest), Bytes(32, 7));
      const Bytes one = both;
      both.insert(both.end(), one.begin(), one.end());
      (void)!::write(3, both.data(), both.size());
      ::pause();
    }
    if (behaviour == "die") return 3;
    if (behaviour == "platform failed") return wire::kPlatformFailed;
    if (behaviour == "no memory") return wire::kMemoryEnded;
    if (behaviour == "killed") ::raise(SIGKILL);
    if (behaviour == "closes its link") ::close(3), ::pause();
    if (behaviour == "greedy") {
      for (std::vector<std::string> all;;) all.emplace_back(8u << 20, 'x');
    }
    if (behaviour == "tables") hold_tables();
    if (behaviour == "threads") {
      for (;;) std::thread([] { ::pause(); }).detach();
    }
    if (behaviour == "retire") send(InstanceFrame::kRetire, {});
    if (behaviour == "hang") ::pause();
    if (behaviour == "refuse") {
      Bytes refusal = to_bytes("?test.refused\n");
      refusal[0] = std::to_underlying(ErrorCode::kCorrupt);
      send(InstanceFrame::kRefusedEnvelope, refusal);
      continue;
    }
    Bytes output = onwards(envelope);
    if (behaviour == "foreign") output[10] ^= 1;  // the first byte of the activation
    if (behaviour == "oversize") {
      const std::uint8_t head[] = {0xff, 0xff, 0xff, 0x7f, std::to_underlying(InstanceFrame::kOutput)};
      (void)!::write(3, head, sizeof head);
      ::pause();
    }
    send(InstanceFrame::kOutput, output);
    while (behaviour == "flood") send(InstanceFrame::kOutput, output);
  }
}
