// linux/platform.h: the linux port over any Kernel: the running one, or a fake.
#pragma once

#include "enclave/linux/kernel.h"
#include "enclave/platform.h"

namespace clemmys::enclave {

Result<std::unique_ptr<Platform>> open_linux_platform_over(std::shared_ptr<Kernel> kernel);

}  // namespace clemmys::enclave
