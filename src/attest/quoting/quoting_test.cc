// The quoting enclave's logic on a software machine's real keys: from a REPORT to an identity that the
// verifier accepts.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "attest/quoting/frame_server.h"
#include "attest/quoting/quoting_enclave.h"
#include "attest/quoting/sealed_key.h"
#include "attest/service/provisioning.h"
#include "attest/service/quote_client.h"
#include "attest/testing/machine_device.h"

namespace clemmys::attest {
namespace {

using testing::enclave_identity;
using testing::MachineDevice;

constexpr std::uint64_t kNow = 1'800'000'000;
constexpr std::uint8_t kQuotingMeasurement = 0x41, kSigner = 0x42, kApplication = 0x43;

class Quoting : public ::testing::Test {
 protected:
  Quoting() {
    std::string pattern = ::testing::TempDir() + "/clemmys-quoting-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    machine_ = *softsgx::Machine::open((folder_ / "sgx").string());
  }
  ~Quoting() override {
    stop_serving();
    std::filesystem::remove_all(folder_);
  }

  std::string path(const char* name) const { return (folder_ / name).string(); }
  static ExpectedEnclave expected() {
    ExpectedEnclave expected;
    expected.measurement.bytes.fill(kQuotingMeasurement);
    expected.signer.bytes.fill(kSigner);
    expected.product_id = expected.security_version = 1;
    return expected;
  }
  Result<QuotingEnclave> start(bool debug = false) {
    return QuotingEnclave::start(
        std::make_unique<MachineDevice>(machine_, enclave_identity(kQuotingMeasurement, kSigner, debug)),
        path("key.sealed"));
  }
  // serve runs the enclave behind its socket until the test ends.
  void serve(QuotingEnclave enclave) {
    enclave_ = std::make_unique<QuotingEnclave>(std::move(enclave));
    stop_ = ::eventfd(0, EFD_CLOEXEC);
    server_ = std::thread([this] {
      EXPECT_TRUE(serve_frames(
                      path("quoting.sock"), [this](ByteView bytes) { return enclave_->answer(bytes); }, stop_)
                      .has_value());
    });
    while (!request_target_info(path("quoting.sock")))
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  void stop_serving() {
    if (!server_.joinable()) return;
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(stop_, &one, sizeof one), 8);
    server_.join();
    ::close(stop_);
  }
  Result<Provisioned> provision(const ExpectedEnclave& wanted) {
    return provision_software_machine(path("sgx"), path("quoting.sock"), wanted, kNow);
  }
  sgx::Report application_report(const ReportData& data, bool debug = false) {
    sgx::TargetInfo target;
    std::memcpy(&target, request_target_info(path("quoting.sock"))->data(), sizeof target);
    return *MachineDevice(machine_, enclave_identity(kApplication, kSigner, debug)).report(target, data);
  }
  Result<Bytes> quote(const sgx::Report& report) {
    return request_quote(path("quoting.sock"),
                         {reinterpret_cast<const std::uint8_t*>(&report), sizeof report});
  }

