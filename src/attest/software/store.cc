// The authority on disk. A complete directory appears by one rename; whoever loses that race uses the
// winner's.
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "attest/software/authority_keys.h"
#include "base/check.h"

namespace clemmys::attest::software {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCredentials[] = {"root", "processor_ca", "pck", "tcb_signing"};

Result<std::string> read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{ErrorCode::kNotFound, "attest.software.read", path.string()};
  return std::string{std::istreambuf_iterator<char>(file), {}};
}

Status write_private(const fs::path& path, std::string_view text) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return Error{ErrorCode::kInternal, "attest.software.create", path.string()};
  const bool ok = ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                  ::fsync(descriptor) == 0;
  ::close(descriptor);
  if (!ok) return Error{ErrorCode::kInternal, "attest.software.write", path.string()};
  return {};
}

}  // namespace

Result<Credential> read_credential(const fs::path& directory, const std::string& name) {
  const Error corrupt{ErrorCode::kCorrupt, "attest.software.credential", (directory / name).string()};
  ossl::ClearErrors clear;
  const std::string key_text = TRY(read_file(directory / (name + ".key")));
  const std::string certificate_text = TRY(read_file(directory / (name + ".pem")));
  const ossl::Bio key_bio(BIO_new_mem_buf(key_text.data(), static_cast<int>(key_text.size())));
  const ossl::Bio certificate_bio(
      BIO_new_mem_buf(certificate_text.data(), static_cast<int>(certificate_text.size())));
  const ossl::Pkey pkey(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
  ossl::Certificate certificate(PEM_read_bio_X509(certificate_bio.get(), nullptr, nullptr, nullptr));
  BIGNUM* raw = nullptr;
  if (!pkey || !certificate || X509_check_private_key(certificate.get(), pkey.get()) != 1 ||
      EVP_PKEY_get_bn_param(pkey.get(), OSSL_PKEY_PARAM_PRIV_KEY, &raw) != 1) {
    return corrupt;
  }
  const ossl::Number number(raw);
  Secret<32> scalar;
  if (BN_bn2binpad(number.get(), scalar.mutable_view().data(), 32) != 32) return corrupt;
  return Credential{TRY(P256Key::from_scalar(scalar)), std::move(certificate)};
}

Status write_credential(const fs::path& directory, const std::string& name, const Credential& credential) {
  const ossl::Bio bio(BIO_new(BIO_s_mem()));
  CHECK(bio && PEM_write_bio_PrivateKey(bio.get(), credential.key.native(), nullptr, nullptr, 0, nullptr,
                                        nullptr) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  TRY(write_private(directory / (name + ".key"), {text, static_cast<std::size_t>(size)}));
  return write_private(directory / (name + ".pem"), pem_of(credential.certificate.get()));
}

Result<Authority> Authority::open(const fs::path& directory, const CpuSvn& cpusvn, std::uint64_t now_unix_s) {
  std::error_code error;
  if (!fs::exists(directory, error)) {
    const Authority fresh = TRY(generate(cpusvn, now_unix_s));
    fs::path building = directory;
    building += ".new." + std::to_string(::getpid());
    fs::create_directories(directory.parent_path(), error);
    fs::remove_all(building, error);  // left by a crash
    if (::mkdir(building.c_str(), 0700) != 0)
      return Error{ErrorCode::kInternal, "attest.software.directory", building.string()};
    const Credential* credentials[] = {&fresh.keys_->root, &fresh.keys_->processor_ca, &fresh.keys_->pck,
                                       &fresh.keys_->tcb_signing};
    for (std::size_t i = 0; i < std::size(kCredentials); ++i)
      TRY(write_credential(building, kCredentials[i], *credentials[i]));
    fs::rename(building, directory, error);
    if (error) fs::remove_all(building);
  }
  const fs::perms others = fs::perms::group_all | fs::perms::others_all;
  if ((fs::status(directory, error).permissions() & others) != fs::perms::none) {
    return Error{ErrorCode::kDenied, "attest.software.permissions",
                 directory.string() + " must be mode 0700"};
  }
  auto keys = std::make_unique<Keys>(TRY(read_credential(directory, kCredentials[0])),
                                     TRY(read_credential(directory, kCredentials[1])),
                                     TRY(read_credential(directory, kCredentials[2])),
                                     TRY(read_credential(directory, kCredentials[3])), PckFields{});
  keys->platform = TRY(pck_fields(keys->pck.certificate.get()));
  if (keys->platform.components != cpusvn) {
    return Error{ErrorCode::kConflict, "attest.software.cpusvn",
                 "the machine's security version changed: remove " + directory.string()};
  }
  return Authority(std::move(keys));
}

}  // namespace clemmys::attest::software
