#include "kms/sealer.h"

#include <unistd.h>

#include "crypto/crypto.h"
#include "kms/file.h"

namespace clemmys::kms {
namespace {

constexpr char kDeviceKey[] = "/dev/attestation/keys/_sgx_mrenclave";
constexpr std::string_view kName = "root.sealed";
constexpr std::string_view kMagic = "clemmys/root-sealed/v1\n";  // also the AAD
constexpr std::size_t kSaltSize = 24;
constexpr std::size_t kSealedSize = kMagic.size() + kSaltSize + 32 + crypto::kTagSize;

class DeviceSealer final : public Sealer {
 public:
  Result<Key> sealing_key() override {
    auto content = TRY(read_file(kDeviceKey, 64));
    if (!content) return Error{ErrorCode::kUnsupported, "kms.sealer.no_enclave"};
    auto raw = Secret<16>::from(*content);
    wipe(content->data(), content->size());
    if (!raw) return Error{ErrorCode::kInternal, "kms.sealer.device_key"};
    // EGETKEY gives 16 bytes: widen them, and separate them from any other use of the device key.
    return crypto::hkdf_sha256(raw->view(), {}, as_bytes("clemmys/kms/sealing/v1"));
  }
};

Key file_key(const Key& sealing_key, ByteView salt) {
  return crypto::hkdf_sha256(sealing_key.view(), salt, as_bytes("clemmys/kms/root/v1"));
}

Result<RootSecret> open_sealed(const Key& sealing_key, ByteView file) {
  const Error refused{
      ErrorCode::kDenied, "kms.root_secret.sealed",
      "root.sealed was not made by this enclave on this machine. Start the KMS image that made it, or begin "
      "with an empty state folder: nothing sealed by another image can be read."};
  if (file.size() != kSealedSize || as_text(file.first(kMagic.size())) != kMagic) return refused;
  const Key key = file_key(sealing_key, file.subspan(kMagic.size(), kSaltSize));
  auto plain = crypto::aes256gcm_open(key, {}, as_bytes(kMagic), file.subspan(kMagic.size() + kSaltSize));
  if (!plain) return refused;
  auto secret = Key::from(*plain);
  wipe(plain->data(), plain->size());
  if (!secret) return refused;
  return RootSecret{std::move(*secret), false};
}

}  // namespace

Result<std::unique_ptr<Sealer>> device_sealer() {
  auto sealer = std::make_unique<DeviceSealer>();
  TRY(sealer->sealing_key());
  return std::unique_ptr<Sealer>(std::move(sealer));
}

Result<RootSecret> load_or_make_root_secret(const std::string& folder, Sealer& sealer) {
  const Key sealing_key = TRY(sealer.sealing_key());
  const auto file = TRY(read_file(folder + "/" + std::string(kName), kSealedSize));
  if (file) return open_sealed(sealing_key, *file);
  if (::access((folder + "/journal").c_str(), F_OK) == 0) {
    return Error{ErrorCode::kDenied, "kms.root_secret.missing",
                 "there is a journal but no root.sealed to open it: restore root.sealed, or begin with an "
                 "empty state folder."};
  }
  RootSecret root{crypto::random_key(), true};
  FixedBytes<kSaltSize, struct SealSaltTag> salt;
  crypto::random_bytes(salt.bytes);
  Bytes sealed = to_bytes(kMagic);
  sealed.insert(sealed.end(), salt.bytes.begin(), salt.bytes.end());
  crypto::aes256gcm_seal(file_key(sealing_key, salt.view()), {}, as_bytes(kMagic), root.key.view(), sealed);
  TRY(replace_file(folder, std::string(kName), sealed));
  return root;
}

}  // namespace clemmys::kms