  std::filesystem::path folder_;
  std::shared_ptr<const softsgx::Machine> machine_;
  std::unique_ptr<QuotingEnclave> enclave_;
  std::thread server_;
  int stop_ = -1;
};

TEST_F(Quoting, TurnsAReportIntoAQuoteThatVerifies) {
  serve(*start());
  const auto provisioned = provision(expected());
  ASSERT_TRUE(provisioned.has_value()) << to_string(provisioned.error());
  ReportData data;
  data.bytes[0] = 99;
  const auto evidence = quote(application_report(data));
  ASSERT_TRUE(evidence.has_value()) << to_string(evidence.error());
  const Trust trust{.insecure_accept_software_sgx = true,
                    .software_root_der = provisioned->software_root_der};
  const auto identity = verify_quote(*evidence, provisioned->collateral, trust, kNow);
  ASSERT_TRUE(identity.has_value()) << to_string(identity.error());
  EXPECT_EQ(identity->measurement.bytes[5], kApplication);
  EXPECT_EQ(identity->report_data, data);
  EXPECT_EQ(identity->root, Root::kSoftware);
  EXPECT_FALSE(identity->debug);
  EXPECT_FALSE(verify_quote(*evidence, provisioned->collateral, Trust{}, kNow).has_value());
}

TEST_F(Quoting, SaysWhenTheEnclaveIsADebugOne) {
  serve(*start());
  const auto provisioned = provision(expected());
  const auto evidence = quote(application_report({}, true));
  const Trust trust{.insecure_accept_software_sgx = true,
                    .software_root_der = provisioned->software_root_der};
  EXPECT_TRUE(verify_quote(*evidence, provisioned->collateral, trust, kNow)->debug);
}

TEST_F(Quoting, RefusesForgedReports) {
  serve(*start());
  ASSERT_TRUE(provision(expected()).has_value());
  const sgx::Report good = application_report({});
  sgx::Report measurement = good, mac = good, key_id = good;
  measurement.body.mrenclave[0] ^= 1;
  mac.mac[15] ^= 1;
  key_id.keyid[0] ^= 1;
  for (const sgx::Report& forged : {measurement, mac, key_id})
    EXPECT_EQ(quote(forged).error().code, ErrorCode::kDenied);
  EXPECT_TRUE(quote(good).has_value());
}

TEST_F(Quoting, RefusesReportsForAnotherTargetOrOfAnotherMachine) {
  serve(*start());
  ASSERT_TRUE(provision(expected()).has_value());
  MachineDevice application(machine_, enclave_identity(kApplication, kSigner));
  EXPECT_EQ(quote(*application.report(certifier_target_info(), {})).error().code, ErrorCode::kDenied);
  sgx::TargetInfo target;
  std::memcpy(&target, request_target_info(path("quoting.sock"))->data(), sizeof target);
  MachineDevice elsewhere(*softsgx::Machine::open(path("other")), enclave_identity(kApplication, kSigner));
  EXPECT_EQ(quote(*elsewhere.report(target, {})).error().code, ErrorCode::kDenied);
}

TEST_F(Quoting, IsUnavailableBeforeItsKeyIsCertified) {
  serve(*start());
  EXPECT_EQ(quote(application_report({})).error().code, ErrorCode::kUnavailable);
}

TEST_F(Quoting, CertifierRefusesAnyOtherEnclave) {
  serve(*start());
  ExpectedEnclave measurement = expected(), signer = expected(), product = expected(), version = expected();
  measurement.measurement.bytes[0] ^= 1;
  signer.signer.bytes[0] ^= 1;
  product.product_id = 2;
  version.security_version = 2;
  for (const ExpectedEnclave& other : {measurement, signer, product, version}) {
    EXPECT_EQ(provision(other).error().site, "attest.certify.identity");
  }
}

TEST_F(Quoting, CertifierRefusesADebugQuotingEnclave) {
  serve(*start(true));
  EXPECT_EQ(provision(expected()).error().site, "attest.certify.identity");
}

TEST_F(Quoting, CertifierRefusesAReportOfAnotherMachine) {
  MachineDevice elsewhere(*softsgx::Machine::open(path("other")),
                          enclave_identity(kQuotingMeasurement, kSigner));
  const auto authority = software::Authority::open(path("authority"), softsgx::kCpusvn, kNow);
  const sgx::Report report = *elsewhere.report(certifier_target_info(), {});
  EXPECT_EQ(certify_report(report, expected(), *machine_, *authority).error().site, "attest.report.mac");
}

TEST_F(Quoting, KeepsItsKeyOverARestart) {
  const auto key_of = [](Result<QuotingEnclave> enclave) {
    Bytes request(1 + sizeof(sgx::TargetInfo));
    request[0] = static_cast<std::uint8_t>(QuoteRequest::kOwnReport);
    const Bytes answer = enclave->answer(request);
    return Bytes(answer.begin() + 1 + 320, answer.begin() + 1 + 352);  // the key's digest in reportdata
  };
  const Bytes key = key_of(start());
  EXPECT_EQ(key_of(start()), key);
  std::ofstream(path("key.sealed"), std::ios::trunc) << "damaged";
  const Bytes renewed = key_of(start());
  EXPECT_NE(renewed, key);
  EXPECT_EQ(key_of(start()), renewed);
}

TEST_F(Quoting, AnswersMalformedRequestsWithAnError) {
  auto enclave = start();
  EXPECT_EQ(enclave->answer({}), Bytes{static_cast<std::uint8_t>(ErrorCode::kInvalid)});
  EXPECT_EQ(enclave->answer(Bytes{0}), Bytes{static_cast<std::uint8_t>(ErrorCode::kUnsupported)});
  for (std::uint8_t kind = 1; kind <= 4; ++kind) {
    EXPECT_EQ(enclave->answer(Bytes{kind, 7}), Bytes{static_cast<std::uint8_t>(ErrorCode::kInvalid)})
        << int{kind};
  }
}

TEST(SealedKey, RefusesEveryChangeAndOtherKeys) {
  const auto key = P256Key::generate();
  Secret<16> sealing, other;
  other.mutable_view()[0] = 1;
  const Bytes sealed = *seal_key(*key, sealing);
  EXPECT_EQ(open_sealed_key(sealed, sealing)->public_key(), key->public_key());
  EXPECT_FALSE(open_sealed_key(sealed, other).has_value());
  EXPECT_FALSE(open_sealed_key(ByteView(sealed).first(sealed.size() - 1), sealing).has_value());
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    Bytes changed = sealed;
    changed[i] ^= 1;
    EXPECT_EQ(open_sealed_key(changed, sealing).error().code, ErrorCode::kCorrupt) << i;
  }
  EXPECT_NE(*seal_key(*key, sealing), sealed);  // a fresh nonce each time
}

}  // namespace
}  // namespace clemmys::attest
