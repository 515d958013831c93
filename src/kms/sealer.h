// sealer.h: keeps one secret on the host's disk such that only this enclave, on this machine, gets it back.
// Trust: the sealing key comes from EGETKEY bound to MRENCLAVE; the file is the host's. Rolling the file back
// gains nothing: it is written once.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/secret.h"

namespace clemmys::kms {

class Sealer {
 public:
  virtual ~Sealer() = default;
  // sealing_key is the same for every start of the same enclave on the same machine, and for nobody else.
  virtual Result<Key> sealing_key() = 0;
};

// device_sealer reads Gramine's pseudo file /dev/attestation/keys/_sgx_mrenclave. kUnsupported outside an
// enclave.
Result<std::unique_ptr<Sealer>> device_sealer();

// RootSecret is what all journal keys are derived from.
struct RootSecret {
  Key key;
  bool fresh = false;  // made by this call
};
// load_or_make_root_secret opens folder/root.sealed, or makes it where neither it nor a journal exists.
// kDenied when the file is not by this enclave on this machine; the detail says what can be done.
Result<RootSecret> load_or_make_root_secret(const std::string& folder, Sealer& sealer);

}  // namespace clemmys::kms
