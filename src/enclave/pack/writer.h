// writer.h: a layout as an image file (enclave/image.h says what is in it).
#pragma once

#include "enclave/pack/layout.h"
#include "sgx/sigstruct.h"

namespace clemmys::pack {

struct Image {
  Bytes file;
  Measurement measurement;
  SignerId signer;
  std::uint64_t measured_size = 0;
};

Result<Image> write_image(const Layout& layout, const Manifest& manifest, const sgx::SigningKey& key);

// open_key reads a PEM key, or makes one at `path` (mode 0600) where there is none yet.
Result<sgx::SigningKey> open_key(const std::string& path);

}  // namespace clemmys::pack
