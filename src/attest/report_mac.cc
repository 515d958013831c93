#include "attest/report_mac.h"

#include <openssl/core_names.h>

#include "attest/openssl_types.h"
#include "attest/quote.h"
#include "base/check.h"

namespace clemmys::attest {

Status check_report_mac(const sgx::Report& report, const Secret<16>& report_key) {
  const ossl::Owner<EVP_MAC, EVP_MAC_free> cmac(EVP_MAC_fetch(nullptr, "CMAC", nullptr));
  const ossl::Owner<EVP_MAC_CTX, EVP_MAC_CTX_free> context(EVP_MAC_CTX_new(cmac.get()));
  char cipher[] = "AES-128-CBC";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
                                   OSSL_PARAM_construct_end()};
  std::array<std::uint8_t, sizeof report.mac> mac{};
  std::size_t size = 0;
  const ByteView body = bytes_of(report.body);
  CHECK(context && EVP_MAC_init(context.get(), report_key.view().data(), 16, parameters) == 1 &&
        EVP_MAC_update(context.get(), body.data(), body.size()) == 1 &&
        EVP_MAC_final(context.get(), mac.data(), &size, mac.size()) == 1 && size == mac.size());
  if (!equal_constant_time(mac, report.mac)) return Error{ErrorCode::kDenied, "attest.report.mac"};
  return {};
}

}  // namespace clemmys::attest
