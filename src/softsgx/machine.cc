#include "softsgx/machine.h"

#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "base/check.h"

namespace clemmys::softsgx {
namespace {

using sgx::KeyName;
using sgx::SgxError;

// Fuses is the key file: the device key, the fuses that enter sealing keys, and the owner's epoch.
struct Fuses {
  std::uint8_t device_key[16], seal_fuses[16], owner_epoch[16];
};

// Dependencies is the block that a key is the CMAC of. Field order is ours: Intel does not publish the
// processor's.
struct Dependencies {
  std::uint16_t keyname, isvprodid, isvsvn, configsvn;
  std::uint32_t miscselect, miscmask;
  std::uint16_t keypolicy;
  std::uint8_t padding[6];
  std::uint8_t owner_epoch[16], seal_fuses[16], cpusvn[16];
  sgx::Attributes attributes, attributemask;
  std::uint8_t mrenclave[32], mrsigner[32], keyid[32], configid[64];
  std::uint8_t family_id[16], extended_product_id[16];
};
static_assert(sizeof(Dependencies) == 296);

constexpr sgx::Attributes kRequiredSealingMask = {sgx::kAttributeInit | sgx::kAttributeDebug, 0};

template <typename To, typename From>
void copy_bytes(To& to, const From& from) {
  static_assert(sizeof to == sizeof from);
  std::memcpy(&to, &from, sizeof to);
}

struct Fetched {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "CMAC", nullptr);
  ~Fetched() { EVP_MAC_free(mac); }
};

class FusedMachine final : public Machine {
 public:
  explicit FusedMachine(const Fuses& fuses) : fuses_(fuses) {
    CHECK(cmac_.mac != nullptr &&
          RAND_bytes(report_keyid_.data(), static_cast<int>(report_keyid_.size())) == 1);
    (void)derive({});  // the library loads its cipher now, not inside a signal handler
  }
  ~FusedMachine() override { wipe(&fuses_, sizeof fuses_); }

  void report(const Identity& identity, const sgx::TargetInfo& target, sgx::Report& report) const override {
    const sgx::Secs& secs = identity.secs;
    sgx::ReportBody body{};
    copy_bytes(body.cpusvn, kCpusvn);
    body.miscselect = secs.miscselect;
    copy_bytes(body.isvextprodid, identity.extended_product_id);
    body.attributes = secs.attributes;
    copy_bytes(body.mrenclave, secs.mrenclave);
    copy_bytes(body.mrsigner, secs.mrsigner);
    copy_bytes(body.configid, secs.configid);
    body.isvprodid = secs.isvprodid;
    body.isvsvn = secs.isvsvn;
    body.configsvn = secs.configsvn;
    copy_bytes(body.isvfamilyid, identity.family_id);
    copy_bytes(body.reportdata, report.body.reportdata);

    Dependencies of = common(KeyName::kReport);
    of.attributes = target.attributes;
    copy_bytes(of.mrenclave, target.measurement);
    of.miscselect = target.miscselect;
    of.configsvn = target.configsvn;
    copy_bytes(of.configid, target.configid);
    copy_bytes(of.keyid, report_keyid_);
    report.body = body;
    copy_bytes(report.keyid, report_keyid_);
    mac(derive(of).view(), {reinterpret_cast<const std::uint8_t*>(&body), sizeof body}, report.mac);
  }

  GetKeyResult get_key(const Identity& identity, const sgx::KeyRequest& request) const override;

 private:
  Dependencies common(KeyName name) const {
    Dependencies of{};
    of.keyname = static_cast<std::uint16_t>(name);
    copy_bytes(of.owner_epoch, fuses_.owner_epoch);
    copy_bytes(of.seal_fuses, fuses_.seal_fuses);
    copy_bytes(of.cpusvn, kCpusvn);
    return of;
  }
  void mac(ByteView key, ByteView message, std::uint8_t (&out)[16]) const {
    char cipher[] = "AES-128-CBC";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
                                     OSSL_PARAM_construct_end()};
    EVP_MAC_CTX* context = EVP_MAC_CTX_new(cmac_.mac);
    std::size_t size = 0;
    CHECK(context != nullptr && EVP_MAC_init(context, key.data(), key.size(), parameters) == 1 &&
          EVP_MAC_update(context, message.data(), message.size()) == 1 &&
          EVP_MAC_final(context, out, &size, sizeof out) == 1);
    EVP_MAC_CTX_free(context);
  }
  EnclaveKey derive(const Dependencies& of) const {
    std::uint8_t key[16];
    mac(fuses_.device_key, {reinterpret_cast<const std::uint8_t*>(&of), sizeof of}, key);
    EnclaveKey result{std::span<const std::uint8_t, 16>(key)};
    wipe(key, sizeof key);
    return result;
  }

