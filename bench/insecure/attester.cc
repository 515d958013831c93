// attester.cc: stands in for attest's device_attester() in the programs of this folder, which run outside
// enclaves. It forges: whoever can read software SGX's keys can have any enclave's REPORT made. So the key
// service, which is the real one, gives keys to an ordinary process, and a benchmark can say what enclaves
// cost. No library and no image holds this file; a test searches them for the text below.
#include "attest/attester.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "attest/service/quote_client.h"
#include "sgx/image.h"
#include "softsgx/machine.h"

namespace clemmys::attest {

namespace {

[[gnu::used, gnu::retain]] const char kMark[] = "clemmys insecure build: attester";

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

class InsecureAttester final : public Attester {
 public:
  InsecureAttester(std::shared_ptr<const softsgx::Machine> machine, const sgx::ImageInfo& image,
                   std::string quote_socket, int quoting)
      : machine_(std::move(machine)), quote_socket_(std::move(quote_socket)), quoting_(quoting) {
    sgx::Secs& secs = identity_.secs;
    std::ranges::copy(image.measurement.bytes, secs.mrenclave);
    std::ranges::copy(image.signer.bytes, secs.mrsigner);
    secs.attributes = {sgx::kAttributeInit | sgx::kAttributeMode64, sgx::kXfrmLegacy | sgx::kXfrmAvx};
    secs.isvprodid = image.product_id;
    secs.isvsvn = image.security_version;
  }

  Result<Bytes> evidence(const ReportData& report_data) override {
    const Bytes info = TRY(ask(QuoteRequest::kTargetInfo, {}));
    sgx::TargetInfo target{};
    if (info.size() != sizeof target) return Error{ErrorCode::kCorrupt, "bench.insecure.target_info"};
    std::memcpy(&target, info.data(), sizeof target);
    sgx::Report report{};
    std::ranges::copy(report_data.bytes, report.body.reportdata);
    machine_->report(identity_, target, report);
    return ask(QuoteRequest::kQuote, {reinterpret_cast<const std::uint8_t*>(&report), sizeof report});
  }

 private:
  Result<Bytes> ask(QuoteRequest kind, ByteView payload) {
    return quoting_ < 0 ? request(quote_socket_, kind, payload) : request(quoting_, kind, payload);
  }

  const std::shared_ptr<const softsgx::Machine> machine_;
  const std::string quote_socket_;
  const int quoting_;  // a function's connection to the quoting service; -1: connect to the socket
  softsgx::Identity identity_;
};

}  // namespace

Result<std::unique_ptr<Attester>> device_attester() {
  std::ifstream file(setting("CLEMMYS_INSECURE_IMAGE"), std::ios::binary);
  const Bytes image{std::istreambuf_iterator<char>(file), {}};
  const std::string quoting = setting("CLEMMYS_INSECURE_QUOTING");
  return std::unique_ptr<Attester>(std::make_unique<InsecureAttester>(
      TRY(softsgx::Machine::open(setting("CLEMMYS_INSECURE_SOFT_STATE"))), TRY(sgx::parse_image(image)),
      setting("CLEMMYS_INSECURE_QUOTE_SOCKET"), quoting.empty() ? -1 : std::stoi(quoting)));
}

}  // namespace clemmys::attest
