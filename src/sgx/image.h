// image.h: the image file, as data. `SGXS stream ‖ SIGSTRUCT (1808 bytes) ‖ footer`. The SGXS stream is what
// Fortanix's tools read: the ECREATE, EADD and EEXTEND records of the measurement log, each 64 bytes, an
// EEXTEND record followed by its 256 bytes; pages that are added but not measured follow as "UNMEASRD"
// records. MRENCLAVE is SHA-256 of the measured records, so anyone can predict it. Footer: magic "CLMYSIMG",
// u32 version, u64 SGXS size. Trust: shared: the loader builds from it, and the gateway measures with it what
// users upload.
#pragma once

#include <array>
#include <vector>

#include "base/bytes.h"
#include "sgx/arch.h"
#include "sgx/sigstruct.h"

namespace clemmys::sgx {

struct ImageInfo {
  Measurement measurement;  // computed from the stream, not read from SIGSTRUCT
  SignerId signer;          // SHA-256 of the SIGSTRUCT's modulus
  std::uint16_t product_id = 0, security_version = 0;
  bool debug = false;
  std::uint64_t measured_size = 0;  // bytes covered by EEXTEND
  std::uint64_t thread_count = 0;
};

// ImagePage is one EADD with what followed it; views point into the file. `chunks` has a bit per 256 bytes
// that the stream gave; `measured` one per EEXTEND.
struct ImagePage {
  std::uint64_t offset = 0;
  SecinfoFlags flags{};
  std::uint16_t measured = 0, chunks = 0;
  std::array<ByteView, 16> content{};
};

struct ParsedImage {
  ImageInfo info;
  Secs secs{};
  Sigstruct sigstruct{};
  std::vector<ImagePage> pages;
};

// parse_image_pages checks the whole file (hostile input): record order, ranges, overlap, that SIGSTRUCT is
// genuine and that it names the computed measurement. kInvalid with a detail that a person can act on.
// Measure::kNo leaves the measurement to EINIT, which refuses another one than SIGSTRUCT names:
// info.measurement is then what SIGSTRUCT claims.
enum class Measure { kNo, kYes };
Result<ParsedImage> parse_image_pages(ByteView file, Measure measure);
Result<ImageInfo> parse_image(ByteView file);

}  // namespace clemmys::sgx