  Fuses fuses_;
  Fetched cmac_;
  std::array<std::uint8_t, 32> report_keyid_{};
};

GetKeyResult FusedMachine::get_key(const Identity& identity, const sgx::KeyRequest& request) const {
  const sgx::Secs& secs = identity.secs;
  constexpr std::uint16_t kKssPolicies = sgx::kKeyPolicyNoIsvprodid | sgx::kKeyPolicyConfigid |
                                         sgx::kKeyPolicyIsvfamilyid | sgx::kKeyPolicyIsvextprodid;
  constexpr std::uint16_t kPolicies = sgx::kKeyPolicyMrenclave | sgx::kKeyPolicyMrsigner | kKssPolicies;
  const bool kss = secs.attributes.flags & sgx::kAttributeKss;
  const bool reserved_used = request.reserved1 != 0 || request.cet_attributes_mask != 0 ||
                             std::ranges::any_of(request.reserved2, [](std::uint8_t b) { return b != 0; });
  // SDM "EGETKEY": reserved fields and bits of KEYREQUEST, KEYREQUEST.KEYPOLICY among them; without
  // SECS.ATTRIBUTES.KSS also the policies that came with KSS, and CONFIGSVN: #GP(0).
  if (reserved_used || (request.keypolicy & ~kPolicies) ||
      (!kss && ((request.keypolicy & kKssPolicies) || request.configsvn)))
    return {.general_protection = true};

  const auto name = static_cast<KeyName>(request.keyname);
  Dependencies of = common(name);
  if (name == KeyName::kReport) {  // "REPORT_KEY": nothing of KEYREQUEST but KEYID is looked at
    of.attributes = secs.attributes;
    copy_bytes(of.mrenclave, secs.mrenclave);
    of.miscselect = secs.miscselect;
    of.configsvn = secs.configsvn;
    copy_bytes(of.configid, secs.configid);
    copy_bytes(of.keyid, request.keyid);
    return {.key = derive(of)};
  }
  // EINITTOKEN: "CR_ACTIVE_SECS.ATTRIBUTES.EINITTOKEN_KEY = 0": EINIT lets nobody have that attribute.
  if (name == KeyName::kEinitToken) return {.error = SgxError::kInvalidAttribute};
  const bool provision = name == KeyName::kProvision || name == KeyName::kProvisionSeal;
  // "Unsupported key name": SGX_INVALID_KEYNAME.
  if (name != KeyName::kSeal && !provision) return {.error = SgxError::kInvalidKeyname};
  // PROVISION_KEY and PROVISION_SEAL_KEY: "Check ENCLAVE has PROVISIONING capability".
  if (provision && !(secs.attributes.flags & sgx::kAttributeProvisionKey))
    return {.error = SgxError::kInvalidAttribute};
  // "KEYREQUEST.CPUSVN is beyond current CPUSVN" (SGX_INVALID_CPUSVN), "KEYREQUEST.ISVSVN > SECS.ISVSVN" and
  // "KEYREQUEST.CONFIGSVN > SECS.CONFIGSVN" (SGX_INVALID_ISVSVN).
  for (std::size_t i = 0; i < kCpusvn.size(); ++i)
    if (request.cpusvn[i] > kCpusvn[i]) return {.error = SgxError::kInvalidCpusvn};
  if (request.isvsvn > secs.isvsvn) return {.error = SgxError::kInvalidIsvsvn};
  if (request.configsvn > secs.configsvn) return {.error = SgxError::kInvalidIsvsvn};

  of.attributemask = request.attributemask;
  of.attributes.flags = (request.attributemask.flags | kRequiredSealingMask.flags) & secs.attributes.flags;
  of.attributes.xfrm = request.attributemask.xfrm & secs.attributes.xfrm;
  of.miscmask = request.miscmask;
  of.miscselect = request.miscmask & secs.miscselect;
  of.isvsvn = request.isvsvn;
  of.isvprodid = secs.isvprodid;
  copy_bytes(of.cpusvn, request.cpusvn);
  if (name == KeyName::kSeal) {
    of.keypolicy = request.keypolicy;
    copy_bytes(of.keyid, request.keyid);
    if (request.keypolicy & sgx::kKeyPolicyMrenclave) copy_bytes(of.mrenclave, secs.mrenclave);
    if (request.keypolicy & sgx::kKeyPolicyMrsigner) copy_bytes(of.mrsigner, secs.mrsigner);
    if (request.keypolicy & sgx::kKeyPolicyNoIsvprodid) of.isvprodid = 0;
    if (request.keypolicy & sgx::kKeyPolicyConfigid) {
      copy_bytes(of.configid, secs.configid);
      of.configsvn = request.configsvn;
    }
    if (request.keypolicy & sgx::kKeyPolicyIsvfamilyid) copy_bytes(of.family_id, identity.family_id);
    if (request.keypolicy & sgx::kKeyPolicyIsvextprodid)
      copy_bytes(of.extended_product_id, identity.extended_product_id);
  } else {  // provisioning keys: same for every owner and epoch
    copy_bytes(of.mrsigner, secs.mrsigner);
    std::ranges::fill(of.owner_epoch, std::uint8_t{0});
    if (name == KeyName::kProvision) std::ranges::fill(of.seal_fuses, std::uint8_t{0});
  }
  return {.key = derive(of)};
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

Error failed(std::string_view site, const std::string& path) {
  return {ErrorCode::kInternal, site, path + ": " + std::strerror(errno)};
}

// make_fuses writes a complete key file under another name and links it into place: concurrent first uses
// agree on one.
Status make_fuses(const std::string& path) {
  Fuses fuses;
  if (RAND_bytes(reinterpret_cast<std::uint8_t*>(&fuses), sizeof fuses) != 1)
    return Error{ErrorCode::kInternal, "softsgx.machine.random"};
  const std::string temporary = path + "." + std::to_string(::getpid());
  {
    const Descriptor file{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    const bool written = file.fd >= 0 &&
                         ::write(file.fd, &fuses, sizeof fuses) == static_cast<ssize_t>(sizeof fuses) &&
                         ::fsync(file.fd) == 0;
    wipe(&fuses, sizeof fuses);
    if (!written) return failed("softsgx.machine.write", temporary);
  }
  const int linked = ::link(temporary.c_str(), path.c_str());
  const int error = errno;
  ::unlink(temporary.c_str());
  if (linked != 0 && error != EEXIST) return Error{ErrorCode::kInternal, "softsgx.machine.link", path};
  return {};
}

}  // namespace

std::string default_state_directory() {
  const char* data = std::getenv("XDG_DATA_HOME");
  const char* home = std::getenv("HOME");
  return (data != nullptr && *data != 0 ? data
                                        : std::string(home != nullptr ? home : ".") + "/.local/share") +
         "/clemmys/softsgx";
}

Result<std::shared_ptr<const Machine>> Machine::open(std::string_view directory) {
  const std::string folder(directory), path = folder + "/machine.key";
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return failed("softsgx.machine.directory", folder);
  if (::access(path.c_str(), F_OK) != 0) TRY(make_fuses(path));
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  struct stat status{};
  if (file.fd < 0 || ::fstat(file.fd, &status) != 0) return failed("softsgx.machine.open", path);
  if ((status.st_mode & 077) != 0 || status.st_uid != ::geteuid())
    return Error{ErrorCode::kDenied, "softsgx.machine.mode", path + " must belong to this user, mode 0600"};
  Fuses fuses;
  if (status.st_size != sizeof fuses ||
      ::read(file.fd, &fuses, sizeof fuses) != static_cast<ssize_t>(sizeof fuses))
    return Error{ErrorCode::kCorrupt, "softsgx.machine.size", path};
  std::shared_ptr<const Machine> machine = std::make_shared<FusedMachine>(fuses);
  wipe(&fuses, sizeof fuses);
  return machine;
}

}  // namespace clemmys::softsgx
