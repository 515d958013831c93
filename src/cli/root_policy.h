// root_policy.h: the root policy that `clemmys up` writes for one machine: exactly the images of this build,
// the names of this machine, and, said by name, what makes it a development platform. The key service reads
// it strictly and quotes its digest; format: src/kms/README.md.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"

namespace clemmys::cli {

struct LocalPolicy {
  Measurement kms, gateway;
  Measurement javascript;          // the one generic image of this build
  std::vector<std::string> names;  // DNS names and addresses that the gateway's certificate may carry
  Bytes software_root_der;         // admitted only because this machine has no SGX
};
std::string to_yaml(const LocalPolicy& policy);

}  // namespace clemmys::cli
