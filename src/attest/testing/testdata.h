// testdata.h: the real quote of testdata/ for tests. CLEMMYS_SOURCE_DIR comes from the build.
#pragma once

#include <fstream>
#include <iterator>

#include "attest/collateral.h"
#include "base/check.h"

namespace clemmys::attest::testing {

inline constexpr std::uint64_t kRealQuoteTimeUnixS = 1750420800;  // 2025-06-20T12:00:00Z, inside all validities

inline Bytes read_testdata(const std::string& name) {
  std::ifstream file(std::string(CLEMMYS_SOURCE_DIR) + "/src/attest/testdata/" + name, std::ios::binary);
  CHECK(file.good());
  return {std::istreambuf_iterator<char>(file), {}};
}
inline Bytes real_quote() { return read_testdata("sgx_quote.bin"); }
inline Collateral real_collateral() {
  auto collateral = collateral_from_json(as_text(read_testdata("sgx_quote_collateral.json")));
  CHECK(collateral.has_value());
  return *collateral;
}

}  // namespace clemmys::attest::testing
