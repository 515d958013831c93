#include "enclave/pack/writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/codec.h"
#include "sgx/measurement.h"
#include "shield/abi.h"

namespace clemmys::pack {
namespace {

Error system_error(std::string_view site, const std::string& path) {
  return {ErrorCode::kInternal, site, path + ": " + std::string(strerror(errno))};
}

}  // namespace

Result<Image> write_image(const Layout& layout, const Manifest& manifest, const sgx::SigningKey& key) {
  constexpr std::uint32_t kSsaFrameSize = shield::kSsaFrameSizePages;
  sgx::MeasurementLog log(kSsaFrameSize, shield::kElrangeSize);
  Writer out;
  Image image;
  out.raw(sgx::ecreate_record(kSsaFrameSize, shield::kElrangeSize));
  for (const Part& part : layout.parts) {
    for (std::uint64_t at = 0; at < part.size; at += sgx::kPageSize) {
      out.raw(sgx::eadd_record(part.offset + at, part.flags));
      log.add(part.offset + at, part.flags);
      if (!part.measured) continue;  // an added page without content is zero
      for (std::uint64_t chunk = at; chunk < at + sgx::kPageSize; chunk += sgx::kExtendChunkSize) {
        std::array<std::uint8_t, sgx::kExtendChunkSize> bytes{};
        if (chunk < part.content.size()) {
          const auto rest = ByteView(part.content).subspan(chunk);
          std::ranges::copy(rest.first(std::min(rest.size(), bytes.size())), bytes.begin());
        }
        out.raw(sgx::eextend_record(part.offset + chunk));
        out.raw(bytes);
        log.extend(part.offset + chunk, bytes);
      }
      image.measured_size += sgx::kPageSize;
    }
  }
  image.measurement = log.finish();

  sgx::SigstructTerms terms{.measurement = image.measurement};
  terms.attributes = {sgx::kAttributeMode64 | (manifest.debug ? sgx::kAttributeDebug : 0), shield::kXfrm};
  terms.attribute_mask = {~0ull, ~0ull};
  terms.miscselect = sgx::kMiscExinfo;
  terms.miscmask = ~0u;
  terms.product_id = manifest.product_id;
  terms.security_version = manifest.security_version;
  sgx::Sigstruct sigstruct = sgx::sigstruct_of(terms);
  TRY(sgx::sign_sigstruct(sigstruct, key));
  image.signer = sgx::signer_of(sigstruct);

  const std::uint64_t stream_size = out.bytes().size();
  out.raw({reinterpret_cast<const std::uint8_t*>(&sigstruct), sizeof sigstruct});
  out.raw(as_bytes("CLMYSIMG"));
  out.u32(1);
  out.u64(stream_size);
  image.file = out.take();
  return image;
}

Result<sgx::SigningKey> open_key(const std::string& path) {
  if (std::ifstream file(path); file) {
    std::stringstream text;
    text << file.rdbuf();
    return sgx::SigningKey::from_pem(text.str());
  }
  auto key = TRY(sgx::SigningKey::generate());
  const std::string pem = TRY(key.to_pem());
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  const std::string temporary = path + "." + std::to_string(getpid());
  const int file = open(temporary.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0) return system_error("pack.key.create", temporary);
  const bool written = write(file, pem.data(), pem.size()) == static_cast<ssize_t>(pem.size());
  close(file);
  if (!written) return system_error("pack.key.write", temporary);
  const int linked =
      link(temporary.c_str(), path.c_str());  // never over a key that another packer made meanwhile
  const bool lost_race = linked != 0 && errno == EEXIST;
  unlink(temporary.c_str());
  if (lost_race) return open_key(path);
  if (linked != 0) return system_error("pack.key.link", path);
  return key;
}

}  // namespace clemmys::pack
