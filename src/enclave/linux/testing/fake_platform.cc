// The conformance suite's platform when it tests the linux port.
#include "enclave/conformance/conformance.h"
#include "enclave/conformance/soft_platform.h"
#include "enclave/linux/platform.h"
#include "enclave/linux/testing/fake_kernel.h"

namespace clemmys::enclave::conformance {

Platform& test_platform() {
  static SoftPlatform keys;
  static const auto kernel = std::make_shared<FakeKernel>(softsgx::Machine::open(keys.directory).value());
  static const auto platform = open_linux_platform_over(kernel).value();
  return *platform;
}

}  // namespace clemmys::enclave::conformance
