// The conformance suite's platform when it tests the linux port: the kernel's driver, or softsgx run's.
#include "enclave/conformance/conformance.h"

namespace clemmys::enclave::conformance {

Platform& test_platform() {
  static const auto platform = open_linux_platform().value();
  return *platform;
}

}  // namespace clemmys::enclave::conformance
