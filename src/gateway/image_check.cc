#include "gateway/image_check.h"

#if __has_include("sgx/image.h")
#include "sgx/image.h"
namespace image = clemmys::sgx;
#else
#include "enclave/image.h"
namespace image = clemmys::enclave;
#endif

namespace clemmys::gateway {

Result<Measurement> measure_image(ByteView file) { return TRY(image::parse_image(file)).measurement; }

}  // namespace clemmys::gateway
