#include "attest/testing/testdata.h"

#include <fstream>
#include <iterator>

#include "attest/collateral.h"
#include "base/check.h"

namespace clemmys::attest::testing {
namespace {

Bytes read_testdata(const char* name) {
  std::ifstream file(std::string(CLEMMYS_TESTDATA) + name, std::ios::binary);
  CHECK(file.good());
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

Bytes real_quote() { return read_testdata("sgx_quote.bin"); }

Collateral real_collateral() {
  auto collateral = collateral_from_json(as_text(read_testdata("sgx_quote_collateral.json")));
  CHECK(collateral.has_value());
  return std::move(*collateral);
}

}  // namespace clemmys::attest::testing
