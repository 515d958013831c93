// Building: ECREATE, EADD, EEXTEND, EINIT: what is measured and what is refused.
#include <gtest/gtest.h>

#include "enclave/conformance/conformance.h"

namespace clemmys::enclave::conformance {
namespace {

Status build_status(const Variant& built, const sgx::Sigstruct& sigstruct) {
  auto enclave = test_platform().create(secs(built)).value();
  for (const Page& page : pages(built))
    EXPECT_TRUE(enclave->add_pages(page.offset, page.content, page.flags, page.measure));
  return enclave->initialize(sigstruct);
}

TEST(Einit, AcceptsThePredictedMeasurement) { EXPECT_TRUE(build_status({}, sigstruct({}))); }

TEST(Einit, RefusesAnotherMeasurement) { EXPECT_FALSE(build_status({.mark = 1}, sigstruct({.mark = 2}))); }

TEST(Einit, RefusesATamperedSigstruct) {
  sgx::Sigstruct bad = sigstruct({});
  bad.isvsvn = 99;
  EXPECT_FALSE(build_status({}, bad));
}

TEST(Einit, RefusesAttributesThatTheSignerDidNotAllow) {
  EXPECT_FALSE(
      build_status({.attribute_flags = sgx::kAttributeMode64 | sgx::kAttributeDebug}, sigstruct({})));
}

TEST(Einit, RefusesASecondTime) {
  auto enclave = build(test_platform());
  EXPECT_FALSE(enclave->initialize(sigstruct({})));
}

TEST(Einit, UnmeasuredContentDoesNotCount) {
  auto enclave = test_platform().create(secs({})).value();
  for (Page& page : pages({})) {
    if (!page.measure) page.content[5] = 0xee;
    ASSERT_TRUE(enclave->add_pages(page.offset, page.content, page.flags, page.measure));
  }
  EXPECT_TRUE(enclave->initialize(sigstruct({})));
}

TEST(Ecreate, RefusesWhatTheManualRefuses) {
  const auto refused = [](auto&& change) {
    sgx::Secs bad = secs({});
    change(bad);
    return !test_platform().create(bad);
  };
  EXPECT_TRUE(refused([](sgx::Secs& s) { s.size = 3 << 20; }));
  EXPECT_TRUE(refused([](sgx::Secs& s) { s.size = 4096; }));
  EXPECT_TRUE(refused([](sgx::Secs& s) { s.ssaframesize = 0; }));
  EXPECT_TRUE(refused([](sgx::Secs& s) { s.attributes.xfrm = 1; }));
  EXPECT_TRUE(refused([](sgx::Secs& s) { s.attributes.xfrm = 0xff; }));
  EXPECT_TRUE(refused([](sgx::Secs& s) { s.attributes.flags = 0; }));
  EXPECT_TRUE(refused([](sgx::Secs& s) { s.attributes.flags |= sgx::kAttributeInit; }));
  EXPECT_TRUE(refused([](sgx::Secs& s) { s.miscselect = 2; }));
  EXPECT_TRUE(refused([](sgx::Secs& s) { s.configid[3] = 1; }));
  EXPECT_TRUE(refused([](sgx::Secs& s) { s.reserved4[3000] = 1; }));
}

TEST(Eadd, RefusesWhatTheManualRefuses) {
  auto enclave = test_platform().create(secs({})).value();
  const Bytes page(sgx::kPageSize);
  const auto rw = sgx::secinfo_regular(3);
  EXPECT_TRUE(enclave->add_pages(0, page, rw, true));
  EXPECT_FALSE(enclave->add_pages(0, page, rw, true));  // there already
  EXPECT_FALSE(enclave->add_pages(kSize, page, rw, true));
  EXPECT_FALSE(enclave->add_pages(0x1001, page, rw, true));
  EXPECT_FALSE(enclave->add_pages(0x1000, ByteView(page).first(100), rw, true));
  EXPECT_FALSE(enclave->add_pages(0x1000, page, sgx::secinfo_regular(2), true));
  EXPECT_FALSE(enclave->add_pages(0x1000, page, sgx::secinfo_flags(sgx::PageType::kSecs, 0), true));
  EXPECT_FALSE(enclave->add_pages(0x1000, page, sgx::secinfo_regular(3 | sgx::kSecinfoPending), true));
  Bytes thread(sgx::kPageSize);
  thread[3000] = 1;  // reserved
  EXPECT_FALSE(enclave->add_pages(0x1000, thread, sgx::secinfo_tcs(), true));
}

TEST(Eadd, RefusedAfterEinit) {
  auto enclave = build(test_platform());
  EXPECT_FALSE(enclave->add_pages(kDynamic, Bytes(sgx::kPageSize), sgx::secinfo_regular(3), false));
}

TEST(Enclaves, ManyLiveSideBySide) {
  std::vector<std::unique_ptr<Enclave>> enclaves;
  for (std::uint8_t i = 0; i < 20; ++i) enclaves.push_back(build(test_platform(), {.mark = i}));
  for (std::uint8_t i = 0; i < 20; ++i) EXPECT_EQ(copy_out(*enclaves[i], kReadOnly, 1), Bytes{i});
  enclaves.erase(enclaves.begin() + 3, enclaves.begin() + 9);
  enclaves.push_back(build(test_platform(), {.mark = 77}));
  EXPECT_EQ(copy_out(*enclaves.back(), kReadOnly, 1), Bytes{77});
}

}  // namespace
}  // namespace clemmys::enclave::conformance
