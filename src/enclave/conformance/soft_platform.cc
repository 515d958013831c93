#include "enclave/conformance/soft_platform.h"

#include "enclave/conformance/conformance.h"

namespace clemmys::enclave::conformance {

Platform& test_platform() {
  static SoftPlatform instance;
  return *instance.platform;
}

}  // namespace clemmys::enclave::conformance
