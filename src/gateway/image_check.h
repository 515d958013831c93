// image_check.h: what an uploaded image is, measured inside the gateway: the measurement that the KMS will
// release keys to is computed from the user's bytes here, never taken from the host or from the image's own
// claims.
#pragma once

#include "base/bytes.h"

namespace clemmys::gateway {

// measure_image checks the whole file and gives MRENCLAVE. kInvalid with a detail for the user.
Result<Measurement> measure_image(ByteView file);

}  // namespace clemmys::gateway
