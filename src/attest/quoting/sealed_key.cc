#include "attest/quoting/sealed_key.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <cstdio>

#include "attest/device_files.h"
#include "attest/openssl_types.h"
#include "base/check.h"
#include "base/codec.h"
#include "base/log.h"

namespace clemmys::attest {
namespace {

using CipherContext = ossl::Owner<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeadSize = 8, kNonceSize = 12, kScalarSize = 32, kTagSize = 16;
constexpr std::size_t kSealedSize = kHeadSize + kNonceSize + kScalarSize + kTagSize;

Bytes head() {
  Writer writer;
  writer.raw(as_bytes("CLQK"));
  writer.u32(kVersion);
  return writer.take();
}

Status write_file(const std::string& path, ByteView bytes) {
  const std::string building = path + ".new";
  ::unlink(building.c_str());  // left by a crash
  const int descriptor = ::open(building.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return Error{ErrorCode::kInternal, "attest.sealed_key.create"};
  const bool written =
      ::write(descriptor, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
      ::fsync(descriptor) == 0;
  ::close(descriptor);
  if (!written || ::rename(building.c_str(), path.c_str()) != 0)
    return Error{ErrorCode::kInternal, "attest.sealed_key.write"};
  return {};
}

}  // namespace

Result<Bytes> seal_key(const P256Key& key, const Secret<16>& seal_key) {
  const Secret<32> scalar = TRY(key.private_scalar());
  const Bytes prefix = head();
  Bytes sealed = prefix;
  sealed.resize(kSealedSize);
  std::uint8_t* nonce = sealed.data() + kHeadSize;
  std::uint8_t* ciphertext = nonce + kNonceSize;
  int size = 0;
  const CipherContext context(EVP_CIPHER_CTX_new());
  CHECK(RAND_bytes(nonce, kNonceSize) == 1);
  CHECK(context &&
        EVP_EncryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, seal_key.view().data(), nonce) == 1 &&
        EVP_EncryptUpdate(context.get(), nullptr, &size, prefix.data(), kHeadSize) == 1 &&
        EVP_EncryptUpdate(context.get(), ciphertext, &size, scalar.view().data(), kScalarSize) == 1 &&
        EVP_EncryptFinal_ex(context.get(), ciphertext + kScalarSize, &size) == 1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagSize, ciphertext + kScalarSize) == 1);
  return sealed;
}

Result<P256Key> open_sealed_key(ByteView sealed, const Secret<16>& seal_key) {
  const Error corrupt{ErrorCode::kCorrupt, "attest.sealed_key.open"};
  const Bytes prefix = head();
  if (sealed.size() != kSealedSize || !equal_constant_time(sealed.first(kHeadSize), prefix)) return corrupt;
  const std::uint8_t* nonce = sealed.data() + kHeadSize;
  const std::uint8_t* ciphertext = nonce + kNonceSize;
  Bytes tag = to_bytes(sealed.last(kTagSize));
  Secret<32> scalar;
  int size = 0;
  const ossl::ClearErrors clear;
  const CipherContext context(EVP_CIPHER_CTX_new());
  CHECK(context &&
        EVP_DecryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, seal_key.view().data(), nonce) == 1 &&
        EVP_DecryptUpdate(context.get(), nullptr, &size, prefix.data(), kHeadSize) == 1 &&
        EVP_DecryptUpdate(context.get(), scalar.mutable_view().data(), &size, ciphertext, kScalarSize) == 1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagSize, tag.data()) == 1);
  std::uint8_t none[16];
  if (EVP_DecryptFinal_ex(context.get(), none, &size) != 1) return corrupt;
  return P256Key::from_scalar(scalar);
}

Result<P256Key> load_or_make_key(const std::string& path, const Secret<16>& sealing_key) {
  if (const auto sealed = read_device(path.c_str(), kSealedSize)) {
    if (auto key = open_sealed_key(*sealed, sealing_key)) return key;
    log_warning("sealed attestation key does not open: making a new one");
  }
  P256Key key = TRY(P256Key::generate());
  const Bytes sealed = TRY(seal_key(key, sealing_key));
  TRY(write_file(path, sealed));
  return key;
}

}  // namespace clemmys::attest
