// image.h: from an image file (format and parser: sgx/image.h) to an initialized enclave.
#pragma once

#include "enclave/platform.h"
#include "sgx/image.h"
#include "shield/abi.h"

namespace clemmys::enclave {

using sgx::ImageInfo;
using sgx::parse_image;

// layout_of reads the first page of a parsed image: where the packer put what (shield/abi.h), and what it
// counted.
Result<shield::LayoutPage> layout_of(ByteView file);
// load_image builds and initializes the enclave of a parsed image.
Result<std::unique_ptr<Enclave>> load_image(Platform& platform, ByteView file);

}  // namespace clemmys::enclave
