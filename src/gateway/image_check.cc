#include "gateway/image_check.h"

#include "sgx/image.h"

namespace clemmys::gateway {

Result<Measurement> measure_image(ByteView file) { return TRY(sgx::parse_image(file)).measurement; }

}  // namespace clemmys::gateway
