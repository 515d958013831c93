// machine.h: the secrets of one software SGX processor, and key derivation from them. Made on first use in a
// directory (0700, files 0600) and read by later processes of the same user: all of them are "the same
// processor". Trust: whoever reads the directory can forge reports. That is what makes software SGX software.
// Source: Intel SDM volume 3D, "EGETKEY" (key dependencies), "EREPORT".
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret.h"
#include "sgx/arch.h"

namespace clemmys::softsgx {

inline constexpr std::array<std::uint8_t, 16> kCpusvn = {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0};

using EnclaveKey = Secret<16>;

// Identity is what the SECS of an initialized enclave says, plus SIGSTRUCT's KSS fields.
struct Identity {
  sgx::Secs secs{};
  std::array<std::uint8_t, 16> family_id{}, extended_product_id{};
};

// GetKeyResult: what EGETKEY does. `general_protection` wins over `error`.
struct GetKeyResult {
  bool general_protection = false;
  sgx::SgxError error = sgx::SgxError::kSuccess;
  EnclaveKey key;
};

// default_state_directory is where a user's machine keeps its keys: $XDG_DATA_HOME/clemmys/softsgx.
std::string default_state_directory();

class Machine {
 public:
  // open reads or makes the key file. kDenied when others can read it.
  static Result<std::shared_ptr<const Machine>> open(std::string_view directory);
  virtual ~Machine() = default;

  // report fills in everything but reportdata, which the caller has set.
  virtual void report(const Identity& identity, const sgx::TargetInfo& target, sgx::Report& report) const = 0;
  virtual GetKeyResult get_key(const Identity& identity, const sgx::KeyRequest& request) const = 0;
};

}  // namespace clemmys::softsgx
