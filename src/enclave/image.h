// image.h: from an image file (format and parser: sgx/image.h) to an initialized enclave.
#pragma once

#include "enclave/platform.h"
#include "sgx/image.h"

namespace clemmys::enclave {

using sgx::ImageInfo;
using sgx::parse_image;

// load_image builds and initializes the enclave of a parsed image.
Result<std::unique_ptr<Enclave>> load_image(Platform& platform, ByteView file);

}  // namespace clemmys::enclave
