// conformance.h: a tiny hand-written enclave and a builder for it, over any Platform. The same tests run on
// every port. Layout (offsets): code 0, data 0x1000 (4 pages RW), one page each R at 0x5000; thread i at
// 0x8000 + i·0x4000: TCS, two SSA frames, absent; from 0x40000 to the end (1 MiB) nothing: room for SGX2.
#pragma once

#include "enclave/platform.h"
#include "sgx/measurement.h"
#include "sgx/sigstruct.h"

namespace clemmys::enclave::conformance {

enum class Command : std::uint64_t {
  kEcho,
  kInvalid,
  kRead,
  kWrite,
  kDivide,
  kSystemCall,
  kBreakpoint,
  kLeaf,
  kRegisters,
  kSpin,
  kExecute,
  kSegments,
  kCopy,
  kOutsideJump,
  kAligned,
  kFlags,
  kCpuid,
  kXgetbv,
  kAlignmentCheck,
};

inline constexpr std::uint64_t kSize = 1 << 20, kData = 0x1000, kDataSize = 0x4000, kReadOnly = 0x5000,
                               kThreads = 0x8000, kThreadStride = 0x4000, kThreadCount = 8,
                               kDynamic = 0x40000;

// Page is one record of the build: content repeated to a page.
struct Page {
  std::uint64_t offset;
  Bytes content;
  sgx::SecinfoFlags flags;
  bool measure = true;
};

// Variant changes what the tests ask for; `mark` is a byte in the read-only page: another mark, another
// measurement.
struct Variant {
  std::uint8_t mark = 0;
  std::uint64_t attribute_flags = sgx::kAttributeMode64;
  std::uint16_t security_version = 1;
  std::uint16_t product_id = 1;
  std::uint8_t configuration = 0;  // CONFIGID's first byte, and CONFIGSVN; with KSS only
  std::uint64_t size = kSize;      // a larger range has more room at the end
};

std::vector<Page> pages(const Variant& variant);
sgx::Secs secs(const Variant& variant);
Measurement measurement(const Variant& variant);
const sgx::SigningKey& signing_key();
sgx::Sigstruct sigstruct(const Variant& variant);
sgx::Sigstruct sigstruct(const Variant& variant, const Measurement& measured);
// test_platform is the port under test: one for the whole program. Each port's test program defines it.
Platform& test_platform();
// build makes an initialized enclave; the test fails when it cannot.
std::unique_ptr<Enclave> build(Platform& platform, const Variant& variant = {});
std::unique_ptr<Enclave> build(Platform& platform, const Variant& variant, const std::vector<Page>& all);

inline std::uint64_t tcs_offset(std::uint64_t thread) { return kThreads + thread * kThreadStride; }

// Call is one command on one thread. After a fault, `handle` enters the exception handler and resumes.
struct Outcome {
  Run run;
  Status status;
};
Outcome call(Enclave& enclave, Command command, std::uint64_t rsi = 0, std::uint64_t rdx = 0,
             std::uint64_t r8 = 0, std::uint64_t r9 = 0, std::uint64_t thread = 0);

struct Handled {
  std::uint32_t exitinfo = 0;
  std::uint64_t rip = 0;  // offset in the enclave
  std::uint64_t maddr = 0;
  std::uint32_t errcd = 0;
};
// handle runs the nested entry that skips `skip` bytes at the fault; resume is the ERESUME after it.
Handled handle(Enclave& enclave, std::uint64_t skip, std::uint64_t thread = 0);
Outcome resume(Enclave& enclave, std::uint64_t thread = 0);

// leaf runs one ENCLU leaf inside and returns RAX; a fault makes it throw the test away.
Outcome leaf(Enclave& enclave, sgx::UserLeaf number, std::uint64_t rbx, std::uint64_t rcx,
             std::uint64_t rdx = 0, std::uint64_t thread = 0);
// copy_in and copy_out move bytes through the enclave's own code: no port lets the host read or write inside.
void copy_in(Enclave& enclave, std::uint64_t offset, ByteView bytes);
Bytes copy_out(Enclave& enclave, std::uint64_t offset, std::uint64_t size);

}  // namespace clemmys::enclave::conformance
