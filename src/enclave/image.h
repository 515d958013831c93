// image.h: the image file. `SGXS stream ‖ SIGSTRUCT (1808 bytes) ‖ footer`. The SGXS stream is what Fortanix's tools read: the
// ECREATE, EADD and EEXTEND records of the measurement log, each 64 bytes, an EEXTEND record followed by its 256 bytes;
// pages that are added but not measured follow as "UNMEASRD" records. MRENCLAVE is SHA-256 of the measured records, so
// anyone can predict it. Footer: magic "CLMYSIMG", u32 version, u64 SGXS size.
#pragma once

#include <functional>

#include "base/bytes.h"
#include "base/result.h"
#include "enclave/platform.h"
#include "sgx/arch.h"

namespace clemmys::enclave {

struct ImageInfo {
  Measurement measurement;  // computed from the stream, not read from SIGSTRUCT
  SignerId signer;          // SHA-256 of the SIGSTRUCT's modulus
  std::uint16_t product_id = 0, security_version = 0;
  bool debug = false;
  std::uint64_t measured_size = 0;  // bytes covered by EEXTEND
  std::uint64_t thread_count = 0;
};

// parse_image checks the whole file (hostile input): record order, ranges, overlap, that SIGSTRUCT is genuine and that it
// names the computed measurement. kInvalid with a detail that a person can act on.
Result<ImageInfo> parse_image(ByteView file);

// load_image builds and initializes the enclave of a parsed image.
Result<std::unique_ptr<Enclave>> load_image(Platform& platform, ByteView file);

}  // namespace clemmys::enclave
